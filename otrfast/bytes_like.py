"""Conversion of bytes-like arguments."""

from __future__ import annotations

from collections.abc import Sequence


def as_bytes(value: object, what: str) -> bytes:
    """Return a bytes-like value as bytes. Raises `TypeError` for any other type, such as `str`."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(
        f"{what} must be bytes, not {type(value).__name__}: encode it first, for example as UTF-8"
    )


def all_bytes(values: Sequence[bytes], what: str) -> Sequence[bytes]:
    """Return bytes-like values as bytes. Raises what `as_bytes` raises."""
    if set(map(type, values)) <= {bytes}:
        return values
    return [as_bytes(value, what) for value in values]
