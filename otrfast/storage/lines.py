"""Files with one value a line and tabs between columns: what libotr's reader accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, Protocol, TypeVar

from otrfast.bytes_like import as_bytes
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage.files import StrPath, about, read_file, update_file
from otrfast.storage.names import bytes_of, check_names

MAX_LINE_BYTES: Final = 999
"""The longest line, its line end included: libotr reads a longer line as two."""

_SEPARATORS = b"\t\r\n"


class Owned(Protocol):
    """A value that belongs to an account."""

    @property
    def owner(self) -> tuple[str, str]:
        """(account, protocol)."""


V = TypeVar("V", bound=Owned)


class LineForm(Generic[V]):
    """A form of file: how one value becomes a line, and back."""

    __slots__ = ("_columns", "_count", "_heading", "_parse", "_what")

    def __init__(
        self,
        what: str,
        count: int,
        parse: Callable[[list[bytes]], V | None],
        columns: Callable[[V], Iterable[str]],
        heading: bytes = b"",
    ) -> None:
        """Set up a form.

        `what` is the name of one value in errors, `count` the number of columns. `parse` returns
        the value in the columns of a line, None if they hold none; `columns` does the reverse.
        `heading` is the comment at the start of a file.
        """
        self._what = what
        self._count = count
        self._parse = parse
        self._columns = columns
        self._heading = heading

    def parse(self, data: bytes) -> tuple[list[V], list[int]]:
        """Return the values of a file, and the numbers of the unreadable lines, which are
        skipped."""
        found, unreadable = [], []
        for number, columns in _split(data, self._count):
            value = None if columns is None else self._parse(columns)
            if value is None:
                unreadable.append(number)
            else:
                found.append(value)
        return found, unreadable

    def read(self, data: bytes) -> tuple[list[V], list[str]]:
        """Return the values of a file, and what is wrong with each line that was left out.

        Raises `KeyFileError` if no line of the file is readable: it is a file of another form,
        which must not be overwritten.
        """
        found, unreadable = self.parse(data)
        if unreadable and not found:
            raise KeyFileError(
                f"expected lines with {self._what}; none of its {len(unreadable)} lines has one"
            )
        return found, [f"line {number}: expected {self._what}" for number in unreadable]

    def write(self, values: Iterable[V]) -> bytes:
        """Return the file that holds the values. Raises `KeyFileError` for a line that libotr
        would misread."""
        return self._heading + b"".join(_line(self._columns(value)) for value in values)

    def load(self, path: StrPath, account: str, protocol: str) -> list[V]:
        """Return the values of an account in a file; none if there is no file.

        Raises `TypeError` for a name that is no `str`, and what `read` raises.
        """
        check_names(account, protocol)
        try:
            data = read_file(path)
        except KeyFileMissing:
            return []
        with about(path):
            return self.loads(data, account, protocol)

    def loads(self, data: bytes, account: str, protocol: str) -> list[V]:
        """Do the same with the content of a file."""
        check_names(account, protocol)
        found, _ = self.read(as_bytes(data, "the content of a file"))
        return [value for value in found if value.owner == (account, protocol)]

    def save(self, path: StrPath, account: str, protocol: str, values: Iterable[V]) -> None:
        """Replace the values of an account in a file; those of other accounts stay.

        Raises `KeyFileError`, and leaves the file unchanged.
        """
        update_file(path, lambda old: self.dumps(old or b"", account, protocol, values))

    def dumps(self, old: bytes, account: str, protocol: str, values: Iterable[V]) -> bytes:
        """Do the same with the content of a file; return the new content."""
        present, _ = self.read(as_bytes(old, "the content of a file"))
        others = [value for value in present if value.owner != (account, protocol)]
        return self.write([*others, *values])


def _split(data: bytes, count: int) -> Iterator[tuple[int, list[bytes] | None]]:
    """Yield the number and the columns of each line, at most `count` (the last may hold tabs);
    None for a line that libotr would not read. Empty lines and comments (`#`) are skipped.

    Like libotr, this ignores what follows a CR. Unlike libotr, it reads a last line without an LF.
    """
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip() or (line.startswith(b"#") and b"\t" not in line):
            continue
        if len(line) >= MAX_LINE_BYTES or b"\0" in line:
            yield number, None
            continue
        *first, last = line.split(b"\t", count - 1)
        yield number, [*first, last.partition(b"\r")[0]]


def _line(columns: Iterable[str]) -> bytes:
    values = [bytes_of(column) for column in columns]
    for value in values:
        if any(byte in value for byte in _SEPARATORS):
            raise KeyFileError(f"the name {value!r} contains a tab or a line end")
    line = b"\t".join(values) + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise KeyFileError(
            f"the line of {values[0][:40]!r} ... has {len(line)} bytes, the limit is"
            f" {MAX_LINE_BYTES}"
        )
    return line
