"""The private key of an account, and libotr's key file around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from otrfast.crypto.backend import Backend, SigningKey
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import KeyPair
from otrfast.environment import Environment
from otrfast.storage.files import StrPath, about, read_file, update_file
from otrfast.storage.libotr_keys import read_keys, write_keys
from otrfast.storage.sealed import is_sealed, seal, unseal
from otrfast.storage.stored_key import StoredKey, the_only, with_key

_SEED_BYTES = 32


class PrivateKey(KeyPair):
    """A DSA key pair that can be made, loaded and saved: who an account is."""

    __slots__ = ("_backend",)

    def __init__(self, signing: SigningKey, backend: Backend) -> None:
        super().__init__(signing, backend)
        self._backend = backend

    @classmethod
    def of(cls, stored: StoredKey, backend: Backend | None = None) -> Self:
        """Take a key that was read from a file. Raises `KeyFileError` unless it is a sound DSA
        key."""
        backend = backend or load()
        return cls(stored.signing(backend), backend)

    @classmethod
    def generate(
        cls, backend: Backend | None = None, random: Callable[[int], bytes] | None = None
    ) -> Self:
        """Make a new 1024/160-bit key, in tens of milliseconds.

        `backend` and `random` (so many bytes, fit for keys) are by default those of
        `Environment`.
        """
        environment = Environment() if backend is None else Environment(backend=backend)
        seed = (random or environment.random)(_SEED_BYTES)
        return cls(environment.backend.dsa_generate(seed), environment.backend)

    @classmethod
    def load(
        cls,
        path: StrPath,
        account: str | None = None,
        protocol: str | None = None,
        passphrase: str | bytes | None = None,
        *,
        backend: Backend | None = None,
    ) -> Self:
        """Load a key from libotr's key file, or from one that `save` has encrypted.

        Without `account` and `protocol` the file must hold one key alone. Raises
        `KeyFileMissing` where there is no file, `KeyFileError` where it can not be read, is
        damaged, has not that key or has several, and where the passphrase is wrong, missing, or
        given for a file that is not encrypted.
        """
        with about(path):
            keys = read_keys(unseal(read_file(path), passphrase))
            return cls.of(the_only(keys, account, protocol), backend)

    def save(
        self,
        path: StrPath,
        account: str = "",
        protocol: str = "",
        passphrase: str | bytes | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Save the key in libotr's key file; keys of other accounts in the file stay there.

        With `passphrase` the whole file is encrypted, or stays so. Raises `KeyFileError`, and
        leaves the file as it was, where the account has another key in it (unless `replace`),
        the file is damaged, or it is encrypted and the passphrase is wrong or missing.
        """
        stored = StoredKey(account, protocol, self.public.numbers, self.signing.private_number())

        def change(old: bytes | None) -> bytes:
            keys = [] if old is None else _keys_in(old, passphrase)
            new = write_keys(with_key(keys, stored, self._backend, replace=replace))
            return new if passphrase is None else seal(new, passphrase, Environment().random)

        update_file(path, change)


def _keys_in(data: bytes, passphrase: str | bytes | None) -> list[StoredKey]:
    """Read a file that is to be written again; until now it may have been in clear."""
    return read_keys(unseal(data, passphrase) if is_sealed(data) else data)
