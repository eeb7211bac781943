"""Functions of the key commands: reading of any key file, and additions to one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from otrfast.apps import passphrase
from otrfast.crypto.backends import load
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage import openssl
from otrfast.storage.clients import JITSI, JITSI_CONTACTS, Directory, has_common_name
from otrfast.storage.contents import Contents, Kind, merged, read, write
from otrfast.storage.files import about, read_file, update_file
from otrfast.storage.java_keys import contact_addresses
from otrfast.storage.names import shown
from otrfast.storage.recognise import UnknownForm, read_any
from otrfast.storage.sealed import is_sealed, seal, unseal

_SHOWN = 20  # names or lines in a report


def tell(line: str) -> None:
    """Print a line to the standard error stream."""
    sys.stderr.write(f"otrfast: {shown(line)}\n")


class Sources:
    """The files that a command reads.

    What is unsound is left out and reported, and the rest is read. A directory stands for the key
    files in it: those of known names, and with `every`, or if there is none, those of other names
    that hold something. What else is there is named as passed over.
    """

    def __init__(
        self, paths: Sequence[Path], arguments: argparse.Namespace, *, every: bool = False
    ) -> None:
        self._paths = paths
        self._arguments = arguments
        self._every = every
        self.incomplete: bool = False
        """Whether something was left out; the command then ends with status 1."""

    def __iter__(self) -> Iterator[tuple[Path, Contents]]:
        """Yield each file that holds something, with its contents."""
        for path in self._paths:
            if path.is_dir():
                yield from self._directory(path)
            else:
                yield from self._file(path)

    def _file(self, path: Path) -> Iterator[tuple[Path, Contents]]:
        try:
            contents = get(path, self._arguments)
        except KeyFileError as error:
            self._leave_out(str(error))
            return
        self.report(path, contents)
        yield path, contents

    def report(self, path: Path, contents: Contents) -> None:
        """Report what of a file was left out."""
        for problem in contents.problems[:_SHOWN]:
            self._leave_out(f"{path}: left out: {problem}")
        if len(contents.problems) > _SHOWN:
            self._leave_out(f"{path}: left out: {len(contents.problems) - _SHOWN} more")

    def _leave_out(self, line: str) -> None:
        self.incomplete = True
        tell(line)

    def _directory(self, path: Path) -> Iterator[tuple[Path, Contents]]:
        try:
            directory = Directory(path)
        except KeyFileError as error:
            self._leave_out(str(error))
            return
        known: list[Path] = []
        passed: list[Path] = []
        for entry in directory.known:
            (passed if has_common_name(entry) and _is_other(entry) else known).append(entry)
        if self._every or not known:
            found = [entry for entry in directory.others if _holds_something(entry)]
        else:
            found = []
        passed += [entry for entry in directory.others if entry not in found]
        for entry in sorted([*known, *found]):
            yield from self._file(entry)
        if not known and not found:
            self._leave_out(f"{path}: expected key files, found none")
        if passed:
            names = [entry.name + "/" * entry.is_dir() for entry in sorted(passed)]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            tell(f"{path}: passed over: {', '.join(names[:_SHOWN])}{more}")


def _is_other(path: Path) -> bool:
    """Whether a file of a common name is no key file."""
    try:
        read_any(read_file(path), load(), _no_passphrase)
    except UnknownForm:
        return True
    except KeyFileError:
        pass
    return False


def _holds_something(path: Path) -> bool:
    """Whether a file of another name is a key file."""
    try:
        data = read_file(path)
        if is_sealed(data):
            return True
        if data.startswith(openssl.MAGIC):
            return False
        contents = read_any(data, load(), _no_passphrase)
    except KeyFileError:
        return False
    items = len(contents.keys) + len(contents.fingerprints) + len(contents.tags)
    return items > 0 and items >= len(contents.problems)


def _no_passphrase() -> str:
    raise KeyFileError("expected an unencrypted file")


def get(path: Path, arguments: argparse.Namespace) -> Contents:
    """Read a file of any form, and check its keys. Raises `KeyFileError` if nothing is sound."""
    data = read_file(path)
    addresses = _addresses(path)
    with about(path):
        return read_any(
            data,
            load(),
            lambda: passphrase.ask(arguments, path),
            account=path.stem,
            addresses=addresses,
        )


def _addresses(path: Path) -> list[str]:
    if path.name != JITSI:
        return []
    try:
        return contact_addresses(read_file(path.parent / JITSI_CONTACTS))
    except KeyFileMissing:
        return []


def joined(old: Contents, new: Contents, source: Path, arguments: argparse.Namespace) -> Contents:
    """Return the union of two contents. Raises `KeyFileError` if they disagree."""
    with about(source):
        return merged(old, new, load(), replace=arguments.replace)


def put(targets: Mapping[tuple[Path, Kind], Contents], arguments: argparse.Namespace) -> None:
    """Add contents to files of a known form, which need not exist; `arguments` has `replace`,
    `encrypt` and the arguments of `passphrase`.

    Raises `KeyFileError`. If contents disagree with a file, no file is changed.
    """
    changes = [
        (path, _change(path, kind, contents, arguments))
        for (path, kind), contents in targets.items()
    ]
    for path, change in changes:
        update_file(path, change)


def _change(
    path: Path, kind: Kind, new: Contents, arguments: argparse.Namespace
) -> Callable[[bytes | None], bytes]:
    """Return the function from the old file to the new one, tested on the present file."""
    try:
        current = read_file(path)
    except KeyFileMissing:
        current = None
    secret: str | None = None
    sealed = current is not None and is_sealed(current)
    if sealed or (arguments.encrypt and kind in (Kind.KEYS, Kind.KEY3)):
        with about(path):
            secret = passphrase.ask(arguments, path, new=not sealed)

    def combined(data: bytes | None) -> bytes:
        old = Contents()
        if data is not None:
            clear = unseal(data, secret) if is_sealed(data) else data
            old = _old(clear, kind, new, path)
        return write(merged(old, new, load(), replace=arguments.replace), kind)

    def change(data: bytes | None) -> bytes:
        clear = combined(data)
        return clear if secret is None else seal(clear, secret, os.urandom)

    with about(path):
        combined(current)
    return change


def _old(data: bytes, kind: Kind, new: Contents, path: Path) -> Contents:
    if kind is not Kind.KEY3:
        return read(data, kind)
    owner = new.keys[0].owner if new.keys else (path.stem, "")  # the file has no name
    return read(data, kind, *owner)


def count(contents: Contents, kind: Kind) -> int:
    """Return the number of items of that kind."""
    return len(_items(contents, kind))


def _items(contents: Contents, kind: Kind) -> list[str]:
    """Return the account of each item of that kind."""
    match kind:
        case Kind.KEYS | Kind.KEY3:
            return [key.account for key in contents.keys]
        case Kind.FINGERPRINTS:
            return [known.account for known in contents.fingerprints]
        case Kind.INSTANCE_TAGS:
            return [stored.account for stored in contents.tags]


def first_kind(contents: Contents) -> Kind:
    """Return the first kind of which there are items. Raises `KeyFileError` if there are none."""
    for kind in (Kind.KEYS, Kind.FINGERPRINTS, Kind.INSTANCE_TAGS):
        if count(contents, kind):
            return kind
    raise KeyFileError("the source holds nothing of that account")


def accounts(contents: Contents, kind: Kind) -> list[str]:
    """Return the accounts that have items of that kind."""
    return list(dict.fromkeys(_items(contents, kind)))
