"""The contents of key files in any form, and the union of two of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from otrfast._records import field, record
from otrfast._records import replace as changed
from otrfast.crypto.backend import Backend
from otrfast.errors import KeyFileError
from otrfast.storage.files import is_empty
from otrfast.storage.fingerprints import FINGERPRINTS, KnownFingerprint
from otrfast.storage.instance_tags import INSTANCE_TAGS, StoredTag
from otrfast.storage.libotr_keys import read_keys, write_keys
from otrfast.storage.potr_keys import read_key3, write_key3
from otrfast.storage.stored_key import StoredKey, belongs, select, the_only, with_key


class Kind(StrEnum):
    """The forms that can be written."""

    KEYS = "keys"
    KEY3 = "key3"
    FINGERPRINTS = "fingerprints"
    INSTANCE_TAGS = "instance-tags"


@record
class Contents:
    """The contents of a file; `problems` has the reason for each part that was left out."""

    keys: list[StoredKey] = field(factory=list)
    fingerprints: list[KnownFingerprint] = field(factory=list)
    tags: list[StoredTag] = field(factory=list)
    problems: list[str] = field(factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing of any kind."""
        return not (self.keys or self.fingerprints or self.tags)

    def sound(self, backend: Backend) -> Contents:
        """Return the contents without the keys that are not valid, which become problems."""
        keys, problems = [], list(self.problems)
        for key in self.keys:
            try:
                key.signing(backend)
                keys.append(key)
            except KeyFileError as error:
                problems.append(str(error))
        return Contents(keys, self.fingerprints, self.tags, problems)

    def of(self, account: str | None, protocol: str | None) -> Contents:
        """Return the contents that belong to an account on a protocol; None: to any."""
        return Contents(
            select(self.keys, account, protocol),
            [known for known in self.fingerprints if belongs(known, account, protocol)],
            [stored for stored in self.tags if belongs(stored, account, protocol)],
            self.problems,
        )

    def renamed(self, account: str | None, protocol: str | None) -> Contents:
        """Return the same contents under other names; None: the names stay."""
        names = {"account": account, "protocol": protocol}
        new = {name: value for name, value in names.items() if value is not None}
        return Contents(
            [key.belonging_to(account, protocol) for key in self.keys],
            [changed(known, **new) for known in self.fingerprints],
            [changed(stored, **new) for stored in self.tags],
            self.problems,
        )


def read(data: bytes, kind: Kind, account: str = "", protocol: str = "") -> Contents:
    """Read a file of a known form; nothing if it is empty. `account` and `protocol` are the owner
    of a `.key3`.

    Raises `KeyFileError`, also if one key is damaged.
    """
    if is_empty(data):
        return Contents()
    match kind:
        case Kind.KEYS:
            return Contents(keys=read_keys(data))
        case Kind.KEY3:
            return Contents(keys=[read_key3(data, account, protocol)])
        case Kind.FINGERPRINTS:
            fingerprints, problems = FINGERPRINTS.read(data)
            return Contents(fingerprints=fingerprints, problems=problems)
        case Kind.INSTANCE_TAGS:
            tags, problems = INSTANCE_TAGS.read(data)
            return Contents(tags=tags, problems=problems)


def write(contents: Contents, kind: Kind) -> bytes:
    """Return the file of that form. Raises `KeyFileError` if it cannot hold the contents: a
    `.key3` holds one key."""
    match kind:
        case Kind.KEYS:
            return write_keys(contents.keys)
        case Kind.KEY3:
            return write_key3(the_only(contents.keys))
        case Kind.FINGERPRINTS:
            return FINGERPRINTS.write(contents.fingerprints)
        case Kind.INSTANCE_TAGS:
            return INSTANCE_TAGS.write(contents.tags)


def merged(old: Contents, new: Contents, backend: Backend, *, replace: bool) -> Contents:
    """Return the union of two contents.

    Raises `KeyFileError` if an account has one key or instance tag in `old` and another in
    `new`, unless `replace`. If both know a fingerprint, the old level stays, unless it is "" or
    `replace`: an import does not lower a level.
    """
    keys = list(old.keys)
    for key in new.keys:
        keys = with_key(keys, key, backend, replace=replace)
    return Contents(
        keys,
        _merged_fingerprints(old.fingerprints, new.fingerprints, replace=replace),
        _merged_tags(old.tags, new.tags, replace=replace),
        [*old.problems, *new.problems],
    )


def _merged_fingerprints(
    old: Iterable[KnownFingerprint], new: Iterable[KnownFingerprint], *, replace: bool
) -> list[KnownFingerprint]:
    result = {(known.peer, *known.owner, known.fingerprint): known for known in old}
    for known in new:
        key = known.peer, *known.owner, known.fingerprint
        before = result.get(key)
        if before is None or not before.level or (replace and known.level):
            result[key] = known
    return list(result.values())


def _merged_tags(
    old: Iterable[StoredTag], new: Iterable[StoredTag], *, replace: bool
) -> list[StoredTag]:
    result = {stored.owner: stored for stored in old}
    for stored in new:
        before = result.get(stored.owner, stored)
        if before != stored and not replace:
            raise KeyFileError(
                f"{stored.account!r} on {stored.protocol!r} already has the instance tag"
                f" {before.tag:08x}; the other file has {stored.tag:08x}"
            )
        result[stored.owner] = stored
    return list(result.values())
