"""Hashes, AES-CTR, random numbers and DSA keys, on the engine's backend.

The module has its name from potr; pycrypto itself is not needed.
"""

from __future__ import annotations

import secrets
from functools import cached_property
from numbers import Number
from typing import Self, cast

from otrfast.crypto.backend import Backend, DsaNumbers
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import SIGNATURE_BYTES, KeyPair, PublicKey
from otrfast.environment import Environment
from otrfast.potr.compatcrypto.common import PK, registerkeytype
from otrfast.potr.utils import long_to_bytes, read_mpi

_BLOCK = 16
_SEED_BYTES = 32
_SIGNED_BYTES = 32


def backend() -> Backend:
    """Return the backend in use."""
    return load()


def SHA256(data: bytes) -> bytes:
    """Return the 32-byte digest."""
    return backend().sha256(data)


def SHA1(data: bytes) -> bytes:
    """Return the 20-byte digest."""
    return backend().sha1(data)


def SHA1HMAC(key: bytes, data: bytes) -> bytes:
    """Return the 20-byte authentication code."""
    return backend().hmac_sha1(key, data)


def SHA256HMAC(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte authentication code."""
    return backend().hmac_sha256(key, data)


def getrandbits(k: int) -> int:
    """Return a random number of up to `k` bits."""
    return secrets.randbits(k)


def randrange(start: int, stop: int) -> int:
    """Return a random number from `start` to `stop` - 1."""
    return start + secrets.randbelow(stop - start)


class Counter:
    """The counter of OTR's AES-CTR: the prefix of 8 bytes in the message, and the block number."""

    prefix: int
    val: int

    def __init__(self, prefix: int) -> None:
        self.prefix = prefix
        self.val = 0

    def inc(self) -> None:
        """Go on to the next message."""
        self.prefix += 1

    def __setattr__(self, attr: str, val: int) -> None:
        super().__setattr__(attr, val)
        if attr == "prefix":
            super().__setattr__("val", 0)

    def byteprefix(self) -> bytes:
        """Return the prefix, 8 bytes."""
        return long_to_bytes(self.prefix, 8)

    def __call__(self) -> bytes:
        block = self.byteprefix() + long_to_bytes(self.val, 8)
        self.val += 1
        return block

    def __repr__(self) -> str:
        return f"<Counter(p={self.prefix!r},v={self.val!r})>"


class AESCTR:
    """AES-128 in counter mode: one key stream, which `encrypt` and `decrypt` both consume."""

    def __init__(self, key: bytes, counter: int | Counter = 0) -> None:
        if isinstance(counter, Number):
            counter = Counter(cast(int, counter))
        if not isinstance(counter, Counter):
            raise TypeError(f"counter must be an int or a Counter, not {type(counter).__name__}")
        self._key = key
        self._counter = counter
        self._stream = b""

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt `data` with the next bytes of the key stream."""
        blocks = -((len(self._stream) - len(data)) // _BLOCK)
        if blocks > 0:
            self._stream += backend().aes_ctr(self._key, self._counter(), bytes(_BLOCK * blocks))
            self._counter.val += blocks - 1
        stream, self._stream = self._stream[: len(data)], self._stream[len(data) :]
        mixed = int.from_bytes(stream, "big") ^ int.from_bytes(data, "big")
        return mixed.to_bytes(len(data), "big")

    decrypt = encrypt


@registerkeytype
class DSAKey(PK):
    """A DSA public key, or a key pair for signing."""

    keyType: int | None = 0x0000

    def __init__(self, key: tuple[int, ...] | None = None, private: bool = False) -> None:
        """Take the numbers (y, g, p, q) of a public key, or (y, g, p, q, x) with `private`.

        Raises `TypeError` for another count of numbers. They are checked at the first use.
        """
        if not isinstance(key, tuple):
            raise TypeError(f"a DSA key must be a tuple of numbers, not {type(key).__name__}")
        if len(key) != (5 if private else 4):
            kind = "private" if private else "public"
            raise TypeError(f"a {kind} DSA key takes {5 if private else 4} numbers, not {len(key)}")
        y, g, p, q = key[:4]
        self._numbers = DsaNumbers(p, q, g, y)
        self._x = key[4] if private else None

    @classmethod
    def generate(cls) -> Self:
        signing = backend().dsa_generate(Environment().random(_SEED_BYTES))
        p, q, g, y = signing.numbers
        made = cls((y, g, p, q, signing.private_number()), private=True)
        made.keyPair = KeyPair(signing, backend())
        return made

    @cached_property
    def keyPair(self) -> KeyPair:
        """The engine's form of a private key. Raises `TypeError` for a public key, `ValueError`
        for invalid numbers."""
        if self._x is None:
            raise TypeError("expected a private key for signing, this is a public key")
        return KeyPair(backend().dsa_key(self._numbers, self._x), backend())

    @cached_property
    def _fingerprint(self) -> bytes:
        return PublicKey.of(self._numbers, backend()).fingerprint

    def getPublicPayload(self) -> tuple[int, ...]:
        return tuple(self._numbers)

    def getPrivatePayload(self) -> tuple[int, ...]:
        if self._x is None:
            raise TypeError("expected a private key, this is a public key")
        return (*self._numbers, self._x)

    def fingerprint(self) -> bytes:
        return self._fingerprint

    def _signed(self, data: bytes) -> bytes:
        """Return the signed value: `data` as one number modulo q."""
        return (int.from_bytes(data, "big") % self._numbers.q).to_bytes(_SIGNED_BYTES, "big")

    def sign(self, data: bytes) -> bytes:
        """Return r and s, 20 bytes each."""
        return self.keyPair.signing.sign(self._signed(data), Environment().random(_SEED_BYTES))

    def verify(self, data: bytes, sig: bytes) -> bool:
        if len(sig) != SIGNATURE_BYTES:
            return False
        return backend().dsa_verify(self._numbers, self._signed(data), sig)

    @classmethod
    def parsePayload(cls, data: bytes, private: bool = False) -> tuple[Self, bytes]:
        numbers = []
        for _ in range(5 if private else 4):
            number, data = read_mpi(data)
            numbers.append(number)
        p, q, g, y, *x = numbers
        return cls((y, g, p, q, *x), private=private), data
