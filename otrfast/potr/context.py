"""potr's conversations and accounts, to be derived from: see the package's docstring for what
differs from potr.

One context is used by one thread at a time. Nothing is locked while the application is called.
"""

from __future__ import annotations

import logging
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
from otrfast.potr.tlv import TLV, ExtraKeyTLV
from otrfast.wire import text as wire

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
    """A conversation with one peer. Programs derive from it and say what the policy is and how a
    line is sent."""

    def receiveMessage(
        self, messageData: bytes, appdata: Any = None
    ) -> tuple[bytes | None, list[TLV]]:
        """Take a line; return the text that came encrypted, if one did, and the TLVs with it.

        Raises `NotOTRMessage` and `UnencryptedMessage` with an ordinary text, `ErrorReceived`,
        `NotEncryptedError` for an encrypted text without a session, `InvalidParameterError` for a
        message that does not hold, and `TypeError` for anything but bytes.
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
            assembled = wire.classify(whole)  # a fragment that is refused comes back as a text
            if not isinstance(assembled, wire.Armoured | wire.ErrorText):
                raise self._ordinary(messageData)
        return whole

    def _noteOffer(self, found: wire.Line) -> None:
        """What came tells whether the peer speaks OTR: is it worth while to tag our texts?"""
        plain = isinstance(found, wire.PlainText)
        offer = OFFER_REJECTED if plain else OFFER_ACCEPTED
        if self.tagOffer != offer and self.getPolicy("SEND_TAG"):
            self.tagOffer = offer

    def _receive(
        self, found: wire.Line, line: bytes, appdata: Any
    ) -> tuple[bytes | None, list[TLV]]:
        match found:
            case wire.Armoured(line=armoured):
                text, tlvs = self.crypto.handleLine(armoured, appdata=appdata)
                if text:
                    self._heartbeat(appdata)
                return text or None, tlvs
            case wire.Query(versions=versions):
                self.handleQuery(proto.Query(set(versions)), appdata=appdata)
                return None, []
            case wire.TaggedText(text=text, versions=versions):
                trouble = self._plain(text)  # it came before the key exchange that it starts
                self.handleQuery(proto.TaggedPlaintext(text, set(versions)), appdata=appdata)
                raise trouble
            case wire.PlainText():
                raise self._plain(line)
            case wire.ErrorText():
                raise ErrorReceived(proto.parse(line))
        raise Unparsable

    def _heartbeat(self, appdata: Any) -> None:
        """A text was received: turn the keys where we have not sent anything for long."""
        if self.state == STATE_ENCRYPTED and self.lastSend < time() - HEARTBEAT_INTERVAL:
            self.sendInternal(b"", appdata=appdata)

    def _plain(self, text: bytes) -> RuntimeError:
        """What to raise for a text in the clear."""
        if self.getPolicy("REQUIRE_ENCRYPTION"):
            return UnencryptedMessage(text)
        return self._ordinary(text)

    def _ordinary(self, text: bytes) -> RuntimeError:
        """What to raise for a line that will be shown as it is: while there is a private
        conversation, or was one until the peer ended it, it must not pass for a part of it."""
        return NotOTRMessage(text) if self.state == STATE_PLAINTEXT else UnencryptedMessage(text)

    def handleQuery(self, message: proto.Query, appdata: Any = None) -> None:
        """Answer an offer of versions by a key exchange in the best one that is allowed."""
        if 3 in message.versions and self.allowsVersion(3):
            self.crypto.startAKE(appdata=appdata, version=3)
        elif 2 in message.versions and self.getPolicy("ALLOW_V2"):
            self.authStartV2(appdata=appdata)
        elif 1 in message.versions and self.getPolicy("ALLOW_V1"):
            try:
                self.authStartV1(appdata=appdata)
            except NotImplementedError:
                logger.info("the peer offers version 1 alone, which is not spoken")

    def authStartV1(self, appdata: Any = None) -> None:
        """Version 1 is not spoken."""
        raise NotImplementedError

    def authStartV2(self, appdata: Any = None) -> None:
        """Begin a key exchange."""
        self.crypto.startAKE(appdata=appdata)

    def parse(self, message: bytes, nofragment: bool = False) -> Any:
        """Return what a line holds: a message of `proto`, or the text itself; None for a piece of
        a message that is not complete yet."""
        found = wire.classify(message)
        if isinstance(found, wire.FragmentText) and not nofragment:
            whole = self.fragmentAccumulate(found.line[len(wire.OTR_TAG) :])
            return None if whole is None else self.parse(whole, nofragment=True)
        return proto.parse(message)

    @property
    def fragmentInfo(self) -> tuple[int, int]:
        """How many pieces of a message have come, and how many there are."""
        return self.otrReassembly.progress

    @property
    def fragment(self) -> list[bytes]:
        """The pieces of a message that have come; joined, its beginning."""
        return self.otrReassembly.pieces

    def fragmentAccumulate(self, message: bytes) -> bytes | None:
        """Take a fragment from behind its `?OTR`: see `fragmenting.Reassembly.add`."""
        return self.otrReassembly.add(message)

    def discardFragment(self) -> None:
        """Forget the pieces of an unfinished message."""
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
        """Start an SMP; one that runs is forgotten without a word to the peer."""
        self._needEncrypted()
        self.crypto.smp = None
        self.crypto.smpSecret(_utf8(secret), question=_utf8(question), appdata=appdata)

    def smpGotSecret(
        self, secret: bytes | str, question: bytes | str | None = None, appdata: Any = None
    ) -> None:
        """Answer the peer's SMP, or start one where none runs."""
        self._needEncrypted()
        self.crypto.smpSecret(_utf8(secret), question=_utf8(question), appdata=appdata)

    def smpAbort(self, appdata: Any = None) -> None:
        """Break the SMP off, and tell the peer."""
        self._needEncrypted()
        self.crypto.smpAbort(appdata=appdata)

    def smpIsValid(self) -> Any:
        """Return whether there is an SMP that nobody has broken or broken off."""
        return self.crypto.smp and self.crypto.smp.prog != crypt.SMPPROG_CHEATED

    def smpIsSuccess(self) -> bool | None:
        """Return whether the SMP has succeeded, None where there is none."""
        smp = self.crypto.smp
        return None if smp is None else smp.prog == crypt.SMPPROG_SUCCEEDED

    def getExtraKey(
        self,
        extraKeyAppId: bytes | int | None = None,
        extraKeyAppData: bytes | None = None,
        appdata: Any = None,
    ) -> bytes | None:
        """Return the extra symmetric key, 32 bytes.

        With `extraKeyAppId`, a number of 4 bytes, the peer is told to use it for that, and the key
        is that of this message; else it is that of the last such message, sent or received, and
        before the first one that of the key exchange.
        """
        self._needEncrypted()
        if extraKeyAppId is not None:
            use = extraKeyAppId
            if isinstance(use, bytes):
                use = ExtraKeyTLV.use(use)
            self.crypto.useExtraKey(use, extraKeyAppData or b"", appdata=appdata)
        return self.crypto.extraKey


class Account(BaseAccount):
    """An account; programs derive from it and say where its key and trusts are kept."""

    contextclass = Context


def _utf8(secret: Any) -> Any:
    """A secret or question as bytes."""
    return secret.encode() if isinstance(secret, str) else secret
