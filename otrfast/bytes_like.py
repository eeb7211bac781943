"""What callers may hand in where bytes belong."""

from __future__ import annotations

from collections.abc import Sequence


def as_bytes(value: object, what: str) -> bytes:
    """Return a bytes-like value as bytes. Raises `TypeError` for anything else, `str` above all."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(
        f"{what} must be bytes, not {type(value).__name__}: encode it first, as UTF-8 say"
    )


def all_bytes(values: Sequence[bytes], what: str) -> Sequence[bytes]:
    """Return bytes-like values as bytes, and raise as `as_bytes` does."""
    if set(map(type, values)) <= {bytes}:
        return values
    return [as_bytes(value, what) for value in values]
