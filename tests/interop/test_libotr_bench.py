"""The benchmark of libotr in C: it compiles, and its answers are what a caller expects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from otrfast.apps.bench.metrics import LIBOTR_METRICS

SOURCE = Path(__file__).parents[2] / "benchmarks" / "libotr_bench.c"


@pytest.fixture(scope="module")
def bench(helper_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program; the helper was built before, so libotr is there."""
    program = tmp_path_factory.mktemp("bench") / "libotr_bench"
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    command = ["cc", *flags, "-o", str(program), str(SOURCE), "-lotr", "-lgcrypt"]
    subprocess.run(command, check=True)
    return program


@pytest.mark.long
@pytest.mark.parametrize("version", ["2", "3"])
def test_libotr_bench_when_asked_for_each_metric_then_prints_every_sample(
    bench: Path, version: str
) -> None:
    timed = (
        "ake", "first_contact", "ping_100", "ping_10k", "burst_100", "burst_10k", "at_random_1k",
        "send_median", "send_p99", "receive_median", "receive_p99", "smp", "keygen",
    )  # fmt: skip
    assert {*timed, "memory", "idle"} == LIBOTR_METRICS
    requests = [f"{metric}:2" for metric in timed] + ["memory:3"]
    done = subprocess.run(
        [bench, version], input="\n".join(requests), capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["metric"] for answer in answers] == [*timed, "memory"]
    assert {answer["protocol"] for answer in answers} == {int(version)}
    assert [len(answer["samples"]) for answer in answers] == [2] * len(timed) + [1]
    assert all(sample > 0 for answer in answers for sample in answer["samples"])


@pytest.mark.long
def test_libotr_bench_when_other_accounts_were_measured_then_the_usual_ones_go_on(
    bench: Path,
) -> None:
    requests = ["first_contact:2", "ping_100:1", "at_random_1k:1", "smp:1", "ping_100:1", "ake:1"]
    done = subprocess.run([bench, "3", *requests], capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f"{each['metric']}:{len(each['samples'])}" for each in answers] == requests
