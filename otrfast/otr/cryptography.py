"""The keys of python-otr: DSA keys in PEM files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from otrfast.account import Account
from otrfast.crypto.backend import DsaNumbers
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.dsa import PublicKey as EnginePublicKey
from otrfast.crypto.secret import Secret
from otrfast.environment import Environment
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.otr.account import engine_account
from otrfast.storage.files import MAX_FILE_BYTES, StrPath, write_file
from otrfast.storage.pem import OtherKey, read_private, write_private
from otrfast.storage.private_key import PrivateKey as EngineKey
from otrfast.storage.stored_key import StoredKey

_MOST_BITS: Final = 4096  # of the numbers that are read: longer ones would take seconds


class PublicKey:
    """The public half of a key; equal to another one with the same fingerprint."""

    __slots__ = ("_key",)

    def __init__(self, key: EnginePublicKey) -> None:
        self._key = key

    @property
    def fingerprint(self) -> bytes:
        """20 bytes: the SHA-1 of the key, as OTR defines it."""
        return self._key.fingerprint

    @property
    def key_size(self) -> int:
        """The size of p in bits."""
        return self._key.numbers.p.bit_length()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fingerprint.hex()}>"


class DSAPublicKey(PublicKey):
    """A DSA public key, the only type that OTR has."""

    __slots__ = ()


class PrivateKey(Secret):
    """A private key: who a session is. Made by `generate` and `load`, or of a key pair of
    otrfast."""

    __slots__ = ("_pair", "account")

    def __init__(self, key: KeyPair, environment: Environment | None = None) -> None:
        """Take over a key pair of otrfast; `environment` is that of the sessions. Raises
        `TypeError` for anything else."""
        if not isinstance(key, KeyPair):
            raise TypeError(f"expected an otrfast.PrivateKey, not a {type(key).__name__}")
        self._pair = key
        self.account: Account = engine_account(key, environment or Environment())
        """The engine's account for the key, common to all sessions with this object."""

    @classmethod
    def generate(cls) -> PrivateKey:
        """Generate a new 1024/160-bit DSA key, in tens of milliseconds."""
        return _made(cls, EngineKey.generate(load()))

    @classmethod
    def load(cls, path: StrPath) -> PrivateKey:
        """Load a DSA key from a PEM file, in PKCS#8 or the traditional form, without a passphrase.

        Raises `OSError` if the file cannot be read, `ValueError` if it holds no private key that
        OTR can use, `TypeError` if the key is encrypted or of another type: programs replace a
        file at a `ValueError`, and a good key must not be lost.
        """
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
        try:
            p, q, g, x = read_private(data)
            if min(p, q, g, x) <= 0 or p.bit_length() > _MOST_BITS or x >= q:
                raise ValueError("expected a DSA key; the numbers of this one are damaged")
            stored = StoredKey("", "", DsaNumbers(p, q, g, pow(g, x, p)), x)
            return _made(cls, EngineKey.of(stored, load()))
        except OtherKey as error:
            raise TypeError(str(error)) from None
        except KeyFileError as error:
            raise ValueError(str(error)) from None

    def save(self, path: StrPath) -> None:
        """Save the key in PEM as PKCS#8, with mode 0600. Raises `OSError`."""
        data = write_private(self._pair.public.numbers, self._pair.signing.private_number())
        try:
            write_file(path, data)
        except KeyFileMissing as error:
            raise FileNotFoundError(str(error)) from None
        except KeyFileError as error:
            raise OSError(str(error)) from None

    @property
    def public_key(self) -> DSAPublicKey:
        """The public half."""
        return DSAPublicKey(self._pair.public)

    @property
    def key_size(self) -> int:
        """The size of p in bits."""
        return self.public_key.key_size

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._pair.fingerprint.hex()}>"


class DSAPrivateKey(PrivateKey):
    """A DSA private key, the only type that OTR has."""

    __slots__ = ()

    @classmethod
    def generate(cls) -> Self:
        """Generate a new 1024/160-bit key, in tens of milliseconds."""
        return cls(EngineKey.generate(load()))


def _made(cls: type[PrivateKey], key: EngineKey) -> PrivateKey:
    """Return a key as an object of its type, whichever class was asked."""
    return (cls if issubclass(cls, DSAPrivateKey) else DSAPrivateKey)(key)
