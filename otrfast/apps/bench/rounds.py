"""The engines take turns: in each round each of them does each piece of work for a moment, so
that what else the machine does falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import NamedTuple

from otrfast.apps.bench.engines import Engine, Engines
from otrfast.apps.bench.metrics import Metric, stand_in
from otrfast.errors import BackendUnavailable

_MOST = 400  # samples of one turn
_SLOW = ("gmpy2", "pure", "python-potr", "libotr")  # fewer sessions where memory is measured


class Effort(NamedTuple):
    """How much is done."""

    rounds: int
    seconds: float
    """How long one engine's turn at one metric takes, about."""
    conversations: int
    """How many are held while memory is measured; each has two sessions."""
    peers: int
    """How many idle ones are held."""


FULL = Effort(rounds=7, seconds=0.25, conversations=5000, peers=100_000)
QUICK = Effort(rounds=3, seconds=0.05, conversations=200, peers=5000)


@dataclass
class Figures:
    """Every sample, by variant and metric, one list for each round; and who was not there."""

    samples: dict[str, dict[str, list[list[float]]]] = field(default_factory=dict)
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def rounds(self, variant: str, metric: str) -> list[list[float]]:
        """Return the samples of each round; none where the engine has no part in the metric."""
        return self.samples.get(variant, {}).get(metric, [])

    def median(self, variant: str, metric: str) -> float | None:
        """Return the median of all samples."""
        pooled = [sample for part in self.rounds(variant, metric) for sample in part]
        return median(pooled) if pooled else None

    def ratio(self, variant: str, metric: Metric, base: str) -> float | None:
        """Return how many times better than `base` a variant is: the median over the rounds, each
        compared with its own."""
        there = stand_in(base, metric)
        if there is None:
            return None
        ours, theirs = self.rounds(variant, metric.name), self.rounds(base, there)
        if not ours or not theirs:
            return None
        if metric.pooled:
            ours, theirs = [list(chain(*ours))], [list(chain(*theirs))]
        return median(
            median(other) / median(mine) for mine, other in zip(ours, theirs, strict=False)
        )


class Turns:
    """Runs the rounds."""

    def __init__(self, engines: Engines, effort: Effort, advance: Callable[[str], None]) -> None:
        self._engines = engines
        self._effort = effort
        self._advance = advance
        self._running: dict[str, Engine] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self.figures: Figures = Figures(absent=engines.absent)

    def run(self, variants: Sequence[str], metrics: Sequence[Metric]) -> Figures:
        """Measure all of it; `advance` is told of each piece of work that is done."""
        try:
            for variant in variants:
                self._advance(f"starting {variant}")
                engine = self._engines.start(variant)
                if engine is not None:
                    self._running[variant] = engine
            for metric in metrics:
                if metric.fresh:
                    self._once(metric)
            for _ in range(self._effort.rounds):
                for metric in metrics:
                    if not metric.fresh:
                        self._round(metric)
        finally:
            for engine in self._running.values():
                engine.close()
        self.figures.about = {name: engine.about for name, engine in self._running.items()}
        return self.figures

    def steps(self, variants: Sequence[str], metrics: Sequence[Metric]) -> int:
        """Return how often `advance` will be called, if every engine is there."""
        return len(variants) + sum(
            1 if metric.fresh else self._effort.rounds
            for metric in metrics
            for variant in variants
            if stand_in(variant, metric) == metric.name
        )

    def _keep(self, variant: str, metric: str, samples: list[float]) -> None:
        self.figures.samples.setdefault(variant, {}).setdefault(metric, []).append(samples)

    def _once(self, metric: Metric) -> None:
        """Measure what needs a fresh process, once for each engine."""
        for variant in self._running:
            if stand_in(variant, metric) is None:
                continue
            self._advance(f"{metric.title}: {variant}")
            engine = self._engines.start(variant)
            if engine is None:
                continue
            many = self._effort.conversations if metric.name == "memory" else self._effort.peers
            many //= 10 if variant in _SLOW else 1
            try:
                self._keep(variant, metric.name, engine.ask(metric.name, many))
            finally:
                engine.close()

    def _round(self, metric: Metric) -> None:
        """Give each engine its turn at one metric."""
        for variant, engine in list(self._running.items()):
            if stand_in(variant, metric) != metric.name:
                continue
            self._advance(f"{metric.title}: {variant}")
            try:
                count = self._count(engine, metric)
                self._keep(variant, metric.name, engine.ask(metric.name, count))
            except BackendUnavailable as error:
                self.figures.absent[variant] = str(error)
                del self._running[variant]

    def _count(self, engine: Engine, metric: Metric) -> int:
        """Return how many samples fill a turn, by the second of two that are not kept."""
        key = engine.variant, metric.name
        if key not in self._counts:
            engine.ask(metric.name, 1)
            start = time.perf_counter()
            engine.ask(metric.name, 1)
            cost = time.perf_counter() - start
            seconds = self._effort.seconds * metric.patience
            self._counts[key] = max(1, min(_MOST, int(seconds / cost)))
        return self._counts[key]
