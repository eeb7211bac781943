"""What a gateway counts, as plain numbers."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The upper bounds of the histogram's buckets, in seconds; one more bucket holds the rest."""


class Counters:
    """The numbers of a gateway since it was made."""

    def __init__(self) -> None:
        self.lines_in: int = 0
        self.lines_out: int = 0
        self.texts_in: int = 0
        self.texts_out: int = 0
        self.events: int = 0
        self.batches: int = 0
        self.commits: int = 0
        self.failures: int = 0
        self.buckets: list[int] = [0] * (len(BOUNDS) + 1)
        self.seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count the time from the arrival of an item until its lines were emitted."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def numbers(self) -> dict[str, object]:
        """Return them by name."""
        names = (*map(str, BOUNDS), "inf")
        return {
            "lines_in": self.lines_in,
            "lines_out": self.lines_out,
            "texts_in": self.texts_in,
            "texts_out": self.texts_out,
            "events": self.events,
            "batches": self.batches,
            "commits": self.commits,
            "failures": self.failures,
            "latency": dict(zip(names, self.buckets, strict=True)),
            "latency_seconds": self.seconds,
        }
