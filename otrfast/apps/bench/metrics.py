"""What is measured, for which engines it makes sense, and what the project has to reach."""

from __future__ import annotations

from typing import Final

from otrfast._records import record

NATIVE: Final = ("native-ifma", "native-avx2", "native-gmp")
NEEDED: Final = {"native-ifma": ("ifma", "AVX-512 IFMA"), "native-avx2": ("avx2", "AVX2")}
"""The level that has to be in force for a variant to be what its name says, and what for."""
OURS: Final = (*NATIVE, "gmpy2", "pure")
PEERS: Final = ("potr-layer", "otr-layer", "python-potr", "python-otr", "libotr")
VARIANTS: Final = (*OURS, *PEERS)
"""Every engine that takes part, in the order of the tables."""
GATEWAYS: Final = ("naive-loop", "gateway", "gateway-store")
"""The columns of the section on gateways: this engine, on the best level, in an event loop."""
COLUMNS: Final = (*VARIANTS, *GATEWAYS)

RATE: Final = "/s"  # shown as its inverse: how many a second
MILLISECONDS: Final = "ms"
MICROSECONDS: Final = "us"
KILOBYTES: Final = "KB"
TIMES: Final = "x"  # a ratio already, and more is better


@record
class Metric:
    """One row of the table."""

    name: str
    title: str
    shown: str
    """How a figure is printed; a worker answers in seconds for one unit of work, in bytes, or
    with the ratio itself."""
    variants: tuple[str, ...] = VARIANTS
    alike: str = ""
    """What an engine without this metric is measured with instead, so that ratios exist."""
    fresh: bool = False
    """Whether each figure needs a process in which nothing has happened."""
    patience: float = 1.0
    """How many times the usual time to spend on it."""
    pooled: bool = False
    """Whether a round has too few samples to say much: cost depends on luck."""
    long: bool = False
    """Whether a quick run leaves it out unless it is asked for: its set-up takes long."""
    compared: bool = True
    """Whether ratios and the chart show it: engines that divide the work otherwise between two
    calls can be compared by their sum alone."""
    trial: str = ""
    """The run that gives this figure together with others; one figure a round."""


PACKAGES: Final = PEERS[:-1]
"""Those that run the workloads for packages in Python."""
_OTHERS: Final = (*OURS, *PACKAGES)
_BESIDE_LIBOTR: Final = (*NATIVE, "gmpy2", "libotr")


def _gateway(name: str, title: str, shown: str, trial: str = "talk") -> Metric:
    variants = GATEWAYS[-1:] if trial == "restore" else GATEWAYS
    once = trial != "talk"  # keys, or a full store, take long to make
    return Metric(name, title, shown, variants, fresh=once, compared=False, trial=trial)


