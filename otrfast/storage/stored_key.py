"""Private keys in files: the numbers of a key and the account that owns it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otrfast.crypto.backend import Backend, DsaNumbers, SigningKey
from otrfast.crypto.dsa import PublicKey, human_fingerprint
from otrfast.crypto.secret import Secret
from otrfast.errors import KeyFileError
from otrfast.storage.lines import Owned

SIZES: Final = (1024, 160)
"""The sizes of p and q in bits that OTR's signatures need."""

_STEP = 64  # of the sizes of p that there are
_Q_SIZES = frozenset({160, 224, 256})


class StoredKey(Secret):
    """A private key of an account; `signing` checks its numbers."""

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
        """Return the private exponent x, which is only for writing to a file."""
        return self._x

    def belonging_to(self, account: str | None, protocol: str | None) -> StoredKey:
        """Return the same key with another owner; None: the name stays."""
        account = self.account if account is None else account
        protocol = self.protocol if protocol is None else protocol
        return StoredKey(account, protocol, self.numbers, self._x)

    def same_numbers(self, other: StoredKey) -> bool:
        """Whether both have the same numbers; the owners may differ."""
        return (self.numbers, self._x) == (other.numbers, other._x)

    def fingerprint(self, backend: Backend) -> bytes:
        """Return the SHA-1 of the public half, 20 bytes."""
        return PublicKey.of(self.numbers, backend).fingerprint

    def signing(self, backend: Backend) -> SigningKey:
        """Return the key of a backend. Raises `KeyFileError` unless it is a valid DSA key."""
        check_size(self.numbers, str(self))
        try:
            if backend.dsa_check(self.numbers):
                return backend.dsa_key(self.numbers, self._x)
        except ValueError:
            pass
        raise KeyFileError(f"{self}: its numbers are no valid DSA key, the file is damaged")

    def __repr__(self) -> str:
        return f"the key of {self.account!r} on {self.protocol!r}"


def check_size(numbers: DsaNumbers, what: str) -> None:
    """Raise `KeyFileError` for a key of a size that other programs make and OTR does not take;
    damaged numbers may have any size."""
    sizes = numbers.p.bit_length(), numbers.q.bit_length()
    if sizes != SIZES and sizes[0] % _STEP == 0 and sizes[1] in _Q_SIZES:
        raise KeyFileError(
            f"{what}: OTR takes {SIZES[0]}/{SIZES[1]} keys, this one is {sizes[0]}/{sizes[1]}"
        )


def newest(keys: Iterable[StoredKey]) -> list[StoredKey]:
    """Return the last key of each account: libotr uses the last one."""
    return list({key.owner: key for key in keys}.values())


def belongs(item: Owned, account: str | None, protocol: str | None) -> bool:
    """Whether an item belongs to an account on a protocol; None: to any."""
    return account in (None, item.owner[0]) and protocol in (None, item.owner[1])


def select(
    keys: Iterable[StoredKey], account: str | None = None, protocol: str | None = None
) -> list[StoredKey]:
    """Return the keys of an account on a protocol; None: of any."""
    return [key for key in newest(keys) if belongs(key, account, protocol)]


def the_only(
    keys: Sequence[StoredKey], account: str | None = None, protocol: str | None = None
) -> StoredKey:
    """Return the one key of an account. Raises `KeyFileError`, with the accounts in the file, if
    there are none or several."""
    found = select(keys, account, protocol)
    if len(found) == 1:
        return found[0]
    owners = ", ".join(f"{key.account!r} on {key.protocol!r}" for key in found or newest(keys))
    if found:
        raise KeyFileError(f"expected one key, found keys of several accounts: {owners}")
    raise KeyFileError(f"found no key of that account; the file has keys of: {owners or 'nobody'}")


def with_key(
    keys: Sequence[StoredKey], new: StoredKey, backend: Backend, *, replace: bool
) -> list[StoredKey]:
    """Return `keys` with `new` added.

    Raises `KeyFileError` if the account has another key, unless `replace`.
    """
    others = [key for key in keys if key.owner != new.owner]
    for old in select(keys, *new.owner):
        if not (replace or old.same_numbers(new)):
            raise KeyFileError(
                f"{old} exists and differs: its fingerprint is"
                f" {human_fingerprint(old.fingerprint(backend))}, the new key's is"
                f" {human_fingerprint(new.fingerprint(backend))};"
                " it stays unless it is to be replaced"
            )
    return [*others, new]
