"""Who an account is to every peer: its signing key, its instance tag, its D-H keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.secret import Secret
from otrfast.protocol.dh_pool import DhKeyPool
from otrfast.protocol.peer_keys import PeerKeys

COUNTERS_OF_EPOCH: Final = 1 << 21
"""Counters of an epoch: those of data messages, which some peers hold in floating-point numbers,
stay below 2^53 until 2106 if epochs are seconds."""

MIN_INSTANCE_TAG: Final = 0x100
"""Smaller instance tags are reserved (OTRv3, "Instance Tags")."""


class Identity(Secret):
    """The local end of all conversations of an account."""

    __slots__ = (
        "allow_own_key",
        "backend",
        "counters",
        "dh_keys",
        "instance_tag",
        "key_pair",
        "peer_keys",
        "random",
    )

    def __init__(
        self,
        key_pair: KeyPair,
        instance_tag: int,
        backend: Backend,
        random: Callable[[int], bytes],
        dh_batch: int,
        allow_own_key: bool = False,
    ) -> None:
        self.allow_own_key: bool = allow_own_key
        self.counters: tuple[int, int] | None = None  # between which all data keys seal
        self.key_pair: KeyPair = key_pair
        self.instance_tag: int = instance_tag
        self.backend: Backend = backend
        self.random: Callable[[int], bytes] = random
        self.dh_keys: DhKeyPool = DhKeyPool(backend, random, dh_batch)
        self.peer_keys: PeerKeys = PeerKeys(backend, random)

    def under(self, instance_tag: int) -> Identity:
        """Return the same identity under another instance tag; D-H keys made ahead and what is
        known of peers' keys are common to both."""
        other = object.__new__(Identity)
        for name in Identity.__slots__:
            setattr(other, name, getattr(self, name))
        other.instance_tag = instance_tag
        return other

    def sign(self, value: bytes) -> bytes:
        """Sign 32 bytes with the account's DSA key."""
        return self.key_pair.signing.sign(value, self.random(32))
