"""Who the account of a store is, and what it knows of its peers' keys, as the rows that hold it.

Private key and instance tag have the forms of `otrfast.storage`, without names: the row has them.
What is known of a peer has a form that is read in microseconds: a bot reads it of every peer when
it starts.
"""

from __future__ import annotations

from otrfast._records import field, record
from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import FINGERPRINT_BYTES, KeyPair
from otrfast.errors import KeyFileError
from otrfast.journal.errors import StoreDamaged
from otrfast.journal.vault import name_bytes, name_of, prefixed
from otrfast.storage.instance_tags import dumps_instance_tag, loads_instance_tag
from otrfast.storage.private_key import PrivateKey
from otrfast.trust import Trust


@record
class Identity:
    """What an `Account` is made of: its names, private key, instance tag, and trust."""

    account: str
    protocol: str
    private_key: KeyPair
    instance_tag: int
    trust: Trust = field(compare=False)

    @property
    def owner(self) -> bytes:
        """Account, protocol and instance tag, as the conversations are sealed with them."""
        names = prefixed(name_bytes(self.account)) + prefixed(name_bytes(self.protocol))
        return names + self.instance_tag.to_bytes(4, "big")

    def dumps(self, backend: Backend) -> list[bytes]:
        """Return the parts of the row; the trust has rows of its own."""
        key = PrivateKey(self.private_key.signing, backend)
        tag = dumps_instance_tag("", "", self.instance_tag)
        return [name_bytes(self.account), name_bytes(self.protocol), tag, key.dumps()]


def loads_identity(parts: list[bytes], trust: Trust, backend: Backend) -> Identity:
    """Read the parts that `Identity.dumps` wrote. Raises `StoreDamaged`."""
    try:
        account, protocol, tag, key = parts
        found = loads_instance_tag(tag, "", "")
        private_key = PrivateKey.loads(key, backend=backend)
    except (ValueError, KeyFileError):
        raise StoreDamaged("the account in the store cannot be read") from None
    if found is None:
        raise StoreDamaged("the account in the store has no instance tag")
    return Identity(name_of(account), name_of(protocol), private_key, found, trust)


def dumps_known(trust: Trust, peer: str) -> bytes:
    """Return what is known of a peer's keys, for `Shard.commit`: of each its fingerprint (20
    bytes), the highest version (1), and the level after its length (4)."""
    versions = trust.versions
    return b"".join(
        fingerprint + bytes((versions.get(fingerprint, 0),)) + prefixed(name_bytes(level))
        for fingerprint, level in trust.of(peer).items()
    )


def loads_known(data: bytes, peer: str, trust: Trust) -> None:
    """Have `trust` know what `dumps_known` wrote. Raises `StoreDamaged`."""
    start = 0
    while start < len(data):
        level_at = start + FINGERPRINT_BYTES + 5
        end = level_at + int.from_bytes(data[level_at - 4 : level_at], "big")
        if max(end, level_at) > len(data):
            raise StoreDamaged("what is known of a peer's keys cannot be read")
        fingerprint, version = data[start : start + FINGERPRINT_BYTES], data[level_at - 5]
        trust.set(peer, fingerprint, name_of(data[level_at:end]))
        if version:
            trust.saw_version(fingerprint, version)
        start = end
