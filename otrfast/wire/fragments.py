"""Fragments: long lines cut for transports with a limit, and put together again (protocol,
"Fragmentation")."""

from __future__ import annotations

import re
from typing import Final

from otrfast.errors import DecodeError, FragmentLimitTooSmall
from otrfast.records import record

MAX_PIECES: Final = 0xFFFF

_OVERHEAD = {2: len(b"?OTR,00001,00001,,"), 3: len(b"?OTR|00000000|00000000,00001,00001,,")}
_FRAGMENT_V2 = re.compile(rb"\?OTR,([0-9]{1,5}),([0-9]{1,5}),([^,]*+),")
_FRAGMENT_V3 = re.compile(
    rb"\?OTR\|([0-9A-Fa-f]{1,8})\|([0-9A-Fa-f]{1,8}),([0-9]{1,5}),([0-9]{1,5}),([^,]*+),"
)


@record
class Fragment:
    """Piece `index` of `total`; the instance tags are 0 in version 2."""

    version: int
    sender: int
    receiver: int
    index: int
    total: int
    piece: bytes


def parse(line: bytes, version: int) -> Fragment:
    """Read a fragment. Raises `DecodeError` where it has not the form of `version` or its
    numbers make no sense."""
    found = (_FRAGMENT_V3 if version == 3 else _FRAGMENT_V2).match(line)
    if found is None:
        raise DecodeError("fragment", 0)
    *tags, index, total, piece = found.groups()
    sender, receiver = (int(tag, 16) for tag in tags) if tags else (0, 0)
    fragment = Fragment(version, sender, receiver, int(index), int(total), piece)
    if not 1 <= fragment.index <= fragment.total <= MAX_PIECES:
        raise DecodeError("fragment number", 0)
    return fragment


def split(line: bytes, limit: int, version: int, sender: int, receiver: int) -> list[bytes]:
    """Cut an encoded message into lines of at most `limit` bytes; `limit` 0, or enough room,
    leaves it whole.

    Raises `FragmentLimitTooSmall` where that would leave no room for a piece, or take more than
    65,535.
    """
    if not limit or len(line) <= limit:
        return [line]
    size = limit - _OVERHEAD[version]
    if size < 1 or len(line) > size * MAX_PIECES:
        raise FragmentLimitTooSmall(
            f"{limit} bytes a line can not carry this message of {len(line)} bytes"
        )
    head = b"?OTR|%08x|%08x" % (sender, receiver) if version == 3 else b"?OTR"
    pieces = [line[start : start + size] for start in range(0, len(line), size)]
    return [
        b"%b,%05d,%05d,%b," % (head, k, len(pieces), piece) for k, piece in enumerate(pieces, 1)
    ]


class Assembly:
    """The pieces of one message so far, from one sender; `since` is when the first came, in
    seconds; `stranger`: from a device that has never shown a key."""

    __slots__ = ("_count", "_text", "_total", "since", "stranger")

    def __init__(self) -> None:
        self._text = bytearray()
        self._count = self._total = 0
        self.since: float = 0.0
        self.stranger: bool = True

    def add(self, fragment: Fragment, now: float) -> bytes | None:
        """Take the next piece; return the whole line with the last one, else None.

        A first piece starts anew; any other that does not follow the one before ends the assembly.
        """
        if fragment.index == 1:
            self.clear()
            self._total, self.since = fragment.total, now
        elif fragment.total != self._total or fragment.index != self._count + 1:
            self.clear()
            return None
        self._text += fragment.piece
        self._count += 1
        if fragment.index < fragment.total:
            return None
        line = bytes(self._text)
        self.clear()
        return line

    def clear(self) -> None:
        """Forget the pieces."""
        self._text.clear()
        self._count = self._total = 0

    @property
    def text(self) -> bytes:
        """What is held: the pieces so far, put together."""
        return bytes(self._text)

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self._text)

    def __bool__(self) -> bool:
        return self._count > 0
