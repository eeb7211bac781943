"""Who an account is to every peer: its signing key, its instance tag, its D-H keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair, PublicKey
from otrfast.crypto.secret import Secret
from otrfast.errors import BadSignature
from otrfast.protocol.dh_pool import DhKeyPool

K = TypeVar("K")
V = TypeVar("V")

MIN_INSTANCE_TAG: Final = 0x100
"""Smaller instance tags are reserved (OTRv3, "Instance Tags")."""

_REMEMBERED = 5_000  # public keys, and pairs of primes, known as sound: some 1.5 KB each


def _remember(known: dict[K, V], item: K, value: V) -> None:
    """Put an item into a bounded memory; the oldest is removed."""
    if len(known) >= _REMEMBERED:
        del known[next(iter(known))]
    known[item] = value


class Identity(Secret):
    """The local end of all conversations of an account."""

    __slots__ = (
        "_primes",
        "_sound",
        "allow_own_key",
        "backend",
        "dh_keys",
        "instance_tag",
        "key_pair",
        "random",
    )

    def __init__(
        self,
        key_pair: KeyPair,
        instance_tag: int,
        backend: Backend,
        random: Callable[[int], bytes],
        dh_batch: int,
        allow_own_key: bool = False,
    ) -> None:
        self.allow_own_key: bool = allow_own_key
        self.key_pair: KeyPair = key_pair
        self.instance_tag: int = instance_tag
        self.backend: Backend = backend
        self.random: Callable[[int], bytes] = random
        self.dh_keys: DhKeyPool = DhKeyPool(backend, random, dh_batch)
        self._sound: dict[bytes, PublicKey] = {}  # by their encoding
        self._primes: dict[tuple[int, ...], None] = {}

    def sign(self, value: bytes) -> bytes:
        """Sign 32 bytes with the account's DSA key."""
        return self.key_pair.signing.sign(value, self.random(32))

    def public_key(self, raw: bytes) -> PublicKey:
        """Return the public key with this PUBKEY encoding, read before or now. Raises
        `DecodeError`."""
        return self._sound.get(raw) or PublicKey.decode(raw, self.backend)

    def verify(self, key: PublicKey, value: bytes, signature: bytes) -> None:
        """Check a peer's key and its signature over `value`. Raises `BadSignature`.

        The key itself is checked once. The primality of its p and q, which costs as much as many
        exponentiations, is checked last, and once for all keys that share them: new keys on known
        primes are cheap.
        """
        known = key.raw in self._sound
        if not known and not self.backend.dsa_check(key.numbers, False):
            raise BadSignature("the peer's DSA key is not sound")
        if not self.backend.dsa_verify(key.numbers, value, signature):
            raise BadSignature("the peer's signature does not hold")
        if known:
            return
        primes = (key.numbers.p, key.numbers.q)
        if primes not in self._primes and not self.backend.dsa_check(key.numbers, True):
            raise BadSignature("p or q of the peer's DSA key is not prime")
        _remember(self._primes, primes, None)
        _remember(self._sound, key.raw, key)
