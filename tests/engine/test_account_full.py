"""Unknown peers lock nobody out: what makes space when the account is full, and what does not."""

from __future__ import annotations

import gc

import pytest
from helpers import HandClock, Pair, Side, kinds, make_account

from otrfast import Account, Limits, MessageState, Policy, errors, events

LIMITS = Limits(peers=6, ake_burst=1000, ake_rate=1000.0)


class Crowd:
    """An account and peers that have talked to it."""

    def __init__(self, quick, limits: Limits = LIMITS) -> None:
        self.quick, self.clock = quick, HandClock()
        self.account = make_account(quick, clock=self.clock, limits=limits)
        self.ends: dict[str, Side] = {}

    def connect(self, name: str) -> Pair:
        """Have a new peer start a private conversation."""
        pair = Pair.__new__(Pair)
        pair.version, pair.clock = 3, self.clock
        pair.alice = Side(self.account, name)
        other = make_account(self.quick, name, 1, self.clock, Policy.ALLOW_V3, LIMITS)
        pair.bob = Side(other, "alice")
        pair.bob.start()
        pair.deliver()
        assert pair.alice.encrypted
        self.clock.turn(1)
        self.ends[name] = pair.bob
        pair.alice.session = None
        return pair

    def finish(self, name: str) -> None:
        """Have a peer end its private conversation."""
        for line in self.ends[name].session.end().wire:
            self.account.session(name).receive(line)
        assert self.account.session(name).state is MessageState.FINISHED
        self.clock.turn(1)


def forgotten(account: Account) -> list[str]:
    """The peers that `tick` says were forgotten."""
    return [
        event.peer
        for _, outcome in account.tick()
        for event in outcome.events
        if isinstance(event, events.ConversationForgotten)
    ]


def test_finished_conversations_when_the_account_is_full_then_the_oldest_makes_space(quick):
    crowd = Crowd(quick)
    for name in "abcdef":
        crowd.connect(name)
    for name in "cab":
        crowd.finish(name)
    crowd.account.trust.set("c", crowd.ends["c"].account.fingerprint, "verified")
    crowd.account.session("new")
    assert forgotten(crowd.account) == ["a"]
    assert "a" not in crowd.account.sessions
    assert crowd.account.tick() == []


def test_encrypted_conversations_when_nothing_else_can_go_then_the_silent_one_with_a_goodbye(quick):
    crowd = Crowd(quick)
    for name in "abcdef":
        crowd.connect(name)
    crowd.account.trust.set("a", crowd.ends["a"].account.fingerprint, "verified")
    for name in "cdefb":
        crowd.account.session(name).receive(crowd.ends[name].session.send(b"still here").wire[0])
        crowd.clock.turn(1)
    crowd.account.session("new")
    assert crowd.account.next_deadline == crowd.clock.now
    ((peer, outcome),) = crowd.account.tick()
    assert peer == "c"
    assert [type(event) for event in outcome.events] == [
        events.SecureEnded,
        events.ConversationForgotten,
    ]
    for line in outcome.wire:
        crowd.ends["c"].receive(line)
    assert crowd.ends["c"].session.state is MessageState.FINISHED


def test_trusted_conversations_then_never_forgotten_and_the_account_is_full_for_others(quick):
    crowd = Crowd(quick)
    for name in "abcdef":
        crowd.connect(name)
        crowd.account.trust.set(name, crowd.ends[name].account.fingerprint, "verified")
    crowd.finish("a")
    with pytest.raises(errors.AccountFull):
        crowd.account.session("new")
    assert sorted(crowd.account.sessions) == list("abcdef")


def test_tenth_more_then_for_peers_with_a_trusted_key(quick):
    account = make_account(quick, limits=Limits(peers=20))
    for number in range(20):
        account.session(number).receive(b"?OTRv3?")
    with pytest.raises(errors.AccountFull):
        account.session("unknown")
    account.trust.set("friend", b"f" * 20, "verified")
    account.session("friend")
    assert "friend" in account.sessions


def test_finished_mark_when_something_was_set_for_the_peer_then_it_outlives_the_conversation(quick):
    crowd = Crowd(quick)
    for name in "abcdef":
        crowd.connect(name)
    crowd.account.session("a").max_fragment = 1000
    crowd.finish("a")
    crowd.finish("b")
    for name in ("new", "newer"):
        crowd.account.session(name).receive(b"?OTRv3?")
    assert forgotten(crowd.account) == ["a", "b"]
    gc.collect()
    crowd.clock.turn(120)
    crowd.account.tick()
    assert crowd.account.session("a").state is MessageState.FINISHED
    with pytest.raises(errors.ConversationFinished):
        crowd.account.session("a").send(b"secret")
    assert crowd.account.session("b").state is MessageState.PLAINTEXT


