"""The arithmetic kernels of the core, each against GMP, at each level that this processor has."""

import subprocess

import pytest

from . import build

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def kernels(core, built_once):
    return built_once("kernels", lambda place: program(core, place)) / "kernels"


@pytest.fixture(scope="module")
def emulated_kernels(emulating_core, built_once):
    return built_once("emulated-kernels", lambda place: program(emulating_core, place)) / "kernels"


def program(core, place):
    return build.program("kernels", core, place / "kernels")


def test_ifma_kernels_agree_with_gmp_where_they_are_emulated(emulated_kernels):
    """On any processor: what the instructions do is written out in plain C."""
    agrees_with_gmp(emulated_kernels, "ifma", rounds=20)


@pytest.mark.parametrize("level", ["portable", "avx2", "ifma"])
def test_kernels_agree_with_gmp(kernels, level):
    agrees_with_gmp(kernels, level, rounds=100)


def agrees_with_gmp(kernels, level, rounds):
    result = subprocess.run(
        [kernels, build.gmp(), str(build.LEVELS[level]), str(rounds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (result.returncode, result.stdout) == (0, "")
