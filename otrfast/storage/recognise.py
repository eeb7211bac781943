"""Recognition of the form of a file by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from otrfast.crypto.backend import Backend
from otrfast.errors import KeyFileError
from otrfast.storage import openssl
from otrfast.storage.contents import Contents, Kind, read
from otrfast.storage.files import is_empty
from otrfast.storage.java_keys import is_chatsecure, is_jitsi, read_chatsecure, read_jitsi
from otrfast.storage.java_properties import read_properties
from otrfast.storage.libotr_keys import read_sound_keys
from otrfast.storage.potr_keys import is_key3
from otrfast.storage.sealed import is_sealed, unseal


class UnknownForm(KeyFileError):
    """A file that is no key file of any known program."""


Passphrase = Callable[[], str | bytes]
"""Called if the file is encrypted."""

_BLANKS = b" \t\v\f\r\n"


def read_any(
    data: bytes,
    backend: Backend,
    passphrase: Passphrase,
    account: str = "",
    addresses: Iterable[str] = (),
) -> Contents:
    """Read a key file of any known form.

    `account` is the owner of a `.key3`; `addresses` are the names of peers for `read_jitsi`. What
    is unsound is left out, with its reason among the problems. Raises `KeyFileError` if nothing is
    sound, and `UnknownForm` for a file of another kind.
    """
    contents = _read(data, backend, passphrase, account, addresses).sound(backend)
    if contents.empty and contents.problems:
        raise KeyFileError("; ".join(contents.problems))
    return contents


def _read(
    data: bytes,
    backend: Backend,
    passphrase: Passphrase,
    account: str,
    addresses: Iterable[str],
) -> Contents:
    if is_sealed(data):
        data = unseal(data, passphrase())
    if data.startswith(openssl.MAGIC):
        return _read_encrypted_properties(data, backend, passphrase())
    if data.lstrip(_BLANKS).startswith(b"("):
        keys, problems = read_sound_keys(data)
        return Contents(keys=keys, problems=problems)
    if is_key3(data):
        return read(data, Kind.KEY3, account)
    contents = _read_lines(data)
    if contents is not None:
        return contents
    properties = read_properties(data)
    if is_jitsi(properties):
        return read_jitsi(properties, backend, addresses)
    if is_chatsecure(properties):
        return read_chatsecure(properties, backend)
    if not is_empty(data):
        raise UnknownForm("expected keys, fingerprints or instance tags in a known form")
    return Contents()


def _read_encrypted_properties(data: bytes, backend: Backend, passphrase: str | bytes) -> Contents:
    for plaintext in openssl.candidates(data, passphrase):
        properties = read_properties(plaintext)
        if is_chatsecure(properties):
            return read_chatsecure(properties, backend)
    raise KeyFileError("expected keys; the passphrase is wrong, or the file is damaged or has none")


def _read_lines(data: bytes) -> Contents | None:
    """Read a file with one value a line; None if no line holds one."""
    for kind in (Kind.FINGERPRINTS, Kind.INSTANCE_TAGS):
        with suppress(KeyFileError):
            contents = read(data, kind)
            if contents.fingerprints or contents.tags:
                return contents
    return None
