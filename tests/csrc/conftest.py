"""The core, compiled once for all C programs of these tests."""

import pytest

from . import build


@pytest.fixture(scope="session")
def core(tmp_path_factory):
    """The object files of the core, compiled with every warning an error."""
    return build.objects(tmp_path_factory.mktemp("core"), *build.WARNINGS)
