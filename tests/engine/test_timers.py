"""The timers of an account, and `tick` in slices."""

from __future__ import annotations

import random

import pytest
from helpers import HandClock, Pair, make_account
from hypothesis import given
from hypothesis import strategies as st

from otrfast import Limits, MessageState, Policy
from otrfast.engine.timers import Timers

NOW = 1_000_000.0


@given(st.lists(st.one_of(
    st.tuples(st.sampled_from(("60", "600", "5", "any")), st.floats(0, 900)),
    st.tuples(st.just("turn"), st.floats(0, 300)),
)))  # fmt: skip
def test_timers_then_each_expires_at_its_time_and_in_order(steps):
    timers, now = Timers(lambda timer: True), NOW
    waiting: list[tuple[float, int]] = []
    for number, (kind, value) in enumerate(steps):
        if kind == "turn":
            now += value
            expired = [(deadline, peer) for deadline, _, peer in timers.expired(now)]
            due = sorted(each for each in waiting if each[0] <= now)
            assert sorted(expired) == due
            assert [each[0] for each in expired] == [each[0] for each in due]
            waiting = [each for each in waiting if each[0] > now]
        else:
            deadline = now + (value if kind == "any" else float(kind))
            timers.add(deadline, number)
            waiting.append((deadline, number))
        assert len(timers) == len(waiting)
        assert timers.soonest == min((each[0] for each in waiting), default=None)


def test_timers_when_many_are_out_of_date_then_those_that_are_not_stay():
    rng = random.Random(4)
    live: dict[object, float] = {}
    timers = Timers(lambda timer: live.get(timer[2]) == timer[0])
    for number in range(20_000):
        peer, deadline = number % 50, NOW + rng.choice((60.0, 600.0, rng.random())) + number
        live[peer] = deadline
        timers.add(deadline, peer)
        assert len(timers) <= 2 * 1024 + 50
    expired = [timer for timer in timers.expired(float("inf")) if live[timer[2]] == timer[0]]
    assert sorted(timer[2] for timer in expired) == list(range(50))


# tick


def test_tick_with_a_limit_then_so_many_conversations_and_the_rest_stays_due(quick):
    clock = HandClock()
    account = make_account(quick, clock=clock, limits=Limits(idle_peer=10.0))
    for number in range(25):
        account.session(number)
    clock.turn(10.0)
    for left in (15, 5, 0):
        assert account.next_deadline is not None
        assert account.next_deadline <= clock.now
        account.tick(limit=10)
        assert len(account.sessions) == left
    assert account.next_deadline is None


def test_tick_with_a_limit_then_the_same_outcomes_as_at_once(quick):
    def outcomes(limit: int | None):
        clock = HandClock()
        limits = Limits(account_ake_rate=1.0)
        account = make_account(quick, clock=clock, policy=Policy.ALLOW_V3, limits=limits)
        for number in range(9):
            account.session(number).receive(b"?OTRv3?")
        clock.turn(8.0)
        seen = []
        while account.next_deadline is not None and account.next_deadline <= clock.now:
            seen += account.tick(limit)
        return seen

    assert outcomes(3) == outcomes(1) == outcomes(None)
    assert len(outcomes(None)) == 8


def test_tick_when_one_conversation_raises_then_the_others_are_still_due(quick, monkeypatch):
    clock = HandClock()
    limits = Limits(account_ake_rate=1.0)
    account = make_account(quick, clock=clock, policy=Policy.ALLOW_V3, limits=limits)
    for number in range(4):
        account.session(number).receive(b"?OTRv3?")

    def broken(*_arguments):
        raise MemoryError

    clock.turn(3.0)
    with monkeypatch.context() as patch:
        patch.setattr("otrfast.protocol.dh_pool.DhKeyPool.take", broken)
        with pytest.raises(MemoryError):
            account.tick()
    assert [peer for peer, _ in account.tick()] == [2, 3]


def test_timer_of_a_finished_exchange_then_nothing_is_done_for_it(quick, monkeypatch):
    """Each live conversation has one: they must not cost what a call of `tick` does."""
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(2)

    def never(*_arguments):
        raise AssertionError

    monkeypatch.setattr("otrfast.session.Session.tick", never)
    pair.clock.turn(1e5)
    assert pair.alice.account.tick() == []
    assert pair.alice.session.state is MessageState.ENCRYPTED
    assert pair.alice.account.next_deadline is None


def test_text_that_could_have_been_sent_again_then_forgotten_with_time(quick):
    pair = Pair(quick, 3)
    pair.establish()
    pair.say(pair.alice, b"secret")
    assert pair.alice.session.conversation.sent is not None
    pair.clock.turn(1e5)
    pair.alice.account.tick()
    assert pair.alice.session.conversation.sent is None
