"""A test that is skipped for want of a tool fails in CI."""

from __future__ import annotations

import pytest
import skips

INSIDE = "import pytest\ndef test_it():\n    pytest.skip({!r})\n"
OUTSIDE = "import pytest\npytest.skip({!r}, allow_module_level=True)\n"
MISSING = "valgrind is not installed"


@pytest.fixture(params=[INSIDE, OUTSIDE], ids=["test", "module"])
def run(request, pytester: pytest.Pytester, monkeypatch):
    """Run a test that skips itself: run(reason, ci)."""

    def run(reason: str, ci: str) -> pytest.RunResult:
        monkeypatch.setenv("CI", ci)
        pytester.makepyfile(request.param.format(reason))
        return pytester.runpytest_inprocess("-p", "skips", "-p", "no:cacheprovider")

    return run


def test_skip_when_a_tool_is_missing_then_it_stands_outside_ci(run):
    assert run(MISSING, "").parseoutcomes() == {"skipped": 1}


def test_skip_when_a_tool_is_missing_then_a_failure_in_ci(run):
    result = run(MISSING, "true")
    assert "skipped" not in result.parseoutcomes()
    result.stdout.fnmatch_lines([f"*not listed in tests/skips.py: *{MISSING}*"])


@pytest.mark.parametrize(
    "reason", ["no dispatch level ifma under valgrind here", "potr is not installed"]
)
def test_skip_when_it_is_listed_then_it_stands_in_ci(run, reason: str):
    assert run(reason, "true").parseoutcomes() == {"skipped": 1}


def test_skip_of_our_own_potr_then_not_one_of_those_listed():
    assert not skips.stands("Skipped: otrfast.potr is not installed")
