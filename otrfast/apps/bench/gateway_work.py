"""The workloads of a gateway: a naive loop, the gateway, and the gateway with its store, each with
all its peers in a second process."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from otrfast.account import Account
from otrfast.aio import JournalStore
from otrfast.apps.bench.footprint import resident_bytes
from otrfast.apps.bench.gateway_loops import GatewayLoop, LagSelector, Loop, NaiveLoop, Wire
from otrfast.apps.bench.gateway_peers import LIMITS
from otrfast.apps.bench.metrics import BY_NAME
from otrfast.apps.bench.restore_work import restore
from otrfast.journal import SqliteJournal
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.storage.private_key import PrivateKey

_WARM: Final = 0.25  # seconds of echoes that do not count
_SECONDS: Final = 1.0  # of those that do
_BURST: Final = 20  # texts to, and from, each peer
_LOOK: Final = 0.01  # seconds between two looks at what has come
_LONGEST: Final = 120.0  # seconds of one step before it is given up
_BUFFER: Final = 1 << 22
_KEY: Final = bytes(32)  # of a store that holds nothing worth a key

Found = dict[str, float]
"""Figures by the name of their row."""


def private(account: Account) -> int:
    """Return how many conversations are encrypted."""
    states = [session.state for session in account.sessions.values()]
    return states.count(MessageState.ENCRYPTED)


async def until(reached: Callable[[], bool]) -> None:
    """Wait for something that the naive loop tells nobody about."""
    async with asyncio.timeout(_LONGEST):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)


Trial = Callable[["Stage"], Awaitable[Found]]


class Stage:
    """One loop, its account and its wire to the peers, for one trial."""

    def __init__(self, variant: str, peers: int, selector: LagSelector, wire: Wire) -> None:
        self.peers = peers
        self.names: list[str] = [str(number) for number in range(peers)]
        self.selector = selector
        self.wire = wire
        self.account: Account
        self.loop: Loop
        self._variant = variant

    async def open(self, within: AsyncExitStack) -> None:
        """Make the loop; it is closed with `within`."""
        if self._variant == "gateway-store":
            place = within.enter_context(TemporaryDirectory(prefix="otrfast-bench-"))
            journal = await within.enter_async_context(SqliteJournal(Path(place, "store"), _KEY))
            who = await journal.identity("bot", "test")
            self.account = Account(
                "bot", "test", who.private_key, instance_tag=who.instance_tag, trust=who.trust,
                policy=Policy.MANUAL, limits=LIMITS,
            )  # fmt: skip
            store = JournalStore(self.account, journal)
        else:
            key = PrivateKey.generate()
            self.account = Account("bot", "test", key, policy=Policy.MANUAL, limits=LIMITS)
            store = None
        if self._variant == "naive-loop":
            self.loop = NaiveLoop(self.account, self.wire.emit)
        else:
            loop = GatewayLoop(self.account, self.wire.emit, store)
            await loop.open()
            self.loop = loop
        within.push_async_callback(self.loop.close)
        self.wire.on_line = self.loop.feed
        self.selector.beat()

    async def meet(self) -> tuple[float, float]:
        """Have all peers exchange keys at once; return the seconds that took, and the lag."""
        self.selector.lags()
        start = time.perf_counter()
        self.wire.order("start")
        await until(lambda: private(self.account) == self.peers)
        return time.perf_counter() - start, self.selector.lags()[1]

    async def echo(self, seconds: float) -> Found:
        """Have all peers write, and write again with each echo."""
        loop = self.loop
        self.wire.order("talk")
        await asyncio.sleep(_WARM)
        await until(lambda: loop.texts > self.peers)
        self.selector.lags()
        start, cpu, before = time.perf_counter(), time.process_time(), loop.texts
        await asyncio.sleep(seconds)
        await until(lambda: loop.texts > before)
        done = loop.texts - before
        took, cost = time.perf_counter() - start, time.process_time() - cpu
        _, late = self.selector.lags()
        self.wire.order("quiet")
        async with asyncio.timeout(_LONGEST):
            middle, tail = json.loads(await self.wire.told.get())
        return {
            "gateway_echo": took / done,
            "gateway_echo_cpu": cost / done,
            "gateway_echo_p50": middle,
            "gateway_echo_p99": tail,
            "gateway_echo_lag": late,
        }

    async def bursts(self, texts: int) -> Found:
        """Send texts to everybody, then have everybody send some."""
        loop = self.loop
        loop.echo = False
        await loop.burst(self.names, 1)  # under new keys
        cpu = time.process_time()
        await loop.burst(self.names, texts)
        out = time.process_time() - cpu
        before, wanted = loop.texts, texts * self.peers
        cpu = time.process_time()
        self.wire.order(f"pour:{texts}")
        await until(lambda: loop.texts >= before + wanted)
        came = time.process_time() - cpu
        return {"gateway_burst_out": out / wanted, "gateway_burst_in": came / wanted}


async def _talk(stage: Stage, seconds: float) -> Found:
    """Known peers exchange keys, echoes go to and fro, then bursts."""
    took, late = await stage.meet()
    found = {"gateway_known": took, "gateway_known_lag": late}
    return found | await stage.echo(seconds) | await stage.bursts(_BURST)


async def _unknown(stage: Stage) -> Found:
    """Peers with keys of their own, which nobody has examined yet, exchange keys; the process is
    new, so that it grows for each of them."""
    gc.collect()
    before = resident_bytes()
    took, late = await stage.meet()
    gc.collect()
    grown = (resident_bytes() - before) / stage.peers
    return {"gateway_unknown": took, "gateway_unknown_lag": late, "gateway_memory": grown}


def run_trial(variant: str, keys: Sequence[bytes], peers: int, trial: Trial) -> Found:
    """Run a trial with a process of so many peers, who have a key each, or one for all."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    descriptor = theirs.fileno()
    command = [sys.executable, "-m", "otrfast.apps.bench.gateway_peers", str(descriptor)]
    process = subprocess.Popen([*command, str(peers)], pass_fds=[descriptor])  # noqa: S603 - our own command
    theirs.close()
    selector = LagSelector()

    async def run() -> Found:
        wire = Wire(ours)
        stage = Stage(variant, peers, selector, wire)
        async with AsyncExitStack() as within:
            within.callback(wire.close)
            await stage.open(within)
            return await trial(stage)

    try:
        for key in keys:
            ours.sendall(len(key).to_bytes(4, "big") + key)
        ours.sendall(bytes(4))
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            return runner.run(run())
    finally:
        ours.close()
        process.kill()
        process.wait()


class GatewayWork:
    """One column of the section: figures of one trial go out by and by, and one that is asked for
    again begins the next trial."""

    def __init__(self, variant: str, seconds: float = _SECONDS) -> None:
        self._variant = variant
        self._seconds = seconds
        self._found: dict[str, Found] = {}

    def sample(self, metric: str, count: int) -> list[float]:
        """Return one figure over `count` peers."""
        trial = BY_NAME[metric].trial
        if metric not in self._found.get(trial, {}):
            self._found[trial] = self._run(trial, count)
        return [self._found[trial].pop(metric)]

    def _run(self, trial: str, peers: int) -> Found:
        if trial == "restore":
            return asyncio.run(restore(peers))
        if trial == "unknown":
            keys = [PrivateKey.generate().dumps() for _ in range(peers)]
            return run_trial(self._variant, keys, peers, _unknown)
        keys = [PrivateKey.generate().dumps()]
        return run_trial(self._variant, keys, peers, lambda stage: _talk(stage, self._seconds))
