"""The metrics, the engines that each applies to, and the targets of the project."""

from __future__ import annotations

from typing import Final

from otrfast._records import record

NATIVE: Final = ("native-ifma", "native-avx2", "native-gmp")
NEEDED: Final = {"native-ifma": ("ifma", "AVX-512 IFMA"), "native-avx2": ("avx2", "AVX2")}
"""The dispatch level that a variant needs, and the name of its instructions."""
OURS: Final = (*NATIVE, "gmpy2", "pure")
PEERS: Final = ("potr-layer", "python-potr", "libotr")
VARIANTS: Final = (*OURS, *PEERS)
"""Every measured engine, in the order of the tables."""

RATE: Final = "/s"  # shown as its inverse, operations per second
MILLISECONDS: Final = "ms"
KILOBYTES: Final = "KB"
TIMES: Final = "x"  # a ratio, higher is better


@record
class Metric:
    """One row of the table."""

    name: str
    title: str
    shown: str
    """The unit of the printed figure; a worker reports seconds for one operation, bytes, or a
    ratio."""
    variants: tuple[str, ...] = VARIANTS
    alike: str = ""
    """The metric for engines without this one, so that there are ratios."""
    fresh: bool = False
    """Whether each figure needs a new process."""
    patience: float = 1.0
    """The factor on the usual measuring time."""
    pooled: bool = False
    """Whether ratios use the samples of all rounds: the cost varies at random."""


_OTHERS: Final = (*OURS, "potr-layer", "python-potr")

METRICS: Final = (
    Metric("ake", "key exchange", RATE),
    Metric("ping_100", "ping-pong, 100 B", RATE),
    Metric("ping_10k", "ping-pong, 10 KB", RATE),
    Metric("ping_batch", "ping-pong, batch of 64 peers", RATE, alike="ping_100"),
    Metric("burst_100", "burst, 100 B", RATE),
    Metric("burst_10k", "burst, 10 KB", RATE),
    Metric("burst_many_100", "burst, 100 B, one call", RATE, alike="burst_100"),
    Metric("burst_many_10k", "burst, 10 KB, one call", RATE, alike="burst_10k"),
    Metric("smp", "SMP, complete run", MILLISECONDS, patience=2),
    Metric("keygen", "DSA key", MILLISECONDS, patience=8, pooled=True),
    Metric("memory", "memory of a session", KILOBYTES, fresh=True),
    Metric("idle", "memory of an idle peer", KILOBYTES, fresh=True),
    Metric("threads_ake", "two threads, key exchange", TIMES, NATIVE),
    Metric("threads_ping", "two threads, ping-pong", TIMES, NATIVE),
    Metric("threads_most", "two threads, maximum of the machine", TIMES, NATIVE),
    Metric("import", "import", MILLISECONDS, _OTHERS),
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}

LIBOTR_METRICS: Final = frozenset(
    ("ake", "ping_100", "ping_10k", "burst_100", "burst_10k", "smp", "keygen", "memory", "idle")
)
"""The metrics of benchmarks/libotr_bench.c."""

POTR_METRICS: Final = LIBOTR_METRICS | {"import"}
"""The metrics of the workloads on potr's interface."""


@record
class Target:
    """The least ratio of a metric to another engine: with the exponentiation of GMP or AVX2, and
    with that of AVX-512 IFMA."""

    metric: str
    against: str
    on_gmp: float | None
    on_ifma: float | None


TARGETS: Final = (
    Target("ping_100", "libotr", 5, 15),
    Target("ping_100", "python-potr", 20, 60),
    Target("ping_batch", "libotr", None, 35),
    Target("ping_batch", "python-potr", None, 130),
    Target("ake", "libotr", 7, 25),
    Target("ake", "python-potr", 28, 55),
    Target("smp", "libotr", 4.5, 14),
    Target("smp", "python-potr", 18, 55),
    Target("burst_100", "libotr", 1, 1),
    Target("burst_100", "python-potr", 70, 70),
    Target("burst_many_100", "libotr", 3, 3),
    Target("burst_many_100", "python-potr", 200, 200),
    Target("burst_10k", "libotr", 2.5, 2.5),
    Target("burst_10k", "python-potr", 20, 20),
    Target("keygen", "libotr", 4, 4),
    Target("keygen", "python-potr", 7, 7),
    Target("memory", "libotr", 8, 8),
    Target("memory", "python-potr", 1.5, 1.5),
    Target("threads_ake", "one thread", 1.7, 1.7),
    Target("threads_ping", "one thread", 1.7, 1.7),
)


def with_stand_ins(chosen: list[Metric]) -> list[Metric]:
    """Add the metrics that other engines are measured with instead."""
    wanted = {metric.name for metric in chosen} | {metric.alike for metric in chosen}
    return [metric for metric in METRICS if metric.name in wanted]


def stand_in(variant: str, metric: Metric) -> str | None:
    """Return the name of the metric that `variant` is measured with for this one; None if there
    is none."""
    if variant not in metric.variants:
        return None
    known = {"libotr": LIBOTR_METRICS, "python-potr": POTR_METRICS, "potr-layer": POTR_METRICS}
    if variant not in known or metric.name in known[variant]:
        return metric.name
    return metric.alike or None
