"""How a conversation is written down to be sealed, and read again: numbers, bytes, handles, one
after another.

Numbers are big-endian. Times are written as ages, because the clock of the next process starts
somewhere else; `away` is how long nobody was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any, TypeVar

from otrfast.crypto.backend import StatePart
from otrfast.crypto.secret import Secret
from otrfast.errors import StateDamaged

T = TypeVar("T")

_FLAG, _NUMBER, _SIGNED, _REAL = map(Struct, (">?", ">Q", ">q", ">d"))
_DAMAGED = "a saved conversation that is not well-formed"


class StateWriter(Secret):
    """Collects the parts of a state."""

    __slots__ = ("_bytes", "_now", "_parts")

    def __init__(self, now: float) -> None:
        self._now = now
        self._bytes = bytearray()
        self._parts: list[StatePart] = []

    def flag(self, value: bool) -> None:
        """Write a byte, 0 or 1."""
        self._bytes += _FLAG.pack(value)

    def number(self, value: int) -> None:
        """Write an unsigned number of 8 bytes."""
        self._bytes += _NUMBER.pack(value)

    def signed(self, value: int) -> None:
        """Write a signed number of 8 bytes."""
        self._bytes += _SIGNED.pack(value)

    def real(self, value: float) -> None:
        """Write a floating-point number of 8 bytes."""
        self._bytes += _REAL.pack(value)

    def time(self, when: float) -> None:
        """Write a time as its age."""
        self.real(self._now - when)

    def data(self, value: bytes) -> None:
        """Write bytes, with their length."""
        self.number(len(value))
        self._bytes += value

    def optional(self, value: T | None, write: Callable[[T], None]) -> None:
        """Write whether there is a value, and the value."""
        self.flag(value is not None)
        if value is not None:
            write(value)

    def many(self, values: Iterable[T], write: Callable[[T], None]) -> None:
        """Write a number of values."""
        listed = list(values)
        self.number(len(listed))
        for value in listed:
            write(value)

    def handle(self, handle: StatePart) -> None:
        """Write what a handle holds; only the core sees it."""
        self._parts += [bytes(self._bytes), handle]
        self._bytes.clear()

    def parts(self) -> list[StatePart]:
        """Return all parts."""
        return [*self._parts, bytes(self._bytes)]


class StateReader(Secret):
    """Reads the parts of a state in their order. Every method raises `StateDamaged` for what is
    not there."""

    __slots__ = ("_at", "_now", "_parts")

    def __init__(self, parts: list[StatePart], now: float) -> None:
        """`now` is the time at which the state would have its ages, were it saved now."""
        self._parts = parts[::-1]
        self._at = 0
        self._now = now

    def _take(self, count: int) -> bytes:
        part = self._parts[-1] if self._parts else None
        if not isinstance(part, bytes) or count > len(part) - self._at:
            raise StateDamaged(_DAMAGED)
        self._at += count
        return part[self._at - count : self._at]

    def flag(self) -> bool:
        """Read a byte, 0 or 1."""
        return self._take(1) != b"\0"

    def number(self) -> int:
        """Read an unsigned number of 8 bytes."""
        return int.from_bytes(self._take(8), "big")

    def signed(self) -> int:
        """Read a signed number of 8 bytes."""
        return int.from_bytes(self._take(8), "big", signed=True)

    def real(self) -> float:
        """Read a floating-point number of 8 bytes."""
        value: float = _REAL.unpack(self._take(8))[0]
        return value

    def time(self) -> float:
        """Read a time."""
        return self._now - self.real()

    def data(self) -> bytes:
        """Read bytes."""
        return self._take(self.number())

    def optional(self, read: Callable[[], T]) -> T | None:
        """Read a value that may be missing."""
        return read() if self.flag() else None

    def many(self, read: Callable[[], T]) -> list[T]:
        """Read a list of values."""
        return [read() for _ in range(self.number())]

    def one_of(self, values: Iterable[T]) -> T:
        """Read a number as the place of one of the values."""
        place, listed = self.number(), list(values)
        if place >= len(listed):
            raise StateDamaged(_DAMAGED)
        return listed[place]

    def handle(self) -> Any:
        """Read a handle."""
        self._end_of_bytes()
        handle = self._parts.pop() if self._parts else b""
        if isinstance(handle, bytes):
            raise StateDamaged(_DAMAGED)
        return handle

    def finish(self) -> None:
        """Have read everything."""
        self._end_of_bytes()
        if self._parts:
            raise StateDamaged(_DAMAGED)

    def _end_of_bytes(self) -> None:
        part = self._parts.pop() if self._parts else None
        if not isinstance(part, bytes) or self._at != len(part):
            raise StateDamaged(_DAMAGED)
        self._at = 0
