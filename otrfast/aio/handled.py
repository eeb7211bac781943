"""Which lines of a peer have been handled: their ids, kept within the state of the conversation.

A state replaces the one before it, and stands together with all else of its batch. So an id stands
exactly when the effects of its line do, in every store that keeps states, and without a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from otrfast.crypto.backend import StateKey, StatePart
from otrfast.crypto.secret import Secret

KEPT: Final = 64
"""Ids of each peer that are kept: as many lines of a peer as wait in a gateway by default."""

_ID_BYTES: Final = 8


class HandledIds:
    """The last ids of a peer, each as the first 8 bytes of its SHA-256: 512 bytes when full."""

    __slots__ = ("_digests",)

    def __init__(self, digests: bytes = b"") -> None:
        self._digests = digests

    def __bytes__(self) -> bytes:
        return self._digests

    def __contains__(self, line_id: bytes) -> bool:
        digest = _digest(line_id)
        at = self._digests.find(digest)
        while at % _ID_BYTES and at > 0:  # the end of one and the start of another
            at = self._digests.find(digest, at + 1)
        return at >= 0

    def add(self, line_id: bytes) -> None:
        """Add an id; the oldest one is dropped if there are too many."""
        self._digests = (self._digests + _digest(line_id))[-KEPT * _ID_BYTES :]


class StateAndIds(Secret):
    """A `StateKey` that seals the ids of a peer behind the parts of its state."""

    __slots__ = ("_key", "ids")

    def __init__(self, key: StateKey, ids: HandledIds) -> None:
        self._key = key
        self.ids: HandledIds = ids

    def seal(self, associated: bytes, parts: Sequence[StatePart], /) -> bytes:
        return self._key.seal(associated, [*parts, bytes(self.ids)])

    def open(self, associated: bytes, sealed: bytes, /) -> list[StatePart]:
        """Return the parts of the state; `ids` has what was sealed behind them."""
        parts = self._key.open(associated, sealed)
        match parts:
            # in a state bytes and handles alternate, so only the ids can follow upon bytes
            case [*state, bytes() as last, bytes() as digests]:
                self.ids = HandledIds(digests)
                return [*state, last]
        return parts


def _digest(line_id: bytes) -> bytes:
    return hashlib.sha256(line_id).digest()[:_ID_BYTES]