def test_finished_conversation_then_it_holds_no_keys(quick):
    crowd = Crowd(quick)
    crowd.connect("a")
    crowd.finish("a")
    (instance,) = crowd.account.session("a").conversation.instances
    assert instance.channel is None


def test_finished_conversation_when_its_age_is_limited_then_forgotten_unless_trusted(quick):
    limits = Limits(idle_finished=3600.0, ake_burst=1000, ake_rate=1000.0)
    crowd = Crowd(quick, limits)
    for name in "ab":
        crowd.connect(name)
        crowd.finish(name)
    crowd.account.trust.set("b", crowd.ends["b"].account.fingerprint, "verified")
    crowd.clock.turn(3500)
    assert forgotten(crowd.account) == []
    crowd.clock.turn(101)
    assert forgotten(crowd.account) == ["a"]
    assert list(crowd.account.sessions) == ["b"]


def test_batch_when_an_unknown_peer_finds_no_space_then_its_outcome_says_so_and_no_other_is_lost(
    quick,
):
    crowd = Crowd(quick)
    for name in "abcdef":
        crowd.connect(name)
        crowd.account.trust.set(name, crowd.ends[name].account.fingerprint, "verified")
    lines = [
        ("stranger", b"hello"),
        ("b", crowd.ends["b"].session.send(b"from b").wire[0]),
        ("stranger", b"?OTRv3?"),
        ("c", crowd.ends["c"].session.send(b"from c").wire[0]),
    ]
    outcomes = crowd.account.receive_many(lines)
    assert [outcome.events for outcome in outcomes[::2]] == [(events.Limited("peers"),)] * 2
    assert [outcome.events[0].text for outcome in outcomes[1::2]] == [b"from b", b"from c"]


class Broken(Exception):
    """Of no class that the package knows."""


@pytest.mark.parametrize("many", ["account", "session"])
@pytest.mark.parametrize("call", ["receive_many", "send_many"])
def test_batch_when_an_exception_of_any_class_ends_it_then_outcomes_and_the_rest_are_in_it(
    quick, monkeypatch, many, call
):
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(2)
    account, session = pair.alice.account, pair.alice.session
    lines = pair.bob.session.send_many([b"one", b"two", b"three"]).wire
    items = list(lines) if call == "receive_many" else [b"one", b"two", b"three"]
    if many == "account":
        items = [("bob", item) for item in items]
    target = "otrfast.engine.dispatch" if call == "receive_many" else "otrfast.engine.outgoing"
    name = "receive_data" if call == "receive_many" else "send"

    def broken(*_args, **_more):
        raise Broken

    position = 2
    monkeypatch.setattr(f"{target}.{name}", broken)
    odd = b"\0" if call == "send_many" else None
    if odd is not None:
        items[position] = ("bob", odd) if many == "account" else odd
    else:  # a message with a TLV is not for the fast path
        tlv = pair.bob.session.smp_start(b"secret").wire[0]
        items[position] = ("bob", tlv) if many == "account" else tlv
    if call == "receive_many":  # the first rotates the keys
        monkeypatch.undo()
        first, *items = items
        (session.receive(first) if many == "session" else account.receive_many([first]))
        position -= 1
        monkeypatch.setattr(f"{target}.{name}", broken)
        if many == "account":
            return  # every line of a batch over peers goes the general way
    with pytest.raises(Broken) as caught:
        getattr(session if many == "session" else account, call)(items)
    happened = [event for outcome in caught.value.outcomes for event in outcome.events]
    sent = [line for outcome in caught.value.outcomes for line in outcome.wire]
    assert len(happened if call == "receive_many" else sent) == position
    assert list(caught.value.untried) == items[position:]


def test_known_but_untrusted_peers_then_they_share_a_rate_of_their_own(quick):
    limits = Limits(
        account_ake_rate=10.0,
        known_ake_rate=3.0,
        ake_burst=1000,
        ake_rate=1000.0,
        waiting_requests=0,
    )
    account = make_account(quick, limits=limits)
    for number in range(6):
        account.trust.set(number, b"%020d" % number, "")
    account.trust.set("friend", b"f" * 20, "verified")
    known = [account.session(number).receive(b"?OTRv3?") for number in range(6)]
    unknown = [account.session(f"new {number}").receive(b"?OTRv3?") for number in range(12)]
    friend = account.session("friend").receive(b"?OTRv3?")
    assert [kinds(outcome.wire) for outcome in known] == [["DHCommit"]] * 3 + [[]] * 3
    assert known[-1].events[-1] == events.Limited("known_ake_rate")
    assert [kinds(outcome.wire) for outcome in unknown] == [["DHCommit"]] * 10 + [[]] * 2
    assert unknown[-1].events[-1] == events.Limited("account_ake_rate")
    assert kinds(friend.wire) == ["DHCommit"]
