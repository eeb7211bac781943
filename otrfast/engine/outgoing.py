"""What becomes of a text that the user sends, and of the wish to start or to end a private
conversation (OTRv3, "User requests").

`TEXTS` is the table of the message state for what the user does; `dispatch.LINES` has the other
half, for what the peer does.
"""

from __future__ import annotations

from collections.abc import Sequence

from otrfast._records import field, record
from otrfast.engine.conversation import Conversation, Offer
from otrfast.engine.send_queue import SendQueue
from otrfast.errors import (
    ConversationFinished,
    FragmentLimitTooSmall,
    NotEncrypted,
    PolicyForbids,
    TextHasNul,
    TextTooLong,
    UntrustedKey,
)
from otrfast.events import MessageResent, MessageUndelivered
from otrfast.policy import Policy
from otrfast.protocol.call import Call
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.table import EnumStep, Row, Table
from otrfast.wire import lines as wire
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.tlv import Tlv, encode_tlvs

EXPANSION = 1024
"""Bytes that a message holds beside text and TLVs, revealed MAC keys included."""

_FRAGMENT_HEAD = 37
_RESENT = b"[resent] "
_MOST_FRAGMENTS = 0xFFFF


@record
class Text:
    """A text to send, with its TLVs and the flags of its message."""

    text: bytes = field(repr=False)
    tlvs: Sequence[Tlv]
    flags: int


@record
class Content:
    """Any bytes to send as they are."""

    content: bytes = field(repr=False)


@record
class TypedQuery:
    """A text that is a query: it is replaced by the one that the policy words."""


@record
class End:
    """The user ends the private conversation."""


@record
class Idle:
    """The private conversation has been idle for as long as `Limits.idle_session` allows."""


class Outgoing:
    """What the actions work with: the conversation, the call, and the instance that is meant."""

    __slots__ = ("call", "conversation", "instance")

    def __init__(self, conversation: Conversation, call: Call, instance: Instance | None) -> None:
        self.conversation: Conversation = conversation
        self.call: Call = call
        self.instance: Instance | None = instance


def send(
    conversation: Conversation,
    instance: Instance | None,
    text: bytes,
    call: Call,
    tlvs: Sequence[Tlv] = (),
    flags: int = 0,
) -> None:
    """Send a text as the state of `instance` and the policy ask for.

    Raises `ConversationFinished`, `NotEncrypted`, `PolicyForbids`, `QueueFull`, `TextHasNul` or
    `FragmentLimitTooSmall`, and nothing is sent then.
    """
    check(conversation, instance, text, call, tlvs)
    typed = conversation.versions and wire.is_query(text)
    state = MessageState.PLAINTEXT if instance is None else instance.state
    given = TypedQuery() if typed else Text(text, tlvs, flags)
    TEXTS.advance(Outgoing(conversation, call, instance), state, given)


def send_content(
    conversation: Conversation, instance: Instance | None, content: bytes, call: Call
) -> None:
    """Encrypt any bytes as they are, and send them.

    Raises `NotEncrypted`, `ConversationFinished`, `UntrustedKey`, `TextTooLong` or
    `FragmentLimitTooSmall`, and nothing is sent then.
    """
    _check_length(len(content), call)
    state = MessageState.PLAINTEXT if instance is None else instance.state
    TEXTS.advance(Outgoing(conversation, call, instance), state, Content(content))


def check(
    conversation: Conversation,
    instance: Instance | None,
    text: bytes,
    call: Call,
    tlvs: Sequence[Tlv],
) -> None:
    """Raise what `send` raises for a text that no state could carry."""
    encrypted = instance is not None and instance.state is MessageState.ENCRYPTED
    if tlvs and not encrypted:
        raise NotEncrypted("TLVs can only be sent in an encrypted conversation")
    if not encrypted and not conversation.policy.requires_encryption:
        return
    _check_length(len(text) + sum(len(tlv.value) for tlv in tlvs), call)
    if b"\0" in text:
        raise TextHasNul("a zero byte ends a text in OTR: send it by Session.seal, as it is")


