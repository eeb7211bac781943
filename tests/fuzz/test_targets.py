"""A bounded run of each C target; `python3 tests/fuzz TARGET` runs one for as long as asked."""

from __future__ import annotations

import pytest

from . import targets

pytestmark = pytest.mark.long

RUNS = {"line": 6000, "base64": 6000, "group": 500, "dsa": 120}


@pytest.fixture(scope="module")
def programs(built_once):
    directory = built_once("fuzz", targets.compiled)
    return {name: directory / f"fuzz_{name}" for name in targets.TARGETS}


@pytest.mark.parametrize("name", targets.TARGETS)
def test_target_when_fuzzed_for_a_while_then_nothing_is_found(programs, tmp_path, name: str):
    corpus = tmp_path / "corpus"
    targets.sow(name, corpus)
    result = targets.fuzz(name, programs[name], corpus, f"-runs={RUNS[name]}", "-seed=1")
    assert result.returncode == 0, result.stderr[-6000:]


def test_line_target_then_it_gets_to_open_messages(programs, tmp_path):
    """What stands behind the MAC is reached, else all the rest is in vain."""
    corpus = tmp_path / "corpus"
    targets.sow("line", corpus)
    result = targets.fuzz("line", programs["line"], corpus, "-runs=500", "-print_coverage=1")
    covered = [line for line in result.stderr.splitlines() if line.startswith("COVERED_FUNC")]
    assert any("otrf_open_finish" in line for line in covered)
    assert any("otrf_aes_ctr_wide" in line for line in covered)
