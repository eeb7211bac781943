"""The closing table of the demonstration: what the engine does in a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from otrfast.apps.workloads import Duo, per_second
from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load

SECONDS = 0.6
"""How long each rate is measured."""
ROWS = ("key exchanges", "ping-pong messages, 100 bytes", "burst messages, 100 bytes")


class Rates(NamedTuple):
    """The rates of one backend, in the order of `ROWS`."""

    backend: str
    per_second: list[float]


def backends() -> list[Backend]:
    """Return what is measured: the engine's backend, and the one in pure Python beside it."""
    ours = load()
    return [ours] if ours.name == "pure" else [ours, load("pure")]


def measure(progress: Callable[[int, int], object]) -> list[Rates]:
    """Measure with the work of both sides; `progress` is called with the rates that are done, and
    with how many there will be."""
    text = b"x" * 100
    found: list[Rates] = []
    total = len(ROWS) * len(backends())
    for backend in backends():
        duo = Duo(backend)
        rates: list[float] = []
        for work, units in (
            (duo.connect, 1),
            (lambda duo=duo: duo.ping_pong(10, text), 10),
            (lambda duo=duo: duo.burst(100, text), 100),
        ):
            progress(len(found) * len(ROWS) + len(rates), total)
            rates.append(per_second(work, units, SECONDS))
        found.append(Rates(backend.name, rates))
    progress(total, total)
    return found
