"""libotr's file of instance tags: account, protocol and 8 hexadecimal digits, with tabs between."""

from __future__ import annotations

import re
from typing import Final

from otrfast._records import record
from otrfast.errors import KeyFileError
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.storage.files import StrPath
from otrfast.storage.lines import LineForm
from otrfast.storage.names import check_names, name_of

_COLUMNS = 3
_HEX = re.compile(rb"[0-9A-Fa-f]{8}")
_HEADING = b"# Instance tags: one for each account and machine. Do not copy this file to another.\n"


@record
class StoredTag:
    """The instance tag that an account uses on this machine."""

    account: str
    protocol: str
    tag: int

    @property
    def owner(self) -> tuple[str, str]:
        """(account, protocol)."""
        return self.account, self.protocol


def _parse(columns: list[bytes]) -> StoredTag | None:
    if len(columns) < _COLUMNS or not _HEX.fullmatch(columns[2]):
        return None
    tag = int(columns[2], 16)
    if tag < MIN_INSTANCE_TAG:
        return None
    return StoredTag(name_of(columns[0]), name_of(columns[1]), tag)


def _columns(stored: StoredTag) -> tuple[str, ...]:
    return stored.account, stored.protocol, f"{stored.tag:08x}"


INSTANCE_TAGS: Final = LineForm("an instance tag", _COLUMNS, _parse, _columns, _HEADING)


def load_instance_tag(path: StrPath, account: str, protocol: str) -> int | None:
    """Return the tag of an account; None if the file, or a line of the account, is missing.

    Raises `KeyFileError` for a file without a readable line, `TypeError` for an account or
    protocol that is no `str`.
    """
    return _last(INSTANCE_TAGS.load(path, account, protocol))


def loads_instance_tag(data: bytes, account: str, protocol: str) -> int | None:
    """Do what `load_instance_tag` does, with the content of a file."""
    return _last(INSTANCE_TAGS.loads(data, account, protocol))


def save_instance_tag(path: StrPath, account: str, protocol: str, tag: int) -> None:
    """Save the tag of an account (0x100 .. 2^32-1); the lines of other accounts stay.

    Raises `TypeError` for an argument of another type, `KeyFileError` for a reserved tag or a
    name that does not fit a line, and leaves the file unchanged.
    """
    INSTANCE_TAGS.save(path, account, protocol, [_stored(account, protocol, tag)])


def dumps_instance_tag(account: str, protocol: str, tag: int, *, old: bytes = b"") -> bytes:
    """Return the content of a file with the tag of an account; the lines of other accounts in
    `old`, the content until now, stay. Raises what `save_instance_tag` raises."""
    return INSTANCE_TAGS.dumps(old, account, protocol, [_stored(account, protocol, tag)])


def _last(stored: list[StoredTag]) -> int | None:
    return stored[-1].tag if stored else None


def _stored(account: str, protocol: str, tag: int) -> StoredTag:
    check_names(account, protocol)
    if not isinstance(tag, int):
        raise TypeError(f"an instance tag must be an int, not {type(tag).__name__}")
    if not MIN_INSTANCE_TAG <= tag <= 0xFFFFFFFF:
        raise KeyFileError(f"an instance tag is 0x100 .. 0xFFFFFFFF, not {tag:#x}")
    return StoredTag(account, protocol, tag)
