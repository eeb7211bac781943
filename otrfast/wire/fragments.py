"""Fragmentation of long lines for transports with a limit, and reassembly (protocol,
"Fragmentation")."""

from __future__ import annotations

import re
from typing import Final

from otrfast._records import record
from otrfast.errors import DecodeError, FragmentLimitTooSmall

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
    """Read a fragment. Raises `DecodeError` unless it has the form of `version` and valid
    numbers."""
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
    """Split an encoded message into lines of at most `limit` bytes. A message that is not longer
    stays whole; `limit` 0: no limit.

    Raises `FragmentLimitTooSmall` if the limit is too small for a piece of one byte, or the
    message needs more than 65,535 pieces.
    """
    if not limit or len(line) <= limit:
        return [line]
    size = limit - _OVERHEAD[version]
    if size < 1 or len(line) > size * MAX_PIECES:
        raise FragmentLimitTooSmall(
            f"a message of {len(line)} bytes cannot be sent in lines of {limit} bytes"
        )
    head = b"?OTR|%08x|%08x" % (sender, receiver) if version == 3 else b"?OTR"
    pieces = [line[start : start + size] for start in range(0, len(line), size)]
    return [
        b"%b,%05d,%05d,%b," % (head, k, len(pieces), piece) for k, piece in enumerate(pieces, 1)
    ]


class Assembly:
    """The received pieces of one message of one sender; `since` is the time of the first piece, in
    seconds; `unauthenticated`: the sending instance has never shown a key."""

    __slots__ = ("_count", "_last", "_text", "_total", "counted", "since", "unauthenticated")

    def __init__(self) -> None:
        self._text = bytearray()
        self._last = b""
        self._count = self._total = 0
        self.counted: int = 0
        self.since: float = 0.0
        self.unauthenticated: bool = True

    def add(self, fragment: Fragment, now: float) -> bytes | None:
        """Take a piece; return the whole line with the last one, else None.

        A first piece starts a new message; a piece out of order drops the message.
        """
        if fragment.index == 1:
            self.clear()
            self._total, self.since = fragment.total, now
        elif fragment.total != self._total or fragment.index != self._count + 1:
            self.clear()
            return None
        self._text += fragment.piece
        self._last = fragment.piece
        self._count += 1
        if fragment.index < fragment.total:
            return None
        line = bytes(self._text)
        self.clear()
        return line

    def repeats(self, fragment: Fragment) -> bool:
        """Whether a fragment is the last one again."""
        numbers = fragment.index, fragment.total
        return numbers == (self._count, self._total) and fragment.piece == self._last

    def clear(self) -> None:
        """Drop the pieces."""
        self._text.clear()
        self._last = b""
        self._count = self._total = 0

    @property
    def text(self) -> bytes:
        """The received pieces, joined."""
        return bytes(self._text)

    @property
    def pieces(self) -> tuple[int, int, bytes, bytes]:
        """How many pieces of how many have come, their text, and the last one of them."""
        return self._count, self._total, bytes(self._text), self._last

    @classmethod
    def of(cls, pieces: tuple[int, int, bytes, bytes], since: float) -> Assembly:
        """Return an assembly with these `pieces`."""
        assembly = cls()
        assembly._count, assembly._total, text, assembly._last = pieces
        assembly._text += text
        assembly.since = since
        return assembly

    @property
    def size(self) -> int:
        """The number of received bytes."""
        return len(self._text)

    def __bool__(self) -> bool:
        return self._count > 0
