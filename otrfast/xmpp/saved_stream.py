"""The file with what resumes a stream of XEP-0198 after the process has died."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

_BYTES: Final = 1024  # of the file: one write within a page is there whole or not at all


class Stream(NamedTuple):
    """A stream as it was saved."""

    id: str
    """The server's name of it."""
    jid: str
    """The full JID that it is bound to."""
    handled: int
    """At least as many stanzas of the server as we have told it that we have handled."""


class SavedStream:
    """One stream in a file of mode 0600, written in place: a write takes microseconds, since it
    need not survive a power failure. Then, as with any file that does not do, the stream is not
    resumed. Without a path nothing is kept. Raises `OSError`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    def load(self) -> Stream | None:
        """Return what the file holds."""
        if self._path is None:
            return None
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            match json.loads(os.pread(self._file, _BYTES, 0)):
                case [str(id), str(jid), int(handled)]:
                    return Stream(id, jid, handled)
        except ValueError:
            pass
        return None

    def save(self, id: str, jid: str, handled: int) -> None:  # noqa: A002  the XEP's word
        """Replace what the file holds."""
        line = json.dumps([id, jid, handled]).encode()
        if self._file is not None and len(line) < _BYTES:
            os.pwrite(self._file, line.ljust(_BYTES - 1) + b"\n", 0)

    def clear(self) -> None:
        """Forget the stream: it is over."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
