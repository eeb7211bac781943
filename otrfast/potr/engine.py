"""`CryptEngine`, the adapter between a potr context and a session of the engine.

A call of the engine is complete before the first line is injected and before the application is
notified, so the application may call back at any time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from otrfast.account import Account
from otrfast.crypto.backends import load
from otrfast.engine import dispatch
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
from otrfast.potr.account import BaseAccount, engine_account, limits_of
from otrfast.potr.compatcrypto import PK
from otrfast.potr.interfaces import PeerContext
from otrfast.potr.names import (
    EXC_UNREADABLE_MESSAGE,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    InvalidParameterError,
    NotEncryptedError,
)
from otrfast.potr.smp import SmpEvent, SMPHandler
from otrfast.potr.tlv import TLV, DisconnectTLV, tlvClasses, to_wire
from otrfast.protocol import ake
from otrfast.protocol.channel import Channel
from otrfast.protocol.instance import Instance, MessageState
from otrfast.session import Session
from otrfast.wire import lines as wire
from otrfast.wire.messages import DataMessage, DHCommit, DHKey, Message
from otrfast.wire.tlv import Tlv, TlvType

logger: logging.Logger = logging.getLogger("potr.crypt")

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
    """A line that is no message of a supported version: the application gets it as a text."""


class Reading:
    """The text, TLVs and error that one line resulted in."""

    __slots__ = ("error", "text", "tlvs")

    def __init__(self) -> None:
        self.text: bytes | None = None
        self.tlvs: list[TLV] = []
        self.error: RemoteError | None = None


class AuthKeyExchange:
    """The running key exchange, as `CryptEngine.ake` shows it."""

    def __init__(self, state: int) -> None:
        self.state = state


class CryptEngine:
    """Keys and state of one conversation. The public attributes describe the newest session."""

    def __init__(self, ctx: PeerContext) -> None:
        self.ctx = ctx
        self.sessionId: bytes | None = None
        self.sessionIdHalf: bool = False
        self.theirPubkey: PK | None = None
        self.smp: SMPHandler | None = None
        self.extraKey: bytes | None = None
        self._session: Session | None = None
        self._theirKeys: dict[int, PK] = {}
        self._account: Account | None = None  # if the program's account is an object of its own
        self._endedByPeer = False

    # Attributes

    @property
    def ake(self) -> AuthKeyExchange | None:
        """The running key exchange, with its `state`; None if there is none."""
        session = self._live()
        if session is None:
            return None
        exchanges: list[object] = [session.conversation.instances.pending]
        exchanges += [instance.exchange for instance in session.conversation.instances]
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
        """Return the engine's session; None in a forked process, which must not use its parent's
        keys."""
        session = self._session
        return None if session is None or session.conversation.forked else session

    def _channel(self) -> Channel | None:
        session = self._live()
        instance = None if session is None else session.conversation.current
        return None if instance is None else instance.channel

    def encryptedSession(self) -> Session:
        """Return the engine's session. Raises `NotEncryptedError` unless it is encrypted."""
        session = self._live()
        if session is None or session.state is not MessageState.ENCRYPTED:
            raise NotEncryptedError
        return session

    # The key exchange

    def _exchanging(self) -> Session:
        """Return the engine's session for a key exchange, made at its first use; this needs our
        private key."""
        account = self._engineAccount()
        session = self._live()
        if session is None:
            session = self._session = account.detached_session(str(self.ctx.peer))
        session.policy = Policy.MANUAL if self.ctx.optedIntoV3() else Policy.ALLOW_V2
        return session

    def _engineAccount(self) -> Account:
        user = self.ctx.user
        if isinstance(user, BaseAccount):
            return user.engineAccount()
        self._account = engine_account(user, self._account)
        return self._account

    def startAKE(self, appdata: Any = None, version: int = 2) -> None:
        """Begin a key exchange."""
        self.take(self._exchanging().exchange_keys((version,)), appdata)

    def handleAKE(self, message: Message, appdata: Any = None) -> None:
        """Take a message of the key exchange; in the wrong state it is ignored. Raises
        `InvalidParameterError` if it is not valid."""
        if not self.ctx.allowsVersion(message.version):
            return
        if self._live() is None and not isinstance(message, DHCommit):
            return
        error = self.take(self._exchanging().receive_message(message), appdata).error
        if isinstance(error, DecodeError):  # in the encrypted part: the message was decoded before
            raise InvalidParameterError(str(error)) from error
        if error is not None and not isinstance(message, DHKey):  # potr ignores an invalid one
            self._refuse(error)

    def goEncrypted(self, event: SecureStarted) -> None:
        """Set the attributes to the new session, then notify the context."""
        self._theirKeys[event.instance] = PK.parsePublicKey(event.public_key)[0]
        assert self._session is not None  # the event is from it
        instance = self._session.conversation.instances.get(event.instance)
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
        """Drop the SMP at the end of the private conversation."""
        self.smp = None

    def end(self, appdata: Any = None) -> None:
        """End the private conversation, and tell the peer if there is one."""
        session = self._live()
        if session is not None:
            self.take(session.end(), appdata)

    def disconnected(self, tlv: DisconnectTLV) -> None:
        """Finish the private conversation. With a TLV of the peer this happens once: the engine has
        ended the session. One that the program has made ends it here, without a message."""
        if tlv.received:
            self._finishEnded()
        elif self.ctx.state != STATE_FINISHED:
            session = self._live()
            if session is not None and session.state is MessageState.ENCRYPTED:
                session.end()
            self.ctx.setState(STATE_FINISHED)
            self.finished()

    def _finishEnded(self) -> None:
        """Show the end of the session that the engine has reported, once. In version 3 another
        instance of the peer may continue."""
        if not self._endedByPeer:
            return
        self._endedByPeer = False
        assert self._session is not None
        current = self._session.conversation.current
        if current is not None and current.state is MessageState.ENCRYPTED:
            self._show(current)
        elif self.ctx.state != STATE_FINISHED:
            self.ctx.setState(STATE_FINISHED)
            self.finished()

    # Encoded messages

    def handleLine(self, line: bytes, appdata: Any = None) -> tuple[bytes | None, list[TLV]]:
        """Take an encoded message; return its text and TLVs.

        Raises `Unparsable`, `NotEncryptedError` or `InvalidParameterError`.
        """
        session = self._live()
        if self.ctx.state == STATE_ENCRYPTED and session is not None:
            if line.startswith(wire.DATA_MESSAGES):
                return self.handleDataMessage(session, line, appdata)
        message = self._decode(line)
        if message is None:
            return None, []
        if not isinstance(message, DataMessage):
            self.handleAKE(message, appdata)
        elif not message.ignore_unreadable:
            if self.ctx.state == STATE_ENCRYPTED:
                raise InvalidParameterError("expected an encrypted session, there is none")
            self.ctx.sendInternal(proto.Error(_UNEXPECTED), appdata=appdata)
            raise NotEncryptedError(EXC_UNREADABLE_MESSAGE)
        return None, []

    def _decode(self, line: bytes) -> Message | None:
        """Return the message in a line; None if it is ignored for its size."""
        encoded = wire.EncodedMessage(line, b"")
        try:
            message = dispatch.read_message(encoded, limits_of(self.ctx.user), load())
        except (DecodeError, VersionMismatch, LimitExceeded) as error:
            self._refuse(error)
            return None
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
            self.ctx.processTLVs([], appdata=appdata)
            return events[0].text, []
        reading = self.take(outcome, appdata)
        if reading.error is not None:
            self._refuse(reading.error)
        return reading.text, reading.tlvs

    def _refuse(self, error: RemoteError) -> None:
        """Raise the exception that programs for potr expect for a refused message."""
        if isinstance(error, LimitExceeded) and error.limit != "message_size":
            logger.warning("a message, or a part of one, was ignored: %s", error)
            return
        if isinstance(error, WrongInstance | VersionMismatch | DecodeError | LimitExceeded):
            raise Unparsable from error
        logger.warning("a message was refused: %s", error)
        raise InvalidParameterError(str(error)) from error

    def seal(self, message: bytes, flags: int = 0, tlvs: Sequence[TLV] = ()) -> bytes:
        """Return the line of a data message. Raises `InvalidParameterError` without an encrypted
        session, and for a text with a zero byte."""
        session = self._live()
        if session is None or session.state is not MessageState.ENCRYPTED:
            raise InvalidParameterError("expected an encrypted session, there is none")
        try:
            return session.send(message, tlvs=to_wire(tlvs) if tlvs else (), flags=flags).wire[0]
        except LocalError as error:
            raise InvalidParameterError(str(error)) from error

    def hold(self, message: bytes) -> None:
        """Have the engine hold a text until there is a session, then send it."""
        session = self._exchanging()
        trust = session.conversation.context.trust
        trusts: dict[Any, dict[str, str]] = getattr(self.ctx.user, "trusts", {})
        for fingerprint, level in trusts.get(self.ctx.trustName, {}).items():
            with suppress(ValueError):  # a file may contain any text there
                trust.set(session.peer, bytes.fromhex(fingerprint), level)
        before, session.policy = session.policy, session.policy | Policy.REQUIRE_ENCRYPTION
        try:
            session.send(message)  # the application sends its own query
        finally:
            session.policy = before

    def useExtraKey(self, use: int, data: bytes, appdata: Any = None) -> None:
        """Tell the peer the use of the extra symmetric key; `extraKey` becomes the key of this
        message."""
        self.take(self.encryptedSession().extra_key(use, data), appdata)

    # SMP

    def smpHandler(self) -> SMPHandler:
        """Return the SMP handler, made at its first use."""
        if self.smp is None:
            self.smp = SMPHandler(self)
        return self.smp

    def smpSecret(self, secret: bytes, question: bytes | None = None, appdata: Any = None) -> None:
        """Start the SMP, or answer it."""
        self.encryptedSession()
        self.smpHandler().gotSecret(secret, question=question, appdata=appdata)

    def smpAbort(self, appdata: Any = None) -> None:
        """Abort the SMP."""
        self.encryptedSession()
        self.smpHandler().abort(appdata=appdata)

    # Outcomes of the engine

    def take(self, outcome: Outcome, appdata: Any) -> Reading:
        """Queue the lines of an outcome, notify the context of its events, then send the lines;
        what the application sends from a notification follows them."""
        reading = Reading()
        with self.ctx.otrOutbox.held():
            for line in outcome.wire:
                self.ctx.sendInternal(proto.Encoded(line), appdata=appdata)
            for event in outcome.events:
                self._tell(event, reading)
            try:
                if reading.tlvs:
                    self.ctx.processTLVs(reading.tlvs, appdata=appdata)
            finally:  # no class for the TLV, or an override that did not call its base
                self._finishEnded()
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
                self._endedByPeer = True
            case ExtraKeyReceived(key=key) | ExtraKeySent(key=key):
                self.extraKey = key
            case MessageRejected(error=error):
                reading.error = error
            case MessageResent():
                self.ctx.lastMessage, self.ctx.mayRetransmit = None, 0
            case MessageUndelivered(text=text):
                self.ctx.undelivered(text)
            case Limited(limit=limit):
                logger.warning("the limit %s is exceeded", limit)
            case _ if isinstance(event, SmpEvent):
                self.smpHandler().handle(event)

    def _receivedTlvs(self, tlvs: Sequence[Tlv], reading: Reading) -> None:
        """Add the TLVs of known types; a malformed one or one of an unknown type is skipped."""
        for tlv in tlvs:
            if tlv.type in _SMP_TYPES:
                self.smpHandler().received(tlv.type)
            made = tlvClasses.get(tlv.type)
            if made is None:
                logger.info("a TLV of unknown type %d was skipped", tlv.type)
                continue
            try:
                parsed = made.parsePayload(tlv.value)
            except Exception as error:  # noqa: BLE001  the application's classes may raise anything
                logger.info("a TLV of type %d was skipped: %s", tlv.type, type(error).__name__)
                continue
            if isinstance(parsed, DisconnectTLV):
                parsed.received = True
            reading.tlvs.append(parsed)
