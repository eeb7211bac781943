"""One instance of a peer: its key exchange, its channel, its SMP. Version 2 knows one, with tag 0
(OTRv3, "Instance Tags")."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from otrfast.crypto.backend import DataKeys
from otrfast.crypto.secret import Secret
from otrfast.errors import LimitExceeded, Reflected, UnexpectedMessage, WrongInstance
from otrfast.events import (
    ExtraKeyReceived,
    HeartbeatReceived,
    MessageReceived,
    NewFingerprint,
    SecureEnded,
    SecureStarted,
    SmpAborted,
    TlvsReceived,
    VersionDowngraded,
)
from otrfast.protocol import ake, smp
from otrfast.protocol.call import Call
from otrfast.protocol.channel import Channel
from otrfast.protocol.context import Context
from otrfast.protocol.exchange_state import read_exchange, write_exchange
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.protocol.keyring import Keyring
from otrfast.protocol.state import StateReader, StateWriter
from otrfast.wire.messages import IGNORE_UNREADABLE, DataMessage
from otrfast.wire.tlv import Tlv, TlvType, decode_tlvs, encode_tlvs

_new = tuple.__new__
_USE_BYTES = 4  # the use, in front of the data of TLV 8


class MessageState(Enum):
    """The protocol's message state, as seen by the user of a session."""

    PLAINTEXT = "plaintext"
    ENCRYPTED = "encrypted"
    FINISHED = "finished"


_STATES = tuple(MessageState)


def check_tags(sender: int, receiver: int, ours: int, may_lack_receiver: bool) -> bool:
    """Whether a version 3 message is for this instance of ours: False if it is for another one.

    Only a DH-Commit, or a fragment, which may hold one, may name no receiver. Raises
    `WrongInstance` for tags that no valid message carries, `Reflected` for our own messages.
    """
    if sender == ours:
        raise Reflected("a message of our own came back")
    if sender < MIN_INSTANCE_TAG:
        raise WrongInstance(f"sender instance tag {sender:#x} is reserved")
    if receiver == 0 and may_lack_receiver:
        return True
    if receiver < MIN_INSTANCE_TAG:
        raise WrongInstance(f"receiver instance tag {receiver:#x} is reserved")
    return receiver == ours


