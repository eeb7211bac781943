"""What each kind of incoming line does (OTRv3, "Receiving messages").

`LINES` is the table of the message state for what the peer does; `outgoing.TEXTS` has the other
half, for what the user does.
"""

from __future__ import annotations

from otrfast._records import record
from otrfast.crypto.backend import Backend, DhKey
from otrfast.engine.admission import (
    may_run_smp,
)
from otrfast.engine.conversation import (
    Conversation,
    Offer,
    Unreadable,
)
from otrfast.engine.exchanges import (
    advance,
    ask,
    do_waiting,
    is_ours,
    reject,
    start_offered,
    stop_asking,
)
from otrfast.engine.outgoing import heartbeat, release, resend, wake_when_aged
from otrfast.errors import (
    CounterReplayed,
    DecodeError,
    LimitExceeded,
    RemoteError,
    UnexpectedMessage,
    VersionMismatch,
)
from otrfast.events import (
    Event,
    MessageReceived,
    MessageRejected,
    OtherInstance,
    PeerError,
    QueryReceived,
    SessionUnknown,
    UnencryptedReceived,
)
from otrfast.limits import Limits
from otrfast.policy import Policy
from otrfast.protocol import ake, smp, smp_session
from otrfast.protocol.call import Call
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.reassembly import Reassembly
from otrfast.protocol.table import EnumStep, Row, Table
from otrfast.wire import fragments
from otrfast.wire import lines as wire
from otrfast.wire.messages import (
    DataMessage,
    DHCommit,
    DHKey,
    Message,
    decode,
    read,
)
from otrfast.wire.tlv import TlvType

_MOST_MARKS = 8  # looked at in one line: each costs a copy of the rest
_SMALL_MESSAGES = (DHCommit.TYPE, DHKey.TYPE)


@record
class Disconnect:
    """The peer has ended the private conversation: TLV 1 in a data message."""


class Incoming:
    """What the actions work with: the conversation, the call, and the instance that a message
    came from."""

    __slots__ = ("call", "conversation", "instance")

    def __init__(
        self, conversation: Conversation, call: Call, instance: Instance | None = None
    ) -> None:
        self.conversation: Conversation = conversation
        self.call: Call = call
        self.instance: Instance | None = instance


# Lines, whatever the state


def receive(conversation: Conversation, line: bytes, call: Call) -> None:
    """Take a line. Whatever it holds becomes events; nothing is raised."""
    conversation.last_received = call.now
    if not conversation.versions and conversation.passive:
        call.events.append(MessageReceived(line, False))
        return
    context = conversation.context
    message = _read_clean(line, context.limits, context.identity.backend)
    if message is None:
        _take(conversation, wire.classify(line), call)
    else:  # an encoded message and nothing else: no need to search the line
        conversation.offer = Offer.ACCEPTED
        _message(conversation, message, call)


def receive_message(conversation: Conversation, message: Message, call: Call) -> None:
    """Take a message that has been decoded already, from a line with nothing else in it."""
    conversation.last_received = call.now
    conversation.offer = Offer.ACCEPTED
    _message(conversation, message, call)


def receive_data(
    conversation: Conversation, instance: Instance, message: DataMessage, call: Call
) -> None:
    """Take a data message for an instance that is ENCRYPTED: what the table does with it, without
    the search through the table, since nearly all lines come this way."""
    conversation.last_received = call.now
    conversation.offer = Offer.ACCEPTED
    try:
        text, tlvs = instance.receive(message, call)
    except RemoteError as error:
        if not message.ignore_unreadable:
            _unreadable(conversation, instance, error, call)
        return
    if tlvs:
        incoming = Incoming(conversation, call, instance)
        if any(tlv.type == TlvType.DISCONNECTED for tlv in tlvs):
            LINES.advance(incoming, instance.state, _DISCONNECT)
        smp_session.receive(instance, call, tlvs, lambda now: may_run_smp(conversation, now))
    silence = call.now - conversation.last_sent
    if text and silence > call.context.limits.heartbeat_interval:
        heartbeat(conversation, instance, call)


