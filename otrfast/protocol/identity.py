"""Who we are to every peer: the signing key, the instance tag, and the D-H keys made ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from otrfast.crypto.backend import DH_EXPONENT_BYTES, Backend, DhKey, SharedSecret
from otrfast.crypto.dsa import KeyPair, PublicKey
from otrfast.crypto.secret import Secret
from otrfast.errors import BadSignature

K = TypeVar("K")
V = TypeVar("V")

MIN_INSTANCE_TAG: Final = 0x100
"""Smaller instance tags are reserved (OTRv3, "Instance Tags")."""

_REMEMBERED = 5_000  # public keys, and pairs of primes, known as sound: some 1.5 KB each


def _remember(known: dict[K, V], item: K, value: V) -> None:
    """Put an item into a bounded memory; the oldest makes room."""
    if len(known) >= _REMEMBERED:
        del known[next(iter(known))]
    known[item] = value


class DhKeyPool(Secret):
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
        if self.batch == 1 and not self._keys:
            return self._backend.dh_key(self._random(DH_EXPONENT_BYTES))
        while not self._keys:
            self.fill(self.batch)
        try:
            return self._keys.pop()
        except IndexError:  # another thread was faster
            return self.take()

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


class Identity(Secret):
    """The local end of all conversations of an account."""

    __slots__ = (
        "_ahead",
        "_primes",
        "_sound",
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
    ) -> None:
        self.key_pair = key_pair
        self.instance_tag = instance_tag
        self.backend = backend
        self.random = random
        self.dh_keys = DhKeyPool(backend, random, dh_batch)
        self._sound: dict[bytes, PublicKey] = {}  # by their encoding
        self._primes: dict[tuple[int, ...], None] = {}
        self._ahead: dict[tuple[DhKey, bytes], SharedSecret] = {}

    def agree(self, key: DhKey, public: bytes) -> SharedSecret:
        """Return the secret that `key` shares with `public`, computed ahead or now. Raises
        `NotInGroup`."""
        ahead = self._ahead.pop((key, public), None)
        return key.agree(public) if ahead is None else ahead

    def agree_ahead(self, pairs: Sequence[tuple[DhKey, bytes]]) -> None:
        """Compute many shared secrets at a time, each once; `agree` finds them."""
        pairs = list(dict.fromkeys(pairs))
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

    def public_key(self, raw: bytes) -> PublicKey:
        """Return the public key with this PUBKEY encoding: read before, or now. Raises
        `DecodeError`."""
        return self._sound.get(raw) or PublicKey.decode(raw, self.backend)

    def verify(self, key: PublicKey, value: bytes, signature: bytes) -> None:
        """Check a peer's key and its signature over `value`. Raises `BadSignature`.

        The key itself is examined once. The primality of its p and q, which costs as much as many
        powers, comes last and once for all keys that share them: new keys on old primes are cheap.
        """
        known = key.raw in self._sound
        if not known and not self.backend.dsa_check(key.numbers, False):
            raise BadSignature("the peer's DSA key is not sound")
        if not self.backend.dsa_verify(key.numbers, value, signature):
            raise BadSignature("the peer's signature does not hold")
        if known:
            return
        primes = key.numbers[:2]
        if primes not in self._primes and not self.backend.dsa_check(key.numbers, True):
            raise BadSignature("p or q of the peer's DSA key is not prime")
        _remember(self._primes, primes, None)
        _remember(self._sound, key.raw, key)
