"""libotr's file of private keys, `otr.private_key`.

`(privkeys (account (name N) (protocol P) (private-key (dsa (p #..#) (q #..#) (g #..#) (y #..#)
(x #..#)))) ...)`, with one list for each account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError
from otrfast.storage import sexp
from otrfast.storage.files import is_empty
from otrfast.storage.names import bytes_of, name_of
from otrfast.storage.stored_key import StoredKey

_MAX_NUMBER_BYTES = 1024  # far above any DSA key: a longer number is damaged
_ACCOUNT = re.compile(rb"\([ \t\v\f\r\n]*account[ \t\v\f\r\n(]")


def read_keys(data: bytes) -> list[StoredKey]:
    """Return the keys of a file. Raises `KeyFileError` if anything in it is damaged."""
    keys, problems = read_sound_keys(data)
    if problems:
        raise KeyFileError(problems[0])
    return keys


def read_sound_keys(data: bytes) -> tuple[list[StoredKey], list[str]]:
    """Return the readable keys of a file, and what is wrong with each other part of it; the
    numbers are not checked. Raises `KeyFileError` for another file."""
    if is_empty(data):
        raise KeyFileError("expected libotr's file of private keys, the file is empty")
    head, *found = sexp.recover(data, _ACCOUNT) or [b""]
    if isinstance(head, KeyFileError):
        raise head
    if head != b"privkeys":
        raise KeyFileError("expected libotr's file of private keys")
    keys, problems, place = [], [], 0
    for node in found:
        if isinstance(node, KeyFileError):
            problems.append(str(node))
            continue
        for account in _accounts(node):
            place += 1
            try:
                keys.append(_read_account(account, place))
            except KeyFileError as error:
                problems.append(str(error))
    return keys, problems


def _accounts(node: sexp.Node) -> Iterator[sexp.Node]:
    """Yield a node of the file, and the accounts inside it: where a parenthesis is missing, the
    next accounts are inside this one."""
    yield node
    for child in node if isinstance(node, list) else []:
        if isinstance(child, list):
            inner = _accounts(child)
            first = next(inner)
            if isinstance(first, list) and first[:1] == [b"account"]:
                yield first
            yield from inner


def write_keys(keys: Iterable[StoredKey]) -> bytes:
    """Return the file that holds the keys. Raises `KeyFileError` for a name that it cannot hold."""
    return b"(privkeys\n" + b"".join(map(_account, keys)) + b")\n"


def _read_account(node: sexp.Node, place: int) -> StoredKey:
    what = f"account {place} of the file"
    if not isinstance(node, list) or node[:1] != [b"account"]:
        raise KeyFileError(f"{what} is damaged")
    account, protocol = (name_of(_atom(node, name, what)) for name in ("name", "protocol"))
    dsa = _child(_child(node, "private-key", what), "dsa", what)
    p, q, g, y, x = (_number(_atom(dsa, name, what), name, what) for name in "pqgyx")
    return StoredKey(account, protocol, DsaNumbers(p, q, g, y), x)


def _child(node: list[sexp.Node], name: str, what: str) -> list[sexp.Node]:
    """Return the first list under `node` that begins with `name`."""
    for child in node:
        if isinstance(child, list) and child[:1] == [name.encode()]:
            return child
    raise KeyFileError(f"{what} has no {name}")


def _atom(node: list[sexp.Node], name: str, what: str) -> bytes:
    match _child(node, name, what):
        case [_, bytes() as value]:
            return value
    raise KeyFileError(f"{what} has a damaged {name}")


def _number(magnitude: bytes, name: str, what: str) -> int:
    if len(magnitude) > _MAX_NUMBER_BYTES:
        raise KeyFileError(
            f"{what} has a {name} of {len(magnitude)} bytes, the limit is {_MAX_NUMBER_BYTES}"
        )
    return int.from_bytes(magnitude, "big")


def _account(key: StoredKey) -> bytes:
    names = zip("pqgyx", (*key.numbers, key.private_number()), strict=True)
    numbers = b"".join(b"   (%b %b)\n" % (name.encode(), sexp.number(n)) for name, n in names)
    return b" (account\n  (name %b)\n  (protocol %b)\n  (private-key (dsa\n%b  )))\n" % (
        sexp.atom(bytes_of(key.account)),
        sexp.atom(bytes_of(key.protocol)),
        numbers,
    )
