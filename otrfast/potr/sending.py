"""The methods of potr's contexts that send texts and messages."""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Any

from otrfast.bytes_like import as_bytes
from otrfast.potr import proto
from otrfast.potr.base import BaseContext
from otrfast.potr.fragmenting import cut
from otrfast.potr.names import (
    EXC_FINISHED,
    FRAGMENT_SEND_ALL,
    FRAGMENT_SEND_ALL_BUT_FIRST,
    FRAGMENT_SEND_ALL_BUT_LAST,
    OFFER_REJECTED,
    OFFER_SENT,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    NotEncryptedError,
)
from otrfast.potr.tlv import TLV
from otrfast.wire import lines as wire


class Sending(BaseContext):
    """A context that sends texts and messages of the protocol."""

    def parseExplicitQuery(self, message: bytes) -> bytes | None:
        """Return the part of a query after `?OTR`; None for any other text."""
        found = wire.classify(message) if proto.OTRTAG in message else None
        if not isinstance(found, wire.Query):
            return None
        start = len(found.before) + len(proto.OTRTAG)
        offer = message[start : len(message) - len(found.after)]
        return offer.removesuffix(b"?") if b"v" in offer else offer

    def sendMessage(
        self,
        sendPolicy: int,
        msg: bytes | proto.OTRMessage,
        flags: int = 0,
        tlvs: Sequence[TLV] = (),
        appdata: Any = None,
    ) -> Any:
        """Send a text, or a message of the protocol.

        The lines of an encrypted text are injected, except the one that `sendPolicy` leaves to
        the caller, which is returned; queries and texts in the clear are always returned. Raises
        `NotEncryptedError` in FINISHED.
        """
        if not self.policyOtrEnabled():
            return msg
        self.lastSend: float = time()
        if not isinstance(msg, proto.OTRMessage):
            msg = self.processOutgoingMessage(msg, flags, tlvs)
        elif tlvs:
            raise TypeError("expected no TLVs with a message of the protocol")
        if isinstance(msg, proto.OTRMessage) and not isinstance(msg, proto.Query):
            return self.sendFragmented(bytes(msg), policy=sendPolicy, appdata=appdata)
        return bytes(msg)

    def sendInternal(
        self, msg: bytes | proto.OTRMessage, tlvs: Sequence[TLV] = (), appdata: Any = None
    ) -> None:
        """Send a message that is no text of the user."""
        self.sendMessage(
            FRAGMENT_SEND_ALL,
            msg,
            tlvs=tlvs,
            appdata=appdata,
            flags=proto.MSGFLAGS_IGNORE_UNREADABLE,
        )

    def processOutgoingMessage(
        self, msg: bytes, flags: int, tlvs: Sequence[TLV] = ()
    ) -> bytes | proto.OTRMessage:
        """Return the form in which a text is sent: as it is, tagged, encrypted, or replaced by a
        query."""
        msg = as_bytes(msg, "a message")
        if self.parseExplicitQuery(msg) is not None:
            return self.queryMessage()
        if self.state == STATE_ENCRYPTED:
            return proto.Encoded(self.crypto.seal(msg, flags, tlvs))
        if self.state == STATE_FINISHED:
            raise NotEncryptedError(EXC_FINISHED)
        if self.getPolicy("REQUIRE_ENCRYPTION"):
            self.lastMessage: bytes | None = msg
            self.mayRetransmit: int = 2
            if self.RESEND_HELD:
                self.crypto.hold(msg)
            return self.queryMessage()
        wanted = self.getPolicy("SEND_TAG") and self.tagOffer != OFFER_REJECTED
        if wanted and self.shouldTagMessage(msg):
            self.tagOffer = OFFER_SENT
            versions = {1} if self.getPolicy("ALLOW_V1") else set()
            versions.update(version for version in (2, 3) if self.allowsVersion(version))
            return proto.TaggedPlaintext(msg, versions)
        return msg

    def sendFragmented(
        self, msg: bytes, policy: int = FRAGMENT_SEND_ALL, appdata: Any = None
    ) -> bytes | None:
        """Inject a line, in fragments if it is above the transport's limit; return the fragment
        that `policy` leaves to the caller."""
        lines = cut(msg, self.maxMessageSize(appdata))
        if policy == FRAGMENT_SEND_ALL:
            self.otrOutbox.put(lines, appdata)
            return None
        if policy not in (FRAGMENT_SEND_ALL_BUT_FIRST, FRAGMENT_SEND_ALL_BUT_LAST):
            raise ValueError(f"expected a FRAGMENT_SEND policy, not {policy!r}")
        kept = lines.pop(0 if policy == FRAGMENT_SEND_ALL_BUT_FIRST else -1)
        self.otrOutbox.put(lines, appdata)
        self.otrOutbox.flush()  # everything before the caller's line is sent first
        return kept
