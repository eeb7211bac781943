"""DSA keys as OTR carries them: the PUBKEY encoding, fingerprints, and key pairs that sign
(OTRv3, "Public keys")."""

from __future__ import annotations

from typing import Final

from otrfast.crypto.backend import Backend, DsaNumbers, SigningKey
from otrfast.crypto.secret import Secret
from otrfast.errors import DecodeError
from otrfast.wire.fields import Reader, mpi_of

SIGNATURE_BYTES: Final = 40
FINGERPRINT_BYTES: Final = 20

_DSA_TYPE = b"\0\0"


class PublicKey:
    """A DSA public key; `raw` is its PUBKEY encoding just as it was received, since it is hashed
    and signed as such."""

    __slots__ = ("fingerprint", "numbers", "raw")

    def __init__(self, numbers: DsaNumbers, raw: bytes, backend: Backend) -> None:
        self.numbers: DsaNumbers = numbers
        self.raw: bytes = raw
        self.fingerprint: bytes = backend.sha1(raw[len(_DSA_TYPE) :])

    @classmethod
    def of(cls, numbers: DsaNumbers, backend: Backend) -> PublicKey:
        """Encode a public key from its numbers."""
        return cls(numbers, _DSA_TYPE + b"".join(map(mpi_of, numbers)), backend)

    @classmethod
    def decode(cls, raw: bytes, backend: Backend) -> PublicKey:
        """Read a PUBKEY to its last byte. Raises `DecodeError`, also for a type other than DSA."""
        reader = Reader(raw)
        if reader.take(2, "public key type") != _DSA_TYPE:
            raise DecodeError("public key type", 0)
        p, q, g, y = [
            int.from_bytes(reader.counted(f"public key {name}"), "big") for name in "pqgy"
        ]
        reader.finish()
        return cls(DsaNumbers(p, q, g, y), raw, backend)

    def __repr__(self) -> str:
        return f"<PublicKey {human_fingerprint(self.fingerprint)}>"


class KeyPair(Secret):
    """A DSA key pair: who an account is."""

    __slots__ = ("public", "signing")

    def __init__(self, signing: SigningKey, backend: Backend) -> None:
        self.signing: SigningKey = signing
        self.public: PublicKey = PublicKey.of(signing.numbers, backend)

    @property
    def fingerprint(self) -> bytes:
        """20 bytes: the SHA-1 of the public key."""
        return self.public.fingerprint

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {human_fingerprint(self.fingerprint)}>"


def human_fingerprint(fingerprint: bytes) -> str:
    """Return a fingerprint as people compare it: five groups of eight upper-case hexadecimal
    digits."""
    return fingerprint.hex(" ", 4).upper()
