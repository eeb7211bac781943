"""The context and account classes that programs derive from. The docstring of the package lists
the differences from potr.

One thread at a time may use a context. No lock is held while the application is called.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import time
from typing import Any

from otrfast.bytes_like import as_bytes
from otrfast.potr import compatcrypto, crypt, proto
from otrfast.potr.account import BaseAccount
from otrfast.potr.engine import Unparsable
from otrfast.potr.names import (
    EXC_FINISHED,
    EXC_UNREADABLE_MESSAGE,
    FRAGMENT_SEND_ALL,
    FRAGMENT_SEND_ALL_BUT_FIRST,
    FRAGMENT_SEND_ALL_BUT_LAST,
    HEARTBEAT_INTERVAL,
    OFFER_ACCEPTED,
    OFFER_NOTSENT,
    OFFER_REJECTED,
    OFFER_SENT,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    STATE_PLAINTEXT,
    ErrorReceived,
    NotEncryptedError,
    NotOTRMessage,
    UnencryptedMessage,
)
from otrfast.potr.sending import Sending
from otrfast.potr.tlv import TLV, DisconnectTLV, ExtraKeyTLV
from otrfast.wire import lines as wire

__all__ = [
    "EXC_FINISHED",
    "EXC_UNREADABLE_MESSAGE",
    "FRAGMENT_SEND_ALL",
    "FRAGMENT_SEND_ALL_BUT_FIRST",
    "FRAGMENT_SEND_ALL_BUT_LAST",
    "HEARTBEAT_INTERVAL",
    "OFFER_ACCEPTED",
    "OFFER_NOTSENT",
    "OFFER_REJECTED",
    "OFFER_SENT",
    "STATE_ENCRYPTED",
    "STATE_FINISHED",
    "STATE_PLAINTEXT",
    "Account",
    "Context",
    "ErrorReceived",
    "NotEncryptedError",
    "NotOTRMessage",
    "UnencryptedMessage",
    "compatcrypto",
    "crypt",
    "logger",
    "proto",
]

logger: logging.Logger = logging.getLogger("potr.context")


class Context(Sending):
    """A conversation with one peer. Programs derive from it and define the policy and how a line
    is sent."""

    def receiveMessage(
        self, messageData: bytes, appdata: Any = None
    ) -> tuple[bytes | None, list[TLV]]:
        """Take a line; return the decrypted text, or None, and its TLVs.

        Raises `NotOTRMessage` or `UnencryptedMessage` with an ordinary text, `ErrorReceived`,
        `NotEncryptedError` for an encrypted text without a session, `InvalidParameterError` for a
        message that is not authentic, and `TypeError` for a line that is not bytes.
        """
        messageData = as_bytes(messageData, "a line")
        if not self.policyOtrEnabled():
            raise NotOTRMessage(messageData)
        found = wire.classify(messageData)
        line = messageData
        if isinstance(found, wire.FragmentText):
            whole = self._assemble(found, messageData)
            if whole is None:
                return None, []
            line, found = whole, wire.classify(whole)
        else:
            self.otrReassembly.interrupt()
        self._noteOffer(found)
        try:
            return self._receive(found, line, appdata)
        except Unparsable:
            raise self._ordinary(messageData) from None

    def _assemble(self, found: wire.FragmentText, messageData: bytes) -> bytes | None:
        """Take a fragment; return the line that it completes."""
        rest = found.line[len(wire.OTR_TAG) :]
        if found.version == 3 and not self.optedIntoV3():
            raise self._ordinary(messageData)
        whole = self.fragmentAccumulate(rest)
        if whole is not None:
            assembled = wire.classify(whole)  # a refused fragment comes back as it is
            if not isinstance(assembled, wire.EncodedMessage | wire.ErrorText):
                raise self._ordinary(messageData)
        return whole

    def _noteOffer(self, found: wire.Line) -> None:
        """Note whether the peer speaks OTR: our texts carry a tag only if it may."""
        plain = isinstance(found, wire.PlainText)
        offer = OFFER_REJECTED if plain else OFFER_ACCEPTED
        if self.tagOffer != offer and self.getPolicy("SEND_TAG"):
            self.tagOffer = offer

    def _receive(
        self, found: wire.Line, line: bytes, appdata: Any
    ) -> tuple[bytes | None, list[TLV]]:
        match found:
            case wire.EncodedMessage(line=encoded):
                text, tlvs = self.crypto.handleLine(encoded, appdata=appdata)
                if text:
                    self._heartbeat(appdata)
                return text or None, tlvs
            case wire.Query(versions=versions):
                self.handleQuery(proto.Query(set(versions)), appdata=appdata)
                return None, []
            case wire.TaggedText(text=text, versions=versions):
                trouble = self._plain(text)  # made now: the key exchange changes the state
                self.handleQuery(proto.TaggedPlaintext(text, set(versions)), appdata=appdata)
                raise trouble
            case wire.PlainText():
                raise self._plain(line)
            case wire.ErrorText():
                raise ErrorReceived(proto.parse(line))
        raise Unparsable

    def _heartbeat(self, appdata: Any) -> None:
        """After a text: send an empty message if none was sent for long, so that keys rotate."""
        if self.state == STATE_ENCRYPTED and self.lastSend < time() - HEARTBEAT_INTERVAL:
            self.sendInternal(b"", appdata=appdata)

    def _plain(self, text: bytes) -> RuntimeError:
        """Return the exception for a text in the clear."""
        if self.getPolicy("REQUIRE_ENCRYPTION"):
            return UnencryptedMessage(text)
        return self._ordinary(text)

    def _ordinary(self, text: bytes) -> RuntimeError:
        """Return the exception for a line that is shown as it is: in ENCRYPTED and FINISHED it must
        not look like a part of the private conversation."""
        return NotOTRMessage(text) if self.state == STATE_PLAINTEXT else UnencryptedMessage(text)

    def processTLVs(self, tlvs: Sequence[TLV], appdata: Any = None) -> None:
        """Process the TLVs of a received message: a `DisconnectTLV` finishes the conversation.

        `receiveMessage` calls this, so an override sees what was received. The engine has answered
        SMP messages already. A program may call it again: the same TLVs change nothing twice.
        """
        for tlv in tlvs:
            if isinstance(tlv, DisconnectTLV):
                self.crypto.disconnected(tlv)

    def handleQuery(self, message: proto.Query, appdata: Any = None) -> None:
        """Answer an offer of versions with a key exchange in the highest one that is allowed."""
        if 3 in message.versions and self.allowsVersion(3):
            self.crypto.startAKE(appdata=appdata, version=3)
        elif 2 in message.versions and self.getPolicy("ALLOW_V2"):
            self.authStartV2(appdata=appdata)
        elif 1 in message.versions and self.getPolicy("ALLOW_V1"):
            try:
                self.authStartV1(appdata=appdata)
            except NotImplementedError:
                logger.info("an offer of version 1 alone was ignored: it is not supported")

    def authStartV1(self, appdata: Any = None) -> None:
        """Raise `NotImplementedError`: version 1 is not supported."""
        raise NotImplementedError

    def authStartV2(self, appdata: Any = None) -> None:
        """Begin a key exchange."""
        self.crypto.startAKE(appdata=appdata)

    def parse(self, message: bytes, nofragment: bool = False) -> Any:
        """Return the message of `proto` in a line, or the line itself if it is a text; None for a
        fragment of an incomplete message."""
        found = wire.classify(message)
        if isinstance(found, wire.FragmentText) and not nofragment:
            whole = self.fragmentAccumulate(found.line[len(wire.OTR_TAG) :])
            return None if whole is None else self.parse(whole, nofragment=True)
        return proto.parse(message)

    @property
    def fragmentInfo(self) -> tuple[int, int]:
        """The number of fragments received, and of the whole message."""
        return self.otrReassembly.progress

    @property
    def fragment(self) -> list[bytes]:
        """The received fragments of a message; joined, they are its beginning."""
        return self.otrReassembly.pieces

    def fragmentAccumulate(self, message: bytes) -> bytes | None:
        """Take a fragment, without its `?OTR`: see `fragmenting.Reassembly.add`."""
        return self.otrReassembly.add(message)

    def discardFragment(self) -> None:
        """Forget the fragments of an incomplete message."""
        self.otrReassembly.clear()

    def disconnect(self, appdata: Any = None) -> None:
        """End the private conversation."""
        if self.state == STATE_FINISHED:
            self.setState(STATE_PLAINTEXT)
            return
        if self.state == STATE_ENCRYPTED:
            self.crypto.end(appdata=appdata)
        self.setState(STATE_PLAINTEXT)
        self.crypto.finished()

    def _wentEncrypted(self) -> None:
        self.setState(STATE_ENCRYPTED)

    # SMP and the extra key

    def _needEncrypted(self) -> None:
        if self.state != STATE_ENCRYPTED:
            raise NotEncryptedError

    def smpInit(
        self, secret: bytes | str, question: bytes | str | None = None, appdata: Any = None
    ) -> None:
        """Start an SMP; one that runs is dropped without a message to the peer."""
        self._needEncrypted()
        self.crypto.smp = None
        self.crypto.smpSecret(_utf8(secret), question=_utf8(question), appdata=appdata)

    def smpGotSecret(
        self, secret: bytes | str, question: bytes | str | None = None, appdata: Any = None
    ) -> None:
        """Answer the peer's SMP, or start one if none runs."""
        self._needEncrypted()
        self.crypto.smpSecret(_utf8(secret), question=_utf8(question), appdata=appdata)

    def smpAbort(self, appdata: Any = None) -> None:
        """Abort the SMP, and tell the peer."""
        self._needEncrypted()
        self.crypto.smpAbort(appdata=appdata)

    def smpIsValid(self) -> Any:
        """Return whether there is an SMP that was neither aborted nor cheated in."""
        return self.crypto.smp and self.crypto.smp.prog != crypt.SMPPROG_CHEATED

    def smpIsSuccess(self) -> bool | None:
        """Return whether the SMP has succeeded; None if there is none."""
        smp = self.crypto.smp
        return None if smp is None else smp.prog == crypt.SMPPROG_SUCCEEDED

    def getExtraKey(
        self,
        extraKeyAppId: bytes | int | None = None,
        extraKeyAppData: bytes | None = None,
        appdata: Any = None,
    ) -> bytes | None:
        """Return the extra symmetric key, 32 bytes.

        With `extraKeyAppId` (4 bytes, or a number) a message asks the peer to use the key for that
        purpose, and the result is the key of this message. Without it, the result is the key of
        the last such message, sent or received; before the first one, that of the key exchange.
        """
        self._needEncrypted()
        if extraKeyAppId is not None:
            use = extraKeyAppId
            if isinstance(use, bytes):
                use = ExtraKeyTLV.use(use)
            self.crypto.useExtraKey(use, extraKeyAppData or b"", appdata=appdata)
        return self.crypto.extraKey


class Account(BaseAccount[Context]):
    """An account; programs derive from it and define where its key and trusts are stored."""

    contextclass = Context


def _utf8(secret: Any) -> Any:
    """Return a secret or question as bytes."""
    return secret.encode() if isinstance(secret, str) else secret
