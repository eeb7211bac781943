"""Text files that commands read and write, with errors that name the file and the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otrfast.errors import LocalError


@contextmanager
def _access(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalError(f"cannot {what} {path}: {error.strerror or error}") from None
    except UnicodeError:
        raise LocalError(f"cannot {what} {path}: expected UTF-8 text") from None


def read_text(path: Path) -> str:
    """Return the text of a file. Raises `LocalError`."""
    with _access("read", path):
        return path.read_text(encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a file. Raises `LocalError`."""
    with _access("write", path):
        path.write_text(text, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Raise `LocalError` if a file could not be written; this does not make it."""
    with _access("write", path):
        if path.exists():
            path.open("r+b").close()
        elif not os.access(path.parent, os.W_OK):
            (path.parent / ".").stat()
            raise PermissionError(13, "Permission denied")
