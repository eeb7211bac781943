"""The DSA keys of peers: what is checked of them, and which are known as sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import PublicKey
from otrfast.crypto.secret import Secret
from otrfast.errors import BadSignature

V = TypeVar("V")

_KEYS: Final = 5_000  # sound keys that are remembered, some 1.5 KB each
_PRIMES: Final = 50_000  # pairs of primes, by their hash: some 200 bytes each
_SECRET_BYTES = 32


class Memory(dict[bytes, V]):
    """Up to `capacity` values by their key, put in by `add`. When it is full a new one takes the
    place of a random one: what comes round in a circle one longer than the memory still finds
    nearly all of it."""

    __slots__ = ("_capacity", "_keys", "_random")

    def __init__(self, capacity: int, random: Callable[[int], bytes]) -> None:
        self._capacity = capacity
        self._random = random
        self._keys: list[bytes] = []

    def add(self, key: bytes, value: V) -> None:
        """Remember a value."""
        if key in self:
            return
        if len(self._keys) < self._capacity:
            self._keys.append(key)
        else:
            place = int.from_bytes(self._random(8), "big") % self._capacity
            self.pop(self._keys[place], None)
            self._keys[place] = key
        self[key] = value


class PeerKeys(Secret):
    """Checks the keys and signatures of peers, and remembers what it has found sound."""

    __slots__ = ("_backend", "_primes", "_random", "_secret", "_sound")

    def __init__(self, backend: Backend, random: Callable[[int], bytes]) -> None:
        self._backend = backend
        self._random = random
        self._secret = b""  # drawn when it is first needed
        self._sound: Memory[PublicKey] = Memory(_KEYS, random)  # by their encoding
        self._primes: Memory[bool] = Memory(_PRIMES, random)  # the verdict, by their hash

    def read(self, raw: bytes) -> PublicKey:
        """Return the public key with this PUBKEY encoding, read before or now. Raises
        `DecodeError`."""
        return self._sound.get(raw) or PublicKey.decode(raw, self._backend)

    def verify(
        self,
        key: PublicKey,
        value: bytes,
        signature: bytes,
        must_examine: Callable[[bytes], bool],
    ) -> None:
        """Check a peer's key and its signature over `value`. Raises `BadSignature`.

        The key itself is checked once. The primality of its p and q, which costs more than all the
        rest, comes last, once for all keys that share them, and only if `must_examine` says of its
        fingerprint that it is due; what that raises is passed on.
        """
        if key.raw in self._sound:
            self._verify(key, value, signature)
            return
        if not self._backend.dsa_check(key.numbers):
            raise BadSignature("the peer's DSA key is not sound")
        self._verify(key, value, signature)
        self._examine(key, must_examine)
        self._sound.add(key.raw, key)

    def _verify(self, key: PublicKey, value: bytes, signature: bytes) -> None:
        if not self._backend.dsa_verify(key.numbers, value, signature):
            raise BadSignature("the peer's signature does not hold")

    def _examine(self, key: PublicKey, must_examine: Callable[[bytes], bool]) -> None:
        primes = self._hash(key)
        verdict = self._primes.get(primes)
        if verdict is None:
            if not must_examine(key.fingerprint):
                return
            self._secret = self._secret or self._random(_SECRET_BYTES)
            numbers = key.numbers
            verdict = self._backend.dsa_examine(numbers.p, numbers.q, self._secret)
            self._primes.add(primes, verdict)
        if not verdict:
            raise BadSignature("p or q of the peer's DSA key is not prime")

    def knows_primes_of(self, key: PublicKey) -> None:
        """Take the p and q of a key for primes without an examination."""
        self._primes.add(self._hash(key), True)

    def _hash(self, key: PublicKey) -> bytes:
        return self._backend.sha256(b"%x,%x" % (key.numbers.p, key.numbers.q))
