"""What waits for the engine: one queue a peer, and bounds on what is in them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final

from otrfast.events import MessageReceived
from otrfast.outcome import Outcome
from otrfast.session import Session

Action = Callable[[Session], Outcome]
"""A call on a peer's session."""


_KINDS: Final = {b"?OTR:AAMD": "data", b"?OTR:AAID": "data"} | {
    b"?OTR:AA" + version + kind: "exchange"
    for version in (b"M", b"I")
    for kind in (b"C", b"K", b"R", b"S")
}
"""The starts of encoded messages of versions 3 and 2."""


class Item:
    """One thing to do for a peer: a `line` to receive, a `text` to send (to the instance that
    wrote `received`, if that is given), or an `action`."""

    __slots__ = (
        "ack", "action", "future", "id", "kind", "line", "peer", "place", "received", "since",
        "text",
    )  # fmt: skip

    def __init__(
        self,
        peer: Hashable,
        *,
        line: bytes | None = None,
        text: bytes | None = None,
        received: MessageReceived | None = None,
        action: Action | None = None,
        ack: Callable[[], object] | None = None,
        line_id: bytes | None = None,
        future: asyncio.Future[Outcome] | None = None,
    ) -> None:
        self.peer: Hashable = peer
        self.place: Hashable = peer  # in whose place it waits, also when the peer is renamed
        self.line: bytes | None = line
        self.text: bytes | None = text
        self.received: MessageReceived | None = received
        self.action: Action | None = action
        self.ack: Callable[[], object] | None = ack
        self.id: bytes | None = line_id
        self.future: asyncio.Future[Outcome] | None = future
        self.kind: str = self._kind()
        self.since: float = time.perf_counter()

    def _kind(self) -> str:
        """Return which items cost about as much as this one."""
        if self.line is not None:
            if self.line.startswith(b"?OTR"):
                return _KINDS.get(self.line[:9], "other")
            return "plain"
        return "other" if self.text is None else "text"


class Bound:
    """At most `limit` places for each key, taken in the order in which they were asked for."""

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.refused: int = 0
        self._used: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def used(self, key: Hashable = None) -> int:
        """Return how many places are taken."""
        return self._used.get(key, 0)

    def full(self, key: Hashable = None) -> bool:
        """Whether no place can be taken now; that is counted."""
        if self._used.get(key, 0) < self.limit:
            return False
        self.refused += 1
        return True

    def take(self, key: Hashable = None) -> None:
        """Take a place, also beyond the limit."""
        self._used[key] = self._used.get(key, 0) + 1

    async def wait(self, key: Hashable = None) -> None:
        """Take a place as soon as there is one."""
        if not self.full(key):
            self.take(key)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, deque())
        waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give(key)  # it was handed over at the same moment
            elif place in waiting:
                waiting.remove(place)
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]
            raise

    def give(self, key: Hashable = None) -> None:
        """Give a place back: whoever has waited longest has it now."""
        used = self._used[key]
        waiting = self._waiting.get(key)
        while waiting and used <= self.limit:
            place = waiting.popleft()
            if not waiting:
                del self._waiting[key]
            if not place.done():
                place.set_result(None)
                return
        if used > 1:
            self._used[key] = used - 1
        else:
            del self._used[key]

    def fail(self, error: Exception) -> None:
        """Have everybody who waits see an exception."""
        waiting, self._waiting = self._waiting, {}
        for places in waiting.values():
            for place in places:
                if not place.done():
                    place.set_exception(error)


class Room:
    """The places that one kind of item takes: some for each peer, and some in all."""

    def __init__(self, each: int, all_of_them: int) -> None:
        self.each: Bound = Bound(each)
        self.all: Bound = Bound(all_of_them)

    def full(self, peer: Hashable) -> bool:
        """Whether there is no place for a peer now."""
        return self.each.full(peer) or self.all.full()

    def take(self, peer: Hashable) -> None:
        """Take a place for a peer."""
        self.each.take(peer)
        self.all.take()

    async def wait(self, peer: Hashable) -> None:
        """Take a place for a peer as soon as there is one."""
        await self.each.wait(peer)
        try:
            await self.all.wait()
        except BaseException:
            self.each.give(peer)
            raise

    def give(self, peer: Hashable) -> None:
        """Give a peer's place back."""
        self.all.give()
        self.each.give(peer)

    def fail(self, error: Exception) -> None:
        """Have everybody who waits see an exception."""
        self.each.fail(error)
        self.all.fail(error)


class Queues:
    """One queue a peer. A peer whose item was taken has no other one taken before `release`."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[Item]] = {}
        # in order of arrival; the front of a plain dict is found ever more slowly
        self._ready: OrderedDict[Hashable, None] = OrderedDict()
        self._busy: set[Hashable] = set()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def ready(self) -> bool:
        """Whether an item can be taken."""
        return bool(self._ready)

    def put(self, item: Item) -> None:
        """Add an item after the others of its peer."""
        peer = item.peer
        self._queues.setdefault(peer, deque()).append(item)
        if peer not in self._busy:
            self._ready[peer] = None

    def remove(self, item: Item) -> bool:
        """Remove an item; whether it had not been taken yet."""
        queue = self._queues.get(item.peer)
        if queue is None or item not in queue:
            return False
        queue.remove(item)
        self._tidy(item.peer)
        return True

    def take(self, budget: float, cost: Callable[[Item], float], most: int) -> list[Item]:
        """Take an item each of up to `most` peers, at least one, until they cost `budget`."""
        taken: list[Item] = []
        while self._ready and len(taken) < most:
            peer = next(iter(self._ready))
            item = self._queues[peer][0]
            budget -= cost(item)
            if taken and budget < 0:
                break
            self._queues[peer].popleft()
            self._busy.add(peer)
            self._tidy(peer)
            self._ready.pop(peer, None)
            taken.append(item)
        return taken

    def release(self, peer: Hashable) -> None:
        """The item that was taken is done: the next one may be."""
        self._busy.discard(peer)
        if peer in self._queues:
            self._ready[peer] = None

    def clear(self) -> list[Item]:
        """Take everything."""
        items = [item for queue in self._queues.values() for item in queue]
        self._queues.clear()
        self._ready.clear()
        return items

    def _tidy(self, peer: Hashable) -> None:
        if not self._queues[peer]:
            del self._queues[peer]
            self._ready.pop(peer, None)