def _take(conversation: Conversation, found: wire.Line, call: Call) -> None:
    """Do what a line asks for, which came as it is or in fragments."""
    if conversation.offer is not Offer.ACCEPTED and not isinstance(found, wire.PlainText):
        conversation.offer = Offer.ACCEPTED
    if isinstance(found, wire.EncodedMessage):
        _encoded(conversation, found, call)
    elif isinstance(found, wire.FragmentText):
        _fragment(conversation, found, call)
    else:
        LINES.advance(Incoming(conversation, call), conversation.state, found)


def _text_around(conversation: Conversation, text: bytes, call: Call) -> None:
    """Deliver the text before or after a mark of OTR, if there is one. Of another message in it
    nothing is shown but the text around that."""
    for _ in range(_MOST_MARKS):
        plain, mark, _ = text.partition(wire.OTR_TAG)
        if not wire.is_decoration(plain):
            line = wire.PlainText(plain)
            LINES.advance(Incoming(conversation, call), conversation.state, line)
        if not mark:
            return
        reject(UnexpectedMessage("a second message of OTR on one line"), call)
        text = getattr(wire.classify(text[len(plain) :]), "after", b"")


def _fragment(conversation: Conversation, found: wire.FragmentText, call: Call) -> None:
    _text_around(conversation, found.before, call)
    try:
        whole = assemble(conversation, found, call)
    except RemoteError as error:
        reject(error, call)
    else:
        if whole is not None:
            inner = wire.classify(whole)
            if isinstance(inner, wire.FragmentText):
                reject(DecodeError("fragment of a fragment", 0), call)
            else:
                _take(conversation, inner, call)
    _text_around(conversation, found.after, call)


def assemble(conversation: Conversation, found: wire.FragmentText, call: Call) -> bytes | None:
    """Take a fragment; return the whole line with the last one. Raises `RemoteError` for a fragment
    that is refused."""
    fragment = fragments.parse(found.line, found.version)
    if is_ours(conversation, fragment, may_lack_receiver=True):
        return _reassemble(conversation, fragment, call)
    call.events.append(OtherInstance(fragment.sender, fragment.receiver))
    return None


def _reassemble(
    conversation: Conversation, fragment: fragments.Fragment, call: Call
) -> bytes | None:
    """Take a fragment; return the whole line with the last one. Raises `LimitExceeded`."""
    instance = conversation.instances.get(fragment.sender)
    authenticated = instance is not None and instance.fingerprint is not None
    reassembly = conversation.reassembly or Reassembly(conversation.context)
    conversation.reassembly = reassembly
    try:
        return reassembly.add(fragment, call.now, instance is not None, authenticated)
    finally:
        conversation.drop_empty()
        if reassembly:
            call.wake(reassembly.deadline())


def _encoded(conversation: Conversation, found: wire.EncodedMessage, call: Call) -> None:
    _text_around(conversation, found.before, call)
    context = call.context
    try:
        message = read_message(found, context.limits, context.identity.backend)
    except RemoteError as error:
        reject(error, call)
        if len(found.line) > context.limits.message_size:
            _answer_unreadable(conversation, conversation.current, call)
    else:
        _message(conversation, message, call)
    _text_around(conversation, found.after, call)


def _read_clean(line: bytes, limits: Limits, backend: Backend) -> Message | None:
    """Return the message in a line with nothing else in it, in one call of the core; None if it is
    for `read_message`, which finds what is wrong."""
    if len(line) > limits.message_size:
        return None
    message = read(line, backend.read_message)
    if message is None or _exceeded(message.TYPE, wire.binary_size(line), limits):
        return None
    return message


def _exceeded(message_type: int, size: int, limits: Limits) -> str | None:
    """Return the limit that a message of this many bytes exceeds, None if it exceeds none."""
    if message_type in _SMALL_MESSAGES and size > limits.commit_size:
        return "commit_size"
    if message_type != DataMessage.TYPE and size > limits.signature_size:
        return "signature_size"
    return None


def read_message(found: wire.EncodedMessage, limits: Limits, backend: Backend) -> Message:
    """Return the message in a line. Raises `LimitExceeded` if it is too long, which is looked at
    first, else `DecodeError` or `VersionMismatch`."""
    if len(found.line) > limits.message_size:
        raise LimitExceeded("message_size")
    message = _read_clean(found.line, limits, backend)
    if message is not None:
        return message
    raw = found.decode()
    exceeded = _exceeded(raw[2] if len(raw) > 2 else 0, len(raw), limits)
    if exceeded is not None:
        raise LimitExceeded(exceeded)
    return decode(raw)


