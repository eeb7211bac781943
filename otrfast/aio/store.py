"""The seam between a gateway and what makes its work durable."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import count
from typing import NamedTuple, Protocol

from otrfast.events import Event, MessageReceived
from otrfast.outcome import Outcome


class Undelivered(NamedTuple):
    """A text that was committed and that the program has not acknowledged; `id` is 0 until the
    commit."""

    id: int
    peer: Hashable
    event: MessageReceived


class Opened(NamedTuple):
    """What a store has kept over a restart."""

    texts: Sequence[Undelivered] = ()
    events: Sequence[tuple[Hashable, Event]] = ()


class Batch(NamedTuple):
    """What one commit makes durable, all of it or nothing."""

    inputs: tuple[tuple[Hashable, bytes], ...] = ()
    """The lines of the network that have been handled; they are acknowledged after the commit."""
    states: tuple[Hashable, ...] = ()
    """The peers whose session must be saved, or deleted if the account has none any more."""
    lines: tuple[tuple[Hashable, bytes], ...] = ()
    """What is emitted after the commit, in order, for these peers. Lines under keys that were saved
    before wait for no commit, and are not here if the store is `alone`."""
    events: tuple[tuple[Hashable, Event], ...] = ()
    """What is delivered after that and is no text."""
    texts: tuple[Undelivered, ...] = ()
    """The texts that are delivered after that."""
    taken: tuple[int, ...] = ()
    """The ids of texts that the program has acknowledged."""
    handled: tuple[tuple[Hashable, bytes], ...] = ()
    """The ids of those inputs that the transport gave one, as (peer, id)."""
    renamed: tuple[tuple[Hashable, Hashable], ...] = ()
    """Peers that have another name from now on, as (old, new): their states, ids and keys, and
    those `texts` that were committed before under the old name."""


class Store(Protocol):
    """What stands behind a gateway. One call runs at a time.

    What a call raises ends the gateway: what was not committed is neither emitted nor delivered,
    and memory may be ahead of the store, so the program goes on with a new account.
    """

    @property
    def alone(self) -> bool:
        """Whether nobody else can go on with these conversations while the store is open. If not,
        every line is in a commit, which fails once somebody else does."""

    async def open(self) -> Opened:
        """Begin; return the texts that were not acknowledged, in order, and what else is to be
        reported first."""

    def check(self, peer: Hashable) -> None:
        """Raise `TypeError` for a peer that the store has no place for."""

    async def load(self, peers: Sequence[Hashable]) -> Sequence[tuple[Hashable, Outcome]]:
        """Restore into the account what is stored of peers; return what comes of that. Asked once
        for each peer, before anything of it is committed, and again after it was forgotten."""

    def was_handled(self, peer: Hashable, line_id: bytes) -> bool:
        """Whether a committed batch has an input of the peer under this id; asked after `load`. A
        store may forget all but the last ids of a peer."""

    async def commit(self, batch: Batch) -> Sequence[int]:
        """Make a batch durable; it is when this returns. Return the ids of its texts, which no
        other text of the store ever has."""

    async def close(self, *, emitted: bool) -> None:
        """End; nothing is called afterwards. `emitted`: all lines that were committed have been."""


class MemoryStore:
    """The store that stores nothing."""

    alone: bool = True

    def __init__(self) -> None:
        self._ids = count(1)

    async def open(self) -> Opened:
        return Opened()

    def check(self, peer: Hashable) -> None:
        pass

    async def load(self, peers: Sequence[Hashable]) -> Sequence[tuple[Hashable, Outcome]]:
        return ()

    def was_handled(self, peer: Hashable, line_id: bytes) -> bool:
        return False

    async def commit(self, batch: Batch) -> Sequence[int]:
        return [next(self._ids) for _ in batch.texts]

    async def close(self, *, emitted: bool) -> None:
        pass
