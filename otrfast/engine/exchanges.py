"""Key exchanges that the peer takes part in, and what the account's rates put off."""

from __future__ import annotations

from collections.abc import Iterator

from otrfast.engine.admission import error_answer_at, exchange_at, may_be_pending
from otrfast.engine.conversation import Conversation, Offered, Request, Unreadable, Waiting
from otrfast.engine.outgoing import query
from otrfast.errors import LimitExceeded, RemoteError, VersionMismatch
from otrfast.events import MessageRejected
from otrfast.protocol import ake
from otrfast.protocol.call import Call, Deferred
from otrfast.protocol.instance import Instance, check_tags
from otrfast.wire import fragments
from otrfast.wire import lines as wire
from otrfast.wire.messages import DataMessage, DHCommit, Message, RevealSignature, Signature

Finished = tuple[Instance, ake.Established]
"""An instance of the peer, and the key exchange that has just finished with it."""

_SHOW_A_KEY = (RevealSignature, Signature)
_PLACES = {Offered: -1, Unreadable: -2}


def is_ours(
    conversation: Conversation, message: Message | fragments.Fragment, may_lack_receiver: bool
) -> bool:
    """Whether it is for this instance. Raises `VersionMismatch` if the policy forbids its
    version, and what `check_tags` raises."""
    if message.version not in conversation.versions and not _goes_on(conversation, message):
        raise VersionMismatch(f"the policy does not allow version {message.version}")
    ours = conversation.context.identity.instance_tag
    return message.version == 2 or check_tags(
        message.sender, message.receiver, ours, may_lack_receiver
    )


def _goes_on(conversation: Conversation, message: Message | fragments.Fragment) -> bool:
    """Whether it may belong to a session that goes on although the policy allows its version no
    longer: in both directions, until it is ended."""
    if not isinstance(message, DataMessage | fragments.Fragment):
        return False
    instance = conversation.instances.get(message.sender)
    return (
        instance is not None
        and instance.channel is not None
        and instance.version == message.version
    )


def reject(error: RemoteError, call: Call, sender: int = 0) -> None:
    """Report what the peer sent and what is refused."""
    if isinstance(error, LimitExceeded):
        call.limited(error.limit)
    call.events.append(MessageRejected(error, sender))


def start_offered(conversation: Conversation, offered: frozenset[int], call: Call) -> None:
    """Answer an offer with a DH-Commit in the best version that both sides allow, now or when the
    rates allow it; none in common: nothing."""
    if offered.intersection(conversation.versions):
        ask(conversation, Offered(offered), call)


def _start(conversation: Conversation, offered: frozenset[int], call: Call) -> None:
    common = offered.intersection(conversation.versions)
    if common:
        version = max(common)
        conversation.instances.start(version, call)
        jitter = int.from_bytes(call.context.identity.random(2), "big") / 0x20000
        when = call.now + call.context.limits.ake_retry * (1 + jitter)
        if call.context.trust.of(conversation.peer):  # an unknown peer is not asked twice
            conversation.retry = (when, version)
            call.wake(when)


def advance(conversation: Conversation, message: Message, call: Call) -> Finished | None:
    """Go on with a key exchange by the peer's message, now or when the key in it may be examined;
    return what has finished by it. Raises `RemoteError` if it is refused."""
    place, waiting = message.sender, conversation.waiting or {}
    first = waiting.get(place)
    if first is not None and isinstance(first.request, _SHOW_A_KEY):
        if isinstance(message, _SHOW_A_KEY):  # the last word counts
            conversation.waiting = {**waiting, place: Waiting(first.when, message)}
            return None
    try:
        finished = conversation.instances.exchange(message, call)
    except Deferred as deferred:
        assert isinstance(message, _SHOW_A_KEY)  # the others show no key
        conversation.waiting = {**waiting, place: Waiting(deferred.when, message)}
        call.wake(deferred.when)
        return None
    if first is not None:  # an older commitment of the instance must not undo this
        stop_waiting(conversation, place)
    return finished


# What the account's rates may put off


def ask(conversation: Conversation, request: Request, call: Call) -> None:
    """Do what a peer asks for now, or have it wait until the rates allow it. The last word of an
    instance is what counts: it takes the place in the order that an earlier one has."""
    place, waiting = _place(request), conversation.waiting or {}
    if place in waiting:
        when: float | None = waiting[place].when
    elif isinstance(request, Unreadable):
        when = error_answer_at(conversation, call)
    else:
        when = exchange_at(conversation, call)
    if when is None:
        return
    if when <= call.now:
        if place in waiting:
            stop_waiting(conversation, place)
        _do(conversation, request, call)
        return
    conversation.waiting = {**waiting, place: Waiting(when, request)}
    call.wake(when)


def _place(request: Request) -> int:
    """The key of a request in `Conversation.waiting`: the tag of the instance that sent it."""
    return _PLACES[type(request)] if isinstance(request, Offered | Unreadable) else request.sender


def _do(conversation: Conversation, request: Request, call: Call) -> Finished | None:
    match request:
        case Offered():
            _start(conversation, request.versions, call)
        case Unreadable(by_query=True):
            if conversation.versions:
                query(conversation, call)
        case Unreadable():
            call.wire.append(wire.error(call.context.error_text))
        case _:
            return advance(conversation, request, call)
    return None


def do_waiting(conversation: Conversation, call: Call) -> Iterator[Finished]:
    """Do what waited for a rate and can be done by now; yield what has finished by it, before the
    next one is done."""
    waiting = conversation.waiting or {}
    for place in [place for place, each in waiting.items() if each.when <= call.now]:
        if conversation.waiting is None or place not in conversation.waiting:
            continue  # what was done before it has made it moot
        request = conversation.waiting[place].request
        stop_waiting(conversation, place)
        if isinstance(request, DHCommit | Offered) and not may_be_pending(conversation, call):
            continue
        call.may_examine = isinstance(request, _SHOW_A_KEY)
        finished = None
        try:
            if isinstance(request, Offered | Unreadable) or is_ours(
                conversation, request, isinstance(request, DHCommit)
            ):
                finished = _do(conversation, request, call)
        except RemoteError as error:
            reject(error, call, max(place, 0))
        call.may_examine = False
        if finished is not None:
            yield finished


def stop_waiting(conversation: Conversation, *places: int) -> None:
    if conversation.waiting is not None:
        kept = {key: each for key, each in conversation.waiting.items() if key not in places}
        conversation.waiting = kept or None


def stop_asking(conversation: Conversation) -> None:
    """A key exchange has finished: what the peer offered, or did not know, is settled."""
    stop_waiting(conversation, *_PLACES.values())
