"""Keys in the properties files of Jitsi and ChatSecure: base64 of X.509 and PKCS#8 DER.

Both files hold the keys of our accounts and of our peers side by side; an account is what has a
private key. Neither says to which of several accounts a peer belongs, so that its fingerprint is
taken over for each.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import PublicKey
from otrfast.errors import KeyFileError
from otrfast.storage.contents import Contents
from otrfast.storage.der import private_numbers, public_numbers
from otrfast.storage.fingerprints import KnownFingerprint
from otrfast.storage.stored_key import StoredKey
from otrfast.trust import VERIFIED

XMPP: Final = "prpl-jabber"
"""The protocol's name in Pidgin, taken for XMPP accounts: these files name none."""

_JITSI = re.compile(
    r"net\.java\.sip\.communicator\.plugin\.otr\.(.+)_(publicKey_verified|publicKey|privateKey)"
)
_JITSI_ACCOUNT = re.compile(r"(net\.java\.sip\.communicator\.impl\.protocol\..+)\.ACCOUNT_UID")
_CHATSECURE = re.compile(r"(.+)\.(privateKey|publicKey|fingerprint)", re.DOTALL)
_CHATSECURE_VERIFIED = re.compile(r"(.+)\.([0-9A-Fa-f]{40})\.publicKey\.verified", re.DOTALL)
_ADDRESS = re.compile(rb"""\saddress=(?:"([^"]*)"|'([^']*)')""")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}")

_ALL = "all"


@dataclass(slots=True)
class _Found:
    """What the properties say of one name."""

    private: str = ""
    public: str = ""
    fingerprint: str = ""
    verified: set[str] = field(default_factory=set)  # fingerprints in hexadecimal, or _ALL

    def __repr__(self) -> str:
        return "<_Found: redacted>"


def is_jitsi(properties: Iterable[str]) -> bool:
    """Whether these are the names of Jitsi's properties."""
    return any(map(_JITSI.fullmatch, properties))


def is_chatsecure(properties: Iterable[str]) -> bool:
    """Whether these are the names of ChatSecure's properties."""
    return any(map(_CHATSECURE.fullmatch, properties))


def read_jitsi(
    properties: Mapping[str, str], backend: Backend, addresses: Iterable[str] = ()
) -> Contents:
    """Return the keys in `sip-communicator.properties`.

    Jitsi writes `_` for what is no letter or digit in a name. The names of accounts are found in
    the same file, those of peers among `addresses`, from its contact list; a name that is in
    neither place stays as it is written. Raises `KeyFileError`.
    """
    found: dict[str, _Found] = {}
    for name, value in properties.items():
        if match := _JITSI.fullmatch(name):
            entry = found.setdefault(match[1], _Found())
            match match[2]:
                case "privateKey":
                    entry.private = value
                case "publicKey":
                    entry.public = value
                case _ if value.strip().lower() == "true":
                    entry.verified.add(_ALL)
    names = {_friendly(address): address for address in addresses} | _jitsi_accounts(properties)
    return _contents({names.get(name, name): entry for name, entry in found.items()}, backend)


def read_chatsecure(properties: Mapping[str, str], backend: Backend) -> Contents:
    """Return the keys in `otr_keystore`. Raises `KeyFileError`."""
    found: dict[str, _Found] = {}
    for name, value in properties.items():
        if match := _CHATSECURE_VERIFIED.fullmatch(name):
            if value.strip().lower() == "true":
                found.setdefault(match[1], _Found()).verified.add(match[2].lower())
        elif match := _CHATSECURE.fullmatch(name):
            entry = found.setdefault(match[1], _Found())
            match match[2]:
                case "privateKey":
                    entry.private = value
                case "publicKey":
                    entry.public = value
                case _:
                    entry.fingerprint = value
    return _contents(found, backend)


def contact_addresses(data: bytes) -> list[str]:
    """Return the names of peers in Jitsi's `contactlist.xml`."""
    values = (match[1] or match[2] or b"" for match in _ADDRESS.finditer(data))
    return [html.unescape(value.decode("utf-8", "replace")) for value in values]


def _friendly(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name)


def _jitsi_accounts(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the accounts' names by what stands for them in the names of properties."""
    names = {}
    for name, uid in properties.items():
        if match := _JITSI_ACCOUNT.fullmatch(name):
            names[_friendly(uid)] = properties.get(
                f"{match[1]}.USER_ID", uid.partition(":")[2] or uid
            )
    return names


def _contents(found: Mapping[str, _Found], backend: Backend) -> Contents:
    keys = [_account(name, entry) for name, entry in found.items() if entry.private]
    fingerprints = [
        known
        for name, entry in found.items()
        if not entry.private
        for digest, level in _fingerprints(name, entry, backend).items()
        for known in [
            KnownFingerprint(name, account, XMPP, bytes.fromhex(digest), level)
            for account in [key.account for key in keys] or [""]
        ]
    ]
    return Contents(keys=keys, fingerprints=fingerprints)


def _account(name: str, entry: _Found) -> StoredKey:
    try:
        numbers, x = private_numbers(entry.private)
        public = public_numbers(entry.public) if entry.public else numbers
    except KeyFileError as error:
        raise KeyFileError(f"{name!r}: {error}") from None
    if public != numbers:  # PKCS#8 has no y: only this tells a damaged x
        raise KeyFileError(f"{name!r}: the two halves of its key do not belong together")
    return StoredKey(name, XMPP, numbers, x)


def _fingerprints(name: str, entry: _Found, backend: Backend) -> dict[str, str]:
    """Return the levels of a peer's fingerprints, in lower-case hexadecimal."""
    digests = entry.verified - {_ALL}
    if entry.public:
        try:
            numbers = public_numbers(entry.public)
        except KeyFileError as error:
            raise KeyFileError(f"{name!r}: {error}") from None
        digests.add(PublicKey.of(numbers, backend).fingerprint.hex())
    if _FINGERPRINT.fullmatch(entry.fingerprint.strip()):
        digests.add(entry.fingerprint.strip().lower())
    return {
        digest: VERIFIED if entry.verified & {digest, _ALL} else "" for digest in sorted(digests)
    }
