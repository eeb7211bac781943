"""What key files hold, whatever their form, and putting what two of them hold together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from otrfast.crypto.backend import Backend
from otrfast.errors import KeyFileError
from otrfast.storage.fingerprints import (
    KnownFingerprint,
    read_fingerprints,
    write_fingerprints,
)
from otrfast.storage.instance_tags import StoredTag, read_instance_tags, write_instance_tags
from otrfast.storage.libotr_keys import read_keys, write_keys
from otrfast.storage.lines import refuse_foreign
from otrfast.storage.potr_keys import read_key3, write_key3
from otrfast.storage.stored_key import StoredKey, select, the_only, with_key


class Kind(StrEnum):
    """The forms that are written."""

    KEYS = "keys"
    KEY3 = "key3"
    FINGERPRINTS = "fingerprints"
    INSTANCE_TAGS = "instance-tags"


@dataclass(slots=True)
class Contents:
    """What a file holds; `skipped` counts lines that could not be read."""

    keys: list[StoredKey] = field(default_factory=list)
    fingerprints: list[KnownFingerprint] = field(default_factory=list)
    tags: list[StoredTag] = field(default_factory=list)
    skipped: int = 0

    def of(self, account: str | None, protocol: str | None) -> Contents:
        """Return what belongs to an account on a protocol; None: to any."""

        def wanted(item: StoredTag | KnownFingerprint) -> bool:
            return account in (None, item.account) and protocol in (None, item.protocol)

        return Contents(
            select(self.keys, account, protocol),
            [known for known in self.fingerprints if wanted(known)],
            [stored for stored in self.tags if wanted(stored)],
            self.skipped,
        )

    def renamed(self, account: str | None, protocol: str | None) -> Contents:
        """Return the same under other names; None: the names stay."""

        def names(item: StoredKey | KnownFingerprint | StoredTag) -> tuple[str, str]:
            return (
                item.account if account is None else account,
                item.protocol if protocol is None else protocol,
            )

        return Contents(
            [key.belonging_to(*names(key)) for key in self.keys],
            [
                KnownFingerprint(known.peer, *names(known), known.fingerprint, known.level)
                for known in self.fingerprints
            ],
            [StoredTag(*names(stored), stored.tag) for stored in self.tags],
            self.skipped,
        )


def read(data: bytes, kind: Kind, account: str = "", protocol: str = "") -> Contents:
    """Read a file of a known form. `account` and `protocol` say whose a `.key3` is.

    Raises `KeyFileError`.
    """
    match kind:
        case Kind.KEYS:
            return Contents(keys=read_keys(data))
        case Kind.KEY3:
            return Contents(keys=[read_key3(data, account, protocol)])
        case Kind.FINGERPRINTS:
            fingerprints, skipped = read_fingerprints(data)
            refuse_foreign(len(fingerprints), skipped, "a fingerprint")
            return Contents(fingerprints=fingerprints, skipped=skipped)
        case Kind.INSTANCE_TAGS:
            tags, skipped = read_instance_tags(data)
            refuse_foreign(len(tags), skipped, "an instance tag")
            return Contents(tags=tags, skipped=skipped)


def write(contents: Contents, kind: Kind) -> bytes:
    """Return the file of that form. Raises `KeyFileError` where it can not hold the contents: a
    `.key3` has one key."""
    match kind:
        case Kind.KEYS:
            return write_keys(contents.keys)
        case Kind.KEY3:
            return write_key3(the_only(contents.keys))
        case Kind.FINGERPRINTS:
            return write_fingerprints(contents.fingerprints)
        case Kind.INSTANCE_TAGS:
            return write_instance_tags(contents.tags)


def merged(old: Contents, new: Contents, backend: Backend, *, replace: bool) -> Contents:
    """Return what both hold.

    Raises `KeyFileError` where an account has one key or instance tag in `old` and another in
    `new`, unless `replace`. Of two levels of trust in one fingerprint the old one stays, unless
    it is "" or `replace`: an import does not take trust away.
    """
    keys = list(old.keys)
    for key in new.keys:
        keys = with_key(keys, key, backend, replace=replace)
    return Contents(
        keys,
        _merged_fingerprints(old.fingerprints, new.fingerprints, replace=replace),
        _merged_tags(old.tags, new.tags, replace=replace),
        old.skipped + new.skipped,
    )


def _merged_fingerprints(
    old: Iterable[KnownFingerprint], new: Iterable[KnownFingerprint], *, replace: bool
) -> list[KnownFingerprint]:
    levels = {known[:4]: known.level for known in old}
    for known in new:
        level = levels.get(known[:4], "")
        levels[known[:4]] = known.level if not level or (replace and known.level) else level
    return [KnownFingerprint(*names, level) for names, level in levels.items()]


def _merged_tags(
    old: Iterable[StoredTag], new: Iterable[StoredTag], *, replace: bool
) -> list[StoredTag]:
    tags = {(stored.account, stored.protocol): stored.tag for stored in old}
    for account, protocol, tag in new:
        known = tags.get((account, protocol), tag)
        if known != tag and not replace:
            raise KeyFileError(
                f"{account!r} on {protocol!r} has the instance tag {known:08x} already, and"
                f" {tag:08x} in the other file"
            )
        tags[account, protocol] = tag
    return [StoredTag(*names, tag) for names, tag in tags.items()]
