"""Many conversations of one account on one event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Self

from otrfast.account import Account
from otrfast.aio.closing import Closing
from otrfast.aio.inbox import Messages, OnEvent, failure_of
from otrfast.aio.messages import Message, Peer
from otrfast.aio.pump import Pump, Renaming, Transport
from otrfast.aio.queues import Action, Item, Room
from otrfast.aio.reports import CallbackFailed, GatewayClosed
from otrfast.aio.slices import MaxFragment
from otrfast.aio.store import Store
from otrfast.bytes_like import as_bytes
from otrfast.events import MessageReceived
from otrfast.outcome import Outcome

_log = logging.getLogger("otrfast.gateway")


class Gateway(Closing):
    """Owns an account while it is open: lines and texts go through it, and nobody else calls the
    account or its sessions. All calls are made in the thread of the loop.

    Iterate over it for the texts of the peers. Several tasks may: each has texts of other peers.
    """

    def __init__(
        self,
        account: Account,
        transport: Transport,
        store: Store | None = None,
        *,
        per_peer: int = 64,
        overall: int = 10_000,
        max_fragment: MaxFragment = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a gateway.

        `transport(peer, line)`, plain or async, is called in the loop, in order, after what the
        line depends on is durable. `per_peer` lines of a peer and `overall` lines of all may wait
        or not be acknowledged, and as many texts and calls. `max_fragment` is the longest line
        that the transport takes, in bytes; 0: any; a callable is asked for that of a peer with each
        of its lines and texts. `clock` is that of the account's environment.
        """
        self._lines = Room(per_peer, overall)
        self._texts = Room(per_peer, overall)
        parts = self._lines, self._texts, self._reply
        self._pump = Pump(account, transport, store, clock, max_fragment, *parts)
        self._stored = store is not None
        self._store = store
        self._running: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None

    # Opening and closing

    async def __aenter__(self) -> Self:
        """Open the store, and begin."""
        if self._running is not None:
            raise GatewayClosed("a gateway is opened once")
        await self._pump.open()
        loop = asyncio.get_running_loop()
        self._running = loop.create_task(self._pump.run())
        self._pump.reporter.task = loop.create_task(self._pump.reporter.run())
        _log.info("open")
        return self

    async def close(self, end: bool | None = None) -> None:
        """Take no more, handle what was taken, then end the conversations or save them: `end`, by
        default where there is no store.

        Raises what the store has raised. A call that is cancelled leaves the closing to go on.
        """
        if self._running is None:
            return
        within = asyncio.current_task() is self._pump.reporter.task
        if self._closer is None:
            chosen = not self._stored if end is None else end
            closing = self._close(chosen, within)
            self._closer = asyncio.get_running_loop().create_task(closing)
        elif within:
            return  # whoever closes waits for this call
        await asyncio.shield(self._closer)
        if self._pump.error is not None:
            raise self._pump.error

    async def _close(self, end: bool, within: bool) -> None:
        assert self._running is not None
        pump = self._pump
        pump.closing = True
        pump.wake()
        closed = GatewayClosed("the gateway is closed")
        await asyncio.wait([self._running])
        self._lines.fail(closed)
        self._texts.fail(closed)
        if pump.error is None:
            await pump.finish(end)
        try:
            if self._store is not None:
                await self._store.close(emitted=pump.error is None)
        finally:
            pump.texts.close()
            await self._stop_reporting(within)
        _log.info("closed: %d lines in, %d out", pump.counters.lines_in, pump.counters.lines_out)

    async def _stop_reporting(self, within: bool) -> None:
        """Report what waits, and end the task; one that closes within `on_event` ends itself."""
        reporter = self._pump.reporter
        reporter.stopping = True
        if reporter.task is not None and not within:
            await reporter.drained()
            reporter.task.cancel()
            await asyncio.wait([reporter.task])

    # Lines and texts

    def feed(
        self,
        peer: Hashable,
        line: bytes,
        ack: Callable[[], object] | None = None,
        *,
        id: bytes | str | None = None,  # noqa: A002 - as Message.id, and the transports' own word
    ) -> bool:
        """Take a line from the transport, and come back at once.

        Returns False if too many lines of the peer, or of all, wait: the line is not taken; read
        no more for now. Also when the gateway is closed. `ack` is called when what the line has
        changed is committed.

        `id` is what the transport knows the line by when it brings it again; no two lines of a
        peer have the same. With a store, a line whose id is among the last 64 that were committed
        for the peer is acknowledged and not handled. Without a store, ids are not looked at.
        """
        line, line_id = as_bytes(line, "a line"), _line_id(id)
        self._check_peer(peer)
        if self._shut or self._lines.full(peer):
            return False
        self._lines.take(peer)
        self._pump.put(Item(peer, line=line, ack=ack, line_id=line_id))
        return True

    async def receive(
        self,
        peer: Hashable,
        line: bytes,
        ack: Callable[[], object] | None = None,
        *,
        id: bytes | str | None = None,  # noqa: A002 - see feed
    ) -> None:
        """Take a line as soon as there is room for it; return when it is committed and its answer
        was emitted. `ack` and `id` are those of `feed`. Raises `GatewayClosed`, or what the store
        raised."""
        line, line_id = as_bytes(line, "a line"), _line_id(id)
        await self._wait(self._lines, Item(peer, line=line, ack=ack, line_id=line_id))

    async def send(self, peer: Hashable, text: bytes) -> None:
        """Send a text; return when it is committed and its lines are with the transport.

        Raises what `Session.send` raises, `GatewayClosed`, or what the store raised. If the call
        is cancelled, the text is not sent, unless the engine has it already.
        """
        await self._reply(peer, text)

    async def _reply(
        self, peer: Hashable, text: bytes, received: MessageReceived | None = None
    ) -> None:
        text = as_bytes(text, "a text")
        await self._wait(self._texts, Item(peer, text=text, received=received))
        self._pump.counters.texts_out += 1

    def peer(self, peer: Hashable) -> Peer:
        """Return the calls on one peer's session."""
        trust = self._pump.account.trust
        return Peer(self._do, peer, lambda session, level, key: trust.set(session.peer, key, level))

    def rename(self, old: Hashable, new: Hashable) -> asyncio.Future[None]:
        """Have a peer be called `new`: what was given to the gateway before this call is done
        under the old name, what comes after it under the new one. So the call itself is made in
        the order of the lines; the future is done when the new name is committed.

        Texts to `old` that wait are sent to `new`. The future raises what `Account.rename` raises;
        nothing has changed then. Raises `GatewayClosed`.
        """
        self._check()
        self._check_peer(old)
        self._check_peer(new)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        self._pump.rename(Renaming(old, new, future))
        return future

    async def _do(self, peer: Hashable, action: Action) -> Outcome:
        return await self._wait(self._texts, Item(peer, action=action))

    async def _wait(self, room: Room, item: Item) -> Outcome:
        """Queue an item as soon as there is room, and wait until it is done."""
        self._check()
        self._check_peer(item.peer)
        await room.wait(item.peer)
        if self._shut:
            room.give(item.peer)
            self._check()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        item.future = future
        self._pump.put(item)
        try:
            return await future
        except asyncio.CancelledError:
            self._pump.withdraw(item)  # no matter if it was taken: nobody waits for the result
            raise

    @property
    def _shut(self) -> bool:
        return self._pump.closing or self._running is None

    def _check_peer(self, peer: Hashable) -> None:
        if self._store is not None:
            self._store.check(peer)

    def _check(self) -> None:
        if self._shut:
            state = "not open" if self._running is None else "closed"
            raise GatewayClosed(f"the gateway is {state}") from self._pump.error

    # What is delivered

    def __aiter__(self) -> Messages:
        """Iterate over the texts: each peer's in order, and one of a peer at a time. Asking for
        the next one acknowledges the last. It ends when the gateway is closed."""
        return Messages(self._pump.texts)

    async def serve(self, answer: Callable[[Message], Awaitable[object]], tasks: int = 64) -> None:
        """Call an async callable for each text, for up to `tasks` peers at once, until the gateway
        is closed. What it raises is logged and comes as `CallbackFailed`."""
        await asyncio.gather(*[self._serve(answer) for _ in range(tasks)])

    async def _serve(self, answer: Callable[[Message], Awaitable[object]]) -> None:
        async for message in self:
            try:
                await answer(message)
            except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - they end nothing
                error = failure_of(raised)
                if self._shut and isinstance(error, GatewayClosed):
                    return  # not answered, so not acknowledged: with a store it comes again
                self._pump.report_failure(
                    "serve", message.peer, error, CallbackFailed("serve", error)
                )

    @property
    def on_event(self) -> OnEvent | None:
        """`on_event(peer, event)`, plain or async, is called with everything that is no text, one
        call at a time. What it raises is logged and comes as `CallbackFailed`."""
        return self._pump.reporter.on_event

    @on_event.setter
    def on_event(self, callback: OnEvent | None) -> None:
        self._pump.reporter.on_event = callback

    def snapshot(self) -> dict[str, object]:
        """Return the numbers of the gateway: conversations by state, lines and texts, a histogram
        of the seconds from arrival to emission, what waits, how often each limit was exceeded.

        It walks all sessions: some 0.2 us each.
        """
        pump = self._pump
        return {
            "conversations": pump.states(),
            **pump.counters.numbers(),
            "waiting_items": len(pump),
            "waiting_texts": len(pump.texts),
            "waiting_events": len(pump.reporter),
            "refused_per_peer": self._lines.each.refused + self._texts.each.refused,
            "refused_overall": self._lines.all.refused + self._texts.all.refused,
            "limited": dict(pump.account.limited),
        }


def _line_id(given: bytes | str | None) -> bytes | None:
    """Return the id of a line as bytes. Raises `TypeError`, and `ValueError` for an empty one."""
    if given is None:
        return None
    if isinstance(given, str):
        given = given.encode("utf-8", "surrogatepass")
    elif not isinstance(given, bytes):
        raise TypeError(f"the id of a line is bytes or a str, not a {type(given).__name__}")
    if not given:
        raise ValueError("the id of a line is empty: leave it out where the transport has none")
    return given


def _seen(future: asyncio.Future[None]) -> None:
    """Whoever does not wait for a renaming need not learn how it ended."""
    if not future.cancelled():
        future.exception()
