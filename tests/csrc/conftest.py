"""The core, compiled once a run for all C programs of these tests."""

import pytest

from . import build


@pytest.fixture(scope="session")
def core(built_once):
    """The object files of the core, compiled with every warning an error."""
    directory = built_once("core", lambda place: build.objects(place, *build.WARNINGS))
    return sorted(directory.glob("*.o"))


@pytest.fixture(scope="session")
def emulating_core(built_once):
    """The same with the IFMA kernels in plain C, for processors that cannot run them."""
    directory = built_once(
        "emulating-core", lambda place: build.objects(place, *build.WARNINGS, emulated=True)
    )
    return sorted(directory.glob("*.o"))
