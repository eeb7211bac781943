"""What potr's conversations are made on: their attributes, the methods that programs override,
and trust."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from otrfast.potr.engine import CryptEngine
from otrfast.potr.fragmenting import Reassembly
from otrfast.potr.names import OFFER_NOTSENT, STATE_PLAINTEXT, NotEncryptedError
from otrfast.potr.outbox import Outbox

if TYPE_CHECKING:
    from otrfast.potr.account import BaseAccount
    from otrfast.potr.compatcrypto import PK
    from otrfast.potr.context import Context

logger: logging.Logger = logging.getLogger("potr.context")


class BaseContext:
    """A conversation with one peer. Programs derive from it and say what the policy is and how a
    line is sent."""

    ALLOW_V3 = False
    """Whether version 3 is spoken: then the policy ALLOW_V3 is asked for too."""
    RESEND_HELD = False
    """Whether a text that REQUIRE_ENCRYPTION held back is sent when the conversation is
    encrypted."""

    def __init__(self, account: BaseAccount, peername: Any) -> None:
        self.user = account
        self.peer = peername
        self.policy: dict[str, Any] = {}
        self.crypto: CryptEngine = CryptEngine(cast("Context", self))
        self.tagOffer = OFFER_NOTSENT
        self.mayRetransmit: int = 0
        self.lastSend: float = 0
        self.lastMessage: bytes | None = None
        self.state: int = STATE_PLAINTEXT
        self.trustName: Any = self.peer
        self.otrOutbox: Outbox = Outbox(self)
        self.otrReassembly: Reassembly = Reassembly(account.LIMITS.message_size)

    # For the program to override

    def getPolicy(self, key: str) -> Any:
        """Return whether ALLOW_V1, ALLOW_V2, REQUIRE_ENCRYPTION or SEND_TAG is wanted; ALLOW_V3
        where `ALLOW_V3` opts in."""
        raise NotImplementedError

    def inject(self, msg: bytes, appdata: Any = None) -> Any:
        """Send a line; `appdata` is that of the call that it is due to."""
        raise NotImplementedError

    def setState(self, newstate: int) -> None:
        """Take a new state; ENCRYPTED comes again with new keys."""
        self.state = newstate

    def maxMessageSize(self, appdata: Any = None) -> int:
        """Return the longest line that the transport takes, in bytes; 0: any."""
        return self.user.maxMessageSize

    def policyOtrEnabled(self) -> Any:
        """Return whether OTR does anything."""
        return (
            self.getPolicy("ALLOW_V2")
            or self.getPolicy("ALLOW_V1")
            or (self.optedIntoV3() and self.getPolicy("ALLOW_V3"))
        )

    def shouldTagMessage(self, msg: bytes) -> Any:
        """Return whether this text may carry a whitespace tag."""
        return True

    def undelivered(self, msg: bytes) -> None:
        """Learn of a text that `RESEND_HELD` has kept, and that will not be sent: the key that
        answered is not the one it was meant for."""
        logger.warning("a text that was held back for another key was not sent")

    # Versions

    def optedIntoV3(self) -> bool:
        """Whether the program's classes speak version 3."""
        return bool(self.ALLOW_V3 or self.user.ALLOW_V3)

    def allowsVersion(self, version: int) -> bool:
        """Whether the policy allows a version now."""
        if version == 3:
            return self.optedIntoV3() and bool(self.getPolicy("ALLOW_V3"))
        return version == 2 and bool(self.getPolicy("ALLOW_V2"))

    # Trust

    def removeFingerprint(self, fingerprint: str) -> None:
        """Forget a fingerprint of the peer (40 lower-case hexadecimal digits)."""
        self.user.removeFingerprint(self.trustName, fingerprint)

    def setTrust(self, fingerprint: str, trustLevel: str) -> None:
        """Set how far a fingerprint is trusted: "" not at all, "smp" or "verified" by that."""
        self.user.setTrust(self.trustName, fingerprint, trustLevel)

    def getTrust(self, fingerprint: str, default: Any = None) -> Any:
        """Return how far a fingerprint is trusted."""
        return self.user.getTrust(self.trustName, fingerprint, default)

    def setCurrentTrust(self, trustLevel: str) -> None:
        """Set how far the peer's present key is trusted."""
        key = self.crypto.theirPubkey
        if key is None:
            raise NotEncryptedError
        self.setTrust(key.cfingerprint(), trustLevel)

    def getCurrentTrust(self) -> Any:
        """Return how far the peer's present key is trusted; None where there is none, or it is
        new."""
        key = self.crypto.theirPubkey
        return None if key is None else self.getTrust(key.cfingerprint(), None)

    def getCurrentKey(self) -> PK | None:
        """Return the peer's present key, None where there is none."""
        return self.crypto.theirPubkey
