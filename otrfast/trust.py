"""The known keys of each peer, the level of trust in each, and the highest version of each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from otrfast._views import View

VERIFIED: Final = "verified"
"""The level of a fingerprint that a person has compared."""

SMP: Final = "smp"
"""The level of a fingerprint whose holder has passed an SMP."""

_UNTRUSTED_OF_PEER = 32
_UNTRUSTED = 100_000  # fingerprints of all peers that nobody trusts
_VERSIONS = 100_000  # fingerprints that nobody trusts, whose highest version is remembered
_FINGERPRINT_BYTES = 20
_NOBODY: Mapping[bytes, str] = MappingProxyType({})


class Trust:
    """A level for each (peer, fingerprint): "" is known and not trusted, any other string
    trusted, None never seen.

    Trusted fingerprints are kept without a limit, apart from those that were only seen: of these
    the oldest are dropped.
    """

    __slots__ = ("_known", "_trusted", "_trusted_versions", "_untrusted", "_versions")

    def __init__(self) -> None:
        self._trusted: dict[Hashable, dict[bytes, str]] = {}
        self._known: OrderedDict[Hashable, dict[bytes, str]] = OrderedDict()  # oldest peer first
        self._untrusted = 0  # fingerprints in `_known`
        self._trusted_versions: dict[bytes, int] = {}
        self._versions: dict[bytes, int] = {}

    def level(self, peer: Hashable, fingerprint: bytes) -> str | None:
        """Return the level of a peer's fingerprint (20 bytes)."""
        level = self._trusted.get(peer, _NOBODY).get(fingerprint)
        return self._known.get(peer, _NOBODY).get(fingerprint) if level is None else level

    def of(self, peer: Hashable) -> Mapping[bytes, str]:
        """Return the fingerprints of a peer with their levels."""
        trusted, known = self._trusted.get(peer), self._known.get(peer)
        return {**(known or _NOBODY), **(trusted or _NOBODY)}

    def trusts(self, peer: Hashable) -> bool:
        """Whether a key of the peer is trusted."""
        return peer in self._trusted

    def set(self, peer: Hashable, fingerprint: bytes, level: str) -> None:
        """Set a level; "" makes the fingerprint known but not trusted. Raises `TypeError` or
        `ValueError` unless the fingerprint is 20 bytes and the level is a string."""
        _check(fingerprint, level)
        if not level:
            self._withdraw(peer, fingerprint)
            self.note(peer, fingerprint)
            return
        self._drop_known(peer, fingerprint)
        self._trusted.setdefault(peer, {})[fingerprint] = level
        highest = max(
            self._versions.pop(fingerprint, 0), self._trusted_versions.get(fingerprint, 0)
        )
        self._trusted_versions[fingerprint] = highest

    def note(self, peer: Hashable, fingerprint: bytes) -> None:
        """Make a new fingerprint known, not trusted. The oldest of the peer makes space for it,
        and the oldest of all."""
        known = self._known.setdefault(peer, {})
        if fingerprint in known:
            return
        if len(known) >= _UNTRUSTED_OF_PEER:
            self._drop_known(peer, next(iter(known)))
            known = self._known.setdefault(peer, {})
        elif self._untrusted >= _UNTRUSTED:
            oldest = next(each for each in self._known if each != peer or known)
            self._drop_known(oldest, next(iter(self._known[oldest])))
            known = self._known.setdefault(peer, {})
        known[fingerprint] = ""
        self._untrusted += 1

    def forget(self, peer: Hashable, fingerprint: bytes) -> None:
        """Forget a fingerprint. Raises `KeyError` if it is not known."""
        if self.level(peer, fingerprint) is None:
            raise KeyError(fingerprint)
        self._drop_known(peer, fingerprint)
        self._withdraw(peer, fingerprint)

    def _drop_known(self, peer: Hashable, fingerprint: bytes) -> None:
        known = self._known.get(peer)
        if known is not None and known.pop(fingerprint, None) is not None:
            self._untrusted -= 1
        if known is not None and not known:
            del self._known[peer]

    def _withdraw(self, peer: Hashable, fingerprint: bytes) -> None:
        """Trust a fingerprint of a peer no longer."""
        trusted = self._trusted.get(peer)
        if trusted is None or trusted.pop(fingerprint, None) is None:
            return
        if not trusted:
            del self._trusted[peer]
        if not any(fingerprint in each for each in self._trusted.values()):
            self.saw_version(fingerprint, self._trusted_versions.pop(fingerprint, 0))

    def rename(self, old: Hashable, new: Hashable) -> None:
        """Have what is known of the peer `old` be known of `new`, which nothing is known of. An
        unknown `old` changes nothing."""
        stores: tuple[dict[Hashable, dict[bytes, str]], ...] = (self._trusted, self._known)
        for store in stores:
            fingerprints = store.pop(old, None)
            if fingerprints is not None:
                store[new] = fingerprints

    def saw_version(self, fingerprint: bytes, version: int) -> int:
        """Note that a fingerprint uses `version`; return the highest that it has used."""
        trusted = fingerprint in self._trusted_versions
        versions = self._trusted_versions if trusted else self._versions
        highest = max(version, versions.get(fingerprint, 0))
        if not trusted and len(versions) >= _VERSIONS and fingerprint not in versions:
            del versions[next(iter(versions))]
        versions[fingerprint] = highest
        return highest

    @property
    def versions(self) -> Mapping[bytes, int]:
        """The highest version that each trusted fingerprint has used, 0 for none, to be saved
        with the levels; `saw_version` takes it back."""
        return View(self._trusted_versions)

    def __iter__(self) -> Iterator[tuple[Hashable, bytes, str]]:
        """Yield (peer, fingerprint, level) for all that is known. It may change meanwhile."""
        for store in (self._trusted, self._known):
            for peer, fingerprints in list(store.items()):
                for fingerprint, level in list(fingerprints.items()):
                    yield peer, fingerprint, level

    def __repr__(self) -> str:
        return f"<Trust: {len({*self._trusted, *self._known})} peers>"


def _check(fingerprint: object, level: object) -> None:
    if not isinstance(fingerprint, bytes):
        raise TypeError(
            f"a fingerprint is {_FINGERPRINT_BYTES} bytes, not {type(fingerprint).__name__}: "
            "bytes.fromhex() reads one in hexadecimal"
        )
    if len(fingerprint) != _FINGERPRINT_BYTES:
        raise ValueError(f"a fingerprint is {_FINGERPRINT_BYTES} bytes, not {len(fingerprint)}")
    if not isinstance(level, str):
        raise TypeError(f"a level is a string, not {type(level).__name__}")