def _check_length(length: int, call: Call) -> None:
    """Refuse what is too long for a message or for the transport."""
    longest = call.context.limits.message_size * 3 // 4 - EXPANSION
    if length > longest:
        raise TextTooLong(
            f"a text with its TLVs has at most {longest} bytes (`Limits.message_size`), and "
            f"{length} were given"
        )
    size = (length + EXPANSION) * 4 // 3
    limit = call.max_fragment
    if limit and size > (limit - _FRAGMENT_HEAD) * _MOST_FRAGMENTS:
        raise FragmentLimitTooSmall("the text needs more than 65,535 fragments")


def seal(
    conversation: Conversation,
    instance: Instance,
    text: bytes,
    call: Call,
    tlvs: Sequence[Tlv] = (),
    flags: int = 0,
) -> None:
    """Encrypt a text to an instance, padded if the user has asked for it, and send it."""
    padding = conversation.padding
    if padding is not None:
        length = len(text) + len(encode_tlvs(tlvs))
        tlvs = (*tlvs, padding.tlv(length, conversation.context.identity.random))
    instance.send(call, text, tlvs, flags)
    conversation.last_sent = call.now


def release(conversation: Conversation, instance: Instance, call: Call) -> None:
    """Send the texts that waited, if the instance is one that they may go to."""
    if not conversation.queue or instance.doubted or not conversation.may_send_to(instance):
        return
    assert instance.fingerprint is not None  # it is encrypted
    for text in list(conversation.queue.release(instance.fingerprint, call)):
        _send_again(conversation, instance, text, b"", call)


def resend(conversation: Conversation, instance: Instance, call: Call) -> None:
    """Send the last text again if the peer could not read it, and has the same key."""
    if conversation.resend and conversation.sent is not None:
        text, when, fingerprint = conversation.sent
        recent = call.now <= when + call.context.limits.held_age
        if fingerprint == instance.fingerprint and recent and conversation.may_send_to(instance):
            _send_again(conversation, instance, text, _RESENT, call)
        conversation.sent = None
    conversation.resend = False


def _send_again(
    conversation: Conversation, instance: Instance, text: bytes, mark: bytes, call: Call
) -> None:
    """Send a text that waited, or give it back if the transport's limit has become too small
    for it."""
    try:
        seal(conversation, instance, mark + text, call)
    except FragmentLimitTooSmall:
        call.events.append(MessageUndelivered(text))
    else:
        call.events.append(MessageResent(text, instance.tag))


def heartbeat(conversation: Conversation, instance: Instance, call: Call) -> None:
    """Send an empty message, so that the keys rotate."""
    if instance.state is MessageState.ENCRYPTED:
        instance.send(call, b"", (), IGNORE_UNREADABLE)
        conversation.last_sent = call.now


def query(conversation: Conversation, call: Call) -> None:
    """Ask the peer for a private conversation. Raises `PolicyForbids` if no version is
    allowed."""
    if not conversation.versions:
        raise PolicyForbids("the policy allows no version of OTR")
    offers_1 = Policy.ALLOW_V1 in conversation.policy
    versions = (1, *conversation.versions) if offers_1 else conversation.versions
    call.wire.append(wire.query(versions, conversation.context.query_text))
    conversation.last_sent = call.now
    if conversation.offer is Offer.NOT_SENT:
        conversation.offer = Offer.SENT


def end(conversation: Conversation, call: Call) -> None:
    """End the private conversation with every instance; texts that wait come back as events."""
    for instance in conversation.instances:
        TEXTS.advance(Outgoing(conversation, call, instance), instance.state, _END)
    conversation.instances.abandon()
    conversation.release()
    if conversation.queue is not None:
        conversation.queue.hand_back(call)
    conversation.retry = conversation.sent = conversation.waiting = None
    conversation.queried = conversation.resend = False
    call.wake(conversation.deadline())


