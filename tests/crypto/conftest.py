"""The backends under test: native at each dispatch level that this processor has, gmpy2, pure."""

import random

import pytest

from otrfast.crypto.backend import Backend
from otrfast.crypto.pure import pure_backend

from . import levels


@pytest.fixture(params=[*levels.NATIVE, "gmpy2", "pure"])
def backend(request):
    """Each backend in turn."""
    if request.param not in levels.NATIVE:
        yield pure_backend(request.param)
        return
    with levels.native(request.param) as native:
        yield native


@pytest.fixture(params=levels.NATIVE)
def native(request):
    """The native backend at each level in turn."""
    with levels.native(request.param) as native:
        yield native


@pytest.fixture
def reference() -> Backend:
    """What the others are compared with: Python's own arithmetic, on gmpy2's `powmod`."""
    return pure_backend("gmpy2")


@pytest.fixture
def rng():
    """Random, and the same in each run."""
    return random.Random(0x07F)
