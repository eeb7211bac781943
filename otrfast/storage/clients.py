"""The names of the files in which other programs keep keys."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from otrfast.errors import KeyFileError
from otrfast.storage.contents import Kind

_LIBOTR: Final = {
    Kind.KEYS: "otr.private_key",
    Kind.FINGERPRINTS: "otr.fingerprints",
    Kind.INSTANCE_TAGS: "otr.instance_tags",
}
_POTR: Final = {Kind.KEY3: "{account}.key3", Kind.FINGERPRINTS: "{account}.fpr"}

CLIENTS: Final[Mapping[str, Mapping[Kind, str]]] = {
    "libotr": _LIBOTR,
    "pidgin": _LIBOTR,
    "adium": _LIBOTR,
    "irssi": {
        Kind.KEYS: "otr.key",
        Kind.FINGERPRINTS: "otr.fp",
        Kind.INSTANCE_TAGS: "otr.instag",
    },
    "profanity": {Kind.KEYS: "keys.txt", Kind.FINGERPRINTS: "fingerprints.txt"},
    "potr": _POTR,
    "weechat": _POTR,
    "gajim": _POTR,
}
"""The file names of each program that `otrfast keys export` can write for."""

_OTHERS = ("sip-communicator.properties", "otr_keystore", "otr_keystore.ofcaes")
_PATTERNS = sorted(
    {name.replace("{account}", "*") for names in CLIENTS.values() for name in names.values()}
    | set(_OTHERS)
)


def file_name(pattern: str, account: str) -> str:
    """Return the name of an account's file. Raises `KeyFileError` if no file can have it."""
    name = pattern.replace("{account}", account)
    if "/" in name or "\0" in name:
        raise KeyFileError(f"no file can have the name of the account {account!r}: rename it")
    return name


def files_in(directory: Path) -> list[Path]:
    """Return the files of other programs in a directory, by name. Raises `KeyFileError` if there
    are none."""
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise KeyFileError(f"{directory}: {error.strerror}") from None
    found = [
        path
        for path in entries
        if path.is_file() and any(fnmatchcase(path.name, pattern) for pattern in _PATTERNS)
    ]
    if not found:
        raise KeyFileError(f"{directory}: expected key files, found none with a known name")
    return found


def kind_of_name(path: Path) -> Kind | None:
    """Return the form of a file of that name; None if the name does not say."""
    name = path.name.lower()
    if name.endswith(".key3"):
        return Kind.KEY3
    if name.endswith((".fpr", ".fp")) or "fingerprint" in name:
        return Kind.FINGERPRINTS
    if "instag" in name or "instance_tag" in name or "instance-tag" in name:
        return Kind.INSTANCE_TAGS
    return Kind.KEYS if "key" in name else None