def _message(conversation: Conversation, message: Message, call: Call) -> None:
    """Take a message of the peer, or refuse it."""
    sender = message.sender
    try:
        if not is_ours(conversation, message, isinstance(message, DHCommit)):
            call.events.append(OtherInstance(sender, message.receiver))
            return
        if conversation.reassembly is not None:
            conversation.reassembly.clear(sender)
            conversation.drop_empty()
        if isinstance(message, DataMessage):
            instance = conversation.instances.get(sender) or Instance(sender, ake.IDLE)
            LINES.advance(Incoming(conversation, call, instance), instance.state, message)
        else:
            _exchange(conversation, message, call)
    except RemoteError as error:
        reject(error, call, sender)


# Key exchanges


def _exchange(conversation: Conversation, message: Message, call: Call) -> None:
    if isinstance(message, DHCommit):
        instance = conversation.instances.get(message.sender)
        repeated = instance is not None and isinstance(
            instance.exchange, ake.AwaitingRevealSignature
        )
        if not repeated:
            ask(conversation, message, call)
            return
    finished = advance(conversation, message, call)
    if finished is not None:
        _established(conversation, finished[0], finished[1], call)


def _established(
    conversation: Conversation, instance: Instance, established: ake.Established, call: Call
) -> None:
    LINES.advance(Incoming(conversation, call, instance), instance.state, established)


def do_due(conversation: Conversation, call: Call) -> None:
    """Do what waited for a rate and can be done by now."""
    for instance, established in do_waiting(conversation, call):
        _established(conversation, instance, established, call)


def wanted(conversation: Conversation, line: bytes) -> tuple[DhKey, bytes] | None:
    """Return the pair of D-H keys whose shared secret receiving a line will need, None if it
    needs none."""
    found = wire.classify(line)
    if not isinstance(found, wire.EncodedMessage):
        return None
    context = conversation.context
    try:
        message = read_message(found, context.limits, context.identity.backend)
        return conversation.instances.wanted(message)
    except RemoteError:
        return None


# Guards and actions of the table


def _encryption_required(incoming: Incoming, state: MessageState, line: object) -> bool:
    """The policy requires encryption."""
    return incoming.conversation.policy.requires_encryption


def _tag_starts_exchange(incoming: Incoming, state: MessageState, line: object) -> bool:
    """The policy starts a key exchange on a whitespace tag."""
    return Policy.WHITESPACE_START_AKE in incoming.conversation.policy


def _deliver(incoming: Incoming, state: MessageState, line: wire.PlainText) -> EnumStep:
    return _plain_text(incoming, state, line, MessageReceived(line.text, False))


def _warn(incoming: Incoming, state: MessageState, line: wire.PlainText) -> EnumStep:
    if line.text:
        _doubt(incoming.conversation, incoming.call)
    return _plain_text(incoming, state, line, UnencryptedReceived(line.text))


def _plain_text(
    incoming: Incoming, state: MessageState, line: wire.PlainText, event: Event
) -> EnumStep:
    """Report a text as `event`, unless it is empty; it also says that the peer took up no offer."""
    if incoming.conversation.offer is Offer.SENT:
        incoming.conversation.offer = Offer.REJECTED
    if line.text:
        incoming.call.events.append(event)
    return EnumStep(state)


def _tagged(incoming: Incoming, state: MessageState, line: wire.TaggedText) -> EnumStep:
    LINES.advance(incoming, state, wire.PlainText(line.text))
    return EnumStep(state)


def _tagged_then_exchange(
    incoming: Incoming, state: MessageState, line: wire.TaggedText
) -> EnumStep:
    step = _tagged(incoming, state, line)
    start_offered(incoming.conversation, line.versions, incoming.call)
    return step


def _query(incoming: Incoming, state: MessageState, line: wire.Query) -> EnumStep:
    _text_around(incoming.conversation, line.before, incoming.call)
    incoming.call.events.append(QueryReceived(line.versions, line.after))
    start_offered(incoming.conversation, line.versions, incoming.call)
    return EnumStep(state)


