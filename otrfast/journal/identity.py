"""Who the account of a store is, and what it knows of its peers' keys, as the rows that hold it.

The forms are those of `otrfast.storage`, without names: the rows have them.
"""

from __future__ import annotations

from otrfast._records import field, record
from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair
from otrfast.errors import KeyFileError
from otrfast.journal.errors import StoreDamaged
from otrfast.journal.vault import name_bytes, name_of, prefixed
from otrfast.storage.fingerprints import dumps_trust, loads_trust
from otrfast.storage.instance_tags import dumps_instance_tag, loads_instance_tag
from otrfast.storage.private_key import PrivateKey
from otrfast.storage.versions import dumps_versions, loads_versions
from otrfast.trust import Trust

_PEER = "peer"


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
    """Return what is known of a peer's keys: levels and highest versions, for `Shard.commit`.

    Raises `KeyFileError` for a level that does not fit a line.
    """
    own = Trust()
    for fingerprint, level in trust.of(peer).items():
        own.set(_PEER, fingerprint, level)
        own.saw_version(fingerprint, trust.versions.get(fingerprint, 0))
    return prefixed(dumps_trust("", "", own)) + dumps_versions("", "", own)


def loads_known(data: bytes, peer: str, trust: Trust) -> None:
    """Have `trust` know what `dumps_known` wrote. Raises `StoreDamaged`."""
    end = 4 + int.from_bytes(data[:4], "big")
    try:
        own = loads_trust(data[4:end], "", "")
        loads_versions(data[end:], "", "", own)
    except KeyFileError:
        raise StoreDamaged("what is known of a peer's keys cannot be read") from None
    for _, fingerprint, level in own:
        trust.set(peer, fingerprint, level)
    for fingerprint, version in own.versions.items():
        trust.saw_version(fingerprint, version)
