"""Files of one record a line, columns between tabs: what libotr's reader takes and what it would
break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from otrfast.errors import KeyFileError
from otrfast.storage.names import bytes_of

MAX_LINE_BYTES: Final = 999
"""With its line end: libotr reads a longer line as two."""

_SEPARATORS = b"\t\r\n"


def records(data: bytes, columns: int) -> Iterator[list[bytes] | None]:
    """Yield the columns of each line, at most so many (the last may hold tabs); None for a line
    that libotr would not read. Empty lines and comments (`#`) are passed over.

    As libotr does, what follows a CR is not read, and neither is a last line without its LF.
    """
    *lines, unfinished = data.split(b"\n")
    for line in lines:
        if not line.strip() or (line.startswith(b"#") and b"\t" not in line):
            continue
        if len(line) >= MAX_LINE_BYTES or b"\0" in line:
            yield None
            continue
        *first, last = line.split(b"\t", columns - 1)
        yield [*first, last.partition(b"\r")[0]]
    if unfinished.strip():
        yield None


def record(columns: Iterable[str]) -> bytes:
    """Return a line. Raises `KeyFileError` where libotr would read it as something else."""
    values = [bytes_of(column) for column in columns]
    for value in values:
        if any(byte in value for byte in _SEPARATORS):
            raise KeyFileError(f"the name {value!r} has a tab or a line end")
    line = b"\t".join(values) + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise KeyFileError(
            f"the names of {values[0][:40]!r} ... make a line of more than {MAX_LINE_BYTES} bytes"
        )
    return line


def refuse_foreign(found: int, skipped: int, what: str) -> None:
    """Raise `KeyFileError` for a file that has lines and not one that could be read: it is some
    other file, which must not be written over."""
    if skipped and not found:
        raise KeyFileError(f"none of its {skipped} lines is {what}")
