"""The arithmetic kernels of the core, each against GMP, at each level that this processor has."""

import subprocess

import pytest

from . import build


@pytest.fixture(scope="module")
def kernels(core, tmp_path_factory):
    return build.program("kernels", core, tmp_path_factory.mktemp("kernels") / "kernels")


@pytest.mark.parametrize("level", ["portable", "avx2", "ifma"])
def test_kernels_agree_with_gmp(kernels, level):
    result = subprocess.run(
        [kernels, build.gmp(), str(build.LEVELS[level]), "100"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (result.returncode, result.stdout) == (0, "")
