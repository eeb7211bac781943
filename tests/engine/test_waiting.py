"""What peers ask for above a rate of the account: it waits, in order, and nothing is lost."""

from __future__ import annotations

from collections import deque

import pytest
from helpers import ONLY, CountingBackend, HandClock, Pair, kinds, make_account, unwrap, wrap

from otrfast import Account, Limits, MessageState, Policy, Session, events

SMALL = Limits(account_ake_rate=10.0, known_ake_rate=10.0, account_error_rate=10.0)
"""Ten at once, and ten a second after that."""


class Crowd:
    """An account, and peers whose lines reach it at once, on one clock."""

    def __init__(self, backend, count: int, version: int = 3, limits: Limits | None = None) -> None:
        self.clock = HandClock()
        policy = ONLY[version]
        self.account: Account = make_account(
            backend, "bot", clock=self.clock, policy=policy, limits=limits
        )
        other = make_account(backend, "people", 2, self.clock, policy, Limits(**UNLIMITED))
        # v3 peers of one account have its instance tag: each has a conversation of its own here
        self.ends: dict[object, Session] = {
            number: other.session(f"bot of {number}") for number in range(count)
        }
        self.limited: list[str] = []
        self.lines: deque[tuple[object, bytes]] = deque()

    def take(self, peer: object, outcome) -> None:
        """Deliver what the account sends to a peer, and queue what the peer answers."""
        self.limited += [e.limit for e in outcome.events if isinstance(e, events.Limited)]
        for line in outcome.wire:
            self.lines += [(peer, each) for each in self.ends[peer].receive(line).wire]

    def deliver(self) -> None:
        """Have the account take all lines on the way."""
        while self.lines:
            peer, line = self.lines.popleft()
            self.take(peer, self.account.session(peer).receive(line))

    def start(self, peers) -> None:
        """These peers send a DH-Commit."""
        for peer in peers:
            self.lines += [(peer, line) for line in self.ends[peer].exchange_keys({2, 3}).wire]

    def turn(self, seconds: float) -> None:
        """Let time pass, and the account do what is due."""
        self.clock.turn(seconds)
        for peer, outcome in self.account.tick():
            self.take(peer, outcome)
        self.deliver()

    @property
    def encrypted(self) -> int:
        return sum(
            self.account.session(peer).state is MessageState.ENCRYPTED is end.state
            for peer, end in self.ends.items()
        )


UNLIMITED = {"ake_burst": 1e9, "account_ake_rate": 1e9, "pending_akes": 1e9}


