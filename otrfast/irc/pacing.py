"""Outgoing lines at the pace that servers take: what comes faster is held up, or ends the
connection with "Excess Flood".

ngircd handles three commands and 256 bytes a second of a client, and reads nothing for a second
after more; other servers count differently. So each line holds up the next one for as long as
ngircd would, and beside that no more than a few lines are on their way that the server has not
confirmed: the PONG to a PING says that it has handled all before.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import count
from typing import Final

MOST: Final = 256
"""Lines that wait, of all peers; an async transport waits while there are as many."""

OF_A_PEER: Final = 64
"""Lines of one peer that may wait while more of its own are read."""

UNCONFIRMED: Final = 3
"""Lines that are on their way."""

_BYTES = 256.0  # a second
_LEAST, _LONGEST = 1 / 3, 1.0  # seconds of a line
_PING_AFTER = 2  # lines

Write = Callable[[str], None]


class Pacer:
    """A queue for each peer, one line of each in turn; control lines (PONG, NICK, ...) wait for
    none of them. Lines stay while there is no connection."""

    def __init__(
        self,
        line_of: Callable[[str, str], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`line_of(peer, text)` returns the whole line at the moment when it is sent; None if
        nobody is there any more."""
        self._line_of, self._clock = line_of, clock
        self._queues: OrderedDict[str, deque[str]] = OrderedDict()
        self._waiting = 0
        self._write: Write | None = None
        self._next = 0.0  # when the next line may be sent
        self._tokens = count(1)
        self._since_ping = 0
        self._pings: OrderedDict[str, int] = OrderedDict()  # lines that each will confirm
        self._unconfirmed = 0
        self._changed = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()
        self.asked: float | None = None
        """When the oldest PING without an answer was sent."""

    def __len__(self) -> int:
        return self._waiting

    def waiting(self, peer: str) -> int:
        """Return how many lines of a peer wait."""
        return len(self._queues.get(peer, ()))

    def put(self, peer: str, text: str) -> None:
        """Add a text for a peer."""
        self._queues.setdefault(peer, deque()).append(text)
        self._count(1)

    async def room(self) -> None:
        """Wait until fewer than `MOST` lines wait."""
        await self._space.wait()

    def control(self, line: str) -> None:
        """Send a line now; those of peers wait for it. Without a connection it is dropped."""
        if self._write is not None:
            self._send(line)

    def ping(self) -> None:
        """Ask the server whether it is there."""
        self._ping()

    def pong(self, token: str) -> None:
        """The server has handled everything before the PING with this token."""
        while token in self._pings:
            _, confirmed = self._pings.popitem(last=False)
            self._unconfirmed -= confirmed
        self.asked = self._clock() if self._pings else None
        self._changed.set()

    def drop(self, peer: str) -> int:
        """Drop the lines of a peer; return how many."""
        dropped = len(self._queues.pop(peer, ()))
        self._count(-dropped)
        return dropped

    def rename(self, old: str, new: str) -> None:
        """Have the lines for a peer go to its new name, after those that wait there."""
        if old in self._queues:
            self._queues.setdefault(new, deque()).extend(self._queues.pop(old))

    def connect(self, write: Write) -> None:
        """There is a connection: nothing is on its way there."""
        self._write, self._next = write, self._clock()
        self._pings.clear()
        self._unconfirmed = self._since_ping = 0
        self.asked = None
        self._changed.set()

    def disconnect(self) -> None:
        """There is none: lines wait."""
        self._write, self.asked = None, None
        self._changed.set()

    def stop_waiting(self) -> None:
        """Drop what waits, and have nobody wait for space any more."""
        for peer in list(self._queues):
            self.drop(peer)

    async def drained(self) -> None:
        """Wait until all lines are sent and confirmed, or the connection has ended."""
        while self._write is not None and (self._waiting or self._unconfirmed):
            if not self._waiting and not self._pings:
                self._ping()
            await self._pause(None)

    async def run(self, ready: Callable[[], bool]) -> None:
        """Send lines for ever, while there is a connection and it is `ready`."""
        while True:
            delay = self._next - self._clock()
            if (
                not self._waiting
                or self._write is None
                or not ready()
                or self._unconfirmed >= UNCONFIRMED
            ):
                await self._pause(None)
            elif delay > 0:
                await self._pause(delay)
            else:
                self._send_next()

    def wake(self) -> None:
        """Look again: the connection may be ready now."""
        self._changed.set()

    def _send_next(self) -> None:
        peer, queue = self._queues.popitem(last=False)
        text = queue.popleft()
        if queue:
            self._queues[peer] = queue  # behind the other peers
        self._count(-1)
        line = self._line_of(peer, text)
        if line is None:
            self.drop(peer)
            return
        if self._since_ping >= _PING_AFTER:
            self._ping()
        self._unconfirmed += 1
        self._since_ping += 1
        self._send(line)

    def _ping(self) -> None:
        if self._write is None:
            return
        token = f"otr{next(self._tokens)}"
        self._pings[token] = self._since_ping
        self._since_ping = 0
        if self.asked is None:
            self.asked = self._clock()
        self._write(f"PING {token}")

    def _send(self, line: str) -> None:
        assert self._write is not None
        took = min(max(len(line.encode()) / _BYTES, _LEAST), _LONGEST)
        self._next = max(self._next, self._clock()) + took
        self._write(line)

    def _count(self, change: int) -> None:
        self._waiting += change
        if self._waiting < MOST:
            self._space.set()
        else:
            self._space.clear()
        self._changed.set()

    async def _pause(self, seconds: float | None) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
