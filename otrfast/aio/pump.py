"""The one owner of the account: batches of what is there, each committed, emitted, delivered."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from otrfast.account import Account
from otrfast.aio.counters import Counters
from otrfast.aio.inbox import Reporter, Texts, failure_of, log_failure
from otrfast.aio.messages import Message, Reply
from otrfast.aio.queues import Item, Queues, Room
from otrfast.aio.reports import (
    CallbackFailed,
    GatewayClosed,
    LineFailed,
    PeerRenamed,
    TransportFailed,
)
from otrfast.aio.slices import SLICE, MaxFragment, Result, Slices
from otrfast.aio.store import Batch, Store, Undelivered
from otrfast.errors import PeerExists
from otrfast.events import Event, MessageReceived
from otrfast.outcome import Outcome
from otrfast.protocol.instance import MessageState

MOST: Final = 64
"""Items in a batch."""

_TICKS = 4  # conversations looked after between two looks at the clock
_PREPARED = 64  # D-H keys made ahead
_STEP = 4  # of them in one slice

Transport = Callable[[Hashable, bytes], Any]
"""A plain or an async callable that sends a line to a peer."""


class Renaming(NamedTuple):
    """A peer that has another name for all that is put into the queues later."""

    old: Hashable
    new: Hashable
    future: asyncio.Future[None]

    def fail(self, error: Exception) -> None:
        """Have whoever waits see an exception."""
        if not self.future.done():
            self.future.set_exception(error)


class Pump:
    """Takes batches from the queues; see docs/gateway.md for the order of its steps."""

    def __init__(
        self,
        account: Account,
        transport: Transport,
        store: Store | None,
        clock: Callable[[], float],
        max_fragment: MaxFragment,
        lines: Room,
        texts: Room,
        reply: Reply,
    ) -> None:
        self.account: Account = account
        self.queues: Queues = Queues()
        self.counters: Counters = Counters()
        self.reporter: Reporter = Reporter(self.counters)
        self.texts: Texts = Texts(self._text_done)
        self.error: Exception | None = None
        self.closing: bool = False
        self._transport, self._store, self._clock = transport, store, clock
        self._slices = Slices(account, max_fragment)
        self._lines, self._room, self._reply = lines, texts, reply
        self._ids = count(1)  # of texts, where there is no store
        self._taken: list[int] = []  # acknowledged, and not committed yet
        self._results: list[Result] = []
        self._outcomes: list[tuple[Hashable, Outcome]] = []  # in the order in which they came
        self._loaded: set[Hashable] = set()  # peers whose stored conversation was asked for
        self._gone: dict[Hashable, None] = {}  # peers whose session the account has dropped
        self._items: list[Item] = []  # of the batch that runs
        self._later: deque[Item | Renaming] = deque()  # the first one is a renaming
        self._work = asyncio.Event()
        self._unprepared = True

    async def open(self) -> None:
        """Open the store, and deliver again what was not acknowledged."""
        if self._store is None:
            return
        self.account.on_forgotten = self._forgotten
        opened = await self._store.open()
        for peer, event in opened.events:
            self.reporter.put(peer, event)
        again = opened.texts
        for text in again:
            self._lines.take(text.peer)
            self.texts.put(Message(self._reply, text, redelivered=True))

    def put(self, item: Item) -> None:
        """Queue an item whose place was taken."""
        if self._later:
            self._later.append(item)
        else:
            self.queues.put(item)
        self._work.set()

    def rename(self, renaming: Renaming) -> None:
        """Rename a peer when all that is queued is done: names change for everybody at once."""
        self._later.append(renaming)
        self._work.set()

    def __len__(self) -> int:
        return len(self.queues) + len(self._later)

    def withdraw(self, item: Item) -> None:
        """Remove an item of a call that was cancelled, unless it was taken."""
        if item in self._later:
            self._later.remove(item)
        elif not self.queues.remove(item):
            return
        self._give(item)

    def wake(self) -> None:
        """Look at the queues and at the clock now."""
        self._work.set()

    async def run(self) -> None:
        """Work until `closing` is set and nothing waits. What a store raises ends it: `error`."""
        try:
            while True:
                if self.queues.ready or self._due() or (self._taken and self._store):
                    await self._batch()
                elif self._later:
                    await self._rename()
                elif self.closing:
                    return
                else:
                    await self._idle()
        except asyncio.CancelledError:
            self._fail(GatewayClosed("the gateway was cancelled"))
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits learns it
            self._fail(error)

    async def finish(self, end: bool) -> None:
        """End the conversations, or save them; `run` is over."""
        try:
            if end:
                self._outcomes += self.account.end_all()
            await self._settle(None if end else tuple(self._loaded & set(self.account.sessions)))
        except Exception as error:  # noqa: BLE001 - `close` raises it
            self._fail(error)

    def _due(self) -> bool:
        deadline = self.account.next_deadline
        return deadline is not None and deadline <= self._clock()

    async def _idle(self) -> None:
        """Make D-H keys ahead, then wait for work or for the next deadline."""
        self._work.clear()
        if self._unprepared:
            self._unprepared = False
            for number in range(_STEP, _PREPARED + 1, _STEP):
                self.account.prepare(dh_keys=number)
                await asyncio.sleep(0)
                if self._work.is_set():
                    return
        deadline = self.account.next_deadline
        timer = None
        if deadline is not None:
            delay = max(0.0, deadline - self._clock())
            timer = asyncio.get_running_loop().call_later(delay, self._work.set)
        try:
            await self._work.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _batch(self) -> None:
        """Take a batch through all steps. Without a store it is one slice: there is no commit
        that others would wait for."""
        self._unprepared = True
        while True:
            await self._tick()
            items = self._slices.take(self.queues, MOST - len(self._items))
            self._items += items
            if items:
                await self._load([item.peer for item in items])
                if new := self._new(items):
                    results = self._slices.run(new)
                    self._results += results
                    self._outcomes += [
                        (item.peer, each) for item, each in results if isinstance(each, Outcome)
                    ]
            if self._store is None or not self.queues.ready or len(self._items) >= MOST:
                break
            await asyncio.sleep(0)
        await self._settle()
        await asyncio.sleep(0)

    async def _rename(self) -> None:
        """Rename the peer whose turn it is: everything before is done."""
        renaming = self._later[0]  # it stays first, so that what comes meanwhile comes after it
        assert isinstance(renaming, Renaming)
        try:
            await self._rename_now(renaming.old, renaming.new)
        except (LookupError, PeerExists) as error:
            renaming.fail(error)
        self._later.popleft()
        if not renaming.future.done():
            renaming.future.set_result(None)
        while self._later and isinstance(item := self._later[0], Item):
            self._later.popleft()
            self.queues.put(item)

    async def _rename_now(self, old: Hashable, new: Hashable) -> None:
        await self._load([old, new])
        self.account.rename(old, new)
        texts = self.texts.rename(old, new)
        for item in self._later:
            if isinstance(item, Item) and item.line is None and item.peer == old:
                item.peer = new  # the program did not know yet
        event = PeerRenamed(old)
        if self._store is not None:
            again = tuple(Undelivered(each.id, new, each.event) for each in texts)
            names, events = ((old, new),), ((new, event),)
            batch = Batch(states=(new,), events=events, texts=again, renamed=names)
            given = await self._store.commit(batch)
            ids = {each.id: number for each, number in zip(texts, given, strict=True)}
            for message in texts:
                message.id = ids[message.id]
            self._taken = [ids.get(each, each) for each in self._taken]
            self._loaded.discard(old)
            self.counters.commits += 1
        self.reporter.put(new, event)

    async def _tick(self) -> None:
        """Do for a slice what time asks for."""
        if not self._due():
            return
        until = time.perf_counter() + SLICE
        while self._due() and time.perf_counter() < until:
            self._outcomes += self.account.tick(limit=_TICKS)
        await asyncio.sleep(0)

    async def _load(self, peers: Sequence[Hashable]) -> None:
        if self._store is None:
            return
        missing = [peer for peer in peers if peer not in self._loaded]
        if missing:
            self._outcomes += await self._store.load(missing)
            self._loaded.update(missing)

    def _forgotten(self, peer: Hashable) -> None:
        self._gone[peer] = None

    def _new(self, items: list[Item]) -> list[Item]:
        """Return the items without the lines that were handled before: those are acknowledged."""
        if self._store is None:
            return items
        new = []
        for item in items:
            if item.id is not None and self._store.was_handled(item.peer, item.id):
                item.id = None
                self._results.append((item, Outcome()))
            else:
                new.append(item)
        return new

    async def _settle(self, states: tuple[Hashable, ...] | None = None) -> None:
        """Commit, acknowledge, emit, deliver."""
        outcomes = self._outcomes
        texts = self._texts_of(outcomes)
        if self._store is None:
            ids: Sequence[int] = [next(self._ids) for _ in texts]
        else:
            ids = await self._commit(self._store, outcomes, texts, states)
        texts = [text._replace(id=number) for text, number in zip(texts, ids, strict=True)]
        self.counters.batches += 1
        self._acknowledge()
        for peer, outcome in outcomes:
            for line in outcome.wire:
                await self._emit(peer, line)
        items, results = self._items, self._results
        self._items, self._results, self._outcomes = [], [], []
        for peer, outcome in outcomes:
            for event in outcome.events:
                if not isinstance(event, MessageReceived):
                    self.reporter.put(peer, event)
        self.counters.texts_in += len(texts)
        for text in texts:
            self._lines.take(text.peer)
            self.texts.put(Message(self._reply, text, redelivered=False))
        self._resolve(results)
        for item in items:
            self._give(item)
            self.queues.release(item.peer)

    async def _commit(
        self,
        store: Store,
        outcomes: list[tuple[Hashable, Outcome]],
        texts: list[Undelivered],
        states: tuple[Hashable, ...] | None,
    ) -> Sequence[int]:
        """Commit a batch, unless nothing depends on that; return the ids of its texts."""
        gone, self._gone = self._gone, {}
        if states is None:
            states = tuple(peer for peer in dict(outcomes) if self._changed(peer))
        # a state that the account has dropped goes before its last line does
        states = tuple(dict.fromkeys([*states, *gone]))
        await self._load(states)  # an account may have been used before the gateway was
        batch = self._make_batch(outcomes, texts, states)
        if not any(batch):
            return ()
        ids = await store.commit(batch)
        self._loaded -= {peer for peer in gone if peer not in self.account.sessions}
        self.counters.commits += 1
        del self._taken[: len(batch.taken)]
        return ids

    def _texts_of(self, outcomes: list[tuple[Hashable, Outcome]]) -> list[Undelivered]:
        return [
            Undelivered(0, peer, event)
            for peer, outcome in outcomes
            for event in outcome.events
            if isinstance(event, MessageReceived)
        ]

    def _make_batch(
        self,
        outcomes: list[tuple[Hashable, Outcome]],
        texts: list[Undelivered],
        states: tuple[Hashable, ...],
    ) -> Batch:
        saved = frozenset(states)
        everybody = self._store is not None and not self._store.alone
        return Batch(
            tuple((i.peer, i.line) for i in self._items if i.line is not None),
            states,
            tuple(
                (peer, line)
                for peer, outcome in outcomes
                if everybody or peer in saved
                for line in outcome.wire
            ),
            tuple(
                (peer, event)
                for peer, outcome in outcomes
                for event in outcome.events
                if not isinstance(event, MessageReceived)
            ),
            tuple(texts),
            tuple(self._taken),
            tuple((i.peer, i.id) for i in self._items if i.id is not None),
        )

    def _changed(self, peer: Hashable) -> bool:
        """Whether a peer's session must be saved before its lines are emitted."""
        session = self.account.sessions.get(peer)
        return session is not None and session.needs_commit

    def _acknowledge(self) -> None:
        for item in self._items:
            if item.ack is not None:
                try:
                    item.ack()
                except Exception as error:  # noqa: BLE001 - the program's mistakes end nothing
                    self.report_failure("ack", item.peer, error, CallbackFailed("ack", error))

    async def _emit(self, peer: Hashable, line: bytes) -> None:
        self.counters.lines_out += 1
        try:
            result = self._transport(peer, line)
            if result is not None and inspect.isawaitable(result):
                await result
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - one line's trouble
            error = failure_of(raised)
            self.report_failure("the transport", peer, error, TransportFailed(line, error))

    def report_failure(self, what: str, peer: Hashable, error: Exception, event: Event) -> None:
        """Count, log and report what a callable of the program has raised."""
        self.counters.failures += 1
        log_failure(what, peer, error)
        self.reporter.put(peer, event)

    def _resolve(self, results: list[Result]) -> None:
        now = time.perf_counter()
        for item, result in results:
            self.counters.observe(now - item.since)
            if item.line is not None:
                self.counters.lines_in += 1
            if isinstance(result, Exception):
                if item.future is None:
                    assert item.line is not None  # others have somebody who waits
                    event = LineFailed(item.line, result)
                    self.report_failure("a line", item.peer, result, event)
                elif not item.future.done():
                    item.future.set_exception(result)
            elif item.future is not None and not item.future.done():
                item.future.set_result(result)

    def _text_done(self, message: Message, acknowledged: bool) -> None:
        self._lines.give(message.place)
        if acknowledged and self._store is not None:
            self._taken.append(message.id)
            self._work.set()

    def _give(self, item: Item) -> None:
        (self._room if item.line is None else self._lines).give(item.place)

    def _fail(self, error: Exception) -> None:
        """End: whoever waits sees the exception, and nothing is emitted or delivered any more."""
        self.error = error
        self.closing = True
        later, self._later = self._later, deque()
        for item in (*self._items, *self.queues.clear(), *later):
            if item.future is not None and not item.future.done():
                item.future.set_exception(error)
        self._items, self._results, self._outcomes = [], [], []
        closed = GatewayClosed("the gateway has ended")
        closed.__cause__ = error
        self._lines.fail(closed)
        self._room.fail(closed)
        self.texts.close(error)

    def states(self) -> dict[str, int]:
        """Return how many conversations are in each state."""
        found = {state.value: 0 for state in MessageState}
        for session in self.account.sessions.values():
            found[session.state.value] += 1
        return found
