"""Names of peers, accounts and protocols: text in the program, bytes in a file.

Files say nothing of their encoding. Names are read as UTF-8, and bytes that are none are kept as
Python keeps them in file names (`surrogateescape`), so that each name is written as it was read.
"""

from __future__ import annotations

from otrfast.errors import KeyFileError


def name_of(data: bytes) -> str:
    """Return the name that a file holds."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """Return a name as a file holds it. Raises `KeyFileError` where no file can."""
    try:
        data = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise KeyFileError(f"the name {name!r} has half of a character") from None
    if b"\0" in data:
        raise KeyFileError(f"the name {name!r} has a zero byte")
    return data


def shown(name: str) -> str:
    """Return a name for a terminal: what would not print stands as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )
