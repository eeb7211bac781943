"""The engines under `pytest benchmarks`, in one process: the level is switched for each.

`otrfast bench` compares more, fairer: it has a process for each engine, and they take turns.
"""

import pytest

from otrfast.apps.bench.metrics import NEEDED
from otrfast.apps.bench.potr_work import PotrDuo
from otrfast.apps.workloads import Crowd, Duo
from otrfast.crypto.backends import load
from otrfast.errors import BackendUnavailable

LEVELS = {"native-ifma": "ifma", "native-avx2": "avx2", "native-gmp": "vaes"}
PACKAGES = {"potr-layer": "otrfast.potr", "python-potr": "potr"}


@pytest.fixture(params=[*LEVELS, "gmpy2", "pure"])
def backend(request):
    """Each backend in turn, native with AVX-512 IFMA, with AVX2 and with GMP's powers."""
    if request.param not in LEVELS:
        yield load(request.param)
        return
    try:
        backend = load("native")
    except BackendUnavailable as error:
        pytest.skip(str(error))
    from otrfast.crypto.core import use_level

    highest = use_level("ifma")
    level = use_level(LEVELS[request.param])
    needed, instructions = NEEDED.get(request.param, (level, ""))
    if level != needed:
        use_level(highest)
        pytest.skip(f"the processor has no {instructions}")
    yield backend
    use_level(highest)


@pytest.fixture
def duo(backend):
    """Two ends of a conversation."""
    return Duo(backend)


@pytest.fixture
def crowd(backend):
    """The two ends of many conversations."""
    return Crowd(backend, 64)


@pytest.fixture(params=PACKAGES)
def potr_duo(request):
    """Two ends of a conversation through potr's interface: on this engine, and on python-potr
    with its three broken calls mended."""
    try:
        return PotrDuo(PACKAGES[request.param])
    except BackendUnavailable as error:
        pytest.skip(str(error))
