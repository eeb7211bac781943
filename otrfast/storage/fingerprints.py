"""libotr's file of fingerprints, which is also python-potr's `.fpr`, and a `Trust` in it.

Each line holds peer, account, protocol, 40 hexadecimal digits and the level of trust, with tabs
between. The level may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from otrfast._records import record
from otrfast.crypto.dsa import FINGERPRINT_BYTES
from otrfast.errors import KeyFileError
from otrfast.storage.files import StrPath
from otrfast.storage.lines import LineForm
from otrfast.storage.names import check_names, name_of
from otrfast.trust import Trust

_COLUMNS = 5
_HEX = re.compile(rb"[0-9A-Fa-f]{40}")


@record
class KnownFingerprint:
    """A fingerprint (20 bytes) that a peer has shown to an account; level "" is not trusted."""

    peer: str
    account: str
    protocol: str
    fingerprint: bytes
    level: str

    @property
    def owner(self) -> tuple[str, str]:
        """(account, protocol)."""
        return self.account, self.protocol


def _parse(columns: list[bytes]) -> KnownFingerprint | None:
    if len(columns) < _COLUMNS - 1 or not _HEX.fullmatch(columns[3]):
        return None
    peer, account, protocol = map(name_of, columns[:3])
    level = name_of(columns[4]) if len(columns) == _COLUMNS else ""
    return KnownFingerprint(peer, account, protocol, bytes.fromhex(columns[3].decode()), level)


def _columns(known: KnownFingerprint) -> tuple[str, ...]:
    return known.peer, known.account, known.protocol, known.fingerprint.hex(), known.level


FINGERPRINTS: Final = LineForm("a fingerprint", _COLUMNS, _parse, _columns)
"""Written with five columns: some programs do not read a line without a level."""


def load_trust(path: StrPath, account: str, protocol: str) -> Trust:
    """Return what an account knows of its peers' keys; an empty `Trust` if there is no file.

    Unreadable lines are skipped, as libotr does. Raises `KeyFileError` for a file without a
    readable line, `TypeError` for an account or protocol that is no `str`.
    """
    return _trust(FINGERPRINTS.load(path, account, protocol))


def loads_trust(data: bytes, account: str, protocol: str) -> Trust:
    """Do what `load_trust` does, with the content of a file."""
    return _trust(FINGERPRINTS.loads(data, account, protocol))


def save_trust(path: StrPath, account: str, protocol: str, trust: Trust) -> None:
    """Save what an account knows of its peers' keys; the lines of other accounts stay.

    Raises `TypeError` for an argument or a peer of another type, `KeyFileError` for a name that
    does not fit a line, and leaves the file unchanged.
    """
    FINGERPRINTS.save(path, account, protocol, _lines(account, protocol, trust))


def dumps_trust(account: str, protocol: str, trust: Trust, *, old: bytes = b"") -> bytes:
    """Return the content of a file with what an account knows of its peers' keys; the lines of
    other accounts in `old`, the content until now, stay. Raises what `save_trust` raises."""
    return FINGERPRINTS.dumps(old, account, protocol, _lines(account, protocol, trust))


def check_trust(trust: object) -> None:
    """Raise `TypeError` unless this is a `Trust`."""
    if not isinstance(trust, Trust):
        raise TypeError(f"trust must be a Trust, not {type(trust).__name__}")


def _trust(found: Iterable[KnownFingerprint]) -> Trust:
    trust = Trust()
    for known in found:
        trust.set(known.peer, known.fingerprint, known.level)
    return trust


def _lines(account: str, protocol: str, trust: Trust) -> list[KnownFingerprint]:
    check_names(account, protocol)
    check_trust(trust)
    return [_of_trust(*known, account, protocol) for known in trust]


def _of_trust(
    peer: object, fingerprint: bytes, level: str, account: str, protocol: str
) -> KnownFingerprint:
    if not isinstance(peer, str):
        raise TypeError(f"a peer in a file must be a str, not {type(peer).__name__}")
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise KeyFileError(
            f"a fingerprint of {peer!r} has {len(fingerprint)} bytes, not {FINGERPRINT_BYTES}"
        )
    return KnownFingerprint(peer, account, protocol, fingerprint, level)
