"""The workloads on this engine, for the worker processes of `native`, `gmpy2` and `pure`."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha512
from itertools import cycle
from tempfile import TemporaryDirectory
from typing import Final

from otrfast.apps.bench.footprint import resident_bytes
from otrfast.apps.workloads import Crowd, Duo, IdlePeers, Storm, new_key
from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair

SHORT: Final = b"a" * 100
LONG: Final = b"a" * 10_000
CROWD: Final = 64  # conversations in one batch
PAIRS: Final = 4  # pairs of DSA keys for first contacts, which take turns
_PING, _BURST_SHORT, _BURST_LONG = 20, 2000, 200  # messages of one sample
_CALLS, _CALL_SHORT, _CALL_LONG = 4, 256, 64  # calls of one sample, and messages of each
_AMONG: Final = {"at_random_1k": 1000, "at_random_10k": 10_000}  # conversations
_MIDDLE, _TAIL = 20, 100  # messages of one sample: for a median, for a 99th percentile
_SLICE: Final = 100  # peers that a call of `tick` may look at
_TOGETHER: Final = 0.2  # seconds for which threads run in one sample
_BOTH_CORES: Final = 1.8  # the least gain of two threads on an idle machine
_TRIES: Final = 5
_WARM: Final = 100  # sessions made before memory is measured: costs of the first ones do not count
_IMPORT: Final = (
    "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
)


def timed(work: Callable[[], object], units: int = 1) -> float:
    """Return the seconds of processor time for one of the `units` of `work`; the time of other
    programs does not count."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / units


@cache
def _compiled() -> TemporaryDirectory[str]:
    """Return the directory for byte code during this process: without one, as an environment may
    request, each import would compile its modules."""
    return TemporaryDirectory(prefix="otrfast-bench-")


