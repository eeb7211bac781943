"""One engine in a process of its own, which measures what it is asked for.

A request is a line `METRIC:COUNT`, an answer a line of JSON with `unit` and `samples`, as
benchmarks/libotr_bench.c gives it: seconds for one unit of work, bytes, or a ratio. The first
line out says what runs, or why it can not.
"""

from __future__ import annotations

import json
import sys
from typing import Protocol

from otrfast.apps.bench.metrics import BY_NAME, KILOBYTES, NEEDED, TIMES
from otrfast.errors import BackendUnavailable

_UNITS = {KILOBYTES: "bytes", TIMES: "ratio"}


class Work(Protocol):
    """What can be measured."""

    def sample(self, metric: str, count: int) -> list[float]:
        """Return `count` figures, or one over `count` conversations where it is about memory."""


def start(variant: str) -> tuple[Work, dict[str, str]]:
    """Return a variant's work, and what it runs on. Raises `BackendUnavailable`."""
    if variant in ("python-potr", "potr-layer"):
        from otrfast.apps.bench.potr_work import PotrWork

        return PotrWork("potr" if variant == "python-potr" else "otrfast.potr"), {}
    from otrfast.apps.bench.engine_work import EngineWork
    from otrfast.crypto.backends import load

    name = "native" if variant.startswith("native") else variant
    backend = load(name)
    about: dict[str, str] = {}
    if name == "native":
        from otrfast.crypto.native import description

        about = description()
        level, instructions = NEEDED.get(variant, (about["level"], ""))
        if about["level"] != level:
            raise BackendUnavailable(f"the processor has no {instructions}")
    return EngineWork(backend), about


def main(variant: str) -> None:
    """Answer requests until there are no more."""
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