def end_idle(conversation: Conversation, call: Call) -> None:
    """End the private conversation with every instance, as if the peer had: the next text is
    refused, and not sent in the clear."""
    for instance in conversation.instances:
        TEXTS.advance(Outgoing(conversation, call, instance), instance.state, _IDLE)
    if conversation.queue is not None:
        conversation.queue.hand_back(call)
    conversation.sent = None


def wake_when_aged(call: Call) -> None:
    """A conversation is FINISHED now: have it looked at when it may be forgotten."""
    age = call.context.limits.idle_finished
    if age is not None:
        call.wake(call.now + age)


_END, _IDLE = End(), Idle()

# Guards and actions of the table


def _passive(outgoing: Outgoing, state: MessageState, given: Text) -> bool:
    """The policy has OTR do nothing."""
    return outgoing.conversation.passive


def _other_is_private(outgoing: Outgoing, state: MessageState, given: Text) -> bool:
    """Another instance of the peer has a private conversation."""
    return outgoing.conversation.instances.private


def _encryption_required(outgoing: Outgoing, state: MessageState, given: Text) -> bool:
    """The policy requires encryption."""
    return outgoing.conversation.policy.requires_encryption


def _untrusted(outgoing: Outgoing, state: MessageState, given: Text | Content) -> bool:
    """The policy requires a trusted key, and this one is not."""
    assert outgoing.instance is not None  # it is encrypted
    return not outgoing.conversation.may_send_to(outgoing.instance)


def _doubted(outgoing: Outgoing, state: MessageState, given: Text | Content) -> bool:
    """The peer seems to have lost the session, which was restored here: new keys are asked for."""
    assert outgoing.instance is not None  # it is encrypted
    return outgoing.instance.doubted


def _refuse_untrusted(outgoing: Outgoing, state: MessageState, given: Text | Content) -> EnumStep:
    assert outgoing.instance is not None
    assert outgoing.instance.fingerprint is not None  # it is encrypted
    raise UntrustedKey(outgoing.instance.fingerprint)


def _query(outgoing: Outgoing, state: MessageState, given: TypedQuery) -> EnumStep:
    query(outgoing.conversation, outgoing.call)
    return EnumStep(state)


def _send_unchanged(outgoing: Outgoing, state: MessageState, given: Text) -> EnumStep:
    outgoing.call.wire.append(given.text)
    return EnumStep(state)


def _refuse_plain(outgoing: Outgoing, state: MessageState, given: Text) -> EnumStep:
    raise NotEncrypted("this instance has no private conversation, though another one has")


def _refuse_content(outgoing: Outgoing, state: MessageState, given: Content) -> EnumStep:
    raise NotEncrypted(
        "content is sent encrypted or not at all: call start() and wait for SecureStarted"
    )


def _refuse_finished(outgoing: Outgoing, state: MessageState, given: Text | Content) -> EnumStep:
    raise ConversationFinished("the peer has ended the private conversation; the text was not sent")


def _hold(outgoing: Outgoing, state: MessageState, given: Text) -> EnumStep:
    conversation, call = outgoing.conversation, outgoing.call
    if not conversation.versions:
        raise PolicyForbids("the policy requires encryption, and allows no version of OTR")
    queue = conversation.queue or SendQueue(conversation.context)
    queue.hold(given.text, conversation.context.trust.of(conversation.peer), call)
    conversation.queue = queue
    if not conversation.queried:
        query(conversation, call)
        conversation.queried = True
    return EnumStep(state)


def _send_plain(outgoing: Outgoing, state: MessageState, given: Text) -> EnumStep:
    conversation, text = outgoing.conversation, given.text
    offers = Policy.SEND_WHITESPACE_TAG in conversation.policy
    if offers and conversation.offer is not Offer.REJECTED:
        conversation.offer = Offer.SENT
        text += wire.tag(conversation.versions, conversation.context.trailing_tab)
    outgoing.call.wire.append(text)
    return EnumStep(state)


