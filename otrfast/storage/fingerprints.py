"""libotr's file of fingerprints, which is python-potr's `.fpr` too, and `Trust` in it.

A line for each: peer, account, protocol, 40 hexadecimal digits, level of trust; tabs between. The
level may be missing when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from otrfast.crypto.dsa import FINGERPRINT_BYTES
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage.files import StrPath, about, read_file, update_file
from otrfast.storage.lines import record, records, refuse_foreign
from otrfast.storage.names import name_of
from otrfast.trust import Trust

_COLUMNS = 5
_HEX = re.compile(rb"[0-9A-Fa-f]{40}")


class KnownFingerprint(NamedTuple):
    """A fingerprint (20 bytes) that a peer has shown to an account; level "" is not trusted."""

    peer: str
    account: str
    protocol: str
    fingerprint: bytes
    level: str


def read_fingerprints(data: bytes) -> tuple[list[KnownFingerprint], int]:
    """Return the fingerprints of a file, and how many lines were skipped as unreadable."""
    found = []
    skipped = 0
    for columns in records(data, _COLUMNS):
        if columns is None or len(columns) < _COLUMNS - 1 or not _HEX.fullmatch(columns[3]):
            skipped += 1
            continue
        peer, account, protocol = map(name_of, columns[:3])
        level = name_of(columns[4]) if len(columns) == _COLUMNS else ""
        digest = bytes.fromhex(columns[3].decode())
        found.append(KnownFingerprint(peer, account, protocol, digest, level))
    return found, skipped


def write_fingerprints(fingerprints: Iterable[KnownFingerprint]) -> bytes:
    """Return the file that holds them. Raises `KeyFileError` for a line that libotr, or a program
    that expects five columns, would misread."""
    return b"".join(
        record((known.peer, known.account, known.protocol, known.fingerprint.hex(), known.level))
        for known in fingerprints
    )


def load_trust(path: StrPath, account: str, protocol: str) -> Trust:
    """Return what an account knows of its peers' keys; nothing where there is no file yet.

    Unreadable lines are skipped, as libotr does; a file that has no other raises `KeyFileError`.
    """
    trust = Trust()
    with about(path):
        try:
            data = read_file(path)
        except KeyFileMissing:
            return trust
        for known in _fingerprints_in(data):
            if (known.account, known.protocol) == (account, protocol):
                trust.set(known.peer, known.fingerprint, known.level)
    return trust


def save_trust(path: StrPath, trust: Trust, account: str, protocol: str) -> None:
    """Save what an account knows of its peers' keys; the lines of other accounts stay.

    Raises `TypeError` for a peer that is not a `str`, `KeyFileError` for a name that does not fit
    a line; the file is untouched then.
    """
    ours = [_of_trust(*known, account, protocol) for known in trust]

    def change(old: bytes | None) -> bytes:
        others = [
            known
            for known in _fingerprints_in(old or b"")
            if (known.account, known.protocol) != (account, protocol)
        ]
        return write_fingerprints([*others, *ours])

    update_file(path, change)


def _fingerprints_in(data: bytes) -> list[KnownFingerprint]:
    found, skipped = read_fingerprints(data)
    refuse_foreign(len(found), skipped, "a fingerprint")
    return found


def _of_trust(
    peer: object, fingerprint: bytes, level: str, account: str, protocol: str
) -> KnownFingerprint:
    if not isinstance(peer, str):
        raise TypeError(f"a peer in a file is a str, not {type(peer).__name__}")
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise KeyFileError(f"a fingerprint of {peer!r} has not {FINGERPRINT_BYTES} bytes")
    return KnownFingerprint(peer, account, protocol, fingerprint, level)
