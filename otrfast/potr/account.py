"""potr's account: its private key, its contexts, and its levels of trust."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import inf
from typing import Any, Generic, TypeVar

from otrfast.account import Account as EngineAccount
from otrfast.crypto.dsa import KeyPair
from otrfast.limits import Limits
from otrfast.potr.compatcrypto import PK, generateDefaultKey
from otrfast.potr.interfaces import PeerContext

C = TypeVar("C", bound=PeerContext)

_ANY_NUMBER = 1_000_000_000

LIMITS = Limits(
    message_size=4 * 1024 * 1024,
    ake_burst=1000,
    ake_rate=100.0,
    account_ake_rate=1e6,
    ake_timeout=600.0,
    ake_retry=inf,
    pending_akes=_ANY_NUMBER,
    smp_burst=1000,
    smp_rate=100.0,
    smp_question=60_000,
    held_age=inf,
    heartbeat_interval=inf,
)
"""The engine's limits, as wide as programs for potr expect: the limits on one peer still hold; the
limits on the account are off, since the program decides how many contexts there are. No timer runs
here, so a key exchange has no second try; the context sends heartbeats."""

_DEFAULT_QUERY = (
    "?OTRv{versions}?\nI would like to start an Off-the-Record private conversation. However, you "
    "do not have a plugin to support that.\nSee https://otr.cypherpunks.ca/ for more information."
)


def limits_of(user: object) -> Limits:
    """Return the limits of an account of the program, which may be any object; without any, the
    default ones."""
    limits = getattr(user, "LIMITS", None)
    return limits if isinstance(limits, Limits) else LIMITS


def speaks_v3(user: object) -> bool:
    """Whether an account of the program, which may be any object, speaks version 3."""
    allowed = getattr(user, "ALLOW_V3", False)
    return isinstance(allowed, int) and bool(allowed)


def query_text(user: object, versions: str) -> bytes:
    """Return the query of an account of the program, which may be any object."""
    text = getattr(user, "defaultQuery", None)
    return (text if isinstance(text, str) else _DEFAULT_QUERY).format(versions=versions).encode()


def engine_account(user: object, present: EngineAccount | None) -> EngineAccount:
    """Return the engine's account for one of the program, which may be any object with a
    `getPrivkey`; `present` is the one of an earlier call.

    Raises `LookupError` if the object has no private key.
    """
    key = user.getPrivkey() if hasattr(user, "getPrivkey") else None
    found = getattr(key, "keyPair", None)  # of the registered classes only DSAKey has one
    pair = found if isinstance(found, KeyPair) else None
    if pair is None:
        raise LookupError(f"expected an account with a private key, found {type(user).__name__}")
    if present is None:
        tag = getattr(user, "instanceTag", None)
        return EngineAccount(
            str(getattr(user, "name", "")),
            str(getattr(user, "protocol", "")),
            pair,
            limits=limits_of(user),
            instance_tag=tag if isinstance(tag, int) else None,
            query_text=b"",
            error_text=b"",
            allow_own_key=True,
        )
    if present.private_key is not pair:
        present.private_key = pair
    return present


class BaseAccount(Generic[C]):
    """An account; programs derive from `context.Account` and define where its key and trusts are
    stored."""

    contextclass: type[C]
    ALLOW_V3 = False
    """Whether version 3 is spoken; if so, the policy ALLOW_V3 is consulted too."""
    LIMITS = LIMITS
    instanceTag: int | None = None
    """The instance tag of this program in version 3: 0x100 .. 2^32-1, the same at each start; None:
    a random one."""

    _engineAccount: EngineAccount | None = None

    def __init__(
        self, name: str, protocol: str, maxMessageSize: int, privkey: PK | None = None
    ) -> None:
        self.name = name
        self.privkey = privkey
        self.policy: dict[str, Any] = {}
        self.protocol = protocol
        self.ctxs: dict[Hashable, C] = {}
        self.trusts: dict[Any, dict[str, str]] = {}
        self.maxMessageSize = maxMessageSize
        self.defaultQuery = _DEFAULT_QUERY

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(name={self.name!r})>"

    def getPrivkey(self, autogen: bool = True) -> PK:
        """Return the private key: the present one, the stored one, or a new one, which is then
        stored.

        A new key takes some tens of milliseconds; call this, or `prepare`, before the first
        message. Raises `LookupError` if there is none and `autogen` is not True.
        """
        if self.privkey is None:
            self.privkey = self.loadPrivkey()
        if self.privkey is None:
            if autogen is not True:
                raise LookupError("expected a stored private key, found none")
            self.privkey = generateDefaultKey()
            self.savePrivkey()
        return self.privkey

    def loadPrivkey(self) -> PK | None:
        """Return the stored key; None if there is none."""
        raise NotImplementedError

    def savePrivkey(self) -> None:
        """Store the key that `getPrivkey` returns."""
        raise NotImplementedError

    def saveTrusts(self) -> None:
        """Store `trusts`, which have changed."""
        raise NotImplementedError

    def prepare(self, dhKeys: int = 1) -> None:
        """Make the private key and D-H keys now, so that no message waits for them."""
        self.engineAccount().prepare(dhKeys)

    def engineAccount(self) -> EngineAccount:
        """Return the engine's account, made at its first use, with the present private key."""
        self._engineAccount = engine_account(self, self._engineAccount)
        return self._engineAccount

    def getContext(self, uid: Hashable, newCtxCb: Callable[[C], Any] | None = None) -> C:
        """Return the context of a peer; `newCtxCb` is called with a new one."""
        if uid not in self.ctxs:
            self.ctxs[uid] = self.contextclass(self, uid)  # type: ignore[call-arg]  # a Protocol has no constructor
            if callable(newCtxCb):
                newCtxCb(self.ctxs[uid])
        return self.ctxs[uid]

    def getDefaultQueryMessage(self, policy: Callable[[str], Any]) -> bytes:
        """Return the query that offers the versions that `policy` allows."""
        versions = "2" if policy("ALLOW_V2") else ""
        asking = getattr(policy, "__self__", None)
        if any(getattr(each, "ALLOW_V3", False) for each in (self, self.contextclass, asking)):
            versions += "3" if policy("ALLOW_V3") else ""
        return query_text(self, versions)

    def setTrust(self, key: Any, fingerprint: str, trustLevel: str) -> None:
        """Set the level of trust in a fingerprint of `key`, and store it."""
        self.trusts.setdefault(key, {})[fingerprint] = trustLevel
        self.saveTrusts()

    def getTrust(self, key: Any, fingerprint: str, default: Any = None) -> Any:
        """Return the level of trust in a fingerprint of `key`."""
        return self.trusts.get(key, {}).get(fingerprint, default)

    def removeFingerprint(self, key: Any, fingerprint: str) -> None:
        """Forget a fingerprint of `key`; the caller stores the change."""
        self.trusts.get(key, {}).pop(fingerprint, None)
