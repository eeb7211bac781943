"""What a gateway delivers: texts to those who iterate, everything else to `on_event`."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any

from otrfast.aio.counters import Counters
from otrfast.aio.messages import Message
from otrfast.aio.reports import CallbackFailed
from otrfast.events import Event

_log = logging.getLogger("otrfast.gateway")

OnEvent = Callable[[Hashable, Event], Any]
"""A plain or an async callable."""


class Texts:
    """The texts that wait for the program. It has one of a peer at a time: the next one when it
    has acknowledged the last."""

    def __init__(self, on_done: Callable[[Message, bool], None]) -> None:
        self._on_done = on_done
        self._queues: dict[Hashable, deque[Message]] = {}
        self._ready: OrderedDict[Hashable, None] = OrderedDict()
        self._busy: dict[Hashable, Message] = {}
        self._changed = asyncio.Event()
        self._end: Exception | None = None
        self.closed: bool = False

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def put(self, message: Message) -> None:
        """Add a text after the others of its peer."""
        self._queues.setdefault(message.peer, deque()).append(message)
        if message.peer not in self._busy:
            self._ready[message.peer] = None
            self._changed.set()

    async def get(self) -> Message:
        """Return the next text. Raises `StopAsyncIteration` when the gateway is closed and none
        is left, or what has ended it."""
        while not self._ready:
            if self._end is not None:
                raise self._end
            if self.closed and not self._queues:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        peer, _ = self._ready.popitem(last=False)
        queue = self._queues[peer]
        message = queue.popleft()
        if not queue:
            del self._queues[peer]
        self._busy[peer] = message
        return message

    def done(self, message: Message, acknowledged: bool) -> None:
        """The program has handled a text, or has given up the iterator that held it."""
        if self._busy.get(message.peer) is message:
            del self._busy[message.peer]
        if message.peer in self._queues:
            self._ready[message.peer] = None
        self._changed.set()
        self._on_done(message, acknowledged)

    def rename(self, old: Hashable, new: Hashable) -> list[Message]:
        """Have the texts of a peer be another one's, of whom there are none; return those that the
        program has not acknowledged."""
        waiting = self._queues.pop(old, deque())
        busy = self._busy.pop(old, None)
        if busy is not None:
            self._busy[new] = busy
        if waiting:
            self._queues[new] = waiting
        if old in self._ready:
            del self._ready[old]
            self._ready[new] = None
        messages = [*waiting] if busy is None else [busy, *waiting]
        for message in messages:
            message.peer = new
        return messages

    def close(self, error: Exception | None = None) -> None:
        """No text will come any more; with an error none is given out either."""
        self.closed = True
        if error is not None:
            self._end = error
            self._queues.clear()
            self._ready.clear()
        self._changed.set()


class Messages:
    """An iterator over the texts; asking for the next one acknowledges the last. The last one of
    an iterator that is dropped stays unacknowledged."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._last: Message | None = None

    def __aiter__(self) -> Messages:
        return self

    async def __anext__(self) -> Message:
        if self._last is not None:
            last, self._last = self._last, None
            self._texts.done(last, acknowledged=True)
        self._last = await self._texts.get()
        return self._last

    def __del__(self) -> None:
        """Let the peer's next text go to others: the loop over this iterator was left."""
        if self._last is not None:
            self._texts.done(self._last, acknowledged=False)


class Reporter:
    """Calls `on_event` in a task of its own, so that it may use the gateway."""

    def __init__(self, counters: Counters) -> None:
        self.on_event: OnEvent | None = None
        self.task: asyncio.Task[None] | None = None
        self.stopping: bool = False
        self._counters = counters
        self._queue: asyncio.Queue[tuple[Hashable, Event]] = asyncio.Queue()

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, peer: Hashable, event: Event) -> None:
        """Report an event after those before."""
        self._counters.events += 1
        self._queue.put_nowait((peer, event))

    async def run(self) -> None:
        """Report what comes, until `stopping` is set and nothing waits."""
        while not (self.stopping and self._queue.empty()):
            peer, event = await self._queue.get()
            try:
                await self._report(peer, event)
            finally:
                self._queue.task_done()

    async def drained(self) -> None:
        """Wait until everything is reported."""
        if self.task is not None and not self.task.done():
            await self._queue.join()

    async def _report(self, peer: Hashable, event: Event) -> None:
        if self.on_event is None:
            return
        try:
            result = self.on_event(peer, event)
            if inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - mistakes end nothing
            error = failure_of(raised)
            self._counters.failures += 1
            log_failure("on_event", peer, error)
            if not isinstance(event, CallbackFailed):
                self.put(peer, CallbackFailed("on_event", error))


def log_failure(what: str, peer: Hashable, error: Exception) -> None:
    """Log what a callable raised: its class, and at DEBUG everything."""
    _log.warning("%s raised %s for %s", what, type(error).__name__, shortened(peer))
    _log.debug("%s for %r", what, peer, exc_info=error)


def shortened(peer: Hashable) -> str:
    """Return the start of a peer's name, for logs that others read."""
    return f"{str(peer)[:2]}..."


def failure_of(raised: BaseException) -> Exception:
    """Return what a callable of the program has raised, as its failure. Raises it if it is the
    cancelling of this task: the callable may also have waited for another one that was
    cancelled."""
    if isinstance(raised, Exception):
        return raised
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise raised
    return RuntimeError("what it waited for was cancelled")