@cache
def _warm_environment(module: str) -> dict[str, str]:
    """Return an environment in which `module` has been compiled."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": _compiled().name}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run((sys.executable, "-c", f"import {module}"), check=True, env=environment)  # noqa: S603 - our own text
    return environment


def import_seconds(module: str) -> float:
    """Return the processor time in which a new interpreter imports the compiled `module`."""
    command = (sys.executable, "-c", _IMPORT.format(module))
    environment = _warm_environment(module)
    done = subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603 - the same
    return float(done.stdout)


def growth(make: Callable[[int], object], count: int) -> float:
    """Return the growth of the process in bytes for each of `count` objects; `make` keeps them."""
    for number in range(_WARM):
        make(-1 - number)
    gc.collect()
    before = resident_bytes()
    for number in range(count):
        make(number)
    gc.collect()
    return (resident_bytes() - before) / count


def together(works: Sequence[Callable[[], object]], seconds: float) -> float:
    """Repeat each of `works` in its own thread; return the rounds per second of all."""
    rates: list[float] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        done, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            work()
            done += 1
        rates.append(done / passed)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least of `values` that is not exceeded by a `share` of them."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


class EngineWork:
    """Both ends of conversations on one backend; `sample` serves every metric of ours."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._duos: list[Duo] = []
        self._crowd: Crowd | None = None
        self._town: Crowd | None = None
        self._keys: Iterator[list[KeyPair]] | None = None

    def _duo(self, number: int = 0) -> Duo:
        while len(self._duos) <= number:
            self._duos.append(Duo(self._backend))
        return self._duos[number]

    def sample(self, metric: str, count: int) -> list[float]:
        """Return `count` figures; one figure over `count` conversations or peers for memory,
        storms and ticks."""
        once = {
            "memory": self._memory,
            "idle": self._idle,
            "storm": self._storm,
            "tick": self._tick,
            "tick_longest": self._tick_longest,
        }
        if metric in once:
            return [once[metric](count)]
        measure = self._measures()[metric]
        return [measure() for _ in range(count)]

    def _measures(self) -> dict[str, Callable[[], float]]:
        def pings(text: bytes) -> float:
            duo = self._duo()
            return timed(lambda: duo.ping_pong(_PING, text), _PING)

        def bursts(text: bytes, count: int) -> float:
            duo = self._duo()
            return timed(lambda: duo.burst(count, text), count)

        def bursts_many(text: bytes, count: int) -> float:
            duo = self._duo()

            def calls() -> None:
                for _ in range(_CALLS):
                    duo.burst_many(count, text)

            return timed(calls, _CALLS * count)

        return {
            "ake": lambda: timed(self._duo().connect),
            "first_contact": self._first_contact,
            "ping_100": lambda: pings(SHORT),
            "ping_10k": lambda: pings(LONG),
            "ping_batch": self._ping_batch,
            "burst_100": lambda: bursts(SHORT, _BURST_SHORT),
            "burst_10k": lambda: bursts(LONG, _BURST_LONG),
            "burst_many_100": lambda: bursts_many(SHORT, _CALL_SHORT),
            "burst_many_10k": lambda: bursts_many(LONG, _CALL_LONG),
            "at_random_1k": lambda: self._at_random(_AMONG["at_random_1k"]),
            "at_random_10k": lambda: self._at_random(_AMONG["at_random_10k"]),
            "send_median": lambda: percentile(self._latencies(_MIDDLE)[0], 0.5),
            "send_p99": lambda: percentile(self._latencies(_TAIL)[0], 0.99),
            "receive_median": lambda: percentile(self._latencies(_MIDDLE)[1], 0.5),
            "receive_p99": lambda: percentile(self._latencies(_TAIL)[1], 0.99),
            "smp": lambda: timed(self._duo().smp),
            "keygen": lambda: timed(lambda: self._backend.dsa_generate(os.urandom(32))),
            "threads_ake": lambda: self._scaling(Duo.connect),
            "threads_ping": lambda: self._scaling(lambda duo: duo.ping_pong(2, SHORT)),
            "threads_most": self._most,
            "import": lambda: import_seconds("otrfast"),
        }

    def _ping_batch(self) -> float:
        if self._crowd is None:
            self._crowd = Crowd(self._backend, CROWD)
        crowd = self._crowd
        return timed(lambda: crowd.ping_pong(2, SHORT), 2 * CROWD)

    def _first_contact(self) -> float:
        if self._keys is None:
            pairs = [[new_key(self._backend) for _ in range(2)] for _ in range(PAIRS)]
            self._keys = cycle(pairs)
        # what an account remembers of keys goes with it: keys that come round again are new
        strangers = Duo(self._backend, keys=next(self._keys))
        return timed(strangers.connect)

    def _at_random(self, conversations: int) -> float:
        if self._town is None:
            self._town = Crowd(self._backend, 1)
        town = self._town
        town.burst(town.grow(conversations), SHORT)  # the first text computes the keys of the rest
        peers = town.draw(_BURST_SHORT, conversations)
        return timed(lambda: town.burst(peers, SHORT), _BURST_SHORT)

    def _latencies(self, messages: int) -> tuple[list[float], list[float]]:
        return self._duo().latencies(messages, SHORT)

    def _storm(self, strangers: int) -> float:
        """Return the time for each stranger, of both ends."""
        return timed(Storm(self._backend, strangers).run, strangers)

    def _tick(self, peers: int) -> float:
        """Return the time for each peer where one call forgets all."""
        return timed(IdlePeers(self._backend, peers).tick, peers)

    def _tick_longest(self, peers: int) -> float:
        """Return the time of the longest call where each forgets some."""
        return max(IdlePeers(self._backend, peers).tick_in_slices(_SLICE))

    def _scaling(self, work: Callable[[Duo], None]) -> float:
        """Return the ratio of two threads to one, measured when two cores are idle."""
        duos = self._duo(0), self._duo(1)
        one, two = (lambda: work(duos[0])), (lambda: work(duos[1]))
        for _ in range(_TRIES):
            if self._most() >= _BOTH_CORES:
                break
        alone = together([one], _TOGETHER)
        return together([one, two], _TOGETHER) / alone

    @staticmethod
    def _most() -> float:
        """Return the gain of two threads that share nothing: below 2 on a busy machine."""
        data = bytes(1 << 20)
        works = [lambda: sha512(data)] * 2
        alone = together(works[:1], _TOGETHER)
        return together(works, _TOGETHER) / alone

    def _memory(self, conversations: int) -> float:
        """Return the bytes of one side of a conversation after four messages."""
        duo = self._duo()

        def converse(_: int) -> None:
            duo.connect()
            duo.ping_pong(4, b"four messages")

        return growth(converse, conversations) / 2

    def _idle(self, peers: int) -> float:
        """Return the bytes of a peer after one plain text."""
        account = self._duo().accounts[0]
        return growth(lambda n: account.session(f"peer{n}").receive(b"good morning"), peers)
