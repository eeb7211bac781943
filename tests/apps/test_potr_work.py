"""The workloads on potr's interface: each does the counted work."""

import pytest

from otrfast.apps.bench.potr_work import PotrDuo, PotrWork
from otrfast.errors import BackendUnavailable


@pytest.fixture(params=["otrfast.potr", "potr"])
def package(request):
    pytest.importorskip(f"{request.param}.context", reason=f"{request.param} is not installed")
    return request.param


def test_potr_duo_then_every_text_arrives(package):
    duo = PotrDuo(package)
    duo.connect()
    duo.ping_pong(4, b"ping-pong")
    duo.burst(3, b"burst")
    duo.smp()
    duo.greet(1)


def test_potr_work_answers_for_each_metric(package):
    work = PotrWork(package)
    assert all(figure > 0 for figure in work.sample("ake", 2))
    assert len(work.sample("burst_100", 1)) == len(work.sample("idle", 3)) == 1


def test_potr_work_without_the_package_says_so():
    with pytest.raises(BackendUnavailable, match="is not there"):
        PotrWork("no_such_package")