def _seal(outgoing: Outgoing, state: MessageState, given: Text) -> EnumStep:
    conversation, instance, call = outgoing.conversation, outgoing.instance, outgoing.call
    assert instance is not None  # it is encrypted
    release(conversation, instance, call)
    seal(conversation, instance, given.text, call, given.tlvs, given.flags)
    if given.text:
        conversation.sent = (given.text, call.now, instance.fingerprint)
    return EnumStep(state)


def _seal_content(outgoing: Outgoing, state: MessageState, given: Content) -> EnumStep:
    conversation, instance, call = outgoing.conversation, outgoing.instance, outgoing.call
    assert instance is not None  # it is encrypted
    release(conversation, instance, call)
    instance.send_content(call, given.content)
    conversation.last_sent = call.now
    conversation.sent = None  # a text before it is no longer the last one
    return EnumStep(state)


def _leave(outgoing: Outgoing, state: MessageState, given: End) -> EnumStep:
    assert outgoing.instance is not None  # `end` goes through those that exist
    outgoing.instance.disconnect(MessageState.PLAINTEXT, outgoing.call)
    return EnumStep(outgoing.instance.state)


def _finish(outgoing: Outgoing, state: MessageState, given: Idle) -> EnumStep:
    assert outgoing.instance is not None  # `end_idle` goes through those that exist
    outgoing.instance.disconnect(MessageState.FINISHED, outgoing.call)
    wake_when_aged(outgoing.call)
    return EnumStep(outgoing.instance.state)


def _ignore(outgoing: Outgoing, state: MessageState, given: Idle) -> EnumStep:
    return EnumStep(state)


_PLAINTEXT, _ENCRYPTED, _FINISHED = MessageState

TEXTS = Table(
    states=tuple(MessageState),
    inputs=(Text, Content, TypedQuery, End, Idle),
    rows=(
        Row(_PLAINTEXT, Text, _passive, _send_unchanged, _PLAINTEXT),
        Row(_PLAINTEXT, Text, _other_is_private, _refuse_plain, _PLAINTEXT),
        Row(_PLAINTEXT, Text, _encryption_required, _hold, _PLAINTEXT),
        Row(_PLAINTEXT, Text, None, _send_plain, _PLAINTEXT),
        Row(_PLAINTEXT, Content, None, _refuse_content, _PLAINTEXT),
        Row(_PLAINTEXT, TypedQuery, None, _query, _PLAINTEXT),
        Row(_PLAINTEXT, End, None, _leave, _PLAINTEXT),
        Row(_PLAINTEXT, Idle, None, _ignore, _PLAINTEXT),
        Row(_ENCRYPTED, Text, _doubted, _hold, _ENCRYPTED),
        Row(_ENCRYPTED, Text, _untrusted, _refuse_untrusted, _ENCRYPTED),
        Row(_ENCRYPTED, Text, None, _seal, _ENCRYPTED),
        Row(_ENCRYPTED, Content, _doubted, _refuse_content, _ENCRYPTED),
        Row(_ENCRYPTED, Content, _untrusted, _refuse_untrusted, _ENCRYPTED),
        Row(_ENCRYPTED, Content, None, _seal_content, _ENCRYPTED),
        Row(_ENCRYPTED, TypedQuery, None, _query, _ENCRYPTED),
        Row(_ENCRYPTED, End, None, _leave, _PLAINTEXT),
        Row(_ENCRYPTED, Idle, None, _finish, _FINISHED),
        Row(_FINISHED, Text, None, _refuse_finished, _FINISHED),
        Row(_FINISHED, Content, None, _refuse_finished, _FINISHED),
        Row(_FINISHED, TypedQuery, None, _query, _FINISHED),
        Row(_FINISHED, End, None, _leave, _PLAINTEXT),
        Row(_FINISHED, Idle, None, _ignore, _FINISHED),
    ),
)
"""The message state, on what the user does."""
