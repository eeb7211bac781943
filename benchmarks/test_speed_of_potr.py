"""Speed through potr's interface, on this engine and on python-potr itself."""

import pytest

TEXT = b"a" * 100


@pytest.mark.benchmark(group="potr: key exchange")
def test_ake(benchmark, potr_duo):
    benchmark(potr_duo.connect)


@pytest.mark.benchmark(group="potr: 4 messages in turn")
def test_ping_pong(benchmark, potr_duo):
    benchmark(potr_duo.ping_pong, 4, TEXT)


@pytest.mark.benchmark(group="potr: 200 messages in a row")
def test_burst(benchmark, potr_duo):
    benchmark(potr_duo.burst, 200, TEXT)


@pytest.mark.benchmark(group="potr: SMP")
def test_smp(benchmark, potr_duo):
    benchmark(potr_duo.smp)
