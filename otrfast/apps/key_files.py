"""Functions of the key commands: reading of any key file, and additions to one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from otrfast.apps import passphrase
from otrfast.crypto.backends import load
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage.clients import files_in
from otrfast.storage.contents import Contents, Kind, merged, read, write
from otrfast.storage.files import about, read_file, update_file
from otrfast.storage.java_keys import contact_addresses
from otrfast.storage.recognise import read_any
from otrfast.storage.sealed import is_sealed, seal, unseal

_JITSI_CONTACTS = "contactlist.xml"
_JITSI_PROPERTIES = "sip-communicator.properties"


def sources(paths: Iterable[Path]) -> list[Path]:
    """Return the files; a directory stands for the files with a known name in it."""
    return [file for path in paths for file in (files_in(path) if path.is_dir() else [path])]


def get(path: Path, arguments: argparse.Namespace) -> Contents:
    """Read a file of any form, and check its keys. Raises `KeyFileError`."""
    backend = load()
    with about(path):
        contents = read_any(
            read_file(path),
            backend,
            lambda: passphrase.ask(arguments, path),
            account=path.stem,
            addresses=_addresses(path),
        )
        for key in contents.keys:
            key.signing(backend)
    return contents


def _addresses(path: Path) -> list[str]:
    if path.name != _JITSI_PROPERTIES:
        return []
    try:
        return contact_addresses(read_file(path.parent / _JITSI_CONTACTS))
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
    with about(path):
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
    match kind:
        case Kind.KEYS | Kind.KEY3:
            return len(contents.keys)
        case Kind.FINGERPRINTS:
            return len(contents.fingerprints)
        case Kind.INSTANCE_TAGS:
            return len(contents.tags)


def first_kind(contents: Contents) -> Kind:
    """Return the first kind of which there are items. Raises `KeyFileError` if there are none."""
    for kind in (Kind.KEYS, Kind.FINGERPRINTS, Kind.INSTANCE_TAGS):
        if count(contents, kind):
            return kind
    raise KeyFileError("the source holds nothing of that account")


def accounts(contents: Contents, kind: Kind) -> list[str]:
    """Return the accounts that have items of that kind."""
    items = contents.keys if kind is Kind.KEY3 else contents.fingerprints
    return list(dict.fromkeys(item.account for item in items))
