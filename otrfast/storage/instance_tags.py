"""libotr's file of instance tags: account, protocol and 8 hexadecimal digits, tabs between."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.storage.files import StrPath, about, read_file, update_file
from otrfast.storage.lines import record, records, refuse_foreign
from otrfast.storage.names import name_of

_COLUMNS = 3
_HEX = re.compile(rb"[0-9A-Fa-f]{8}")
_COMMENT = b"# Instance tags: one for each account and device. Do not copy this file to another.\n"


class StoredTag(NamedTuple):
    """The instance tag of an account on this device."""

    account: str
    protocol: str
    tag: int


def read_instance_tags(data: bytes) -> tuple[list[StoredTag], int]:
    """Return the tags of a file, and how many lines were skipped as unreadable."""
    found = []
    skipped = 0
    for columns in records(data, _COLUMNS):
        if columns is None or len(columns) < _COLUMNS or not _HEX.fullmatch(columns[2]):
            skipped += 1
            continue
        tag = int(columns[2], 16)
        if tag < MIN_INSTANCE_TAG:
            skipped += 1
            continue
        found.append(StoredTag(name_of(columns[0]), name_of(columns[1]), tag))
    return found, skipped


def write_instance_tags(tags: Iterable[StoredTag]) -> bytes:
    """Return the file that holds them. Raises `KeyFileError` for a line that libotr would
    misread."""
    return _COMMENT + b"".join(
        record((stored.account, stored.protocol, f"{stored.tag:08x}")) for stored in tags
    )


def load_instance_tag(path: StrPath, account: str, protocol: str) -> int | None:
    """Return the tag of an account; None where the file, or its line, is not there yet."""
    with about(path):
        try:
            data = read_file(path)
        except KeyFileMissing:
            return None
        tags = {(stored.account, stored.protocol): stored.tag for stored in _tags_in(data)}
    return tags.get((account, protocol))


def save_instance_tag(path: StrPath, account: str, protocol: str, tag: int) -> None:
    """Save the tag of an account (0x100 .. 2^32-1); the lines of other accounts stay.

    Raises `KeyFileError`; the file is untouched then.
    """
    if not MIN_INSTANCE_TAG <= tag <= 0xFFFFFFFF:
        raise KeyFileError("an instance tag is 0x100 .. 0xFFFFFFFF")

    def change(old: bytes | None) -> bytes:
        others = [
            stored
            for stored in _tags_in(old or b"")
            if (stored.account, stored.protocol) != (account, protocol)
        ]
        return write_instance_tags([*others, StoredTag(account, protocol, tag)])

    update_file(path, change)


def _tags_in(data: bytes) -> list[StoredTag]:
    found, skipped = read_instance_tags(data)
    refuse_foreign(len(found), skipped, "an instance tag")
    return found