class Instance(Secret):
    """State of one instance. What a session shows of it is None or b"" before the first key
    exchange."""

    __slots__ = (
        "channel",
        "doubted",
        "examined",
        "exchange",
        "fingerprint",
        "last_received",
        "last_sent",
        "our_fingerprint",
        "revealed",
        "smp",
        "ssid",
        "state",
        "tag",
        "unconfirmed",
        "version",
    )

    def __init__(self, tag: int, exchange: ake.State) -> None:
        self.tag: int = tag
        self.exchange = exchange  # its state; `set_exchange` moves it on
        self.examined: ake.State | None = None  # in which a key of the peer was examined
        self.state: MessageState = MessageState.PLAINTEXT
        self.channel: Channel | None = None
        self.fingerprint: bytes | None = None
        self.our_fingerprint: bytes | None = None  # of the key that the exchange was made with
        self.ssid: bytes = b""
        self.revealed: bool = False
        self.version: int = 0
        self.smp: smp.SmpState = smp.EXPECT1
        self.last_sent: float = 0.0
        self.last_received: float = 0.0
        self.unconfirmed: bool = False  # restored, and the peer has not been heard since
        self.doubted: bool = False  # and what came says that the peer has no session any more

    def write(self, writer: StateWriter) -> None:
        """Write the instance into a state. A running SMP is left out: see `read`."""
        writer.number(self.tag)
        write_exchange(writer, self.exchange)
        writer.number(_STATES.index(self.state))
        writer.number(self.version)
        writer.optional(self.fingerprint, writer.data)
        writer.optional(self.our_fingerprint, writer.data)
        writer.data(self.ssid)
        writer.flag(self.revealed)
        writer.flag(not isinstance(self.smp, smp.Expect1))
        writer.time(self.last_sent)
        writer.time(self.last_received)
        writer.flag(self.doubted)
        writer.flag(self.channel is not None)
        if self.channel is not None:
            writer.flag(self.channel.ready)
            self.channel.keyring.write(writer)

    @classmethod
    def read(cls, reader: StateReader, call: Call) -> Instance:
        """Read what `write` has written. Raises `StateDamaged`.

        An SMP that was running is aborted: one that went on from an older state would give the
        peer another guess. The session is unconfirmed until a message of the peer holds.
        """
        context = call.context
        instance = cls(reader.number(), ake.IDLE)
        exchange = read_exchange(reader)
        instance.state = reader.one_of(_STATES)
        instance.version = reader.number()
        instance.fingerprint = reader.optional(reader.data)
        instance.our_fingerprint = reader.optional(reader.data)
        instance.ssid, instance.revealed = reader.data(), reader.flag()
        if reader.flag():
            call.events.append(SmpAborted(False, instance.tag))
        instance.last_sent, instance.last_received = reader.time(), reader.time()
        instance.doubted = reader.flag()
        if reader.flag():
            ready, keyring = reader.flag(), Keyring.read(reader, context.identity)
            instance.channel = Channel(context.identity, instance.version, instance.tag, keyring)
            instance.channel.ready = ready
            instance.unconfirmed = True
        instance.set_exchange(exchange, context)
        return instance

    def set_exchange(self, state: ake.State, context: Context) -> None:
        """Set the state of the key exchange; the account counts the unfinished ones."""
        running, runs = not isinstance(self.exchange, ake.Idle), not isinstance(state, ake.Idle)
        usage = context.usage
        # the count and the state in one line: nothing can come between
        usage.pending_akes, self.exchange = usage.pending_akes + runs - running, state

    def advance(self, received: ake.Input, call: Call) -> ake.AkeStep:
        """Return what one AKE message leads to; nothing has changed yet. Raises `RemoteError` if
        it is refused."""
        context = call.context
        timeout = context.limits.ake_timeout
        machine = ake.Ake(
            context.identity,
            self.tag,
            call.now,
            timeout,
            call.computed,
            lambda fingerprint: self._must_examine(fingerprint, call),
        )
        step = ake.TABLE.advance(machine, self.exchange, received)
        if not isinstance(step.state, ake.Idle):
            call.wake(step.state.since + timeout)
        return step

    def _must_examine(self, fingerprint: bytes, call: Call) -> bool:
        """As `Call.must_examine`, once in a key exchange: whoever shows one key after another that
        is not sound starts a new one for each. Raises `LimitExceeded` for the second."""
        if self.examined is self.exchange:
            raise LimitExceeded("examination_rate")
        due = call.must_examine(fingerprint)
        if due:
            self.examined = self.exchange
        return due

    def establish(self, established: ake.Established, call: Call) -> None:
        """Enter the encrypted state, or refresh it."""
        context = call.context
        fingerprint = established.their_key.fingerprint
        refreshed = self.state is MessageState.ENCRYPTED and self.fingerprint == fingerprint
        if not refreshed:
            self._stop_smp(call, by_peer=False)
        before = None if self.channel is None else self.channel.keyring
        keyring = Keyring.start(
            established,
            context.identity,
            b"" if before is None else before.retiring,
            b"" if before is None else before.all_accepted,
        )
        channel = Channel(context.identity, established.version, self.tag, keyring)
        # fmt: off
        self.channel, self.state, self.fingerprint, self.our_fingerprint, self.ssid, self.revealed, self.version = channel, MessageState.ENCRYPTED, fingerprint, established.our_fingerprint, established.ssid, established.revealed, established.version  # noqa: E501  one line: nothing can come between
        # fmt: on
        if context.limits.idle_session is not None:
            call.wake(call.now + context.limits.idle_session)
        known = context.trust.of(call.peer)
        if fingerprint not in known:
            call.events.append(NewFingerprint(fingerprint, changed=bool(known)))
            context.trust.note(call.peer, fingerprint)
        highest = context.trust.saw_version(fingerprint, established.version)
        if highest > established.version:
            call.events.append(VersionDowngraded(fingerprint, established.version, highest))
        call.events.append(
            SecureStarted(
                fingerprint,
                self.ssid,
                self.version,
                refreshed,
                self.tag,
                established.their_key.raw,
            )
        )
        channel.ready = True
        self.unconfirmed = self.doubted = False

    def send(self, call: Call, text: bytes, tlvs: Iterable[Tlv] = (), flags: int = 0) -> None:
        """Seal a text with its TLVs and send it."""
        assert self.channel is not None  # the callers look at `state`
        self.last_sent = call.now
        line = self.channel.seal(text, encode_tlvs(tlvs), flags, call.computed)
        call.send_encoded(line, self.version, self.tag)

    def send_content(self, call: Call, content: bytes) -> None:
        """Seal any bytes as they are, and send them."""
        assert self.channel is not None  # the callers look at `state`
        self.last_sent = call.now
        line = self.channel.seal(content, None, 0, call.computed)
        call.send_encoded(line, self.version, self.tag)

    def receive(self, message: DataMessage, call: Call) -> tuple[bytes, tuple[Tlv, ...]]:
        """Take a data message: its text and TLVs become events, and are returned.

        Raises `RemoteError` if it cannot be read, and nothing has changed then.
        """
        if self.channel is None:
            raise UnexpectedMessage("a data message without an encrypted session")
        plaintext, keys = self.channel.open(message, call.computed)
        self.last_received = call.now
        self.unconfirmed = self.doubted = False
        if call.content:
            call.events.append(MessageReceived(plaintext, True, self.tag))
            return plaintext, ()
        text, _, tail = plaintext.partition(b"\0")
        if text and not tail:
            call.events.append(_new(MessageReceived, (text, True, self.tag)))
            return text, ()
        return text, self._receive_tlvs(text, tail, keys, call)

    def _receive_tlvs(
        self, text: bytes, tail: bytes, keys: DataKeys, call: Call
    ) -> tuple[Tlv, ...]:
        """Report a text, and what follows it in a data message; return its TLVs."""
        limit = call.context.limits.tlvs
        tlvs = decode_tlvs(tail, limit + 1)
        if len(tlvs) > limit:
            del tlvs[limit:]
            call.limited("tlvs")
        if text:
            call.events.append(MessageReceived(text, True, self.tag))
        if tlvs:
            call.events.append(TlvsReceived(tuple(tlvs), self.tag))
        elif not text:
            call.events.append(HeartbeatReceived(self.tag))
        first: dict[int, Tlv] = {}
        for tlv in tlvs:
            first.setdefault(tlv.type, tlv)
        if TlvType.DISCONNECTED in first:
            self.leave(MessageState.FINISHED, call, by_peer=True)
        asked = first.get(TlvType.EXTRA_KEY)
        if asked is not None and len(asked.value) >= _USE_BYTES:
            use = int.from_bytes(asked.value[:_USE_BYTES], "big")
            call.events.append(
                ExtraKeyReceived(keys.extra_key(), use, asked.value[_USE_BYTES:], self.tag)
            )
        return tuple(tlvs)

    def leave(self, state: MessageState, call: Call, by_peer: bool) -> None:
        """Leave the encrypted state: forget keys and SMP."""
        if self.state is MessageState.ENCRYPTED:
            self._stop_smp(call, by_peer)
            call.events.append(SecureEnded(by_peer, self.tag))
        self.channel = None
        self.state = state

    def disconnect(self, state: MessageState, call: Call) -> None:
        """End the private conversation from our side: tell the peer, and be in `state`."""
        if self.state is MessageState.ENCRYPTED:
            self.send(call, b"", (Tlv(TlvType.DISCONNECTED, b""),), IGNORE_UNREADABLE)
        self.leave(state, call, by_peer=False)

    def _stop_smp(self, call: Call, by_peer: bool) -> None:
        if not isinstance(self.smp, smp.Expect1):
            call.events.append(SmpAborted(by_peer, self.tag))
        self.smp = smp.EXPECT1
