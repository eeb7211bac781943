"""Keys in the properties files of Jitsi and ChatSecure: base64 of X.509 and PKCS#8 DER.

Both files hold keys of our accounts and of our peers. The files do not say to which account a peer
belongs, so each account gets the peer's fingerprint.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Final

from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import PublicKey, human_fingerprint
from otrfast.errors import KeyFileError
from otrfast.storage.contents import Contents
from otrfast.storage.der import private_numbers, public_numbers
from otrfast.storage.fingerprints import KnownFingerprint
from otrfast.storage.stored_key import StoredKey, check_size
from otrfast.trust import VERIFIED

XMPP: Final = "prpl-jabber"
"""The name of XMPP in Pidgin, used for accounts of which the file does not say more."""

_PROTOCOLS = {
    "jabber": XMPP,
    "sip": "prpl-simple",
    "icq": "prpl-icq",
    "aim": "prpl-aim",
    "msn": "prpl-msn",
    "yahoo": "prpl-yahoo",
    "irc": "prpl-irc",
    "gadugadu": "prpl-gg",
    "zeroconf": "prpl-bonjour",
}
"""Pidgin's names of protocols by Jitsi's."""

_JITSI = re.compile(
    r"net\.java\.sip\.communicator\.plugin\.otr\.(?:"
    r"(?P<marked>.+)(?P<digest>[0-9A-Fa-f]{40})_fingerprint_verified"
    r"|(?P<name>.+)_(?P<kind>publicKey_verified|publicKey|privateKey|fingerprints))"
)
_JITSI_ACCOUNT = re.compile(
    r"(net\.java\.sip\.communicator\.impl\.protocol\.([^.]+)\..+)\.ACCOUNT_UID"
)
_CHATSECURE = re.compile(r"(.+)\.(privateKey|publicKey|fingerprint)", re.DOTALL)
_CHATSECURE_VERIFIED = re.compile(r"(.+)\.([0-9A-Fa-f]{40})\.publicKey\.verified", re.DOTALL)
_ADDRESS = re.compile(rb"""\saddress=(?:"([^"]*)"|'([^']*)')""")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}")

_ALL = "all"

Owner = tuple[str, str]


class _Found:
    """The properties of one name."""

    __slots__ = ("digests", "private", "public", "verified")

    def __init__(self) -> None:
        self.private = self.public = ""
        self.digests: set[str] = set()  # fingerprints in lower-case hexadecimal
        self.verified: set[str] = set()  # those that are verified, or _ALL

    def take(self, kind: str, value: str) -> None:
        """Take the property of that kind."""
        match kind:
            case "privateKey":
                self.private = value
            case "publicKey":
                self.public = value
            case "fingerprint" | "fingerprints":
                self.digests.update(
                    digest.lower()
                    for digest in map(str.strip, value.split(","))
                    if _FINGERPRINT.fullmatch(digest)
                )
            case _ if _is_true(value):
                self.verified.add(_ALL)

    def mark(self, digest: str, *, verified: bool) -> None:
        """Take note of a fingerprint."""
        self.digests.add(digest.lower())
        if verified:
            self.verified.add(digest.lower())

    def level(self, digest: str) -> str:
        """Return the level of trust in a fingerprint."""
        return VERIFIED if self.verified & {digest, _ALL} else ""

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
    """Return the keys in `sip-communicator.properties`, with what is wrong with the others.

    Jitsi writes `_` for a character that is no letter or digit. The original names of accounts
    are in the same file, those of peers in its contact list (`addresses`); a name that is in
    neither stays as it is.
    """
    contacts: dict[str, set[str]] = {}
    for address in addresses:
        contacts.setdefault(_friendly(address), set()).add(address)
    found: dict[str, _Found] = {}
    for name, value in properties.items():
        if match := _JITSI.fullmatch(name):
            if match["digest"]:
                marked = match["marked"]
                if marked not in contacts and marked.endswith("_"):
                    marked = marked[:-1]
                found.setdefault(marked, _Found()).mark(match["digest"], verified=_is_true(value))
            else:
                found.setdefault(match["name"], _Found()).take(match["kind"], value)
    return _jitsi_contents(found, contacts, _jitsi_accounts(properties), backend)


def _jitsi_contents(
    found: Mapping[str, _Found],
    contacts: Mapping[str, set[str]],
    accounts: Mapping[str, set[Owner]],
    backend: Backend,
) -> Contents:
    """Return the keys of properties; names are those of the properties, not of people."""
    ours: list[tuple[str, Owner, _Found]] = []
    peers: list[tuple[str, _Found]] = []
    problems = []
    for name, entry in found.items():
        known = sorted(contacts.get(name, {name}))
        if entry.private:
            ours += [(name, owner, entry) for owner in sorted(accounts.get(name, {(name, XMPP)}))]
        elif name in accounts and name not in contacts:
            problems.append(f"{name!r}: expected a private key of the account, found none")
        elif len(known) > 1:
            problems.append(f"{name!r}: it may be the name of {' or '.join(map(repr, known))}")
        else:
            peers.append((known[0], entry))
    return _contents(ours, peers, problems, backend)


