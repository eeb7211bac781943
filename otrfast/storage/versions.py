"""The file of the highest protocol versions that trusted fingerprints have used.

It stands beside a file of fingerprints, whose form, libotr's, has no column for them. Each line
holds account, protocol, 40 hexadecimal digits and the version, with tabs between.
"""

from __future__ import annotations

import re
from typing import Final

from otrfast._records import record
from otrfast.storage.files import StrPath
from otrfast.storage.fingerprints import check_trust
from otrfast.storage.lines import LineForm
from otrfast.storage.names import check_names, name_of
from otrfast.trust import Trust

_COLUMNS = 4
_HEX = re.compile(rb"[0-9A-Fa-f]{40}")
_VERSION = re.compile(rb"[1-9]")
_HEADING = b"# The highest version of OTR that each trusted fingerprint has used.\n"


@record
class StoredVersion:
    """The highest version that a fingerprint (20 bytes) has used with an account."""

    account: str
    protocol: str
    fingerprint: bytes
    version: int

    @property
    def owner(self) -> tuple[str, str]:
        """(account, protocol)."""
        return self.account, self.protocol


def _parse(columns: list[bytes]) -> StoredVersion | None:
    if (
        len(columns) < _COLUMNS
        or not _HEX.fullmatch(columns[2])
        or not _VERSION.fullmatch(columns[3])
    ):
        return None
    account, protocol = map(name_of, columns[:2])
    return StoredVersion(account, protocol, bytes.fromhex(columns[2].decode()), int(columns[3]))


def _columns(stored: StoredVersion) -> tuple[str, ...]:
    return stored.account, stored.protocol, stored.fingerprint.hex(), str(stored.version)


VERSIONS: Final = LineForm("a fingerprint with its version", _COLUMNS, _parse, _columns, _HEADING)


def load_versions(path: StrPath, account: str, protocol: str, trust: Trust) -> None:
    """Have `trust`, as `load_trust` has returned it, know the highest versions in a file; a
    missing file changes nothing.

    Raises `KeyFileError` for a file without a readable line, `TypeError` for an argument of
    another type.
    """
    check_trust(trust)
    _note(VERSIONS.load(path, account, protocol), trust)


def loads_versions(data: bytes, account: str, protocol: str, trust: Trust) -> None:
    """Do what `load_versions` does, with the content of a file."""
    check_trust(trust)
    _note(VERSIONS.loads(data, account, protocol), trust)


def save_versions(path: StrPath, account: str, protocol: str, trust: Trust) -> None:
    """Save the highest versions of an account's trusted fingerprints; the lines of other accounts
    stay.

    Raises `TypeError` for an argument of another type, `KeyFileError` for a name that does not
    fit a line, and leaves the file unchanged.
    """
    VERSIONS.save(path, account, protocol, _lines(account, protocol, trust))


def dumps_versions(account: str, protocol: str, trust: Trust, *, old: bytes = b"") -> bytes:
    """Return the content of a file with the highest versions of an account's trusted
    fingerprints; the lines of other accounts in `old`, the content until now, stay. Raises what
    `save_versions` raises."""
    return VERSIONS.dumps(old, account, protocol, _lines(account, protocol, trust))


def _note(found: list[StoredVersion], trust: Trust) -> None:
    for stored in found:
        trust.saw_version(stored.fingerprint, stored.version)


def _lines(account: str, protocol: str, trust: Trust) -> list[StoredVersion]:
    check_names(account, protocol)
    check_trust(trust)
    return [
        StoredVersion(account, protocol, fingerprint, version)
        for fingerprint, version in trust.versions.items()
        if version
    ]
