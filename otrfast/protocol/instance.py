"""One device of a peer: its key exchange, its session, its SMP. Version 2 knows one, with tag 0
(OTRv3, "Instance Tags")."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import Enum

from otrfast.crypto.secret import Secret
from otrfast.errors import Reflected, UnexpectedMessage, WrongInstance
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
from otrfast.outcome import Turn
from otrfast.protocol import ake, smp
from otrfast.protocol.channel import Channel
from otrfast.protocol.context import Context
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.wire.messages import IGNORE_UNREADABLE, DataMessage
from otrfast.wire.tlv import Tlv, TlvType, decode_tlvs, encode_tlvs

_new = tuple.__new__
_USE_BYTES = 4  # of TLV 8 before the data that belongs to the use


class MessageState(Enum):
    """The protocol's message state, as seen by the user of a session."""

    PLAINTEXT = "plaintext"
    ENCRYPTED = "encrypted"
    FINISHED = "finished"


def check_tags(sender: int, receiver: int, ours: int, may_lack_receiver: bool) -> bool:
    """Whether a version 3 message is for this device: False where it is for another one of ours.

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
        "exchange",
        "fingerprint",
        "last_received",
        "last_sent",
        "peer",
        "revealed",
        "smp",
        "ssid",
        "state",
        "tag",
        "version",
    )

    def __init__(self, peer: Hashable, tag: int, exchange: ake.State) -> None:
        self.peer = peer
        self.tag = tag
        self.exchange = exchange  # its state; `set_exchange` moves it on
        self.state = MessageState.PLAINTEXT
        self.channel: Channel | None = None
        self.fingerprint: bytes | None = None
        self.ssid = b""
        self.revealed = False
        self.version = 0
        self.smp: smp.SmpState = smp.EXPECT1
        self.last_received = self.last_sent = 0.0

    def set_exchange(self, state: ake.State, local: Context) -> None:
        """Move the key exchange on; the account counts the unfinished ones."""
        running, runs = not isinstance(self.exchange, ake.Idle), not isinstance(state, ake.Idle)
        local.usage.pending_akes += runs - running
        self.exchange = state

    def advance(self, received: ake.Input, local: Context, turn: Turn) -> ake.Established | None:
        """Take one AKE message. Raises `RemoteError` where it is refused, and nothing has
        changed then."""
        machine = ake.Ake(local.identity, self.tag, turn.now, local.limits.ake_timeout)
        step = machine.advance(self.exchange, received)
        self.set_exchange(step.state, local)
        if not isinstance(step.state, ake.Idle):
            turn.wake(step.state.since + local.limits.ake_timeout)
        for reply in step.replies:
            local.send(reply, turn)
        return step.established

    def establish(self, established: ake.Established, local: Context, turn: Turn) -> None:
        """Enter the encrypted state, or refresh it."""
        fingerprint = established.their_key.fingerprint
        refreshed = self.state is MessageState.ENCRYPTED and self.fingerprint == fingerprint
        if not refreshed:
            self._stop_smp(turn, by_peer=False)
        revealed = self.channel.keyring.retire() if self.channel is not None else b""
        self.channel = Channel(local.identity, established, self.tag, revealed)
        self.state = MessageState.ENCRYPTED
        self.fingerprint = fingerprint
        if local.limits.idle_session is not None:
            turn.wake(turn.now + local.limits.idle_session)
        self.ssid = established.ssid
        self.revealed = established.revealed
        self.version = established.version
        known = local.trust.of(self.peer)
        if fingerprint not in known:
            turn.events.append(NewFingerprint(fingerprint, changed=bool(known)))
            local.trust.note(self.peer, fingerprint)
        highest = local.trust.saw_version(fingerprint, established.version)
        if highest > established.version:
            turn.events.append(VersionDowngraded(fingerprint, established.version, highest))
        turn.events.append(
            SecureStarted(
                fingerprint,
                self.ssid,
                self.version,
                refreshed,
                self.tag,
                established.their_key.raw,
            )
        )

    def send(self, turn: Turn, text: bytes, tlvs: Iterable[Tlv] = (), flags: int = 0) -> None:
        """Seal a text with its TLVs and send it."""
        assert self.channel is not None  # the callers look at `state`
        self.last_sent = turn.now
        turn.encoded(self.channel.seal(text, encode_tlvs(tlvs), flags), self.version, self.tag)

    def receive(
        self, message: DataMessage, local: Context, turn: Turn
    ) -> tuple[bytes, tuple[Tlv, ...]]:
        """Take a data message: its text and TLVs become events, and are returned.

        Raises `RemoteError` where it can not be read, and nothing has changed then.
        """
        if self.channel is None:
            raise UnexpectedMessage("a data message without an encrypted session")
        plaintext, keys = self.channel.open(message)
        self.last_received = turn.now
        text, _, tail = plaintext.partition(b"\0")
        if text and not tail:
            turn.events.append(_new(MessageReceived, (text, True, self.tag)))
            return text, ()
        records = decode_tlvs(tail, local.limits.tlvs + 1)
        if len(records) > local.limits.tlvs:
            del records[local.limits.tlvs :]
            local.limited("tlvs", turn)
        if text:
            turn.events.append(MessageReceived(text, True, self.tag))
        if records:
            turn.events.append(TlvsReceived(tuple(records), self.tag))
        elif not text:
            turn.events.append(HeartbeatReceived(self.tag))
        first: dict[int, Tlv] = {}
        for record in records:
            first.setdefault(record.type, record)
        if TlvType.DISCONNECTED in first:
            self.leave(MessageState.FINISHED, turn, by_peer=True)
        asked = first.get(TlvType.EXTRA_KEY)
        if asked is not None and len(asked.value) >= _USE_BYTES:
            use = int.from_bytes(asked.value[:_USE_BYTES], "big")
            turn.events.append(
                ExtraKeyReceived(keys.extra_key(), use, asked.value[_USE_BYTES:], self.tag)
            )
        return text, tuple(records)

    def leave(self, state: MessageState, turn: Turn, by_peer: bool) -> None:
        """Leave the encrypted state: forget keys and SMP."""
        if self.state is MessageState.ENCRYPTED:
            self._stop_smp(turn, by_peer)
            turn.events.append(SecureEnded(by_peer, self.tag))
        self.channel = None
        self.state = state

    def disconnect(self, turn: Turn) -> None:
        """End the private conversation from our side."""
        if self.state is MessageState.ENCRYPTED:
            self.send(turn, b"", (Tlv(TlvType.DISCONNECTED, b""),), IGNORE_UNREADABLE)
        self.leave(MessageState.PLAINTEXT, turn, by_peer=False)

    def _stop_smp(self, turn: Turn, by_peer: bool) -> None:
        if not isinstance(self.smp, smp.Expect1):
            turn.events.append(SmpAborted(by_peer, self.tag))
        self.smp = smp.EXPECT1
