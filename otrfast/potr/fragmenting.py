"""Fragmentation with potr's sizes, and reassembly on the engine's assemblies."""

from __future__ import annotations

from binascii import a2b_base64

from otrfast.errors import DecodeError, FragmentLimitTooSmall
from otrfast.wire import fragments
from otrfast.wire.lines import ENCODED_PREFIX, OTR_TAG

_VERSION_3 = ENCODED_PREFIX + b"AAM"
_HEAD_DIGITS = 16  # base64 of version, type, both instance tags, and one more byte
_ASSEMBLIES = 4  # senders with an incomplete message at a time
_VERSION_2 = (0, 0)


def cut(line: bytes, size: int) -> list[bytes]:
    """Split a line into fragments of at most `size` bytes, with pieces as long as potr's: 19 bytes
    shorter in version 2.

    A line that is not longer than `size` stays whole; `size` 0: no limit. Raises `OverflowError`
    if it needs more than 65,535 fragments.
    """
    if not size or len(line) <= size:
        return [line]
    version, sender, receiver = 2, 0, 0
    if line.startswith(_VERSION_3):
        head = a2b_base64(line[len(ENCODED_PREFIX) : len(ENCODED_PREFIX) + _HEAD_DIGITS])
        sender, receiver = int.from_bytes(head[3:7], "big"), int.from_bytes(head[7:11], "big")
        version = 3
    try:
        return fragments.split(line, max(1, size - 1), version, sender, receiver)
    except FragmentLimitTooSmall as error:
        raise OverflowError(f"expected at most 65,535 fragments: {error}") from error


class Reassembly:
    """The incomplete messages of one peer; `progress` is that of version 2: received fragments,
    fragments in total."""

    def __init__(self, limit: int) -> None:
        """`limit`: the longest message, in bytes."""
        self._limit = limit
        self._assemblies: dict[tuple[int, int], fragments.Assembly] = {}
        self.progress: tuple[int, int] = (0, 0)

    def add(self, message: bytes) -> bytes | None:
        """Take a fragment, without its `?OTR`. Return the line that it completes; None if the
        message is incomplete; `message` itself if it is no fragment, or out of order."""
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
        """The received fragments of version 2, joined: a list of none or one."""
        assembly = self._assemblies.get(_VERSION_2)
        return [] if assembly is None else [assembly.text]

    def interrupt(self) -> None:
        """Drop the fragments of version 2: any other line ends an incomplete message."""
        if self._assemblies.pop(_VERSION_2, None) is not None:
            self.progress = (0, 0)

    def clear(self) -> None:
        """Drop all fragments."""
        self._assemblies.clear()
        self.progress = (0, 0)
