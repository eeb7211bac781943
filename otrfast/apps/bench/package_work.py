"""The workloads on another package in Python: what they share, whatever its interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any, Protocol

from otrfast.apps.bench.engine_work import LONG, PAIRS, SHORT, growth, import_seconds, timed

_PING, _BURST_SHORT, _BURST_LONG = 4, 200, 50  # messages of one sample


class PackageDuo(Protocol):
    """Two people with a key each, and the conversation between them."""

    def new_key(self) -> Any:
        """Generate a DSA key."""

    def connect(self) -> None:
        """Start a new conversation with a key exchange."""

    def ping_pong(self, messages: int, text: bytes) -> None:
        """Send alternating texts, so that the keys rotate with each."""

    def burst(self, messages: int, text: bytes) -> None:
        """Send texts in one direction."""

    def smp(self) -> None:
        """Run a complete SMP."""

    def greet(self, number: int) -> None:
        """Receive one plain text of a new peer."""


class PackageWork:
    """Both ends of conversations on one package: `module` is what a program imports, `make(None)`
    returns two people in conversation, `make(keys)` two who are new to each other."""

    def __init__(self, module: str, make: Callable[[Sequence[Any] | None], PackageDuo]) -> None:
        self._module = module
        self._make = make
        self._made: PackageDuo | None = None
        self._keys: Iterator[list[Any]] | None = None

    def _duo(self) -> PackageDuo:
        if self._made is None:
            self._made = self._make(None)
        return self._made

    def sample(self, metric: str, count: int) -> list[float]:
        """Return `count` figures; for memory, one figure over `count` conversations."""
        if metric == "import":
            return [import_seconds(self._module) for _ in range(count)]
        duo = self._duo()
        if metric == "memory":
            return [self._memory(duo, count)]
        if metric == "idle":
            return [growth(duo.greet, count)]
        pings: Callable[[bytes], float] = lambda text: timed(  # noqa: E731
            lambda: duo.ping_pong(_PING, text), _PING
        )
        measures: dict[str, Callable[[], float]] = {
            "ake": lambda: timed(duo.connect),
            "first_contact": self._first_contact,
            "ping_100": lambda: pings(SHORT),
            "ping_10k": lambda: pings(LONG),
            "burst_100": lambda: timed(lambda: duo.burst(_BURST_SHORT, SHORT), _BURST_SHORT),
            "burst_10k": lambda: timed(lambda: duo.burst(_BURST_LONG, LONG), _BURST_LONG),
            "smp": lambda: timed(duo.smp),
            "keygen": lambda: timed(duo.new_key),
        }
        return [measures[metric]() for _ in range(count)]

    def _first_contact(self) -> float:
        if self._keys is None:
            new_key = self._duo().new_key
            self._keys = cycle([[new_key(), new_key()] for _ in range(PAIRS)])
        strangers = self._make(next(self._keys))
        return timed(strangers.connect)

    @staticmethod
    def _memory(duo: PackageDuo, conversations: int) -> float:
        """Return the bytes of one side of a conversation after four messages."""

        def converse(_: int) -> None:
            duo.connect()
            duo.ping_pong(4, b"four messages")

        return growth(converse, conversations) / 2
