"""The workloads of the bench on our engine: each row gives figures, of work that was done."""

from __future__ import annotations

from itertools import count

import pytest
from helpers import key_pair

from otrfast import MessageState
from otrfast.apps.bench import engine_work
from otrfast.apps.bench.engine_work import EngineWork, percentile
from otrfast.apps.bench.metrics import BY_NAME, METRICS
from otrfast.apps.workloads import Crowd, Duo, IdlePeers, Storm
from otrfast.crypto.dsa import KeyPair

_names = count()


def somebody(backend) -> KeyPair:
    """A key that takes no time to make."""
    return key_pair(backend, f"somebody {next(_names)}")


SMALL = {"storm": 3, "tick": 250, "tick_longest": 250, "memory": 2, "idle": 5}


@pytest.mark.parametrize(
    "metric",
    ["first_contact", "at_random_1k", "send_median", "send_p99", "receive_median", "receive_p99",
     "storm", "tick", "tick_longest"],
)  # fmt: skip
def test_row_then_figures_above_zero(quick, monkeypatch, metric: str):
    monkeypatch.setattr(engine_work, "_AMONG", {"at_random_1k": 5, "at_random_10k": 5})
    monkeypatch.setattr(engine_work, "new_key", somebody)
    monkeypatch.setattr("otrfast.apps.workloads.new_key", somebody)
    figures = EngineWork(quick).sample(metric, SMALL.get(metric, 2))
    assert len(figures) == (1 if metric in SMALL else 2)
    assert all(figure > 0 for figure in figures)


def test_rows_of_our_engine_then_each_is_known_to_the_worker(quick):
    once = {"memory", "idle", "storm", "tick", "tick_longest"}
    known = {*EngineWork(quick)._measures(), *once}
    assert known >= {metric.name for metric in METRICS if not metric.trial}
    assert len(BY_NAME) == len(METRICS)


def test_first_contact_then_both_accounts_know_no_key(quick):
    keys = [key_pair(quick, name) for name in ("alice", "bob")]
    for _ in range(2):
        strangers = Duo(quick, keys=keys)
        assert not any(len(each._identity.peer_keys._primes) for each in strangers.accounts)
        strangers.connect()
        assert strangers.alice.state is MessageState.ENCRYPTED


def test_storm_then_it_takes_the_time_of_the_rate(quick, monkeypatch):
    monkeypatch.setattr("otrfast.apps.workloads.new_key", somebody)
    assert 0.4 < Storm(quick, 300).run() < 0.8  # 200 at once, then 200 a second


def test_town_then_texts_go_to_all_of_it(quick):
    town = Crowd(quick, 3)
    assert town.grow(8) == range(3, 8)
    assert town.grow(5) == range(8, 5)
    drawn = town.draw(200, 8)
    assert set(drawn) == set(range(8))
    town.burst(drawn, b"text")


def test_idle_peers_then_slices_forget_all_of_them(quick):
    assert len(IdlePeers(quick, 250).tick_in_slices(100)) == 3


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentile_then_the_value_that_so_many_do_not_exceed(share: float, expected: int):
    assert percentile(list(range(100, 0, -1)), share) == expected
