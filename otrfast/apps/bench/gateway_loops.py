"""The event loop under measurement: its lag, its wire to the peers, and the two ways to serve them,
a naive loop and the gateway."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from otrfast.account import Account
from otrfast.aio import Gateway, JournalStore
from otrfast.aio.messages import Message
from otrfast.apps.bench.engine_work import percentile
from otrfast.apps.bench.gateway_peers import ORDERS, TEXT, Frames, frame
from otrfast.events import MessageReceived
from otrfast.outcome import Outcome

_BEAT = 0.002  # seconds between two looks at how late a timer is
_AGAIN = 0.001  # seconds until a full socket is tried again


def _waited() -> float:
    """Return how many seconds this thread has waited for a processor, 0 where nobody counts."""
    try:
        text = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text("ascii")
    except OSError:
        return 0.0
    return int(text.split()[1]) / 1e9


class LagSelector(selectors.DefaultSelector):
    """Notes what passes between two calls of `select`: the processor time of the loop's thread;
    and how late a timer comes, with the waits for the interpreter's lock, without those for a
    processor. `select` itself rounds up to whole milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.busy: list[float] = []
        self.late: list[float] = []
        self._since: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector does."""
        if self._since is not None:
            self.busy.append(time.thread_time() - self._since)
        found = super().select(timeout)
        self._since = time.thread_time()
        return found

    def beat(self, due: float | None = None, wait: float = 0.0) -> None:
        """Note how late this call is, and have it called again."""
        loop = asyncio.get_running_loop()
        now, waits = loop.time(), _waited()
        if due is not None:
            self.late.append(max(0.0, now - due - (waits - wait)))
        loop.call_at(now + _BEAT, self.beat, now + _BEAT, waits)

    def lags(self) -> tuple[float, float]:
        """Return the 99th percentiles of both, in seconds, and start anew."""
        found = percentile(self.busy or [0.0], 0.99), percentile(self.late or [0.0], 0.99)
        self.busy.clear()
        self.late.clear()
        return found


class Wire:
    """The socket to the peers, read and written within the loop; peers are called by their
    number in digits, since those of a store are strings."""

    def __init__(self, sock: socket.socket) -> None:
        self.on_line: Callable[[str, bytes], object] = lambda _peer, _line: None
        self.told: asyncio.Queue[bytes] = asyncio.Queue()
        self._socket = sock
        self._cut = Frames()
        self._out: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock, self._read)

    def _read(self) -> None:
        for number, line in self._cut(self._socket.recv(1 << 14)):
            if number == ORDERS:
                self.told.put_nowait(line)
            else:
                self.on_line(str(number), line)

    def emit(self, peer: Hashable, line: bytes) -> None:
        """Send a line to a peer."""
        self._put(frame(int(str(peer)), line))

    def order(self, order: str) -> None:
        """Tell the peers what to do."""
        self._put(frame(ORDERS, order.encode()))

    def _put(self, data: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        data, self._out = b"".join(self._out), []
        sent = 0
        with suppress(BlockingIOError, BrokenPipeError):
            sent = self._socket.send(data)
        if sent < len(data):
            self._out = [data[sent:], *self._out]
            self._loop.call_later(_AGAIN, self._flush)

    def close(self) -> None:
        """Read no more."""
        self._loop.remove_reader(self._socket)


class Loop(Protocol):
    """A way to serve the peers. `texts` counts those that came; they are answered while `echo` is
    set."""

    texts: int
    echo: bool

    def feed(self, peer: str, line: bytes) -> object:
        """Take a line."""

    async def burst(self, peers: Sequence[str], messages: int) -> None:
        """Send texts to each of the peers."""

    async def close(self) -> None:
        """End."""


class NaiveLoop:
    """The engine called where a line is read."""

    def __init__(self, account: Account, emit: Callable[[Hashable, bytes], None]) -> None:
        self.texts: int = 0
        self.echo = True
        self._account = account
        self._emit = emit

    def feed(self, peer: str, line: bytes) -> None:
        """Handle a line at once."""
        session = self._account.session(peer)
        outcome = session.receive(line)
        self._send(peer, outcome)
        for event in outcome.events:
            if isinstance(event, MessageReceived):
                self.texts += 1
                if self.echo:
                    self._send(peer, session.send(event.text))

    def _send(self, peer: str, outcome: Outcome) -> None:
        for line in outcome.wire:
            self._emit(peer, line)

    async def burst(self, peers: Sequence[str], messages: int) -> None:
        """Send texts, to everybody in turn."""
        for _ in range(messages):
            for peer in peers:
                self._send(peer, self._account.session(peer).send(TEXT))
            await asyncio.sleep(0)

    async def close(self) -> None:
        """There is nothing to end."""


class GatewayLoop:
    """The gateway: `Gateway.serve`, with so many tasks."""

    def __init__(
        self,
        account: Account,
        emit: Callable[[Hashable, bytes], Any],
        store: JournalStore | None = None,
        tasks: int = 64,
    ) -> None:
        self.texts: int = 0
        self.echo = True
        self.gateway: Gateway = Gateway(account, emit, store, overall=100_000)
        self._tasks = tasks
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the gateway, and begin to serve."""
        await self.gateway.__aenter__()
        serving = self.gateway.serve(self._answer, self._tasks)
        self._serving = asyncio.get_running_loop().create_task(serving)

    async def _answer(self, message: Message) -> None:
        self.texts += 1
        if self.echo:
            await message.reply(message.text)

    def feed(self, peer: str, line: bytes) -> bool:
        """Hand a line to the gateway."""
        return self.gateway.feed(peer, line)

    async def burst(self, peers: Sequence[str], messages: int) -> None:
        """Send texts, to everybody at once."""

        async def to(peer: str) -> None:
            for _ in range(messages):
                await self.gateway.send(peer, TEXT)

        await asyncio.gather(*[to(peer) for peer in peers])

    async def close(self) -> None:
        """End the conversations, and the gateway."""
        await self.gateway.close(end=True)
        if self._serving is not None:
            await self._serving
