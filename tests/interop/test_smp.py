"""The socialist millionaires' protocol with libotr."""

from __future__ import annotations

import itertools

import pytest

from .duo import BOTH, Duo, MakeDuo
from .frames import kind_of

SECRET = "Das Geheimnis \N{SNOWMAN}".encode()


@pytest.fixture
def secured(duo: Duo) -> Duo:
    duo.network.connect(duo.ours)
    return duo


def run(duo: Duo, starter: str, secret: bytes, answer: bytes, question: bytes | None) -> None:
    """Run the protocol to its end."""
    first, second = duo.side(starter), duo.other(starter)
    duo.network.post(first, first.smp_start(secret, question))
    duo.network.settle()
    asked = [event for event in second.diary.smp if event.name != "progress"][-1]
    assert (asked.name, asked.question) == ("asked", question)
    duo.network.post(second, second.smp_answer(answer))
    duo.network.settle()


@pytest.mark.parametrize("starter", BOTH)
@pytest.mark.parametrize("question", [None, b"Where did we meet?", b""])
def test_smp_when_secrets_agree_then_both_succeed_and_trust_follows(
    secured: Duo, starter: str, question: bytes | None
) -> None:
    run(secured, starter, SECRET, SECRET, question)
    first, second = secured.side(starter), secured.other(starter)
    assert first.diary.smp_names() == ["success"]
    assert second.diary.smp_names() == ["asked", "success"]
    assert first.trusted
    assert second.trusted is (question is None)
    secured.assert_talks()


@pytest.mark.parametrize("starter", BOTH)
@pytest.mark.parametrize("question", [None, b"Where?"])
def test_smp_when_secrets_differ_then_both_fail_and_nobody_is_trusted(
    secured: Duo, starter: str, question: bytes | None
) -> None:
    run(secured, starter, SECRET, b"something else", question)
    first, second = secured.side(starter), secured.other(starter)
    assert first.diary.smp_names() == ["failure"]
    assert second.diary.smp_names() == ["asked", "failure"]
    assert not first.trusted
    assert not second.trusted


@pytest.mark.parametrize("starter", BOTH)
def test_smp_when_it_failed_then_it_can_be_run_again(secured: Duo, starter: str) -> None:
    run(secured, starter, SECRET, b"wrong", None)
    run(secured, starter, SECRET, SECRET, None)
    assert secured.ours.diary.smp_names()[-1] == "success"
    assert secured.theirs.diary.smp_names()[-1] == "success"
    assert secured.ours.trusted
    assert secured.theirs.trusted


@pytest.mark.parametrize("starter", BOTH)
def test_smp_when_a_later_run_fails_then_trust_is_taken_back(secured: Duo, starter: str) -> None:
    run(secured, starter, SECRET, SECRET, None)
    run(secured, starter, SECRET, b"wrong", None)
    assert not secured.ours.trusted
    assert not secured.theirs.trusted


@pytest.mark.sample(version=3)
@pytest.mark.parametrize("starter", BOTH)
@pytest.mark.parametrize(
    ("stage", "by_starter"), [(0, True), *itertools.product((1, 2, 3), (True, False))]
)
def test_smp_when_either_aborts_at_any_stage_then_both_know_and_can_start_again(
    secured: Duo, starter: str, stage: int, by_starter: bool
) -> None:
    """Stage n: the abort comes when n of the four messages have been delivered."""
    network = secured.network
    first, second = secured.side(starter), secured.other(starter)
    network.post(first, first.smp_start(SECRET))
    if stage >= 1:
        network.step()
        network.post(second, second.smp_answer(SECRET))
    for _ in range(stage - 1):
        network.step()
    aborter, other = (first, second) if by_starter else (second, first)
    network.post(aborter, aborter.smp_abort())
    network.settle()
    victim = other.diary.smp_names()
    assert "aborted" in victim or victim[-1:] == ["success"]
    assert "cheated" not in secured.ours.diary.smp_names() + secured.theirs.diary.smp_names()
    run(secured, starter, SECRET, SECRET, b"again?")
    assert first.diary.smp_names()[-1] == "success"
    assert second.diary.smp_names()[-1] == "success"


@pytest.mark.parametrize("starter", BOTH)
def test_smp_when_started_again_while_running_then_the_second_run_counts(
    secured: Duo, starter: str
) -> None:
    first = secured.side(starter)
    secured.network.post(first, first.smp_start(b"forgotten"))
    secured.network.settle()
    run(secured, starter, SECRET, SECRET, None)
    assert first.diary.smp_names()[-1] == "success"


def test_smp_when_both_start_at_once_then_nobody_is_fooled_and_it_can_be_run(secured: Duo) -> None:
    for side in (secured.ours, secured.theirs):
        secured.network.post(side, side.smp_start(SECRET))
    secured.network.settle()
    for side in (secured.ours, secured.theirs):
        assert "success" not in side.diary.smp_names()
        assert "failure" not in side.diary.smp_names()
    run(secured, "ours", SECRET, SECRET, None)
    assert secured.ours.diary.smp_names()[-1] == "success"
    assert secured.theirs.diary.smp_names()[-1] == "success"


@pytest.mark.parametrize("ender", BOTH)
@pytest.mark.parametrize("starter", BOTH)
def test_smp_when_the_conversation_ends_amid_it_then_the_next_one_starts_clean(
    secured: Duo, ender: str, starter: str
) -> None:
    first = secured.side(starter)
    secured.network.post(first, first.smp_start(SECRET))
    secured.network.settle()
    secured.network.post(secured.side(ender), secured.side(ender).end())
    secured.network.settle()
    secured.network.connect(secured.ours)
    run(secured, starter, SECRET, SECRET, None)
    assert first.diary.smp_names()[-1] == "success"


@pytest.mark.parametrize("starter", BOTH)
def test_smp_when_texts_flow_beside_it_then_both_go_on(
    make_duo: MakeDuo, version: int, starter: str
) -> None:
    duo = make_duo(version, our_limit=200, their_limit=200)
    duo.network.connect(duo.theirs)
    first, second = duo.side(starter), duo.other(starter)
    duo.network.post(first, first.smp_start(SECRET, b"?"))
    duo.network.post(first, first.send(b"one"))
    duo.network.post(second, second.send(b"two"))
    duo.network.settle()
    duo.network.post(second, second.smp_answer(SECRET))
    duo.network.post(first, first.send(b"three"))
    duo.network.settle()
    assert first.diary.smp_names()[-1] == second.diary.smp_names()[-1] == "success"
    assert second.diary.encrypted() == [b"one", b"three"]
    assert first.diary.encrypted() == [b"two"]


@pytest.mark.parametrize("question", [None, b"Q"])
def test_smp_when_one_runs_then_all_travels_in_data_messages(
    secured: Duo, question: bytes | None
) -> None:
    before = len(secured.network.transcript)
    run(secured, "ours", SECRET, SECRET, question)
    assert {kind_of(line.data) for line in secured.network.transcript[before:]} == {"data"}
