"""The bench's section on gateways: each row gives a figure, of work that was done."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from otrfast.apps.bench import gateway_work, report
from otrfast.apps.bench.gateway_loops import GatewayLoop
from otrfast.apps.bench.gateway_peers import Frames, frame
from otrfast.apps.bench.gateway_work import GatewayWork, private, run_trial
from otrfast.apps.bench.metrics import BY_NAME, GATEWAYS, METRICS
from otrfast.apps.bench.restore_work import restore
from otrfast.apps.bench.rounds import QUICK, Figures, Rounds
from otrfast.storage.private_key import PrivateKey

PEERS = 3


def rows(trial: str) -> set[str]:
    return {metric.name for metric in METRICS if metric.trial == trial}


@pytest.fixture(scope="module")
def key():
    return PrivateKey.generate().dumps()


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(gateway_work, "_WARM", 0.01)
    monkeypatch.setattr(gateway_work, "_BURST", 2)


@pytest.mark.parametrize("variant", GATEWAYS)
def test_rows_of_a_talk_then_figures_of_one_trial(variant, short):
    work = GatewayWork(variant, seconds=0.01)
    found = {name: work.sample(name, PEERS) for name in rows("talk")}
    assert all(len(figures) == 1 for figures in found.values())
    assert all(found[name][0] > 0 for name in found if not name.endswith("_lag"))
    assert not work._found["talk"]


def test_row_that_is_asked_for_again_then_the_next_trial_gives_it(monkeypatch):
    trials = iter([{"gateway_echo": 1.0, "gateway_known": 2.0}, {"gateway_echo": 3.0}])
    monkeypatch.setattr(GatewayWork, "_run", lambda *_: next(trials))
    work = GatewayWork("gateway")
    asked = ["gateway_echo", "gateway_known", "gateway_echo"]
    assert [work.sample(name, PEERS) for name in asked] == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("variant", GATEWAYS)
def test_rows_of_unknown_peers_then_all_end_encrypted(variant, monkeypatch):
    seen = []
    whole = gateway_work._unknown

    async def trial(stage):
        found = await whole(stage)
        fingerprints = {stage.account.session(name).fingerprint for name in stage.names}
        seen.append((private(stage.account), len(fingerprints)))
        return found

    monkeypatch.setattr(gateway_work, "_unknown", trial)
    work = GatewayWork(variant)
    assert {name for name in rows("unknown") if work.sample(name, PEERS)} == rows("unknown")
    assert seen == [(PEERS, PEERS)]


def test_incoming_texts_then_one_commit_a_batch_and_each_is_delivered(key, short):
    async def trial(stage):
        assert isinstance(stage.loop, GatewayLoop)
        await stage.meet()
        stage.loop.echo = False
        stage.wire.order("pour:5")
        await gateway_work.until(lambda: stage.loop.texts == 5 * PEERS)
        numbers = stage.loop.gateway.snapshot()
        return {name: float(numbers[name]) for name in ("commits", "batches", "texts_in")}

    found = run_trial("gateway-store", [key], PEERS, trial)
    assert found["texts_in"] == 5 * PEERS
    assert 0 < found["commits"] <= found["batches"]


def test_restored_conversations_then_each_row_has_a_figure():
    found = asyncio.run(restore(5))
    assert set(found) == rows("restore")
    assert all(figure > 0 for figure in found.values())


def test_frames_when_they_come_in_pieces_then_whole_lines():
    cut = Frames()
    sent = frame(1, b"one") + frame(2, b"") + frame(3, b"three")
    found = [each for at in range(len(sent)) for each in cut(sent[at : at + 1])]
    assert found == [(1, b"one"), (2, b""), (3, b"three")]


def test_metrics_of_one_trial_then_one_new_process_gives_them():
    started, asked = [], []

    class Engine:
        def __init__(self, variant):
            self.variant, self.about = variant, {}
            started.append(variant)

        def ask(self, metric, count):
            asked.append((metric, count))
            return [1.0]

        def close(self):
            pass

    engines = SimpleNamespace(absent={}, start=Engine)
    rounds = Rounds(engines, QUICK, lambda what: None)
    rounds.run(["gateway-store"], [BY_NAME[name] for name in sorted(rows("restore"))])
    assert started == ["gateway-store"] * 2  # the one that rounds use, and the new one
    assert asked == [(name, QUICK.stored) for name in sorted(rows("restore"))]


def test_gateway_table_then_ratios_stand_beside_the_figures():
    figures = Figures()
    for variant, seconds in zip(GATEWAYS, (0.001, 0.002, 0.004), strict=True):
        figures.samples[variant] = {"gateway_echo": [[seconds]]}
    chosen = [BY_NAME["ake"], BY_NAME["gateway_echo"]]
    title = BY_NAME["gateway_echo"].title
    row = [title, "/s", "1,000", "500", "250", "0.50x", "0.50x"]
    assert report.gateway_grid(figures, chosen).rows == [row]
    shown = {grid.title: grid.rows for grid in report.grids(figures, chosen)}
    assert shown["Gateway"] == [row]
    assert report.figures_grid(figures, chosen).columns == ["", "unit"]
