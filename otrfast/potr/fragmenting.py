"""Fragments: lines cut as potr cuts them, and put together on the engine's own assemblies."""

from __future__ import annotations

from binascii import a2b_base64

from otrfast.errors import DecodeError, FragmentLimitTooSmall
from otrfast.wire import fragments
from otrfast.wire.text import ARMOUR, OTR_TAG

_VERSION_3 = ARMOUR + b"AAM"
_HEAD_DIGITS = 16  # base64 of version, type and both instance tags, and one byte more
_ASSEMBLIES = 4  # senders whose pieces are kept at a time
_VERSION_2 = (0, 0)


def cut(line: bytes, size: int) -> list[bytes]:
    """Cut a line into fragments of at most `size` bytes, with the pieces that potr makes: 19 bytes
    shorter than that in version 2.

    `size` 0, or enough room, leaves it whole. Raises `OverflowError` where it would take more
    than 65,535 fragments.
    """
    if not size or len(line) <= size:
        return [line]
    version, sender, receiver = 2, 0, 0
    if line.startswith(_VERSION_3):
        head = a2b_base64(line[len(ARMOUR) : len(ARMOUR) + _HEAD_DIGITS])
        sender, receiver = int.from_bytes(head[3:7], "big"), int.from_bytes(head[7:11], "big")
        version = 3
    try:
        return fragments.split(line, max(1, size - 1), version, sender, receiver)
    except FragmentLimitTooSmall as error:
        raise OverflowError("too many fragments") from error


class Reassembly:
    """The unfinished messages of one peer; `progress` is that of version 2: pieces so far, pieces
    in all."""

    def __init__(self, limit: int) -> None:
        """`limit`: the longest message, in bytes."""
        self._limit = limit
        self._assemblies: dict[tuple[int, int], fragments.Assembly] = {}
        self.progress: tuple[int, int] = (0, 0)

    def add(self, message: bytes) -> bytes | None:
        """Take a fragment, from behind its `?OTR`. Return the line that it completes, None where
        more is to come, or `message` itself where it is no fragment, or out of order."""
        try:
            fragment = fragments.parse(OTR_TAG + message, 3 if message.startswith(b"|") else 2)
        except DecodeError:
            self.clear()
            return message
        address = fragment.sender, fragment.receiver
        assembly = self._assemblies.pop(address, None) or fragments.Assembly()
        if address == _VERSION_2:
            self.progress = (0, 0)
        if fragment.index > 1 and assembly.size + len(fragment.piece) > self._limit:
            return message
        line = assembly.add(fragment, 0.0)
        if line is not None:
            return line
        if not assembly:
            return message
        while len(self._assemblies) >= _ASSEMBLIES:
            del self._assemblies[next(iter(self._assemblies))]
        self._assemblies[address] = assembly
        if address == _VERSION_2:
            self.progress = (fragment.index, fragment.total)
        return None

    @property
    def pieces(self) -> list[bytes]:
        """The pieces of version 2 that have come, put together: none, or one."""
        assembly = self._assemblies.get(_VERSION_2)
        return [] if assembly is None else [assembly.text]

    def interrupt(self) -> None:
        """A line came that is no fragment: a message of version 2 is never interrupted so."""
        if self._assemblies.pop(_VERSION_2, None) is not None:
            self.progress = (0, 0)

    def clear(self) -> None:
        """Forget all pieces."""
        self._assemblies.clear()
        self.progress = (0, 0)