def _error(incoming: Incoming, state: MessageState, line: wire.ErrorText) -> EnumStep:
    conversation, call = incoming.conversation, incoming.call
    _text_around(conversation, line.before, call)
    call.events.append(PeerError(line.text))
    willing = Policy.ERROR_START_AKE in conversation.policy and conversation.versions
    if willing:
        ask(conversation, Unreadable(by_query=True), call)
    return EnumStep(state)


def _error_in_session(incoming: Incoming, state: MessageState, line: wire.ErrorText) -> EnumStep:
    conversation = incoming.conversation
    current = conversation.current
    if current is not None and current.state is MessageState.ENCRYPTED:
        conversation.resend = conversation.resend or conversation.sent is not None
    _doubt(conversation, incoming.call)
    return _error(incoming, state, line)


def _unsupported(incoming: Incoming, state: MessageState, line: wire.Unsupported) -> EnumStep:
    conversation, call = incoming.conversation, incoming.call
    if line.version is not None:
        _text_around(conversation, line.before, call)
        call.events.append(MessageRejected(VersionMismatch("version 1 is not supported")))
        _text_around(conversation, line.after, call)
    elif line.stands_alone:
        call.events.append(MessageRejected(VersionMismatch("an unknown mark of OTR")))
    else:  # a text that speaks of OTR
        LINES.advance(incoming, state, wire.PlainText(line.before + line.line))
    return EnumStep(state)


def _secure(incoming: Incoming, state: MessageState, established: ake.Established) -> EnumStep:
    """Enter the encrypted state and send what waited for it; the Signature message is in the
    call's lines already."""
    conversation, instance, call = incoming.conversation, incoming.instance, incoming.call
    assert instance is not None  # it has finished the exchange
    instance.establish(established, call)
    if isinstance(instance.smp, smp.Expect2):
        # libotr binds its answer to the new ssid, where our message 1 is bound to the old one
        smp_session.abort(instance, call)
    conversation.retry = None
    conversation.queried = False
    if conversation.waiting is not None:
        stop_asking(conversation)  # what was asked for has come
    if conversation.queue:
        release(conversation, instance, call)
    if conversation.resend:
        resend(conversation, instance, call)
    return EnumStep(instance.state)


def _open(incoming: Incoming, state: MessageState, message: DataMessage) -> EnumStep:
    assert incoming.instance is not None  # the message came from it
    receive_data(incoming.conversation, incoming.instance, message, incoming.call)
    return EnumStep(state)  # a TLV that ends the conversation is an input of its own


def _unexpected(incoming: Incoming, state: MessageState, message: DataMessage) -> EnumStep:
    assert incoming.instance is not None  # the message names it
    error = UnexpectedMessage("a data message without an encrypted session")
    if not message.ignore_unreadable:
        _unreadable(incoming.conversation, incoming.instance, error, incoming.call)
        if state is MessageState.PLAINTEXT:
            _session_unknown(
                incoming.conversation, incoming.instance, message.version, incoming.call
            )
    return EnumStep(state)


def _unreadable(
    conversation: Conversation, instance: Instance, error: RemoteError, call: Call
) -> None:
    """Report a message that cannot be read; in a session, tell the peer, who may start a
    new one."""
    call.events.append(MessageRejected(error, instance.tag))
    if not isinstance(error, CounterReplayed):  # a copy made on the way is no reason to answer
        _doubt(conversation, call)
        _answer_unreadable(conversation, instance, call)


def _doubt(conversation: Conversation, call: Call) -> None:
    """What came says that the peer has no session any more. If it was restored here and the peer
    has not been heard since, texts wait and new keys are asked for, within the limits: the peer
    may have ended it while nobody was here, and would show nothing of what it cannot read."""
    doubted = [each for each in conversation.instances if each.unconfirmed and not each.doubted]
    for instance in doubted:
        instance.doubted = instance.state is MessageState.ENCRYPTED
    if doubted and conversation.versions:
        ask(conversation, Unreadable(by_query=True), call)


def _answer_unreadable(conversation: Conversation, instance: Instance | None, call: Call) -> None:
    """Tell the peer of a session that a message could not be read, within the limits."""
    text = call.context.error_text
    if instance is not None and instance.state is MessageState.ENCRYPTED and text:
        ask(conversation, Unreadable(by_query=False), call)


