"""The worker process of one engine, which measures on request.

A request is a line `METRIC:COUNT`; an answer is a line of JSON with `unit` and `samples`, as from
benchmarks/libotr_bench.c: seconds for one operation, bytes, or a ratio. The first line of output
describes the engine, or says why it is not available.
"""

from __future__ import annotations

import json
import sys
from typing import Protocol

from otrfast.apps.bench.metrics import BY_NAME, GATEWAYS, KILOBYTES, NEEDED, TIMES
from otrfast.errors import BackendUnavailable

_UNITS = {KILOBYTES: "bytes", TIMES: "ratio"}


class Work(Protocol):
    """The workloads of one engine."""

    def sample(self, metric: str, count: int) -> list[float]:
        """Return `count` figures; one figure over `count` conversations or peers for memory,
        storms, ticks and gateways."""


def start(variant: str) -> tuple[Work, dict[str, str]]:
    """Return a variant's workloads, and its description. Raises `BackendUnavailable`."""
    if variant in ("python-potr", "potr-layer"):
        from otrfast.apps.bench.potr_work import PotrWork

        return PotrWork("potr" if variant == "python-potr" else "otrfast.potr"), {}
    if variant in ("python-otr", "otr-layer"):
        from otrfast.apps.bench.python_otr_work import LAYER, PythonOtrWork

        return PythonOtrWork() if variant == "python-otr" else PythonOtrWork(LAYER), {}
    if variant in GATEWAYS:
        from otrfast import backend_name
        from otrfast.apps.bench.gateway_work import GatewayWork

        return GatewayWork(variant), _about(backend_name())
    from otrfast.apps.bench.engine_work import EngineWork
    from otrfast.crypto.backends import load

    name = "native" if variant.startswith("native") else variant
    backend = load(name)
    about = _about(name)
    if name == "native":
        level, instructions = NEEDED.get(variant, (about["level"], ""))
        if about["level"] != level:
            raise BackendUnavailable(f"expected a processor with {instructions}")
    return EngineWork(backend), about


def _about(backend: str) -> dict[str, str]:
    """Return what the C core says of itself, nothing of another backend."""
    if backend != "native":
        return {}
    from otrfast.crypto.native import description

    return description()


def main(variant: str) -> None:
    """Answer requests until the input ends."""
    try:
        work, about = start(variant)
    except BackendUnavailable as error:
        print(json.dumps({"absent": str(error)}), flush=True)  # noqa: T201
        return
    print(json.dumps({"about": about}), flush=True)  # noqa: T201
    for request in sys.stdin:
        metric, _, count = request.strip().partition(":")
        samples = work.sample(metric, int(count or 1))
        unit = _UNITS.get(BY_NAME[metric].shown, "s")
        print(json.dumps({"metric": metric, "unit": unit, "samples": samples}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
