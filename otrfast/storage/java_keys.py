"""Keys in the properties files of Jitsi and ChatSecure: base64 of X.509 and PKCS#8 DER.

Both files hold keys of our accounts and of our peers; a name with a private key is an account. The
files do not say to which account a peer belongs, so each account gets the peer's fingerprint.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
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
"""The name of XMPP in Pidgin, used for all accounts: these files do not name the protocol."""

_JITSI = re.compile(
    r"net\.java\.sip\.communicator\.plugin\.otr\.(.+)_(publicKey_verified|publicKey|privateKey)"
)
_JITSI_ACCOUNT = re.compile(r"(net\.java\.sip\.communicator\.impl\.protocol\..+)\.ACCOUNT_UID")
_CHATSECURE = re.compile(r"(.+)\.(privateKey|publicKey|fingerprint)", re.DOTALL)
_CHATSECURE_VERIFIED = re.compile(r"(.+)\.([0-9A-Fa-f]{40})\.publicKey\.verified", re.DOTALL)
_ADDRESS = re.compile(rb"""\saddress=(?:"([^"]*)"|'([^']*)')""")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}")

_ALL = "all"


class _Found:
    """The properties of one name."""

    __slots__ = ("fingerprint", "private", "public", "verified")

    def __init__(self) -> None:
        self.private = self.public = self.fingerprint = ""
        self.verified: set[str] = set()  # fingerprints in hexadecimal, or _ALL

    def take(self, name: str, value: str) -> None:
        """Take the property of that name."""
        match name:
            case "privateKey":
                self.private = value
            case "publicKey":
                self.public = value
            case "fingerprint":
                self.fingerprint = value
            case _ if value.strip().lower() == "true":
                self.verified.add(_ALL)

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

    Jitsi writes `_` for a character that is no letter or digit. The original names of accounts
    are in the same file, those of peers in its contact list (`addresses`); a name that is in
    neither stays as it is. Raises `KeyFileError`.
    """
    found: dict[str, _Found] = {}
    for name, value in properties.items():
        if match := _JITSI.fullmatch(name):
            found.setdefault(match[1], _Found()).take(match[2], value)
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
            found.setdefault(match[1], _Found()).take(match[2], value)
    return _contents(found, backend)


def contact_addresses(data: bytes) -> list[str]:
    """Return the names of peers in Jitsi's `contactlist.xml`."""
    values = (match[1] or match[2] or b"" for match in _ADDRESS.finditer(data))
    return [html.unescape(value.decode("utf-8", "replace")) for value in values]


def _friendly(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name)


def _jitsi_accounts(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the names of accounts by their form in the names of properties."""
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
    if public != numbers:  # PKCS#8 has no y: only this check detects a damaged x
        raise KeyFileError(f"{name!r}: its private and public key do not match")
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