# Storms


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_strangers_when_all_reconnect_at_once_then_all_encrypted_at_the_rate_and_none_dropped(
    quick, count: int
):
    """Default limits: the burst at once, then 200 a second, whoever they are."""
    crowd = Crowd(quick, count)
    crowd.start(crowd.ends)
    crowd.deliver()
    assert crowd.encrypted == 200
    for second in range(1, (count - 200) // 200 + 1):
        crowd.turn(1.0)
        assert 0 <= 200 + 200 * second - crowd.encrypted <= 1  # as seconds are rounded
    crowd.turn(0.01)
    assert crowd.encrypted == count
    assert crowd.limited == []
    assert not crowd.account.limited
    assert crowd.account._context.usage.pending_akes == 0


def test_storm_then_no_peer_costs_more_powers_than_one_that_comes_alone(quick, version: int):
    counting = CountingBackend(quick)
    crowd = Crowd(counting, 60, version, SMALL)
    crowd.start(crowd.ends)
    counting.counts.clear()
    for _ in range(7):
        crowd.deliver()
        crowd.turn(1.0)
    assert crowd.encrypted == 60
    # the peers share the backend: one fixed power here, and one variable power on each side
    assert (counting.counts["fixed"], counting.counts["variable"]) == (60, 120)


def test_queries_above_the_rate_then_answered_later_and_tried_again(quick, version: int):
    crowd = Crowd(quick, 25, version, SMALL)
    for peer, end in crowd.ends.items():
        crowd.lines += [(peer, line) for line in end.start().wire]
    crowd.deliver()
    assert crowd.encrypted == 10
    crowd.turn(1.0)
    assert crowd.encrypted == 20
    crowd.turn(0.5)
    assert crowd.encrypted == 25
    assert crowd.limited == []


def test_peers_after_a_restart_when_they_write_at_once_then_each_is_asked_to_start_again(quick):
    """Their sessions are not known here: the answers to them have a rate of their own."""
    crowd = Crowd(quick, 25, 3, SMALL)
    crowd.start(crowd.ends)
    crowd.deliver()
    crowd.turn(1.0)
    crowd.turn(1.0)
    assert crowd.encrypted == 25
    policy = Policy.ALLOW_V3 | Policy.ERROR_START_AKE
    tag = crowd.account.instance_tag
    crowd.account = make_account(
        quick, "bot", 3, clock=crowd.clock, policy=policy, limits=SMALL, instance_tag=tag
    )
    for peer, end in crowd.ends.items():
        crowd.lines += [(peer, line) for line in end.send(b"still there?").wire]
    crowd.deliver()
    for _ in range(6):
        crowd.turn(1.0)
    assert crowd.encrypted == 25
    assert crowd.limited == []


# The order


def test_known_fingerprints_then_they_do_not_wait_behind_strangers(quick):
    crowd = Crowd(quick, 40, 3, SMALL)
    friends = [30, 31, 32]
    trusted, seen = crowd.ends[0].conversation.context.identity.key_pair.fingerprint, range(33, 36)
    for peer in friends:
        crowd.account.trust.set(peer, trusted, "verified")
    for peer in seen:
        crowd.account.trust.set(peer, trusted, "")
    crowd.start(crowd.ends)
    crowd.deliver()
    states = {peer: crowd.account.session(peer).state for peer in crowd.ends}
    assert all(states[peer] is MessageState.ENCRYPTED for peer in [*friends, *seen])
    assert crowd.encrypted == 10 + 6


def test_waiting_then_in_the_order_of_arrival(quick):
    crowd = Crowd(quick, 30, 3, SMALL)
    crowd.start(crowd.ends)
    crowd.deliver()
    crowd.clock.turn(0.01)  # as seconds are rounded
    for waited in range(1, 11):
        crowd.turn(0.1)
        assert crowd.account.session(9 + waited).state is MessageState.ENCRYPTED
        assert crowd.account.session(10 + waited).state is MessageState.PLAINTEXT
    assert crowd.account.next_deadline == pytest.approx(crowd.clock.now + 0.09)


def test_waiting_peer_when_it_commits_again_then_its_last_word_counts_at_its_place(quick):
    counting = CountingBackend(quick)
    crowd = Crowd(counting, 12, 3, SMALL)
    crowd.start(crowd.ends)
    crowd.deliver()
    for _ in range(50):  # whoever is impatient gains nothing, and loses nothing
        crowd.start([10])
        crowd.deliver()
    assert crowd.encrypted == 10
    assert not crowd.limited
    crowd.turn(0.1)
    assert crowd.encrypted == 11
    crowd.turn(0.1)
    assert crowd.encrypted == 12


# What does not fit


def test_more_than_may_wait_then_limited_and_those_who_wait_are_served(quick, version: int):
    limits = Limits(account_ake_rate=10.0, waiting_requests=5)
    crowd = Crowd(quick, 20, version, limits)
    crowd.start(crowd.ends)
    crowd.deliver()
    assert crowd.limited == ["account_ake_rate"] * 5
    assert crowd.account.limited == {"account_ake_rate": 5}
    crowd.turn(1.0)
    assert crowd.encrypted == 15


def test_none_waits_longer_than_a_key_exchange_lasts(quick):
    limits = Limits(account_ake_rate=1.0, ake_timeout=5.0)
    crowd = Crowd(quick, 20, 3, limits)
    crowd.start(crowd.ends)
    crowd.deliver()
    assert len(crowd.limited) == 20 - 1 - 5
    deadlines = [session.next_deadline for session in crowd.account.sessions.values()]
    waits = [each - crowd.clock.now for each in deadlines if each is not None]
    assert sum(wait <= 5.0 for wait in waits) >= 5


def test_slot_when_too_many_exchanges_are_unfinished_then_limited(quick):
    limits = Limits(account_ake_rate=2.0, pending_akes=4)
    account = make_account(quick, policy=Policy.ALLOW_V3, limits=limits)
    clock = account._context.clock
    for number in range(6):
        account.session(number).receive(b"?OTRv3?")
    seen = []
    for _ in range(4):
        clock.turn(0.5)
        seen += [event for _, outcome in account.tick() for event in outcome.events]
    assert events.Limited("pending_akes") in seen
    assert account._context.usage.pending_akes == 3  # nine tenths of four


# What ends the waiting


def one_waits(backend, version: int = 3) -> Crowd:
    crowd = Crowd(backend, 2, version, Limits(account_ake_rate=1.0, ake_timeout=30.0))
    crowd.start([0, 1])
    crowd.deliver()
    assert crowd.encrypted == 1
    return crowd


def test_waiting_peer_when_the_user_ends_the_conversation_then_nothing_is_answered(quick):
    crowd = one_waits(quick)
    crowd.take(1, crowd.account.session(1).end())
    crowd.turn(2.0)
    assert crowd.encrypted == 1
    assert not crowd.account.session(1).conversation.busy


def test_waiting_peer_when_it_is_forgotten_then_nothing_is_answered(quick):
    crowd = one_waits(quick)
    crowd.account.forget(1)
    crowd.turn(2.0)
    assert crowd.encrypted == 1


def test_waiting_peer_when_the_policy_changes_then_it_holds(quick):
    crowd = one_waits(quick)
    crowd.account.session(1).policy = Policy.ALLOW_V2
    crowd.clock.turn(2.0)
    ((peer, outcome),) = crowd.account.tick()
    assert (peer, outcome.wire) == (1, ())
    assert [type(event) for event in outcome.events] == [events.MessageRejected]


def test_waiting_peer_then_it_is_not_idle(quick):
    """It is no peer that an account that is full may forget, nor one that time does."""
    crowd = Crowd(quick, 2, 3, Limits(account_ake_rate=1.0, idle_peer=0.2))
    crowd.start([0, 1])
    crowd.deliver()
    crowd.turn(0.5)
    assert 1 in crowd.account.sessions
    crowd.turn(0.6)
    assert crowd.encrypted == 2


def test_waiting_offer_when_the_peer_commits_itself_then_it_is_dropped(quick):
    crowd = one_waits(quick)
    session = crowd.account.session(1)
    session.receive(b"?OTRv3?")  # and a DH-Commit of this peer waits already
    assert len(session.conversation.waiting or ()) == 2
    crowd.turn(1.0)
    assert crowd.encrypted == 2
    assert session.conversation.waiting is None


def test_session_that_nobody_ticks_then_its_next_line_does_what_waited(quick):
    limits = Limits(account_ake_rate=1.0)
    account = make_account(quick, policy=Policy.ALLOW_V3, limits=limits)
    account.session("other").receive(b"?OTRv3?")
    session = account.detached_session("bob")
    assert session.receive(b"?OTRv3?").wire == ()
    account._context.clock.turn(1.0)
    assert kinds(session.receive(b"hello").wire) == ["DHCommit"]


def test_exception_while_what_waited_is_done_then_the_peer_waits_no_more_and_can_ask_again(
    quick, monkeypatch
):
    pair = Pair(quick, 3, limits=Limits(account_ake_rate=1.0, ake_burst=10))
    pair.alice.account.session("other").receive(b"?OTRv3?")
    pair.bob.start()
    pair.deliver()

    def broken(*_arguments):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("otrfast.protocol.dh_pool.DhKeyPool.take", broken)
        pair.clock.turn(1.0)
        with pytest.raises(MemoryError):
            pair.alice.account.tick()
    pair.clock.turn(1.0)
    pair.bob.start()
    pair.deliver()
    assert pair.alice.encrypted


# What a reviewer's attacks have found


def test_request_that_is_due_before_tick_then_done_once_and_its_token_is_gone(quick):
    """A batch may come in before `tick` does: the first call does what is due, and no more."""
    account = make_account(quick, policy=Policy.ALLOW_V3, limits=Limits(account_ake_rate=1.0))
    clock = account._context.clock
    account.session("other").receive(b"?OTRv3?")
    session = account.session("bob")
    assert session.exchange_keys({3}).wire == ()
    clock.turn(1.0)
    lines = [session.exchange_keys({3}).wire for _ in range(20)]
    assert sum(map(len, lines)) == 1
    assert sum(len(outcome.wire) for _, outcome in account.tick()) == 0
    clock.turn(30.0)
    assert sum(len(outcome.wire) for _, outcome in account.tick()) <= 5  # `ake_burst`


def test_unreadable_messages_while_the_rate_is_exceeded_then_one_answer(quick):
    pair = Pair(quick, 3, limits=Limits(account_error_rate=1.0))
    pair.establish()
    pair.converse(1)
    account = pair.alice.account
    stranger = account.session("stranger")
    stranger.policy = Policy.ALLOW_V3 | Policy.ERROR_START_AKE
    assert stranger.receive(b"?OTR Error: x").wire
    bad = pair.bob.session.send(b"x").wire[0]
    raw = bytearray(unwrap(bad))
    raw[-10] ^= 1  # in the MAC
    bad = wrap(bytes(raw))
    assert pair.alice.session.receive(bad).wire == ()
    pair.clock.turn(1.0)
    answers = [pair.alice.session.receive(bad).wire for _ in range(50)]
    answers += [outcome.wire for _, outcome in account.tick()]
    assert sum(map(len, answers)) == 1


@pytest.mark.parametrize("late", [False, True])
def test_commit_that_waits_while_the_exchange_goes_on_then_it_undoes_nothing(quick, version, late):
    """Both sides start at once in a storm; the peer yields, and the exchange runs the other way."""
    for seed in range(6):
        pair = Pair(quick, version, seed, limits=Limits(account_ake_rate=1.0, ake_burst=50))
        pair.bob.account._context.usage.akes = (-1e9, pair.clock.now)  # Bob has no such limit
        ours = pair.alice.session.exchange_keys({2, 3}).wire
        theirs = pair.bob.session.exchange_keys({2, 3}).wire
        pair.alice.out += ours
        pair.bob.out += theirs
        pair.step(pair.bob)  # waits
        if not late:
            pair.step(pair.alice)
            pair.clock.turn(1.0)
            for _, outcome in pair.alice.account.tick():
                pair.alice.take(outcome)
        pair.deliver()
        pair.clock.turn(2.0)
        for _, outcome in pair.alice.account.tick():
            pair.alice.take(outcome)
        pair.deliver()
        assert pair.alice.encrypted is pair.bob.encrypted is True


def test_exception_in_the_first_of_several_then_the_others_are_still_due(quick, monkeypatch):
    account = make_account(quick, policy=Policy.ALLOW_V3, limits=Limits(account_ake_rate=1.0))
    account.session("other").receive(b"?OTRv3?")
    session = account.session("bob")
    session.receive(b"?OTRv3?")
    commits = make_account(quick, "peer", 5, policy=Policy.ALLOW_V3)
    session.receive(commits.session("x").exchange_keys({3}).wire[0])
    assert len(session.conversation.waiting or ()) == 2

    def broken(*_arguments):
        raise MemoryError

    account._context.clock.turn(5.0)
    with monkeypatch.context() as patched:
        patched.setattr("otrfast.protocol.dh_pool.DhKeyPool.take", broken)
        with pytest.raises(MemoryError):
            account.tick()
    assert account.next_deadline is not None
    assert account.tick()
    assert session.conversation.waiting is None


def test_trusted_peer_then_its_error_answers_wait_for_nobody(quick):
    account = make_account(
        quick,
        policy=Policy.ALLOW_V3 | Policy.ERROR_START_AKE,
        limits=Limits(account_error_rate=1.0),
    )
    for number in range(20):
        account.session(number).receive(b"?OTR Error: x")
    account.trust.set("friend", b"f" * 20, "verified")
    assert account.session("friend").receive(b"?OTR Error: x").wire


def test_trusted_peer_that_has_finished_then_its_fragments_are_released(quick):
    pair = Pair(quick, 3, limits=Limits(idle_finished=20.0))
    pair.establish()
    account = pair.alice.account
    account.trust.set("bob", pair.bob.account.fingerprint, "verified")
    pair.bob.take(pair.bob.session.end())
    pair.deliver()
    tags = pair.bob.account.instance_tag, account.instance_tag
    pair.alice.session.receive(b"?OTR|%08x|%08x,00001,00009,xx," % tags)
    assert account._context.usage.assembled
    for _ in range(10):
        pair.clock.turn(30.0)
        account.tick()
    assert account._context.usage.assembled == 0
    assert pair.alice.session.state is MessageState.FINISHED