METRICS: Final = (
    Metric("ake", "key exchange", RATE),
    Metric("first_contact", "first contact", RATE),
    Metric("ping_100", "alternating messages, 100 B", RATE),
    Metric("ping_10k", "alternating messages, 10 KB", RATE),
    Metric("ping_batch", "alternating messages, 64 peers at once", RATE, alike="ping_100"),
    Metric("burst_100", "burst, 100 B", RATE),
    Metric("burst_10k", "burst, 10 KB", RATE),
    Metric("burst_many_100", "burst, 100 B, one call", RATE, alike="burst_100"),
    Metric("burst_many_10k", "burst, 10 KB, one call", RATE, alike="burst_10k"),
    Metric("at_random_1k", "burst, 100 B, among 1,000 peers", RATE, _BESIDE_LIBOTR),
    Metric(
        "at_random_10k", "burst, 100 B, among 10,000 peers", RATE, NATIVE, patience=0.5, long=True
    ),
    Metric(
        "send_median", "send, median", MICROSECONDS, _BESIDE_LIBOTR, patience=0.5, compared=False
    ),
    Metric(
        "send_p99",
        "send, 99th percentile",
        MICROSECONDS,
        _BESIDE_LIBOTR,
        patience=0.5,
        compared=False,
    ),
    Metric(
        "receive_median",
        "receive, median",
        MICROSECONDS,
        _BESIDE_LIBOTR,
        patience=0.5,
        compared=False,
    ),
    Metric(
        "receive_p99",
        "receive, 99th percentile",
        MICROSECONDS,
        _BESIDE_LIBOTR,
        patience=0.5,
        compared=False,
    ),
    Metric("storm", "storm of strangers, each", MILLISECONDS, NATIVE, fresh=True),
    Metric("tick", "tick, an idle peer", MICROSECONDS, OURS, fresh=True),
    Metric("tick_longest", "tick(limit=100), longest call", MICROSECONDS, OURS, fresh=True),
    Metric("smp", "SMP, a whole run", MILLISECONDS, patience=2),
    Metric("keygen", "DSA key", MILLISECONDS, patience=8, pooled=True),
    Metric("memory", "memory of a session", KILOBYTES, fresh=True),
    Metric("idle", "memory of an idle peer", KILOBYTES, fresh=True),
    Metric("threads_ake", "two threads, key exchange", TIMES, NATIVE),
    Metric("threads_ping", "two threads, alternating messages", TIMES, NATIVE),
    Metric("threads_most", "two threads, the machine's most", TIMES, NATIVE),
    Metric("import", "import", MILLISECONDS, _OTHERS),
    _gateway("gateway_echo", "echoes, all peers at once", RATE),
    _gateway("gateway_echo_cpu", "the same, of the processor", MICROSECONDS),
    _gateway("gateway_echo_p50", "wait for an echo, median", MILLISECONDS),
    _gateway("gateway_echo_p99", "wait for an echo, 99th percentile", MILLISECONDS),
    _gateway("gateway_echo_lag", "lag while echoing, 99th percentile", MILLISECONDS),
    _gateway("gateway_burst_out", "outgoing burst, of the processor", MICROSECONDS),
    _gateway("gateway_burst_in", "incoming burst, of the processor", MICROSECONDS),
    _gateway("gateway_known", "known peers exchange keys, all", MILLISECONDS),
    _gateway("gateway_known_lag", "lag with known peers, 99th percentile", MILLISECONDS),
    _gateway("gateway_unknown", "unknown peers exchange keys, all", MILLISECONDS, "unknown"),
    _gateway(
        "gateway_unknown_lag", "lag with unknown peers, 99th percentile", MILLISECONDS, "unknown"
    ),
    _gateway("gateway_memory", "memory of a conversation", KILOBYTES, "unknown"),
    _gateway("gateway_file", "file of a stored conversation", KILOBYTES, "restore"),
    _gateway("gateway_open", "ready with a full store", MILLISECONDS, "restore"),
    _gateway("gateway_first_p50", "first message, restored, median", MILLISECONDS, "restore"),
    _gateway("gateway_first_p99", "the same, 99th percentile", MILLISECONDS, "restore"),
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}

_COMMON: Final = frozenset(
    {
        "ake", "first_contact", "ping_100", "ping_10k", "burst_100", "burst_10k",
        "smp", "keygen", "memory", "idle",
    }
)  # fmt: skip
LIBOTR_METRICS: Final = _COMMON | {
    "at_random_1k", "send_median", "send_p99", "receive_median", "receive_p99",
}  # fmt: skip
"""What benchmarks/libotr_bench.c knows."""

PACKAGE_METRICS: Final = _COMMON | {"import"}
"""What the workloads for other packages in Python know."""


@record
class Target:
    """What one row has to reach against another engine: with GMP (and so with
    AVX2), and on AVX-512 IFMA."""

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
    """Add to the metrics those that peers stand in with."""
    wanted = {metric.name for metric in chosen} | {metric.alike for metric in chosen}
    return [metric for metric in METRICS if metric.name in wanted]


def stand_in(variant: str, metric: Metric) -> str | None:
    """Return the name of the metric that `variant` is asked for, None where it has no part in
    this one."""
    if variant not in metric.variants:
        return None
    known = {"libotr": LIBOTR_METRICS, **dict.fromkeys(PACKAGES, PACKAGE_METRICS)}
    if variant not in known or metric.name in known[variant]:
        return metric.name
    return metric.alike or None
