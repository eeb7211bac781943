"""The primitive encodings (protocol, "Data types"), and the strict reader of messages.

A field kind reads and writes one encoding. Messages declare their fields with the annotated types
at the end of this file, and `messages` makes the codecs from the annotations, so that each layout
is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

from otrfast.errors import DecodeError

ELEMENT_BYTES: Final = 192


class Reader:
    """A reader of fields from the start of a byte string to its end; `offset` is its position."""

    __slots__ = ("data", "end", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data: bytes = data
        self.end: int = len(data)
        self.offset: int = offset

    def take(self, length: int, field: str) -> bytes:
        """Return the next `length` bytes. Raises `DecodeError` if fewer remain."""
        start = self.offset
        end = start + length
        if end > self.end:
            raise DecodeError(field, start)
        self.offset = end
        return self.data[start:end]

    def integer(self, length: int, field: str) -> int:
        """Return the next `length` bytes as an unsigned big-endian number. Raises `DecodeError`
        if fewer remain."""
        start = self.offset
        end = start + length
        if end > self.end:
            raise DecodeError(field, start)
        self.offset = end
        return int.from_bytes(self.data[start:end], "big")

    def counted(self, field: str) -> bytes:
        """Return a DATA or MPI: four bytes with the length N, then N bytes."""
        data, start = self.data, self.offset + 4
        end = start + int.from_bytes(data[start - 4 : start], "big")
        if end > self.end or start > self.end:
            self.take(4, field)
            raise DecodeError(field, start)
        self.offset = end
        return data[start:end]

    def rest(self) -> bytes:
        """Return all remaining bytes."""
        return self.take(self.end - self.offset, "rest")

    def finish(self) -> None:
        """Raise `DecodeError` if bytes remain: the message is malformed."""
        if self.offset != self.end:
            raise DecodeError("end of message", self.offset)


def data(value: bytes) -> bytes:
    """Return the DATA encoding of a byte string."""
    return len(value).to_bytes(4, "big") + value


def mpi(magnitude: bytes) -> bytes:
    """Return the MPI encoding of a big-endian number, without leading zeros."""
    return data(magnitude.lstrip(b"\0"))


def mpi_of(number: int) -> bytes:
    """Return the MPI encoding of a number."""
    return data(number.to_bytes((number.bit_length() + 7) // 8, "big"))


class Kind(Protocol):
    """One encoding.

    `code` describes it in two bytes to a backend, which reads whole messages
    (`backend.Backend.read_message`): a letter for the kind, then its length in bytes, 0 if it is
    variable.
    """

    code: bytes

    def read(self, reader: Reader, field: str) -> Any:
        """Take a value from the reader. Raises `DecodeError`."""

    def write(self, value: Any) -> bytes:
        """Return the encoding of a value."""


class Unsigned:
    """BYTE, SHORT, INT and CTR: an unsigned big-endian number of `length` bytes."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.code: bytes = b"u%c" % length

    def read(self, reader: Reader, field: str) -> int:
        return reader.integer(self.length, field)

    def write(self, value: int) -> bytes:
        return value.to_bytes(self.length, "big")


class Fixed:
    """A byte string of a fixed length, without a length prefix."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.code: bytes = b"f%c" % length

    def read(self, reader: Reader, field: str) -> bytes:
        return reader.take(self.length, field)

    def write(self, value: bytes) -> bytes:
        return value


class Counted:
    """DATA; `length`, if not 0, is the only valid length."""

    def __init__(self, length: int = 0) -> None:
        self.length = length
        self.code: bytes = b"d%c" % length

    def read(self, reader: Reader, field: str) -> bytes:
        offset = reader.offset
        value = reader.counted(field)
        if self.length and len(value) != self.length:
            raise DecodeError(field, offset)
        return value

    write: Callable[[bytes], bytes] = staticmethod(data)


class Mpi:
    """MPI of a value below 2^1536, held as 192 bytes. Leading zero bytes are accepted, but never
    written."""

    code = b"m\0"

    def read(self, reader: Reader, field: str) -> bytes:
        offset = reader.offset
        value = reader.counted(field)
        if len(value) != ELEMENT_BYTES:
            value = value.lstrip(b"\0").rjust(ELEMENT_BYTES, b"\0")
            if len(value) > ELEMENT_BYTES:
                raise DecodeError(field, offset)
        return value

    write: Callable[[bytes], bytes] = staticmethod(mpi)


class Covered:
    """The bytes from the start of the message to this field, which the MAC covers; the field itself
    has no bytes."""

    code = b"c\0"

    def read(self, reader: Reader, field: str) -> bytes:
        return reader.data[: reader.offset]

    def write(self, value: bytes) -> bytes:
        return b""


Byte = Annotated[int, Unsigned(1)]
Int = Annotated[int, Unsigned(4)]
Ctr = Annotated[int, Unsigned(8)]
Data = Annotated[bytes, Counted()]
Hash256 = Annotated[bytes, Counted(32)]
AesKey = Annotated[bytes, Counted(16)]
Element = Annotated[bytes, Mpi()]
Mac = Annotated[bytes, Fixed(20)]
MacCovered = Annotated[bytes, Covered()]