def read_chatsecure(properties: Mapping[str, str], backend: Backend) -> Contents:
    """Return the keys in `otr_keystore`, with what is wrong with the others."""
    found: dict[str, _Found] = {}
    for name, value in properties.items():
        if match := _CHATSECURE_VERIFIED.fullmatch(name):
            if _is_true(value):
                found.setdefault(match[1], _Found()).mark(match[2], verified=True)
        elif match := _CHATSECURE.fullmatch(name):
            found.setdefault(match[1], _Found()).take(match[2], value)
    ours = [(name, (name, XMPP), entry) for name, entry in found.items() if entry.private]
    peers = []
    for name, entry in found.items():
        if entry.private:  # an account may be its own peer: on another device, with another key
            peer = _Found()
            peer.digests = peer.verified = entry.verified - {_ALL}
            peers.append((name, peer))
        else:
            peers.append((name, entry))
    return _contents(ours, peers, [], backend)


def contact_addresses(data: bytes) -> list[str]:
    """Return the names of peers in Jitsi's `contactlist.xml`."""
    values = (match[1] or match[2] or b"" for match in _ADDRESS.finditer(data))
    return [html.unescape(value.decode("utf-8", "replace")) for value in values]


def _is_true(value: str) -> bool:
    return value.strip().lower() == "true"


def _friendly(name: str) -> str:
    """Return a name as Jitsi writes it in properties, which must not begin with a digit."""
    prefix = "p" if name[:1].isdigit() else ""
    return prefix + "".join(char if char.isalnum() else "_" for char in name)


def _jitsi_accounts(properties: Mapping[str, str]) -> dict[str, set[Owner]]:
    """Return the accounts, each with its protocol, by their form in the names of properties."""
    owners: dict[str, set[Owner]] = {}
    for name, uid in properties.items():
        if match := _JITSI_ACCOUNT.fullmatch(name):
            account = properties.get(f"{match[1]}.USER_ID", uid.partition(":")[2] or uid)
            protocol = _PROTOCOLS.get(match[2], match[2])
            owners.setdefault(_friendly(uid), set()).add((account, protocol))
    return owners


def _contents(
    ours: Iterable[tuple[str, Owner, _Found]],
    peers: Iterable[tuple[str, _Found]],
    problems: list[str],
    backend: Backend,
) -> Contents:
    """Return the keys of our accounts and the fingerprints of peers; `problems` grows by what is
    left out."""
    read: dict[Owner, list[tuple[str, StoredKey]]] = {}
    owners: list[Owner] = []
    for name, owner, entry in ours:
        owners.append(owner)
        try:
            read.setdefault(owner, []).append((name, _account(name, owner, entry)))
        except KeyFileError as error:
            problems.append(str(error))
    keys = [found[0][1] for found in read.values() if found and not _conflict(found)]
    problems += [_conflict_text(found, backend) for found in read.values() if _conflict(found)]
    digests = {key.fingerprint(backend).hex() for key in keys}
    fingerprints = []
    for name, entry in peers:
        try:
            entry.digests |= _of_public_key(name, entry, backend)
        except KeyFileError as error:
            problems.append(str(error))
        fingerprints += [
            KnownFingerprint(name, *owner, bytes.fromhex(digest), entry.level(digest))
            for digest in sorted(entry.digests)
            if (digest not in digests or name not in {account for account, _ in owners})
            for owner in dict.fromkeys(owners) or [("", XMPP)]
        ]
    return Contents(keys=keys, fingerprints=fingerprints, problems=problems)


def _conflict(found: list[tuple[str, StoredKey]]) -> bool:
    return any(not key.same_numbers(found[0][1]) for _, key in found)


def _conflict_text(found: list[tuple[str, StoredKey]], backend: Backend) -> str:
    account, protocol = found[0][1].owner
    keys = ", ".join(
        f"{human_fingerprint(key.fingerprint(backend))} under {name!r}" for name, key in found
    )
    return f"{account!r} on {protocol!r} has different keys: {keys}"


def _account(name: str, owner: Owner, entry: _Found) -> StoredKey:
    try:
        numbers, x = private_numbers(entry.private)
        public = public_numbers(entry.public) if entry.public else numbers
    except KeyFileError as error:
        raise KeyFileError(f"{name!r}: {error}") from None
    check_size(numbers, repr(name))
    if public != numbers:  # PKCS#8 has no y: only this check detects a damaged x
        raise KeyFileError(f"{name!r}: its private and public key do not match")
    return StoredKey(*owner, numbers, x)


def _of_public_key(name: str, entry: _Found, backend: Backend) -> set[str]:
    """Return the fingerprint of a peer's public key, if there is one."""
    if not entry.public:
        return set()
    try:
        numbers = public_numbers(entry.public)
    except KeyFileError as error:
        raise KeyFileError(f"{name!r}: {error}") from None
    check_size(numbers, repr(name))
    return {PublicKey.of(numbers, backend).fingerprint.hex()}
