"""Many conversations on one event loop: what a loop carries, and how long it keeps others waiting.

    python benchmarks/gateway.py [--peers 1000] [--seconds 4] [--rounds 2] [--modes naive,gateway]

A second process is all the peers. First everybody exchanges keys at once, then everybody sends a
text, waits for its echo, and sends the next one. Modes: `naive`, the engine called where a line
is read; `thread`, a worker thread that takes what is there, at most 64 items, one of a peer;
`line`, the same in the loop, one line, then everybody's chance; `slices`, the same, as many lines
as take about a millisecond; `gateway`, `otrfast.aio.Gateway` with one task that echoes; `several`,
with 64 of them.

The lag is what one turn of the loop takes: the processor time of its thread between two calls of
`select`. `late` is by how much a timer of 2 ms comes too late, with the waits for the interpreter's
lock, without those for a processor; `select` itself rounds up to whole milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from otrfast import Account, Limits, MessageState, Policy, PrivateKey, events

LIMITS = Limits(
    account_ake_rate=1e6, known_ake_rate=1e6, examination_rate=1e6, ake_burst=1000, ake_rate=1000.0
)
MOST = 64
SLICE = 0.001
HEAD = struct.Struct("!HI")


def frame(peer, line):
    return HEAD.pack(peer, len(line)) + line


class Frames:
    """Cuts what a socket brings into (peer, line)."""

    def __init__(self):
        self.buffer = b""

    def __call__(self, data):
        data = self.buffer + data
        at, found = 0, []
        while len(data) - at >= HEAD.size:
            peer, size = HEAD.unpack_from(data, at)
            if len(data) - at - HEAD.size < size:
                break
            found.append((peer, data[at + HEAD.size : at + HEAD.size + size]))
            at += HEAD.size + size
        self.buffer = data[at:]
        return found


# The peers


def be_peers(fd, count):
    """Start a conversation as every peer when told to; then send, and send again for each echo."""
    wire = socket.socket(fileno=fd)
    account = Account("peers", "test", PrivateKey.generate(), policy=Policy.MANUAL, limits=LIMITS)
    cut, talking, queues = Frames(), False, [deque() for _ in range(count)]
    while data := wire.recv(1 << 16):
        for peer, line in cut(data):
            if peer < count:
                queues[peer].append(line)
                continue
            if line == b"start":
                out = [(each, account.session(each).start()) for each in range(count)]
            else:
                talking = line == b"talk"
                each = range(count) if talking else ()
                texts = [(peer, b"an ordinary text") for peer in each]
                out = list(zip(each, account.send_many(texts), strict=True))
            wire.sendall(b"".join(frame(who, line) for who, o in out for line in o.wire))
        while batch := [(peer, q.popleft()) for peer, q in enumerate(queues) if q]:
            for at in range(0, len(batch), MOST):
                answer(wire, account, batch[at : at + MOST], talking)


def answer(wire, account, batch, talking):
    outcomes = account.receive_many(batch)
    out = [(peer, o.wire) for (peer, _), o in zip(batch, outcomes, strict=True) if o.wire]
    heard = [
        peer
        for (peer, _), o in zip(batch, outcomes, strict=True)
        if any(isinstance(event, events.MessageReceived) for event in o.events)
    ]
    if talking and heard:
        more = account.send_many([(peer, b"an ordinary text") for peer in heard])
        out += [(peer, o.wire) for peer, o in zip(heard, more, strict=True)]
    if out:
        wire.sendall(b"".join(frame(peer, line) for peer, lines in out for line in lines))


# The lag of a loop


def waited():
    """Seconds that this thread has waited for a processor."""
    with Path(f"/proc/self/task/{THREAD}/schedstat").open("rb", 0) as file:
        return int(file.read().split()[1]) / 1e9


THREAD = os.getpid()  # the main thread's number


class Selector(selectors.DefaultSelector):
    """Notes what passes between two calls of `select`."""

    def __init__(self):
        super().__init__()
        self.cpu, self.late, self.since = [], [], None

    def select(self, timeout=None):
        if self.since is not None:
            self.cpu.append(time.thread_time() - self.since)
        found = super().select(timeout)
        self.since = time.thread_time()
        return found

    def beat(self, due=None, wait=0.0):
        """Note how late this call is, and have it called again."""
        loop = asyncio.get_running_loop()
        now, waits = loop.time(), waited()
        if due is not None:
            self.late.append(max(0.0, now - due - (waits - wait)))
        loop.call_at(now + 0.002, self.beat, now + 0.002, waits)


# The modes: each has feed(peer, line), and calls emit(peer, line)


class Naive:
    def __init__(self, account, emit):
        self.account, self.emit, self.echoes, self.engine = account, emit, 0, 0.0

    def feed(self, peer, line):
        session = self.account.session(peer)
        self.flush(peer, session, session.receive(line))

    def flush(self, peer, session, outcome):
        for line in outcome.wire:
            self.emit(peer, line)
        for event in outcome.events:
            if isinstance(event, events.MessageReceived):
                self.echoes += 1
                self.flush(peer, session, session.send(event.text))

    async def close(self):
        pass


class Pump(Naive):
    """Queues by peer; a batch is what is there, at most 64, one item of a peer."""

    def __init__(self, account, emit):
        super().__init__(account, emit)
        self.queues, self.wake = {}, asyncio.Event()
        self.pool = ThreadPoolExecutor(1)
        self.task = asyncio.get_running_loop().create_task(self.run())

    def feed(self, peer, line):
        self.put(peer, True, line)

    def put(self, peer, received, item):
        queue = self.queues.get(peer)
        if queue is None:
            queue = self.queues[peer] = deque()
        queue.append((received, item))
        self.wake.set()

    def take(self, most):
        batch = []
        for peer in list(self.queues)[:most]:
            queue = self.queues.pop(peer)
            batch.append((peer, *queue.popleft()))
            if queue:
                self.queues[peer] = queue
        return batch

    def work(self, batch):
        received = [(peer, item) for peer, kind, item in batch if kind]
        sent = [(peer, item) for peer, kind, item in batch if not kind]
        outcomes = self.account.receive_many(received) if received else []
        more = self.account.send_many(sent) if sent else []
        both = (*zip(received, outcomes, strict=True), *zip(sent, more, strict=True))
        return [(peer, outcome) for (peer, _), outcome in both]

    def deliver(self, done):
        for peer, outcome in done:
            for line in outcome.wire:
                self.emit(peer, line)
            for event in outcome.events:
                if isinstance(event, events.MessageReceived):
                    self.echoes += 1
                    self.put(peer, False, event.text)

    async def run(self):
        while True:
            if not self.queues:
                self.wake.clear()
                await self.wake.wait()
            await self.turn()

    async def close(self):
        self.task.cancel()
        self.pool.shutdown()


class Thread(Pump):
    async def turn(self):
        batch = self.take(MOST)
        loop = asyncio.get_running_loop()
        self.deliver(await loop.run_in_executor(self.pool, self.work, batch))


class Line(Pump):
    async def turn(self):
        self.deliver(self.work(self.take(1)))
        await asyncio.sleep(0)


class Slices(Pump):
    cost = SLICE

    async def turn(self):
        before = time.perf_counter()
        batch = self.take(max(1, min(MOST, int(SLICE / self.cost))))
        self.deliver(self.work(batch))
        self.cost += ((time.perf_counter() - before) / len(batch) - self.cost) / 4
        await asyncio.sleep(0)


class Product:
    """The gateway, with a task that echoes, or with several."""

    tasks = 1

    def __init__(self, account, emit):
        from otrfast.aio import Gateway

        self.echoes = 0
        self.gateway = Gateway(account, emit)
        self.task = asyncio.get_running_loop().create_task(self.run())

    def feed(self, peer, line):
        assert self.gateway.feed(peer, line)

    async def run(self):
        async with self.gateway:
            await self.gateway.serve(self.echo, self.tasks)

    async def echo(self, message):
        self.echoes += 1
        await message.reply(message.text)

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Several(Product):
    tasks = 64


MODES = {
    "naive": Naive, "thread": Thread, "line": Line, "slices": Slices, "gateway": Product,
    "several": Several,
}  # fmt: skip


# One trial


class Wire:
    """The socket to the peers, read and written within the loop."""

    def __init__(self, sock):
        self.sock, self.cut, self.out, self.on_line = sock, Frames(), [], None
        self.loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self.loop.add_reader(sock, self.read)

    def read(self):
        for peer, line in self.cut(self.sock.recv(1 << 14)):
            self.on_line(peer, line)

    def emit(self, peer, line):
        if not self.out:
            self.loop.call_soon(self.flush)
        self.out.append(frame(peer, line))

    def flush(self):
        data, self.out = b"".join(self.out), []
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, BrokenPipeError):
            sent = 0
        if sent < len(data):
            self.out = [data[sent:], *self.out]
            self.loop.call_later(0.001, self.flush)


def private(account):
    states = [session.state for session in account.sessions.copy().values()]
    return states.count(MessageState.ENCRYPTED)


async def trial(name, sock, count, seconds, selector):
    account = Account("bot", "test", PrivateKey.generate(), policy=Policy.MANUAL, limits=LIMITS)
    wire = Wire(sock)
    mode = MODES[name](account, wire.emit)
    wire.on_line = mode.feed
    if isinstance(mode, Product):
        await asyncio.sleep(0.01)
    selector.beat()
    started = time.perf_counter()
    wire.emit(0xFFFF, b"start")
    while private(account) < count:  # noqa: ASYNC110 - the naive loop has nothing to wait for
        await asyncio.sleep(0.02)
    storm = time.perf_counter() - started, lags(selector)
    wire.emit(0xFFFF, b"talk")
    await asyncio.sleep(seconds / 4)
    lags(selector)
    wall, cpu, echoes = time.perf_counter(), time.process_time(), mode.echoes
    await asyncio.sleep(seconds)
    done = mode.echoes - echoes
    rate, cost = done / (time.perf_counter() - wall), (time.process_time() - cpu) / done * 1e6
    wire.loop.remove_reader(sock)
    echo = lags(selector)
    await mode.close()
    return storm, rate, cost, echo


def lags(selector):
    """p99 and longest in milliseconds, of processor time and of the timer; start anew."""
    found = []
    for values in (selector.cpu, selector.late):
        values.sort()
        found += [values[int(0.99 * len(values))] * 1e3, values[-1] * 1e3]
        values.clear()
    return found


def run(name, count, seconds):
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    fd = theirs.fileno()
    command = [sys.executable, __file__, "--be-peers", str(fd), "--peers", str(count)]
    peers = subprocess.Popen(command, pass_fds=[fd])
    theirs.close()
    selector = Selector()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        result = runner.run(trial(name, ours, count, seconds, selector))
    ours.close()
    peers.kill()
    peers.wait()
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--be-peers", type=int)
    options = parser.parse_args()
    if options.be_peers is not None:
        with contextlib.suppress(ConnectionError):  # the trial is over
            be_peers(options.be_peers, options.peers)
        return
    print("        | storm: s, lag p99/max ms, late | echoes/s, us each | lag p99/max ms, late")
    for _ in range(options.rounds):
        for name in options.modes.split(","):
            (took, storm), rate, cost, echo = run(name, options.peers, options.seconds)
            shown = "{:.1f}/{:.1f}, {:.1f}/{:.1f}"
            print(
                f"{name:8}| {took:.2f}  {shown.format(*storm)} | {rate:,.0f}  {cost:.0f}"
                f" | {shown.format(*echo)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
