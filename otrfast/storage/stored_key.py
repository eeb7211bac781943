"""Private keys as files hold them: numbers that belong to an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otrfast.crypto.backend import Backend, DsaNumbers, SigningKey
from otrfast.crypto.dsa import PublicKey, human_fingerprint
from otrfast.crypto.secret import Secret
from otrfast.errors import KeyFileError


class StoredKey(Secret):
    """A private key of an account, unchecked: `signing` checks it."""

    __slots__ = ("_x", "account", "numbers", "protocol")

    def __init__(self, account: str, protocol: str, numbers: DsaNumbers, x: int) -> None:
        self.account: str = account
        self.protocol: str = protocol
        self.numbers: DsaNumbers = numbers
        self._x = x

    @property
    def owner(self) -> tuple[str, str]:
        """(account, protocol)."""
        return self.account, self.protocol

    def private_number(self) -> int:
        """The private exponent x, for writing it to a file and for nothing else."""
        return self._x

    def belonging_to(self, account: str, protocol: str) -> StoredKey:
        """Return the same key under other names."""
        return StoredKey(account, protocol, self.numbers, self._x)

    def same_numbers(self, other: StoredKey) -> bool:
        """Whether both are one key, whoever owns it."""
        return (self.numbers, self._x) == (other.numbers, other._x)

    def fingerprint(self, backend: Backend) -> bytes:
        """Return the SHA-1 of the public half, 20 bytes."""
        return PublicKey.of(self.numbers, backend).fingerprint

    def signing(self, backend: Backend) -> SigningKey:
        """Hand the key to a backend. Raises `KeyFileError` unless it is a sound DSA key."""
        try:
            if backend.dsa_check(self.numbers, primality=False):
                return backend.dsa_key(self.numbers, self._x)
        except ValueError:
            pass
        raise KeyFileError(f"{self}: its numbers make no DSA key, the file is damaged")

    def __repr__(self) -> str:
        return f"the key of {self.account!r} on {self.protocol!r}"


def newest(keys: Iterable[StoredKey]) -> list[StoredKey]:
    """Drop the keys that a later one of the same account hides: libotr uses the last one."""
    return list({key.owner: key for key in keys}.values())


def select(
    keys: Iterable[StoredKey], account: str | None = None, protocol: str | None = None
) -> list[StoredKey]:
    """Return the keys of an account on a protocol; None: of any."""
    return [
        key
        for key in newest(keys)
        if account in (None, key.account) and protocol in (None, key.protocol)
    ]


def the_only(
    keys: Sequence[StoredKey], account: str | None = None, protocol: str | None = None
) -> StoredKey:
    """Return the one key that is meant. Raises `KeyFileError`, naming the accounts there are."""
    found = select(keys, account, protocol)
    if len(found) == 1:
        return found[0]
    owners = ", ".join(f"{key.account!r} on {key.protocol!r}" for key in found or newest(keys))
    if found:
        raise KeyFileError(f"keys of several accounts, say which one: {owners}")
    raise KeyFileError(f"no key of that account; there are those of: {owners or 'nobody'}")


def with_key(
    keys: Sequence[StoredKey], new: StoredKey, backend: Backend, *, replace: bool
) -> list[StoredKey]:
    """Return `keys` with `new` among them.

    Raises `KeyFileError` where the account has another key, unless `replace`.
    """
    others = [key for key in keys if key.owner != new.owner]
    for old in select(keys, *new.owner):
        if not (replace or old.same_numbers(new)):
            raise KeyFileError(
                f"{old} is there already and differs: its fingerprint is"
                f" {human_fingerprint(old.fingerprint(backend))}, the new key's is"
                f" {human_fingerprint(new.fingerprint(backend))};"
                " it stays unless it is to be replaced"
            )
    return [*others, new]
