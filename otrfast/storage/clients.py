"""The names of the files in which other programs keep keys."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from otrfast.errors import KeyFileError
from otrfast.storage.contents import Kind
from otrfast.storage.files import entries_of

_LIBOTR: Final = {
    Kind.KEYS: "otr.private_key",
    Kind.FINGERPRINTS: "otr.fingerprints",
    Kind.INSTANCE_TAGS: "otr.instance_tags",
}
_POTR: Final = {Kind.KEY3: "{account}.key3", Kind.FINGERPRINTS: "{account}.fpr"}
_PSI: Final = {
    Kind.KEYS: "otr.keys",
    Kind.FINGERPRINTS: "otr.fingerprints",
    Kind.INSTANCE_TAGS: "otr.instags",
}

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
    "mcabber": {
        Kind.KEYS: "{account}.key",
        Kind.FINGERPRINTS: "{account}.fpr",
        Kind.INSTANCE_TAGS: "{account}.tag",
    },
    "psi": _PSI,
    "vacuum": _PSI,
    "qutim": _PSI,
    "kopete": {Kind.KEYS: "privkeys", Kind.FINGERPRINTS: "fingerprints"},
    "bitlbee": {
        Kind.KEYS: "{nick}.otr_keys",
        Kind.FINGERPRINTS: "{nick}.otr_fprints",
        Kind.INSTANCE_TAGS: "{nick}.otr_instags",
    },
    "potr": _POTR,
    "weechat": _POTR,
    "gajim": _POTR,
}
"""The file names of each program that `otrfast keys export` can write for. In a name, `account` is
the account's, and `nick` that of the user to whom the program belongs."""

JITSI: Final = "sip-communicator.properties"
JITSI_CONTACTS: Final = "contactlist.xml"

_OTHERS = (JITSI, "otr_keystore", "otr_keystore.ofcaes", "instags")
_PATTERNS = sorted(
    {
        name.replace("{account}", "*").replace("{nick}", "*")
        for names in CLIENTS.values()
        for name in names.values()
    }
    | set(_OTHERS)
)
_COMMON = frozenset({"*.key", "*.tag", "*.fpr", "privkeys", "fingerprints", "instags", "keys.txt"})


def file_name(pattern: str, account: str, nick: str | None = None) -> str:
    """Return the name of an account's file. Raises `KeyFileError` if no file can have it, and
    without the `nick` that it needs."""
    if "{nick}" in pattern and nick is None:
        raise KeyFileError("expected --nick NAME: this program's files have the name of its user")
    name = pattern.replace("{account}", account).replace("{nick}", nick or "")
    if "/" in name or "\0" in name:
        raise KeyFileError(f"no file can have the name {name!r}: rename the account")
    return name


class Directory:
    """The files in a directory: those with a `known` name, and the `others`, with what else is in
    it, but for what belongs to a known one."""

    __slots__ = ("known", "others", "path")

    def __init__(self, path: Path) -> None:
        """Read a directory. Raises `KeyFileError`."""
        self.path: Path = path
        entries = entries_of(path)
        self.known: list[Path] = [
            entry for entry in entries if entry.is_file() and _patterns(entry)
        ]
        names = {entry.name for entry in self.known}
        self.others: list[Path] = [
            entry
            for entry in entries
            if entry.name not in names and not (entry.name == JITSI_CONTACTS and JITSI in names)
        ]


def files_in(directory: Path) -> list[Path]:
    """Return the files of other programs in a directory, by name. Raises `KeyFileError` if there
    are none."""
    found = Directory(directory).known
    if not found:
        raise KeyFileError(f"{directory}: expected key files, found none with a known name")
    return found


def _patterns(path: Path) -> set[str]:
    return {pattern for pattern in _PATTERNS if fnmatchcase(path.name, pattern)}


def has_common_name(path: Path) -> bool:
    """Whether files that are no key files may have this name too."""
    return _patterns(path) <= _COMMON


def kind_of_name(path: Path) -> Kind | None:
    """Return the form of a file of that name; None if the name does not say."""
    name = path.name.lower()
    if name.endswith(".key3"):
        return Kind.KEY3
    if name.endswith((".fpr", ".fp")) or "fingerprint" in name or "fprint" in name:
        return Kind.FINGERPRINTS
    tags = ("instag", "instance_tag", "instance-tag")
    if name.endswith(".tag") or any(word in name for word in tags):
        return Kind.INSTANCE_TAGS
    return Kind.KEYS if "key" in name else None
