"""The registry of key types, and the encodings and fingerprints of keys."""

from __future__ import annotations

import struct
from typing import Self, TypeVar

from otrfast.potr.utils import human_hash, pack_mpi, unpack

DEFAULT_KEYTYPE = 0x0000

pkTypes: dict[int, type[PK]] = {}

K = TypeVar("K", bound="type[PK]")


def registerkeytype(cls: K) -> K:
    """Register a key class by its `keyType`."""
    if cls.keyType is None:
        raise TypeError(f"expected a key class with a keyType, not {cls.__name__}")
    pkTypes[cls.keyType] = cls
    return cls


def generateDefaultKey() -> PK:
    """Generate a private key of the type that OTR uses."""
    return pkTypes[DEFAULT_KEYTYPE].generate()


class PK:
    """A public key, or a key pair."""

    keyType: int | None = None

    @classmethod
    def generate(cls) -> Self:
        """Generate a key pair."""
        raise NotImplementedError

    @classmethod
    def parsePayload(cls, data: bytes, private: bool = False) -> tuple[Self, bytes]:
        """Return the key at the start of `data`, and the rest."""
        raise NotImplementedError

    def sign(self, data: bytes) -> bytes:
        """Sign a byte string."""
        raise NotImplementedError

    def verify(self, data: bytes, sig: bytes) -> bool:
        """Whether `sig` is this key's signature over `data`."""
        raise NotImplementedError

    def fingerprint(self) -> bytes:
        """Return the fingerprint, 20 bytes."""
        raise NotImplementedError

    def getPublicPayload(self) -> tuple[int, ...]:
        """Return the public numbers in the order of their encoding."""
        raise NotImplementedError

    def getPrivatePayload(self) -> tuple[int, ...]:
        """Return all numbers in the order of their encoding."""
        raise NotImplementedError

    def getSerializedPublicPayload(self) -> bytes:
        """Return the public numbers as MPIs."""
        return b"".join(map(pack_mpi, self.getPublicPayload()))

    def getSerializedPrivatePayload(self) -> bytes:
        """Return all numbers as MPIs."""
        return b"".join(map(pack_mpi, self.getPrivatePayload()))

    def serializePublicKey(self) -> bytes:
        """Return the public key after its type, as in messages."""
        return struct.pack("!H", self.keyType) + self.getSerializedPublicPayload()

    def serializePrivateKey(self) -> bytes:
        """Return the key pair after its type, as in key files."""
        return struct.pack("!H", self.keyType) + self.getSerializedPrivatePayload()

    def cfingerprint(self) -> str:
        """Return the fingerprint as 40 lower-case hexadecimal digits."""
        return self.fingerprint().hex()

    @classmethod
    def parsePrivateKey(cls, data: bytes) -> tuple[PK, bytes]:
        """Return the key pair that `data` begins with, and the rest."""
        found, data = cls.getImplementation(data)
        return found.parsePayload(data, private=True)

    @classmethod
    def parsePublicKey(cls, data: bytes) -> tuple[PK, bytes]:
        """Return the public key that `data` begins with, and the rest."""
        found, data = cls.getImplementation(data)
        return found.parsePayload(data)

    @staticmethod
    def getImplementation(data: bytes) -> tuple[type[PK], bytes]:
        """Return the class of the key at the start of `data`, and the bytes after its type.
        Raises `NotImplementedError`."""
        keyType, rest = unpack("!H", data)
        found = pkTypes.get(keyType)
        if found is None:
            raise NotImplementedError(f"expected a registered key type, found {keyType}")
        return found, rest

    def __str__(self) -> str:
        return human_hash(self.cfingerprint())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(fpr='{self}')>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.fingerprint() == other.fingerprint()

    def __hash__(self) -> int:
        return int.from_bytes(self.fingerprint(), "big")
