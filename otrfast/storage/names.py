"""Names of peers, accounts and protocols: text in the program, bytes in a file.

Files do not name their encoding. Names are read as UTF-8; bytes that are not UTF-8 are kept as
Python keeps them in file names (`surrogateescape`), so that each name is written as it was read.
"""

from __future__ import annotations

from otrfast.errors import KeyFileError


def name_of(data: bytes) -> str:
    """Return the name that a file holds."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """Return a name as a file holds it. Raises `KeyFileError` if no file can hold it."""
    try:
        data = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise KeyFileError(f"the name {name!r} contains half of a surrogate pair") from None
    if b"\0" in data:
        raise KeyFileError(f"the name {name!r} contains a zero byte")
    return data


def check_names(account: object, protocol: object) -> None:
    """Raise `TypeError` unless both are `str`: an argument in the wrong place is found so."""
    for what, name in (("account", account), ("protocol", protocol)):
        if not isinstance(name, str):
            raise TypeError(f"{what} must be a str, not {type(name).__name__}")


def shown(name: str) -> str:
    """Return a name for a terminal, with an escape for each character that is not printable."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )
