"""The rounds of a measurement: in each round each engine runs each workload for a short time, so
that the load of other programs affects all engines alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from statistics import median

from otrfast._records import record
from otrfast.apps.bench.engines import Engine, Engines
from otrfast.apps.bench.metrics import Metric, stand_in
from otrfast.errors import BackendUnavailable

_MOST = 400  # samples of one engine and metric in a round
_SLOW = ("gmpy2", "pure", "python-potr", "python-otr", "libotr")  # they get a tenth of the peers


@record
class Effort:
    """The size of a measurement."""

    rounds: int
    seconds: float
    """The approximate time for one engine and one metric in a round."""
    conversations: int
    """Conversations in a measurement of memory; each has two sessions."""
    peers: int
    """Idle peers in a measurement of memory, or of ticks."""
    strangers: int
    """Peers of a storm: more than the account answers at once."""
    talkers: int
    """Peers of a gateway."""
    stored: int
    """Conversations in a store that a gateway opens."""

    def many(self, metric: Metric) -> int:
        """Return the number of conversations or peers that one figure of a metric is made with."""
        numbers = {
            "memory": self.conversations,
            "storm": self.strangers,
            "talk": self.talkers,
            "unknown": self.talkers,
            "restore": self.stored,
        }
        return numbers.get(metric.trial or metric.name, self.peers)


FULL = Effort(
    rounds=7, seconds=0.25, conversations=5000, peers=100_000, strangers=1000, talkers=1000,
    stored=100_000,
)  # fmt: skip
QUICK = Effort(
    rounds=3, seconds=0.05, conversations=200, peers=5000, strangers=220, talkers=200, stored=5000
)


class Figures:
    """The samples, by variant and metric, with one list for each round, and the missing engines."""

    __slots__ = ("about", "absent", "samples")

    def __init__(self, absent: dict[str, str] | None = None) -> None:
        self.samples: dict[str, dict[str, list[list[float]]]] = {}
        self.about: dict[str, dict[str, str]] = {}
        self.absent: dict[str, str] = {} if absent is None else absent

    def rounds(self, variant: str, metric: str) -> list[list[float]]:
        """Return the samples of each round; none if the engine is not measured with the metric."""
        return self.samples.get(variant, {}).get(metric, [])

    def median(self, variant: str, metric: str) -> float | None:
        """Return the median of all samples."""
        pooled = [sample for part in self.rounds(variant, metric) for sample in part]
        return median(pooled) if pooled else None

    def ratio(self, variant: str, metric: Metric, base: str) -> float | None:
        """Return the ratio of a variant to `base`: the median of the ratios of the rounds."""
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


class Rounds:
    """A measurement in rounds."""

    def __init__(self, engines: Engines, effort: Effort, advance: Callable[[str], None]) -> None:
        self._engines = engines
        self._effort = effort
        self._advance = advance
        self._running: dict[str, Engine] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self.figures: Figures = Figures(absent=engines.absent)

    def run(self, variants: Sequence[str], metrics: Sequence[Metric]) -> Figures:
        """Measure everything; `advance` is called before each workload."""
        try:
            for variant in variants:
                self._advance(f"starting {variant}")
                engine = self._engines.start(variant)
                if engine is not None:
                    self._running[variant] = engine
            fresh = [metric for metric in metrics if metric.fresh]
            for _, together in groupby(fresh, lambda metric: metric.trial or metric.name):
                self._once(list(together))
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
        """Return the number of calls of `advance` if every engine is available."""
        return len(variants) + sum(
            1 if metric.fresh else self._effort.rounds
            for metric in metrics
            for variant in variants
            if stand_in(variant, metric) == metric.name
        )

    def _keep(self, variant: str, metric: str, samples: list[float]) -> None:
        self.figures.samples.setdefault(variant, {}).setdefault(metric, []).append(samples)

    def _once(self, together: Sequence[Metric]) -> None:
        """Measure metrics that share a trial in a new process, once for each engine."""
        for variant in self._running:
            asked = [metric for metric in together if stand_in(variant, metric) is not None]
            engine = self._engines.start(variant) if asked else None
            if engine is None:
                continue
            try:
                for metric in asked:
                    self._advance(f"{metric.title}: {variant}")
                    many = self._effort.many(metric) // (10 if variant in _SLOW else 1)
                    self._keep(variant, metric.name, engine.ask(metric.name, many))
            finally:
                engine.close()

    def _round(self, metric: Metric) -> None:
        """Measure each engine with one metric."""
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
        """Return the number of samples for the measuring time, estimated from a discarded one; of
        peers, if a trial gives the figure."""
        if metric.trial:
            return self._effort.many(metric)
        key = engine.variant, metric.name
        if key not in self._counts:
            engine.ask(metric.name, 1)
            start = time.perf_counter()
            engine.ask(metric.name, 1)
            cost = time.perf_counter() - start
            seconds = self._effort.seconds * metric.patience
            self._counts[key] = max(1, min(_MOST, int(seconds / cost)))
        return self._counts[key]
