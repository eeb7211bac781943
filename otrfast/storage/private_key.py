"""The private key of an account, and its storage in libotr's key file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from otrfast.bytes_like import as_bytes
from otrfast.crypto.backend import Backend, SigningKey
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import KeyPair
from otrfast.environment import Environment
from otrfast.errors import KeyFileError
from otrfast.storage.files import StrPath, about, is_empty, read_file, update_file
from otrfast.storage.libotr_keys import read_keys, read_sound_keys, write_keys
from otrfast.storage.names import check_names
from otrfast.storage.sealed import is_sealed, seal, unseal
from otrfast.storage.stored_key import StoredKey, select, the_only, with_key

_SEED_BYTES = 32


class PrivateKey(KeyPair):
    """A DSA key pair that can be generated, loaded and saved."""

    __slots__ = ("_backend",)

    def __init__(self, signing: SigningKey, backend: Backend) -> None:
        super().__init__(signing, backend)
        self._backend = backend

    @classmethod
    def of(cls, stored: StoredKey, backend: Backend | None = None) -> Self:
        """Make a private key from one that was read from a file. Raises `KeyFileError` unless it is
        a valid DSA key."""
        backend = backend or load()
        return cls(stored.signing(backend), backend)

    @classmethod
    def generate(
        cls, backend: Backend | None = None, random: Callable[[int], bytes] | None = None
    ) -> Self:
        """Generate a new 1024/160-bit key, in tens of milliseconds.

        `backend` and `random` (from a number N to N bytes that are fit for keys) are by default
        those of `Environment`.
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

        Without `account` and `protocol` the file must hold exactly one key. Raises
        `KeyFileMissing` if there is no file; `KeyFileError` if it is unreadable or damaged, if it
        has no such key or several, and if the passphrase is wrong, missing, or given for a file
        that is not encrypted.
        """
        data = read_file(path)
        with about(path):
            return cls.loads(data, account, protocol, passphrase, backend=backend)

    @classmethod
    def loads(
        cls,
        data: bytes,
        account: str | None = None,
        protocol: str | None = None,
        passphrase: str | bytes | None = None,
        *,
        backend: Backend | None = None,
    ) -> Self:
        """Do what `load` does, with the content of a file, from a keyring or database."""
        clear = unseal(as_bytes(data, "the content of a file"), passphrase)
        keys, problems = read_sound_keys(clear)
        # without a name, the damaged one may be the one that is meant
        if problems and (account is None or not select(keys, account, protocol)):
            raise KeyFileError(problems[0])
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
        """Save the key in libotr's key file; the keys of other accounts stay.

        With `passphrase` the whole file is encrypted. Raises `TypeError` for an account or
        protocol that is no `str`. Raises `KeyFileError` if the account has another key in the
        file (unless `replace`), if the file is damaged, and if it is encrypted and the passphrase
        is wrong or missing. A raise leaves the file unchanged.
        """
        check_names(account, protocol)
        update_file(
            path,
            lambda old: self.dumps(account, protocol, passphrase, old=old or b"", replace=replace),
        )

    def dumps(
        self,
        account: str = "",
        protocol: str = "",
        passphrase: str | bytes | None = None,
        *,
        old: bytes = b"",
        replace: bool = False,
    ) -> bytes:
        """Do what `save` does, for a keyring or database: return the content of a file with the
        key, and with those of other accounts in `old`, the content until now."""
        check_names(account, protocol)
        stored = StoredKey(account, protocol, self.public.numbers, self.signing.private_number())
        keys = _keys_in(as_bytes(old, "the content of a file"), passphrase)
        new = write_keys(with_key(keys, stored, self._backend, replace=replace))
        return new if passphrase is None else seal(new, passphrase, Environment().random)


def _keys_in(data: bytes, passphrase: str | bytes | None) -> list[StoredKey]:
    """Read a file that is about to be replaced: it may have been unencrypted until now, and an
    empty one is nobody's."""
    if is_sealed(data):
        data = unseal(data, passphrase)
    return [] if is_empty(data) else read_keys(data)
