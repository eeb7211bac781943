"""The seam between a gateway and what keeps its conversations: `Journal` and `Shard`.

A batch of lines goes through the engine, and what comes of it is committed in one transaction:
states, outgoing lines and events. Only then is anything sent or shown. The conversations of an
account are spread over shards; one worker owns a shard at a time. The claim is the fencing token:
after it every commit of an earlier owner raises `Stale`, so no worker has to know that it was
replaced.

Both errors end in the same steps: forget the conversations of the shard in memory, `look`,
`claim`, `load`, and go on from what stands. A batch is never repeated as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from otrfast._records import field, record
from otrfast.crypto.backend import StateKey
from otrfast.errors import LocalError

Receipt = int
"""What names a line or an event until a commit says that it is done."""


class Stale(LocalError):
    """Another owner has claimed the shard, or a state is not the one that was loaded. Nothing of
    the batch stands."""


class Unsure(LocalError):
    """The store did not say that the batch stands: it may stand whole, or not at all. The text
    says what is known."""


@record
class Saved:
    """A conversation as the store has it: what `Account.restore` takes, and its version."""

    key: StateKey
    """The key that the state is sealed under; not always the shard's present one."""
    associated: bytes = field(repr=False)
    """What was sealed together with it."""
    sealed: bytes = field(repr=False)
    version: int
    """How often the conversation was committed, from 1."""


class Shard(Protocol):
    """A part of the conversations, as one worker sees it.

    `load`, `associated` and `commit` need a claim. At most one commit is under way at a time.
    """

    @property
    def owner(self) -> str:
        """Who had the shard at the last `look` or `claim`; "" is nobody."""

    @property
    def epoch(self) -> int:
        """The epoch of the last claim: the floor of `Account.counter_epoch` (1 .. 2^32-1)."""

    @property
    def key(self) -> StateKey:
        """The key that states are sealed under now."""

    async def look(self) -> None:
        """Read who owns the shard."""

    async def claim(self) -> None:
        """Take the shard from whoever the last `look` found, with a new epoch; a shard that is
        our own gets a new epoch too. Raises `Stale` if somebody else was faster, `Unsure`."""

    async def peers(self) -> list[str]:
        """Return the peers that a conversation is saved of."""

    async def fetch(self, count: int) -> list[tuple[Receipt, str, bytes]]:
        """Return at most `count` lines from the network as (receipt, peer, line), in order, each
        once to a claim. Without any it returns [] within a second."""

    async def events(self, count: int) -> list[tuple[Receipt, str, bytes]]:
        """Return at most `count` committed events as (receipt, peer, event), in order, each once to
        a claim. An event that stood before the claim may have been shown before."""

    async def load(self, peers: Collection[str]) -> dict[str, Saved]:
        """Return the saved conversations of these peers; the others have none. A peer is loaded
        before its first commit, whether it has one or not."""

    def associated(self, peer: str) -> bytes:
        """Return what `Session.export` is to seal together with the next state of a loaded peer.
        Raises `Stale` for a peer that was not loaded since the claim."""

    async def commit(
        self,
        receipts: Sequence[Receipt],
        states: Mapping[str, bytes | None],
        lines: Mapping[str, Sequence[bytes]],
        events: Sequence[tuple[str, bytes]],
        *,
        seen: Sequence[Receipt] = (),
        known: Mapping[str, bytes] | None = None,
        sent: bool = False,
    ) -> Sequence[Receipt]:
        """Have a batch stand, whole or not at all; return the receipts of its events.

        `receipts`: the fetched lines that it answers, in the order of `fetch` and without a gap.
        `states`: the new sealed state of each peer that has one, None for a conversation that is
        deleted. `lines`: what is to be sent to each peer; the store does not look into them.
        `events`: what is to be shown, as (peer, event). `seen`: events that have been shown.
        `known`: what is known of a peer's keys, as `dumps_known` writes it. `sent`: whether the
        lines of the commits before, since the claim, are done. Raises `Stale`, `Unsure`.
        """

    async def release(self) -> None:
        """Give the shard up, for anybody to claim. Raises `Stale`, `Unsure`."""


class Journal(Protocol):
    """What keeps the conversations of one account."""

    @property
    def alone(self) -> bool:
        """Whether no other process can open the store while this one has it."""

    async def open(self, shards: int = 1) -> None:
        """Open the store, and make it if there is none. The number of shards is stored; another
        one is refused. A second call changes nothing."""

    async def beat(self) -> set[str]:
        """Say that we live; return who does, ourselves included."""

    def shard(self, number: int) -> Shard:
        """Return a view of a shard (0 .. shards-1), which nobody owns by that."""

    async def put(self, number: int, lines: Iterable[tuple[str, bytes]]) -> None:
        """Add lines from the network to a shard, as (peer, line); they stand when it returns.
        Raises `Unsure`."""

    async def out(self, number: int) -> list[tuple[str, Sequence[bytes]]]:
        """Return committed lines of a shard as (peer, lines), in order. Asking again says that
        those returned before are done. What the first call returns was committed by an earlier
        process, and may have been sent: its fate is unknown."""

    async def close(self) -> None:
        """Let the store go. Shards are not released: what an owner leaves is claimed."""


def shard_of(account: str, peer: str, shards: int) -> int:
    """Return the shard of a peer (0 .. shards-1), the same in every process and release."""
    parts = [name.encode("utf-8", "surrogatepass") for name in (account, peer)]
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % shards
