"""Speed of the engine: `pytest benchmarks`. Nothing here fails for being slow."""

import os

import pytest

TEXTS = {"100 B": b"a" * 100, "10 KB": b"a" * 10_000}


@pytest.fixture(params=TEXTS)
def text(request):
    return TEXTS[request.param]


@pytest.mark.benchmark(group="key exchange")
def test_ake(benchmark, duo):
    benchmark(duo.connect)


@pytest.mark.benchmark(group="20 messages in turn")
def test_ping_pong(benchmark, duo, text):
    benchmark(duo.ping_pong, 20, text)


@pytest.mark.benchmark(group="128 messages in turn, 64 peers at once")
def test_ping_pong_of_many_conversations(benchmark, crowd):
    benchmark(crowd.ping_pong, 2, TEXTS["100 B"])


@pytest.mark.benchmark(group="200 messages in a row")
def test_burst(benchmark, duo, text):
    benchmark(duo.burst, 200, text)


@pytest.mark.benchmark(group="200 messages in a row, one call")
def test_burst_many(benchmark, duo, text):
    benchmark(duo.burst_many, 200, text)


@pytest.mark.benchmark(group="SMP")
def test_smp(benchmark, duo):
    benchmark(duo.smp)


@pytest.mark.benchmark(group="DSA key", max_time=3)
def test_keygen(benchmark, backend):
    benchmark(lambda: backend.dsa_generate(os.urandom(32)))