def _session_unknown(
    conversation: Conversation, instance: Instance, version: int, call: Call
) -> None:
    """The peer sends messages of a private conversation that is not known here, as after a
    restart: report it, and have the peer start again, within the limits."""
    call.events.append(SessionUnknown(instance.tag))
    context, policy = call.context, conversation.policy
    if version == 2 and not context.answer_unknown_v2:
        return
    asks = Policy.ERROR_START_AKE in policy and conversation.versions
    if asks or context.error_text:
        ask(conversation, Unreadable(by_query=bool(asks)), call)


def _finish(incoming: Incoming, state: MessageState, disconnect: Disconnect) -> EnumStep:
    conversation, instance, call = incoming.conversation, incoming.instance, incoming.call
    assert instance is not None  # the TLV came from it
    instance.leave(MessageState.FINISHED, call, by_peer=True)
    wake_when_aged(call)
    if conversation.queue is not None:
        conversation.queue.hand_back(call)
    conversation.sent = None
    return EnumStep(instance.state)


def _ignore(incoming: Incoming, state: MessageState, disconnect: Disconnect) -> EnumStep:
    return EnumStep(state)


_DISCONNECT = Disconnect()
_PLAINTEXT, _ENCRYPTED, _FINISHED = MessageState

LINES = Table(
    states=tuple(MessageState),
    inputs=(
        wire.PlainText,
        wire.TaggedText,
        wire.Query,
        wire.ErrorText,
        wire.Unsupported,
        ake.Established,
        DataMessage,
        Disconnect,
    ),
    rows=(
        Row(_PLAINTEXT, wire.PlainText, _encryption_required, _warn, _PLAINTEXT),
        Row(_PLAINTEXT, wire.PlainText, None, _deliver, _PLAINTEXT),
        Row(_PLAINTEXT, wire.TaggedText, _tag_starts_exchange, _tagged_then_exchange, _PLAINTEXT),
        Row(_PLAINTEXT, wire.TaggedText, None, _tagged, _PLAINTEXT),
        Row(_PLAINTEXT, wire.Query, None, _query, _PLAINTEXT),
        Row(_PLAINTEXT, wire.ErrorText, None, _error, _PLAINTEXT),
        Row(_PLAINTEXT, wire.Unsupported, None, _unsupported, _PLAINTEXT),
        Row(_PLAINTEXT, ake.Established, None, _secure, _ENCRYPTED),
        Row(_PLAINTEXT, DataMessage, None, _unexpected, _PLAINTEXT),
        Row(_PLAINTEXT, Disconnect, None, _ignore, _PLAINTEXT),
        Row(_ENCRYPTED, wire.PlainText, None, _warn, _ENCRYPTED),
        Row(_ENCRYPTED, wire.TaggedText, None, _tagged, _ENCRYPTED),
        Row(_ENCRYPTED, wire.Query, None, _query, _ENCRYPTED),
        Row(_ENCRYPTED, wire.ErrorText, None, _error_in_session, _ENCRYPTED),
        Row(_ENCRYPTED, wire.Unsupported, None, _unsupported, _ENCRYPTED),
        Row(_ENCRYPTED, ake.Established, None, _secure, _ENCRYPTED),
        Row(_ENCRYPTED, DataMessage, None, _open, _ENCRYPTED),
        Row(_ENCRYPTED, Disconnect, None, _finish, _FINISHED),
        Row(_FINISHED, wire.PlainText, None, _warn, _FINISHED),
        Row(_FINISHED, wire.TaggedText, _tag_starts_exchange, _tagged_then_exchange, _FINISHED),
        Row(_FINISHED, wire.TaggedText, None, _tagged, _FINISHED),
        Row(_FINISHED, wire.Query, None, _query, _FINISHED),
        Row(_FINISHED, wire.ErrorText, None, _error, _FINISHED),
        Row(_FINISHED, wire.Unsupported, None, _unsupported, _FINISHED),
        Row(_FINISHED, ake.Established, None, _secure, _ENCRYPTED),
        Row(_FINISHED, DataMessage, None, _unexpected, _FINISHED),
        Row(_FINISHED, Disconnect, None, _ignore, _FINISHED),
    ),
)
"""The message state, on what the peer does. For lines outside of OTR it is that of the whole
conversation, for messages that of their instance."""
