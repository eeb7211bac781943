"""Who we are to every peer: the signing key, the instance tag, and the D-H keys made ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from otrfast.crypto.backend import DH_EXPONENT_BYTES, Backend, DhKey, SharedSecret
from otrfast.crypto.dsa import KeyPair, PublicKey
from otrfast.errors import BadSignature

MIN_INSTANCE_TAG: Final = 0x100
"""Smaller instance tags are reserved (OTRv3, "Instance Tags")."""

_SOUND_KEYS = 10_000  # fingerprints remembered as sound, 20 bytes each and the cost of a dict entry


class DhKeyPool:
    """D-H key pairs made `batch` at a time, since the processor may make eight for the price of
    three."""

    __slots__ = ("_backend", "_keys", "_random", "batch")

    def __init__(self, backend: Backend, random: Callable[[int], bytes], batch: int) -> None:
        self._backend = backend
        self._random = random
        self._keys: list[DhKey] = []
        self.batch = batch

    def take(self) -> DhKey:
        """Return a fresh key pair: nobody else ever gets it."""
        if not self._keys:
            self.fill(self.batch)
        return self._keys.pop()

    def fill(self, count: int) -> None:
        """Make keys until `count` are there: idle time is well spent here."""
        missing = count - len(self._keys)
        if missing > 0:
            self._keys += self._backend.dh_keys(
                [self._random(DH_EXPONENT_BYTES) for _ in range(missing)]
            )

    def clear(self) -> None:
        """Wipe the keys that nobody has taken."""
        self._keys.clear()

    def __len__(self) -> int:
        return len(self._keys)


class Identity:
    """The local end of all conversations of an account."""

    __slots__ = ("_ahead", "_sound", "backend", "dh_keys", "instance_tag", "key_pair", "random")

    def __init__(
        self,
        key_pair: KeyPair,
        instance_tag: int,
        backend: Backend,
        random: Callable[[int], bytes],
        dh_batch: int,
    ) -> None:
        self.key_pair = key_pair
        self.instance_tag = instance_tag
        self.backend = backend
        self.random = random
        self.dh_keys = DhKeyPool(backend, random, dh_batch)
        self._sound: dict[bytes, None] = {}
        self._ahead: dict[tuple[DhKey, bytes], SharedSecret] = {}

    def agree(self, key: DhKey, public: bytes) -> SharedSecret:
        """Return the secret that `key` shares with `public`, computed ahead or now. Raises
        `NotInGroup`."""
        ahead = self._ahead.pop((key, public), None)
        return key.agree(public) if ahead is None else ahead

    def agree_ahead(self, pairs: Sequence[tuple[DhKey, bytes]]) -> None:
        """Compute many shared secrets at a time; `agree` finds them."""
        secrets = self.backend.agree_many(pairs)
        self._ahead = {
            pair: secret for pair, secret in zip(pairs, secrets, strict=True) if secret is not None
        }

    def forget_ahead(self) -> None:
        """Wipe the shared secrets that nobody has asked for."""
        self._ahead.clear()

    def sign(self, value: bytes) -> bytes:
        """Sign 32 bytes with the account's DSA key."""
        return self.key_pair.signing.sign(value, self.random(32))

    def verify(self, key: PublicKey, value: bytes, signature: bytes) -> None:
        """Check a peer's key and its signature over `value`. Raises `BadSignature`.

        The key itself is examined once: primality costs as much as some powers, and a
        fingerprint that passed stays sound.
        """
        if key.fingerprint not in self._sound:
            if not self.backend.dsa_check(key.numbers, True):
                raise BadSignature("the peer's DSA key is not sound")
            if len(self._sound) >= _SOUND_KEYS:
                del self._sound[next(iter(self._sound))]
            self._sound[key.fingerprint] = None
        if not self.backend.dsa_verify(key.numbers, value, signature):
            raise BadSignature("the peer's signature does not hold")
