"""`CryptEngine`: one engine session behind a potr context.

Every call of the engine is complete before the first line is injected and before the application
hears of it, so the application may call back from anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otrfast.errors import (
    DecodeError,
    LimitExceeded,
    LocalError,
    RemoteError,
    VersionMismatch,
    WrongInstance,
)
from otrfast.events import (
    Event,
    ExtraKeyReceived,
    ExtraKeySent,
    Limited,
    MessageReceived,
    MessageRejected,
    MessageResent,
    MessageUndelivered,
    SecureEnded,
    SecureStarted,
    TlvsReceived,
)
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.potr import proto
from otrfast.potr.compatcrypto import PK
from otrfast.potr.names import (
    EXC_UNREADABLE_MESSAGE,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    InvalidParameterError,
    NotEncryptedError,
)
from otrfast.potr.smp import SmpEvent, SMPHandler
from otrfast.potr.tlv import TLV, tlvClasses, to_wire
from otrfast.protocol import ake
from otrfast.protocol.data import Channel
from otrfast.protocol.instance import Instance, MessageState
from otrfast.session import Session
from otrfast.wire import text as wire
from otrfast.wire.messages import DataMessage, DHCommit, DHKey, Message, decode
from otrfast.wire.tlv import Tlv, TlvType

if TYPE_CHECKING:
    from otrfast.potr.context import Context

logger: logging.Logger = logging.getLogger("potr.crypt")

_DATA_MESSAGES = (b"?OTR:AAID", b"?OTR:AAMD")  # version and type of a data message, in base64
_UNEXPECTED = b"You sent encrypted data, but I wasn't expecting it."
_SMP_TYPES = range(TlvType.SMP1, TlvType.SMP1Q + 1)

STATE_NONE = 0
STATE_AWAITING_DHKEY = 1
STATE_AWAITING_REVEALSIG = 2
STATE_AWAITING_SIG = 4
STATE_V1_SETUP = 5

_AKE_STATES: dict[type, int] = {
    ake.AwaitingDHKey: STATE_AWAITING_DHKEY,
    ake.AwaitingRevealSignature: STATE_AWAITING_REVEALSIG,
    ake.AwaitingSignature: STATE_AWAITING_SIG,
}


class Unparsable(Exception):
    """A line that no version spoken here can read: for the application it is an ordinary text."""


@dataclass(slots=True)
class Reading:
    """What one line came to."""

    text: bytes | None = None
    tlvs: list[TLV] = field(default_factory=list)
    error: RemoteError | None = None


class AuthKeyExchange:
    """The key exchange that runs, as `CryptEngine.ake` shows it."""

    def __init__(self, state: int) -> None:
        self.state = state


class CryptEngine:
    """Keys and state of one conversation. The public attributes describe the newest session."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.sessionId: bytes | None = None
        self.sessionIdHalf: bool = False
        self.theirPubkey: PK | None = None
        self.smp: SMPHandler | None = None
        self.extraKey: bytes | None = None
        self._session: Session | None = None
        self._theirKeys: dict[int, PK] = {}

    # What there is to see

    @property
    def ake(self) -> AuthKeyExchange | None:
        """The key exchange that runs, with its `state`; None where none does."""
        session = self._live()
        if session is None:
            return None
        exchanges: list[object] = [session.conversation.devices.pending]
        exchanges += [instance.exchange for instance in session.conversation.devices]
        states = [_AKE_STATES[type(each)] for each in exchanges if type(each) in _AKE_STATES]
        return AuthKeyExchange(states[-1]) if states else None

    @property
    def ourKeyid(self) -> int:
        """The id of our newest D-H key; 0 without a session."""
        channel = self._channel()
        return 0 if channel is None else channel.keyring.our_keyid

    @property
    def theirKeyid(self) -> int:
        """The id of the peer's newest D-H key; 0 without a session."""
        channel = self._channel()
        return 0 if channel is None else channel.keyring.their_keyid

    def _live(self) -> Session | None:
        """The engine's session. A forked process has none: it must not go on with its parent's
        keys."""
        session = self._session
        return None if session is None or session.forked else session

    def _channel(self) -> Channel | None:
        session = self._live()
        instance = None if session is None else session.conversation.current
        return None if instance is None else instance.channel

    def encryptedSession(self) -> Session:
        """Return the engine's session. Raises `NotEncryptedError` where it is not encrypted."""
        session = self._live()
        if session is None or session.state is not MessageState.ENCRYPTED:
            raise NotEncryptedError
        return session

    # The key exchange

    def _exchanging(self) -> Session:
        """Return the engine's session, ready for a key exchange: this is what needs our private
        key."""
        account = self.ctx.user.engineAccount()
        session = self._live()
        if session is None:
            session = self._session = account.lone_session(str(self.ctx.peer))
        session.policy = Policy.MANUAL if self.ctx.optedIntoV3() else Policy.ALLOW_V2
        return session

    def startAKE(self, appdata: Any = None, version: int = 2) -> None:
        """Begin a key exchange."""
        self.take(self._exchanging().exchange_keys((version,)), appdata)

    def handleAKE(self, message: Message, line: bytes, appdata: Any = None) -> None:
        """Take a message of the key exchange. Raises `InvalidParameterError` where it does not
        hold; in the wrong state it is ignored."""
        if not self.ctx.allowsVersion(message.version):
            return
        if self._live() is None and not isinstance(message, DHCommit):
            return
        error = self.take(self._exchanging().receive(line), appdata).error
        if isinstance(error, DecodeError):  # what was encrypted: the message itself could be read
            raise InvalidParameterError(str(error)) from error
        if error is not None and not isinstance(message, DHKey):  # of those potr never complained
            self._refuse(error)

    def goEncrypted(self, event: SecureStarted) -> None:
        """Show the new session, then tell the context."""
        self._theirKeys[event.instance] = PK.parsePublicKey(event.public_key)[0]
        assert self._session is not None  # it has just spoken
        instance = self._session.conversation.devices.get(event.instance)
        assert instance is not None
        self._show(instance)
        if instance.channel is not None:
            self.extraKey = instance.channel.extra_key()
        self.ctx._wentEncrypted()  # noqa: SLF001  potr's name for it
        logger.info("went encrypted with %s", self.theirPubkey)

    def _show(self, instance: Instance) -> None:
        self.theirPubkey = self._theirKeys[instance.tag]
        self.sessionId = instance.ssid
        self.sessionIdHalf = not instance.revealed

    def finished(self) -> None:
        """The private conversation is over."""
        self.smp = None

    def end(self, appdata: Any = None) -> None:
        """End the private conversation, and say so to the peer if there is one."""
        session = self._live()
        if session is not None:
            self.take(session.end(), appdata)

    def _ended(self) -> None:
        """A device of the peer has ended its session; in version 3 another may go on."""
        assert self._session is not None
        current = self._session.conversation.current
        if current is not None and current.state is MessageState.ENCRYPTED:
            self._show(current)
            return
        self.ctx.setState(STATE_FINISHED)
        self.finished()

    # Encoded messages

    def handleLine(self, line: bytes, appdata: Any = None) -> tuple[bytes | None, list[TLV]]:
        """Take an encoded message; return its text and TLVs.

        Raises `Unparsable`, `NotEncryptedError` or `InvalidParameterError`.
        """
        session = self._live()
        if self.ctx.state == STATE_ENCRYPTED and session is not None:
            if line.startswith(_DATA_MESSAGES):
                return self.handleDataMessage(session, line, appdata)
        message = self._decode(line)
        if not isinstance(message, DataMessage):
            self.handleAKE(message, line, appdata)
        elif not message.ignore_unreadable:
            if self.ctx.state == STATE_ENCRYPTED:
                raise InvalidParameterError("there are no keys for this conversation")
            self.ctx.sendInternal(proto.Error(_UNEXPECTED), appdata=appdata)
            raise NotEncryptedError(EXC_UNREADABLE_MESSAGE)
        return None, []

    def _decode(self, line: bytes) -> Message:
        if len(line) > self.ctx.user.LIMITS.message_size:
            raise Unparsable
        try:
            message = decode(wire.Armoured(line, b"").decode())
        except (DecodeError, VersionMismatch) as error:
            raise Unparsable from error
        if message.version == 3 and not self.ctx.optedIntoV3():
            raise Unparsable
        return message

    def handleDataMessage(
        self, session: Session, line: bytes, appdata: Any = None
    ) -> tuple[bytes | None, list[TLV]]:
        """Take a data message in a session; return its text and TLVs."""
        outcome = session.receive(line)
        events = outcome.events
        if len(events) == 1 and type(events[0]) is MessageReceived and not outcome.wire:
            return events[0].text, []
        reading = self.take(outcome, appdata)
        if reading.error is not None:
            self._refuse(reading.error)
        return reading.text, reading.tlvs

    def _refuse(self, error: RemoteError) -> None:
        """Raise what potr's programs know for a message that was refused."""
        if isinstance(error, LimitExceeded) and error.limit != "message_size":
            logger.warning("not everything in a message was obeyed: %s", error)
            return
        if isinstance(error, WrongInstance | VersionMismatch | DecodeError | LimitExceeded):
            raise Unparsable from error
        logger.warning("a message was refused: %s", error)
        raise InvalidParameterError(str(error)) from error

    def seal(self, message: bytes, flags: int = 0, tlvs: Sequence[TLV] = ()) -> bytes:
        """Return the line of a data message. Raises `InvalidParameterError` where there is no
        session, or the text has a zero byte."""
        session = self._live()
        if session is None or session.state is not MessageState.ENCRYPTED:
            raise InvalidParameterError("there are no keys for this conversation")
        try:
            return session.send(message, tlvs=to_wire(tlvs) if tlvs else (), flags=flags).wire[0]
        except LocalError as error:
            raise InvalidParameterError(str(error)) from error

    def hold(self, message: bytes) -> None:
        """Have the engine keep a text until there is a session, then send it."""
        session = self._exchanging()
        trust = session.conversation.local.trust
        for fingerprint, level in self.ctx.user.trusts.get(self.ctx.trustName, {}).items():
            with suppress(ValueError):  # a file may hold anything under this name
                trust.set(session.peer, bytes.fromhex(fingerprint), level)
        before, session.policy = session.policy, session.policy | Policy.REQUIRE_ENCRYPTION
        try:
            session.send(message)  # its query is not used: the application words its own
        finally:
            session.policy = before

    def useExtraKey(self, use: int, data: bytes, appdata: Any = None) -> None:
        """Tell the peer what the extra symmetric key is for; `extraKey` becomes the one that this
        message is sent under."""
        self.take(self.encryptedSession().extra_key(use, data), appdata)

    # SMP

    def smpHandler(self) -> SMPHandler:
        """Return the SMP, made at first use."""
        if self.smp is None:
            self.smp = SMPHandler(self)
        return self.smp

    def smpSecret(self, secret: bytes, question: bytes | None = None, appdata: Any = None) -> None:
        """Start the SMP, or answer it."""
        self.encryptedSession()
        self.smpHandler().gotSecret(secret, question=question, appdata=appdata)

    def smpAbort(self, appdata: Any = None) -> None:
        """Break the SMP off."""
        self.encryptedSession()
        self.smpHandler().abort(appdata=appdata)

    # What the engine answers

    def take(self, outcome: Outcome, appdata: Any) -> Reading:
        """Queue the lines of a call of the engine, tell the context what happened, then send the
        lines: what the application sends meanwhile goes out behind them."""
        reading = Reading()
        with self.ctx.otrOutbox.held():
            for line in outcome.wire:
                self.ctx.sendInternal(proto.Encoded(line), appdata=appdata)
            for event in outcome.events:
                self._tell(event, reading)
        return reading

    def _tell(self, event: Event, reading: Reading) -> None:
        match event:
            case MessageReceived():
                reading.text = event.text
            case TlvsReceived(tlvs=tlvs):
                self._receivedTlvs(tlvs, reading)
            case SecureStarted():
                self.goEncrypted(event)
            case SecureEnded(by_peer=True):
                self._ended()
            case ExtraKeyReceived(key=key) | ExtraKeySent(key=key):
                self.extraKey = key
            case MessageRejected(error=error):
                reading.error = error
            case MessageResent():
                self.ctx.lastMessage, self.ctx.mayRetransmit = None, 0
            case MessageUndelivered(text=text):
                self.ctx.undelivered(text)
            case Limited(limit=limit):
                logger.warning("the limit %s was reached", limit)
            case _ if isinstance(event, SmpEvent):
                self.smpHandler().handle(event)

    def _receivedTlvs(self, records: Sequence[Tlv], reading: Reading) -> None:
        """Hand on what there are classes for; a record of an unknown type, or one that does not
        have its type's form, takes nothing away from the others."""
        for record in records:
            if record.type in _SMP_TYPES:
                self.smpHandler().received(record.type)
            made = tlvClasses.get(record.type)
            if made is None:
                logger.info("a TLV of unknown type %d was skipped", record.type)
                continue
            try:
                reading.tlvs.append(made.parsePayload(record.value))
            except Exception as error:  # noqa: BLE001  the application's classes may raise anything
                logger.info("a TLV of type %d was skipped: %s", record.type, type(error).__name__)
