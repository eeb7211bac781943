"""What each kind of line does in each state (protocol, "Receiving messages")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from otrfast.crypto.backend import Backend, DhKey
from otrfast.engine.conversation import Conversation, Offer
from otrfast.errors import (
    CounterReplayed,
    DecodeError,
    FragmentLimitTooSmall,
    LimitExceeded,
    RemoteError,
    VersionMismatch,
)
from otrfast.events import (
    MessageReceived,
    MessageRejected,
    MessageResent,
    MessageUndelivered,
    OtherInstance,
    PeerError,
    QueryReceived,
    UnencryptedReceived,
)
from otrfast.limits import Limits, spend
from otrfast.outcome import Turn
from otrfast.policy import Policy
from otrfast.protocol import ake, smp, smp_session
from otrfast.protocol.instance import Instance, MessageState, check_tags
from otrfast.wire import fragments
from otrfast.wire import lines as wire
from otrfast.wire.messages import DataMessage, DHCommit, DHKey, Message, decode

_RESENT = b"[resent] "
_SMALL_MESSAGES = (DHCommit.TYPE, DHKey.TYPE)


def receive(talk: Conversation, line: bytes, turn: Turn) -> None:
    """Take a line. Whatever it holds becomes events; nothing is raised."""
    talk.last_received = turn.now
    if not talk.versions and talk.passive:
        turn.events.append(MessageReceived(line, False))
        return
    _take(talk, wire.classify(line), turn)


def receive_data(talk: Conversation, message: DataMessage, turn: Turn) -> None:
    """Take a data message of ours that has been read already, from a line with nothing else in
    it."""
    talk.last_received = turn.now
    talk.offer = Offer.ACCEPTED
    _data(talk, message, turn)


def receive_message(talk: Conversation, message: Message, turn: Turn) -> None:
    """Take a message that has been decoded already, from a line with nothing else in it."""
    talk.last_received = turn.now
    talk.offer = Offer.ACCEPTED
    _message(talk, message, turn)


def _take(talk: Conversation, found: wire.Line, turn: Turn) -> None:
    """Do what a line asks for, which came as it is or in fragments."""
    if talk.offer is not Offer.ACCEPTED and not isinstance(found, wire.PlainText):
        talk.offer = Offer.ACCEPTED
    _ACTIONS[type(found)](talk, found, turn)


def _plain_text(talk: Conversation, found: wire.PlainText, turn: Turn) -> None:
    if talk.offer is Offer.SENT:
        talk.offer = Offer.REJECTED
    _plain(talk, found.text, turn)


def _tagged_text(talk: Conversation, found: wire.TaggedText, turn: Turn) -> None:
    _plain(talk, found.text, turn)
    if Policy.WHITESPACE_START_AKE in talk.policy and not talk.instances.encrypted:
        start_offered(talk, found.versions, turn)


def _query(talk: Conversation, found: wire.Query, turn: Turn) -> None:
    _plain(talk, found.before, turn)
    turn.events.append(QueryReceived(found.versions, found.after))
    start_offered(talk, found.versions, turn)


def _unsupported(talk: Conversation, found: wire.Unsupported, turn: Turn) -> None:
    known = (
        "an OTR mark of no known meaning"
        if found.version is None
        else "version 1 is not spoken here"
    )
    turn.events.append(MessageRejected(VersionMismatch(known)))


def _plain(talk: Conversation, text: bytes, turn: Turn) -> None:
    if not text:
        return
    if talk.instances.private or Policy.REQUIRE_ENCRYPTION in talk.policy:
        turn.events.append(UnencryptedReceived(text))
    else:
        turn.events.append(MessageReceived(text, False))


def start_offered(talk: Conversation, offered: frozenset[int], turn: Turn) -> None:
    """Answer an offer with a DH-Commit in the best version that both sides allow; none in
    common: nothing."""
    common = offered.intersection(talk.versions)
    if common and _may_exchange(talk, turn):
        _commit(talk, max(common), turn)


def _commit(talk: Conversation, version: int, turn: Turn) -> None:
    talk.instances.start(version, turn)
    jitter = int.from_bytes(talk.local.identity.random(2), "big") / 0x20000
    when = turn.now + talk.local.limits.ake_retry * (1 + jitter)
    talk.retry = (when, version)
    turn.wake(when)


def _may_exchange(talk: Conversation, turn: Turn) -> bool:
    """Whether the bounds allow one more key exchange that the peer asks for."""
    limits, usage = talk.local.limits, talk.local.usage
    known = bool(talk.local.trust.of(talk.peer))
    # strangers can fill nine tenths of what there is; the rest is for peers who are known
    most = limits.pending_akes if known else limits.pending_akes * 9 // 10
    rate = limits.account_ake_rate
    theirs = spend(talk.akes, turn.now, limits.ake_burst, limits.ake_rate)
    everybodys = usage.akes if known else spend(usage.akes, turn.now, rate, rate)
    if usage.pending_akes >= most:
        talk.local.limited("pending_akes", turn)
    elif theirs is None:
        talk.local.limited("ake_burst", turn)
    elif everybodys is None:
        talk.local.limited("account_ake_rate", turn)
    else:
        talk.akes, usage.akes = theirs, everybodys
        return True
    return False


def _error(talk: Conversation, found: wire.ErrorText, turn: Turn) -> None:
    _plain(talk, found.before, turn)
    turn.events.append(PeerError(found.text))
    instance = talk.current
    if instance is not None and instance.state is MessageState.ENCRYPTED and talk.sent is not None:
        talk.resend = True
    willing = Policy.ERROR_START_AKE in talk.policy and talk.versions
    if willing and _may_answer_error(talk, turn):
        talk.query(turn)


def _may_answer_error(talk: Conversation, turn: Turn) -> bool:
    """Whether an error reply, or a query caused by an error, may go out now: two programs
    must not answer each other for ever."""
    limits, usage = talk.local.limits, talk.local.usage
    rate = limits.account_error_rate
    left = spend(usage.errors, turn.now, rate, rate)
    if turn.now - talk.error_at < limits.error_interval:
        talk.local.limited("error_interval", turn)
    elif left is None:
        talk.local.limited("account_error_rate", turn)
    else:
        talk.error_at, usage.errors = turn.now, left
        return True
    return False


def _fragment(talk: Conversation, found: wire.FragmentText, turn: Turn) -> None:
    _plain(talk, found.before, turn)
    try:
        fragment = fragments.parse(found.line, found.version)
        if not _is_ours(talk, fragment, lone_receiver=True):
            turn.events.append(OtherInstance(fragment.sender, fragment.receiver))
            return
        device = talk.instances.get(fragment.sender)
        authenticated = device is not None and device.fingerprint is not None
        whole = talk.reassembly.add(fragment, turn.now, device is not None, authenticated)
        if talk.reassembly:
            turn.wake(talk.reassembly.deadline())
    except LimitExceeded as error:
        talk.local.limited(error.limit, turn)
        turn.events.append(MessageRejected(error))
    except RemoteError as error:
        turn.events.append(MessageRejected(error))
    else:
        if whole is not None:
            inner = wire.classify(whole)
            if isinstance(inner, wire.FragmentText):
                turn.events.append(MessageRejected(DecodeError("fragment of a fragment", 0)))
            else:
                _take(talk, inner, turn)


def _is_ours(
    talk: Conversation, message: Message | fragments.Fragment, lone_receiver: bool
) -> bool:
    """Whether it is for this device. Raises `VersionMismatch` where the policy forbids its
    version, and what `check_tags` raises."""
    if message.version not in talk.versions:
        raise VersionMismatch(f"the policy does not allow version {message.version}")
    ours = talk.local.identity.instance_tag
    return message.version == 2 or check_tags(message.sender, message.receiver, ours, lone_receiver)


def _encoded(talk: Conversation, found: wire.EncodedMessage, turn: Turn) -> None:
    _plain(talk, found.before, turn)
    local = talk.local
    try:
        message = read_message(found, local.limits, local.identity.backend)
    except RemoteError as error:
        if isinstance(error, LimitExceeded):
            local.limited(error.limit, turn)
        turn.events.append(MessageRejected(error))
    else:
        _message(talk, message, turn)


def _message(talk: Conversation, message: Message, turn: Turn) -> None:
    try:
        if not _is_ours(talk, message, lone_receiver=isinstance(message, DHCommit)):
            turn.events.append(OtherInstance(message.sender, message.receiver))
            return
        talk.reassembly.clear(message.sender)
        if isinstance(message, DataMessage):
            _data(talk, message, turn)
        else:
            _exchange(talk, message, turn)
    except LimitExceeded as error:
        talk.local.limited(error.limit, turn)
        turn.events.append(MessageRejected(error, message.sender))
    except RemoteError as error:
        turn.events.append(MessageRejected(error, message.sender))


def read_message(encoded: wire.EncodedMessage, limits: Limits, backend: Backend) -> Message:
    """Return the message in a line; the limits on its size are checked first. Raises
    `LimitExceeded`, `DecodeError` or `VersionMismatch`."""
    if len(encoded.line) > limits.message_size:
        raise LimitExceeded("message_size")
    raw = backend.decode_message(encoded.line)
    if raw is None:
        raw = encoded.decode()
    message_type = raw[2] if len(raw) > 2 else None
    if message_type in _SMALL_MESSAGES and len(raw) > limits.commit_size:
        raise LimitExceeded("commit_size")
    if message_type != DataMessage.TYPE and len(raw) > limits.signature_size:
        raise LimitExceeded("signature_size")
    return decode(raw, backend.fields)


def _exchange(talk: Conversation, message: Message, turn: Turn) -> None:
    if isinstance(message, DHCommit):
        instance = talk.instances.get(message.sender)
        repeated = instance is not None and isinstance(
            instance.exchange, ake.AwaitingRevealSignature
        )
        if not repeated and not _may_exchange(talk, turn):
            return
    finished = talk.instances.exchange(message, turn)
    if finished is not None:
        _secure(talk, *finished, turn)


def _secure(
    talk: Conversation, instance: Instance, established: ake.Established, turn: Turn
) -> None:
    """Enter the encrypted state and send what waited for it; the Signature message is in the
    turn already."""
    instance.establish(established, talk.local, turn)
    if isinstance(instance.smp, smp.Expect2):
        # libotr binds its answer to the new ssid, where our message 1 is bound to the old one
        smp_session.abort(instance, turn)
    talk.retry = None
    talk.queried = False
    assert instance.fingerprint is not None
    for text in list(talk.held.release(instance.fingerprint, turn)):
        _send_again(talk, instance, text, b"", turn)
    if talk.resend and talk.sent is not None:
        text, when, fingerprint = talk.sent
        if fingerprint == instance.fingerprint and turn.now <= when + talk.local.limits.held_age:
            _send_again(talk, instance, text, _RESENT, turn)
        talk.sent = None
    talk.resend = False


def _send_again(
    talk: Conversation, instance: Instance, text: bytes, mark: bytes, turn: Turn
) -> None:
    """Send a text that waited, or give it back where the transport's limit has become too small
    for it."""
    try:
        talk.seal(instance, mark + text, turn)
    except FragmentLimitTooSmall:
        turn.events.append(MessageUndelivered(text))
    else:
        turn.events.append(MessageResent(text, instance.tag))


def _data(talk: Conversation, message: DataMessage, turn: Turn) -> None:
    instance = talk.instances.get(message.sender) or Instance(talk.peer, message.sender, ake.IDLE)
    try:
        text, tlvs = instance.receive(message, talk.local, turn)
    except RemoteError as error:
        if not message.ignore_unreadable:
            _unreadable(talk, instance, error, turn)
        return
    if tlvs:
        smp_session.receive(instance, talk.local, turn, tlvs, talk.may_check)
    if text:
        talk.heartbeat(instance, turn)
    if instance.state is MessageState.FINISHED:
        talk.held.hand_back(turn)
        talk.sent = None


def _unreadable(talk: Conversation, instance: Instance, error: RemoteError, turn: Turn) -> None:
    """Report a message that can not be read; in a session, tell the peer, who may start a
    new one."""
    turn.events.append(MessageRejected(error, instance.tag))
    # a repetition on the way is no reason to answer
    replayed = isinstance(error, CounterReplayed)
    if instance.state is MessageState.ENCRYPTED and not replayed and talk.local.error_text:
        if _may_answer_error(talk, turn):
            turn.wire.append(wire.error(talk.local.error_text))


_ACTIONS: Mapping[type, Callable[[Conversation, Any, Turn], None]] = {
    wire.PlainText: _plain_text,
    wire.TaggedText: _tagged_text,
    wire.Query: _query,
    wire.ErrorText: _error,
    wire.EncodedMessage: _encoded,
    wire.FragmentText: _fragment,
    wire.Unsupported: _unsupported,
}


def wanted(talk: Conversation, line: bytes) -> tuple[DhKey, bytes] | None:
    """Return the halves of the shared secret that receiving a line will need, None where it
    needs none."""
    found = wire.classify(line)
    if not isinstance(found, wire.EncodedMessage):
        return None
    try:
        limits, backend = talk.local.limits, talk.local.identity.backend
        return talk.instances.wanted(read_message(found, limits, backend))
    except RemoteError:
        return None
