"""The skips that stand, each with the cause that no set-up of a machine removes.

With `CI=true` every other skip is a failure: a tool that is missing there is a mistake in the
set-up, and a test that is not run guards nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import pytest

STANDING = {
    r"no dispatch level .+ here": "the processor lacks its instructions",
    r"^(Skipped: )?potr is not installed": "python-potr needs pycrypto, which no longer compiles",
    r"this Python is built without its C test module": "a distribution may leave it out",
    r"OTRFAST_PURE=1 asks for a run without the C core": "whoever sets it asks for the skip",
    r"installed without the C core": "the same",
    r"through /proc|there is no fork here": "the operating system lacks it",
}
"""Patterns of reasons, each with why the skip stands."""


def stands(reason: str) -> bool:
    """Whether a skip with this reason is one of those listed."""
    return any(re.search(pattern, reason) for pattern in STANDING)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or os.environ.get("CI") != "true":
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if not stands(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, and not listed in tests/skips.py: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None]:
    outcome = yield
    _judge(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None]:
    outcome = yield
    _judge(outcome.get_result())
