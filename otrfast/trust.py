"""The known keys of each peer, the level of trust in each, and the highest version of each."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

VERIFIED: Final = "verified"
"""The level of a fingerprint that a person has compared."""

SMP: Final = "smp"
"""The level of a fingerprint whose holder has passed an SMP."""

_UNTRUSTED = 32
_VERSIONS = 100_000  # fingerprints whose highest version is kept
_NOBODY: Mapping[bytes, str] = MappingProxyType({})


class Trust:
    """The level of each (peer, fingerprint): "" is known but not trusted, any other string is
    trusted, None is unknown."""

    __slots__ = ("_levels", "_versions")

    def __init__(self) -> None:
        self._levels: dict[Hashable, dict[bytes, str]] = {}
        self._versions: dict[bytes, int] = {}

    def level(self, peer: Hashable, fingerprint: bytes) -> str | None:
        """Return the level of a peer's fingerprint (20 bytes)."""
        return self.of(peer).get(fingerprint)

    def of(self, peer: Hashable) -> Mapping[bytes, str]:
        """Return the fingerprints of a peer with their levels."""
        return self._levels.get(peer, _NOBODY)

    def set(self, peer: Hashable, fingerprint: bytes, level: str) -> None:
        """Set a level; "" makes the fingerprint known but not trusted."""
        self._levels.setdefault(peer, {})[fingerprint] = level

    def note(self, peer: Hashable, fingerprint: bytes) -> None:
        """Add a new fingerprint, not trusted. If the peer has 32 that are not trusted, the oldest
        of them is removed."""
        fingerprints = self._levels.setdefault(peer, {})
        untrusted = [known for known, level in fingerprints.items() if not level]
        if len(untrusted) >= _UNTRUSTED:
            del fingerprints[untrusted[0]]
        fingerprints[fingerprint] = ""

    def forget(self, peer: Hashable, fingerprint: bytes) -> None:
        """Remove a fingerprint. Raises `KeyError` if it is unknown."""
        fingerprints = self._levels[peer]
        del fingerprints[fingerprint]
        if not fingerprints:
            del self._levels[peer]

    def rename(self, old: Hashable, new: Hashable) -> None:
        """Have what is known of the peer `old` be known of `new`, which nothing is known of. An
        unknown `old` changes nothing."""
        fingerprints = self._levels.pop(old, None)
        if fingerprints is not None:
            self._levels[new] = fingerprints

    def saw_version(self, fingerprint: bytes, version: int) -> int:
        """Note that a fingerprint has used `version`; return the highest that it has used."""
        highest = max(version, self._versions.get(fingerprint, 0))
        if len(self._versions) >= _VERSIONS and fingerprint not in self._versions:
            del self._versions[next(iter(self._versions))]
        self._versions[fingerprint] = highest
        return highest

    def __iter__(self) -> Iterator[tuple[Hashable, bytes, str]]:
        """Yield (peer, fingerprint, level) of every known fingerprint."""
        for peer, fingerprints in self._levels.items():
            for fingerprint, level in fingerprints.items():
                yield peer, fingerprint, level

    def __repr__(self) -> str:
        return f"<Trust: {len(self._levels)} peers>"
