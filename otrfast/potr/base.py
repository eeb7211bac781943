"""The base of potr's contexts: attributes, methods that programs override, and trust."""

from __future__ import annotations

import logging
from typing import Any, cast

from otrfast.potr.account import limits_of, query_text, speaks_v3
from otrfast.potr.compatcrypto import PK
from otrfast.potr.engine import CryptEngine
from otrfast.potr.fragmenting import Reassembly
from otrfast.potr.interfaces import PeerContext
from otrfast.potr.names import OFFER_NOTSENT, STATE_PLAINTEXT, NotEncryptedError
from otrfast.potr.outbox import Outbox

logger: logging.Logger = logging.getLogger("potr.context")


class BaseContext:
    """A conversation with one peer. Programs derive from `context.Context` and define the policy
    and how a line is sent."""

    ALLOW_V3 = False
    """Whether version 3 is spoken; if so, the policy ALLOW_V3 is consulted too."""
    RESEND_HELD = False
    """Whether a text that REQUIRE_ENCRYPTION held is sent when the conversation is encrypted."""

    def __init__(self, account: Any, peername: Any) -> None:
        """Set up a conversation of `account`, which may be any object: what it lacks has a
        default. A key exchange needs its `getPrivkey`."""
        self.user = account
        self.peer = peername
        self.policy: dict[str, Any] = {}
        self.crypto: CryptEngine = CryptEngine(cast(PeerContext, self))
        self.tagOffer = OFFER_NOTSENT
        self.mayRetransmit: int = 0
        self.lastSend: float = 0
        self.lastMessage: bytes | None = None
        self.state: int = STATE_PLAINTEXT
        self.trustName: Any = self.peer
        self.otrOutbox: Outbox = Outbox(self)
        self.otrReassembly: Reassembly = Reassembly(limits_of(account).message_size)

    # For the program to override

    def getPolicy(self, key: str) -> Any:
        """Return whether ALLOW_V1, ALLOW_V2, REQUIRE_ENCRYPTION or SEND_TAG applies; ALLOW_V3 too
        if the attribute `ALLOW_V3` is true."""
        raise NotImplementedError

    def inject(self, msg: bytes, appdata: Any = None) -> Any:
        """Send a line; `appdata` is that of the call that causes it."""
        raise NotImplementedError

    def setState(self, newstate: int) -> None:
        """Take a new state; ENCRYPTED comes again after a new key exchange."""
        self.state = newstate

    def maxMessageSize(self, appdata: Any = None) -> int:
        """Return the longest line that the transport can carry, in bytes; 0: no limit."""
        size = getattr(self.user, "maxMessageSize", 0)
        return size if isinstance(size, int) else 0

    def policyOtrEnabled(self) -> Any:
        """Return whether the policy allows any version."""
        return (
            self.getPolicy("ALLOW_V2")
            or self.getPolicy("ALLOW_V1")
            or (self.optedIntoV3() and self.getPolicy("ALLOW_V3"))
        )

    def shouldTagMessage(self, msg: bytes) -> Any:
        """Return whether this text may carry a whitespace tag."""
        return True

    def undelivered(self, msg: bytes) -> None:
        """Learn of a text that `RESEND_HELD` has held and that will not be sent: the peer's key is
        not one that the text was meant for."""
        logger.warning("a held text was not sent: the peer has another key")

    # Versions

    def optedIntoV3(self) -> bool:
        """Whether the program's classes speak version 3."""
        return bool(self.ALLOW_V3) or speaks_v3(self.user)

    def allowsVersion(self, version: int) -> bool:
        """Whether the policy allows a version now."""
        if version == 3:
            return self.optedIntoV3() and bool(self.getPolicy("ALLOW_V3"))
        return version == 2 and bool(self.getPolicy("ALLOW_V2"))

    def queryMessage(self) -> bytes:
        """Return the query of the account, that offers the versions which the policy allows."""
        if hasattr(self.user, "getDefaultQueryMessage"):
            query: bytes = self.user.getDefaultQueryMessage(self.getPolicy)
            return query
        allowed = [str(version) for version in (2, 3) if self.allowsVersion(version)]
        return query_text(self.user, "".join(allowed))

    # Trust

    def removeFingerprint(self, fingerprint: str) -> None:
        """Forget a fingerprint of the peer (40 lower-case hexadecimal digits)."""
        self.user.removeFingerprint(self.trustName, fingerprint)

    def setTrust(self, fingerprint: str, trustLevel: str) -> None:
        """Set the level of trust in a fingerprint: "", "smp" or "verified"."""
        self.user.setTrust(self.trustName, fingerprint, trustLevel)

    def getTrust(self, fingerprint: str, default: Any = None) -> Any:
        """Return the level of trust in a fingerprint."""
        if not hasattr(self.user, "getTrust"):
            return default
        return self.user.getTrust(self.trustName, fingerprint, default)

    def setCurrentTrust(self, trustLevel: str) -> None:
        """Set the level of trust in the peer's present key."""
        key = self.crypto.theirPubkey
        if key is None:
            raise NotEncryptedError
        self.setTrust(key.cfingerprint(), trustLevel)

    def getCurrentTrust(self) -> Any:
        """Return the level of trust in the peer's present key; None if there is no key, or it is
        new."""
        key = self.crypto.theirPubkey
        return None if key is None else self.getTrust(key.cfingerprint(), None)

    def getCurrentKey(self) -> PK | None:
        """Return the peer's present key; None if there is none."""
        return self.crypto.theirPubkey
