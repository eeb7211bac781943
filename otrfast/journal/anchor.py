"""The anchor: a small file outside a store that says how far the store has come.

A store that is older than its anchor was put back from a copy. The anchor holds `otrfanch`, version
1, the store's identifier (16 bytes), its epoch and its mark (8 bytes each, big-endian). It is no
secret. The store is committed first and the anchor written after it, so that a crash in between
leaves a store that is newer, never one that looks older.
"""

from __future__ import annotations

import struct
from typing import Final

from otrfast._records import record
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.journal.errors import StoreError
from otrfast.storage.files import StrPath, read_file, write_file

_MAGIC: Final = b"otrfanch\1"
_FORM: Final = struct.Struct(">9s16sQQ")


@record
class Anchor:
    """How far a store has come: its identifier (16 bytes), epoch and mark."""

    store: bytes
    epoch: int
    mark: int

    def is_ahead_of(self, epoch: int, mark: int) -> bool:
        """Whether a store with this epoch and mark is older."""
        return epoch < self.epoch or mark < self.mark


def read_anchor(path: StrPath) -> Anchor | None:
    """Return the anchor in a file; None if there is no file. Raises `StoreError` for a file that
    is no anchor or cannot be read."""
    try:
        data = read_file(path)
    except KeyFileMissing:
        return None
    except KeyFileError as error:
        raise StoreError(str(error)) from None
    if len(data) != _FORM.size or not data.startswith(_MAGIC):
        raise StoreError(f"{path}: expected the anchor of a store, found something else")
    _, store, epoch, mark = _FORM.unpack(data)
    return Anchor(store, epoch, mark)


def write_anchor(path: StrPath, anchor: Anchor) -> None:
    """Replace an anchor, synced. Raises `StoreError`."""
    try:
        write_file(path, _FORM.pack(_MAGIC, anchor.store, anchor.epoch, anchor.mark))
    except KeyFileError as error:
        raise StoreError(f"the store's anchor: {error}") from None
