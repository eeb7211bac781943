"""The core, compiled once for all C programs of these tests."""

import pytest

from . import build


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    """The object files of the core, compiled with every warning an error."""
    return build.objects(tmp_path_factory.mktemp("core"), *build.WARNINGS)


@pytest.fixture(scope="session")
def emulating_core(tmp_path_factory):
    """The same with the IFMA kernels in plain C, for processors that cannot run them."""
    return build.objects(tmp_path_factory.mktemp("emulated"), *build.WARNINGS, emulated=True)
