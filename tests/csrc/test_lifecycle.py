"""Handles give back what they took, wiped; and each allocation that fails is told and changes
nothing."""

import subprocess

import pytest

from . import build

pytestmark = pytest.mark.long

WRAPPED = ("malloc", "calloc", "aligned_alloc", "free")
REPORTED = 9


@pytest.fixture(scope="module")
def lifecycle(core, built_once):
    options = [f"-Wl,--wrap={name}" for name in WRAPPED]
    directory = built_once(
        "lifecycle",
        lambda place: build.program("lifecycle", core, place / "lifecycle", *options),
    )
    return directory / "lifecycle"


@pytest.fixture(params=build.LEVELS)
def level(request):
    return str(build.LEVELS[request.param])


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if result.returncode == 2:
        pytest.skip("no dispatch level of this number here")
    return result.returncode, result.stderr


def test_allocations_when_each_fails_in_its_turn_then_it_is_told_and_nothing_lost(lifecycle, level):
    assert run(lifecycle, build.gmp(), level, "failing") == (0, "")


def test_secrets_when_their_handles_are_gone_then_no_trace_in_memory(lifecycle, level):
    status, said = run(lifecycle, build.gmp(), level, "traces")
    assert (status, said.count("\n")) == (0, 1), said  # the control alone is found


@pytest.mark.parametrize("level", ["0", "1"])  # valgrind knows no AVX-512
@pytest.mark.parametrize("mode", ["leaks", "failing"])
def test_memory_under_memcheck_then_no_error_and_0_bytes_lost(lifecycle, level, mode):
    command = [
        build.tool("valgrind"),
        "-q",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect,possible",
        "--errors-for-leak-kinds=definite,indirect,possible",
        f"--error-exitcode={REPORTED}",
    ]
    assert run(*command, lifecycle, build.gmp(), level, mode) == (0, "")
