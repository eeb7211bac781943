"""potr's encoders of numbers, counted byte strings and fingerprints, on the engine's wire fields.

A truncated byte string raises `struct.error`, as a truncated header does; potr returned the rest.
"""

from __future__ import annotations

import struct
from typing import Any

from otrfast.errors import DecodeError
from otrfast.wire.fields import Reader, data, mpi_of

_GROUPS = 5


def pack_mpi(n: int) -> bytes:
    """Return the MPI of a number."""
    return mpi_of(n)


def read_mpi(data: bytes) -> tuple[int, bytes]:
    """Return the number that `data` begins with, and the rest."""
    magnitude, rest = read_data(data)
    return bytes_to_long(magnitude), rest


def pack_data(data_: bytes) -> bytes:
    """Return a byte string after its length."""
    return data(data_)


def read_data(data: bytes) -> tuple[bytes, bytes]:
    """Return the counted byte string that `data` begins with, and the rest. Raises
    `struct.error`."""
    reader = Reader(data)
    try:
        return reader.counted("data"), reader.rest()
    except DecodeError as error:
        raise struct.error(str(error)) from None


def unpack(fmt: str | bytes, buf: bytes) -> tuple[Any, ...]:
    """Return the values that `fmt` (of `struct`) reads from the start of `buf`, then the rest."""
    layout = struct.Struct(fmt)
    return (*layout.unpack(buf[: layout.size]), buf[layout.size :])


def bytes_to_long(b: bytes) -> int:
    """Return big-endian bytes as a number."""
    return int.from_bytes(b, "big")


def long_to_bytes(l: int, n: int = 0) -> bytes:
    """Return a number as big-endian bytes, at least `n`."""
    return l.to_bytes(max(n, (l.bit_length() + 7) // 8), "big")


def byte_to_long(b: bytes) -> int:
    """Return one byte as a number."""
    return int(struct.unpack(b"B", b)[0])


def long_to_byte(l: int) -> bytes:
    """Return a number below 256 as one byte."""
    return struct.pack(b"B", l)


def human_hash(fp: str) -> str:
    """Return a hexadecimal fingerprint in upper case and five groups, for comparison by people."""
    size = max(1, len(fp) // _GROUPS)
    return " ".join(fp[start : start + size] for start in range(0, len(fp), size)).upper()
