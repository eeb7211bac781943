"""The numbers of a gateway for Prometheus; needs the extra `metrics`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Final

from otrfast.aio.gateway import Gateway

try:
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector
except ImportError as _error:
    raise ImportError(
        "metrics need prometheus-client: pip install 'otrfast[metrics]'", name=_error.name
    ) from _error

_COUNTERS: Final = {
    "lines_in": "Lines received",
    "lines_out": "Lines handed to the transport",
    "texts_in": "Texts delivered to the program",
    "texts_out": "Texts of the program that were sent or held",
    "events": "Events that are no text",
    "batches": "Batches",
    "commits": "Commits of the store",
    "failures": "Exceptions of the transport and of the program's callables",
    "refused_per_peer": "Lines and calls that found no place for their peer",
    "refused_overall": "Lines and calls that found no place at all",
}
_GAUGES: Final = {
    "waiting_items": "Lines, texts and calls that wait for the engine",
    "waiting_texts": "Texts that wait for the program",
    "waiting_events": "Events that wait for on_event",
}
_PATIENCE: Final = 5.0  # seconds for the loop to answer another thread


def export(gateway: Gateway, registry: CollectorRegistry = REGISTRY) -> Collector:
    """Have a registry collect the numbers of a gateway, and return what it calls; the names start
    with `otrfast_`. Call it in the gateway's loop; the registry may collect in any thread."""
    collector = _GatewayCollector(gateway, asyncio.get_running_loop())
    registry.register(collector)
    return collector


class _GatewayCollector(Collector):
    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop) -> None:
        self._gateway = gateway
        self._loop = loop
        self._thread = threading.get_ident()

    def describe(self) -> Iterator[Metric]:
        """Promise no names, so that registering does not collect."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the numbers of now."""
        numbers = self._snapshot()
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"otrfast_{name}", text, value=_number(numbers[name]))
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"otrfast_{name}", text, value=_number(numbers[name]))
        states = GaugeMetricFamily("otrfast_conversations", "Conversations", labels=["state"])
        for state, value in _table(numbers["conversations"]).items():
            states.add_metric([state], value)
        yield states
        limited = CounterMetricFamily("otrfast_limited", "Limits exceeded", labels=["limit"])
        for limit, value in _table(numbers["limited"]).items():
            limited.add_metric([limit], value)
        yield limited
        yield _histogram(numbers)

    def _snapshot(self) -> dict[str, object]:
        """Take the numbers in the gateway's thread, whichever this one is."""
        if threading.get_ident() == self._thread:
            return self._gateway.snapshot()
        taken: Future[dict[str, object]] = Future()
        self._loop.call_soon_threadsafe(lambda: taken.set_result(self._gateway.snapshot()))
        return taken.result(_PATIENCE)


def _histogram(numbers: Mapping[str, object]) -> Metric:
    buckets: list[tuple[str, float]] = []
    total = 0.0
    for bound, value in _table(numbers["latency"]).items():
        total += value
        buckets.append(("+Inf" if bound == "inf" else bound, total))
    return HistogramMetricFamily(
        "otrfast_latency_seconds",
        "From the arrival of an item until its lines were emitted",
        buckets=buckets,
        sum_value=_number(numbers["latency_seconds"]),
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _table(value: object) -> dict[str, float]:
    assert isinstance(value, Mapping)
    return {str(name): _number(number) for name, number in value.items()}
