"""The comparison of instruction counts, as benchmarks/callgrind.py makes it; nothing is counted."""

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HERE = {"python": "3.11.7", "compiler": "gcc 12.2.0", "valgrind": "3.19.0", "level": "avx2"}
OUTPUT = """\
events: Ir
ob=(1) /lib/libc.so.6
fn=(1) memcpy
12 30
ob=(2) /p/otrfast/crypto/_native.abi3.so
fn=(2) otrf_open_line
+3 7
cob=(1)
cfn=(1)
calls=2 12
* 30
* 5
"""


@pytest.fixture
def instructions(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("instructions")


@pytest.fixture
def callgrind(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("callgrind")


def test_written_counts_are_read_back(instructions, tmp_path):
    counts = {"ake": instructions.Count(100, 60, 30)}
    instructions.write(tmp_path / "counts.json", HERE, counts)
    assert instructions.read(tmp_path / "counts.json") == (HERE, counts)


@pytest.mark.parametrize(
    ("name", "value"),
    [("python", "3.12.7"), ("compiler", "gcc 13.2.0"), ("compiler", "clang version 12.2.0"),
     ("valgrind", "3.22.0"), ("level", "aesni"), ("gmp", "6.3.0")],
)  # fmt: skip
def test_counts_of_another_environment_are_not_comparable(instructions, name, value):
    (line,) = instructions.differences(HERE, HERE | {name: value})
    assert line == f"{name}: {HERE.get(name, 'unknown')} recorded, {value} here"


def test_counts_after_a_patch_release_are_comparable(instructions):
    now = HERE | {"python": "3.11.9", "compiler": "gcc 12.3.1", "valgrind": "3.19.1"}
    assert instructions.differences(HERE, now) == []


@pytest.mark.parametrize(("total", "risen"), [(1021, ["ake"]), (1020, []), (1000, []), (500, [])])
def test_exceeded_names_what_rose_above_the_limit(instructions, total, risen):
    recorded = {"ake": instructions.Count(1000, 600, 300), "smp": instructions.Count(1, 1, 0)}
    compared = instructions.changes(recorded, {"ake": instructions.Count(total, 600, 300)})
    assert instructions.exceeded(compared, 2.0) == risen
    assert ("more than 2 %" in instructions.table(compared, 2.0)[1]) == bool(risen)


def test_change_of_a_part_is_shown_apart(instructions):
    before, now = instructions.Count(1000, 600, 300), instructions.Count(1010, 600, 300)
    (_, row) = instructions.table([instructions.Change("ake", before, now)], 2.0)
    assert row.split() == ["ake", "1,000", "1,010", "+1.00", "%", "+0.00", "%", "+10.00", "%"]


def test_operation_that_was_not_recorded_is_not_compared(instructions):
    assert instructions.changes({}, {"ake": instructions.Count(1, 1, 0)}) == []


def test_calls_are_counted_where_they_were_executed(callgrind):
    costs = callgrind.by_object(OUTPUT.splitlines())
    assert costs == {"/lib/libc.so.6": 30, "/p/otrfast/crypto/_native.abi3.so": 12}


def test_recorded_counts_hold_every_operation_of_the_check(callgrind, instructions):
    environment, recorded = instructions.read(callgrind.RECORDED)
    assert set(callgrind.GATE) <= set(recorded) <= set(callgrind.OPERATIONS)
    assert set(instructions.COMPARED) <= set(environment)


def test_the_page_shows_the_recorded_counts(instructions):
    _, counts = instructions.read(BENCHMARKS / "instructions.json")
    page = (BENCHMARKS.parent / "docs" / "performance.md").read_text()
    _, _, rest = page.partition("<!-- instructions: begin -->")
    shown, _, _ = rest.partition("<!-- instructions: end -->")
    assert shown.strip() == instructions.markdown(counts)
    assert list(counts) == list(instructions.TITLES)
