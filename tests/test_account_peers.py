"""Many conversations under one account: found at once, forgotten in time, ticked when due."""

from __future__ import annotations

import gc
import os
import weakref

import pytest
from helpers import ONLY, START, HandClock, Pair, Side, kinds, make_account

from otrfast import Account, Limits, MessageState, Policy, errors, events


@pytest.fixture
def account(quick) -> Account:
    return make_account(quick)


def turn(account: Account, seconds: float) -> None:
    account._context.clock.turn(seconds)


def test_session_when_asked_again_then_the_same(account: Account):
    assert account.session("bob") is account.session("bob")
    assert account.session("bob") is not account.session("eve")
    assert list(account.sessions) == ["bob", "eve"]


@pytest.mark.parametrize("peer", ["bob", b"bob", 5, ("room", "nick"), None])
def test_peer_then_anything_hashable(account: Account, peer: object):
    assert account.session(peer).peer == peer


def test_options_when_given_then_set_on_the_session(account: Account):
    session = account.session("bob", max_fragment=400, policy=Policy.ALWAYS)
    assert (session.max_fragment, session.policy) == (400, Policy.ALWAYS)
    assert account.session("bob").policy is Policy.ALWAYS
    assert account.session("eve").policy is Policy.MANUAL


@pytest.mark.parametrize("tag", [0, 1, 0xFF, 1 << 32, -5])
def test_instance_tag_when_reserved_then_value_error(quick, tag: int):
    with pytest.raises(ValueError, match="instance tag"):
        make_account(quick, instance_tag=tag)


def test_instance_tag_then_random_or_as_given(quick):
    assert make_account(quick, instance_tag=0x100).instance_tag == 0x100
    tags = {make_account(quick, seed=number).instance_tag for number in range(20)}
    assert len(tags) == 20
    assert min(tags) >= 0x100


def test_many_peers_then_each_has_its_own_conversation(quick):
    account = make_account(quick)
    for number in range(20_000):
        account.session(number)
    assert len(account.sessions) == 20_000
    assert account.session(12_345).peer == 12_345
    assert account.next_deadline == START + Limits().idle_peer


def test_idle_peers_when_their_time_is_over_then_forgotten_all_in_one_tick(quick):
    account = make_account(quick)
    for number in range(5_000):
        account.session(number)
    turn(account, Limits().idle_peer / 2)
    account.session(7).receive(b"still here")
    turn(account, Limits().idle_peer / 2)
    assert account.tick() == []
    assert list(account.sessions) == [7]
    turn(account, Limits().idle_peer)
    account.tick()
    assert not account.sessions
    assert account.next_deadline is None


@pytest.mark.parametrize("start", [0.0, 0.1, 1_000.1, 1e9 + 0.3, 123_456.789])
@pytest.mark.parametrize("timeout", [0.1, 1 / 3, 59.9, 600.7])
def test_tick_at_the_very_deadline_then_done_and_never_due_again(quick, start, timeout):
    """Rounding must not leave a deadline in the past for ever."""
    limits = Limits(
        idle_peer=timeout, ake_timeout=timeout, assembly_timeout=timeout, held_age=timeout,
        ake_retry=timeout / 3,
    )  # fmt: skip
    policy = Policy.ALLOW_V3 | Policy.REQUIRE_ENCRYPTION
    account = make_account(quick, clock=HandClock(start), limits=limits, policy=policy)
    account.session("asked").receive(b"?OTRv3?")
    account.session("cut").receive(b"?OTR|00000100|00000000,1,2,x,")
    account.session("held").send(b"text")
    account.session("silent")
    for _ in range(40):
        due = account.next_deadline
        if due is None:
            break
        assert due > account._context.clock.now
        account._context.clock.now = due
        account.tick()
        for session in account.sessions.values():
            assert session.next_deadline is None or session.next_deadline > due
    assert not account.sessions
    usage = account._context.usage
    assert (usage.pending_akes, usage.assembled, usage.held) == (0, 0, 0)


def test_tick_when_called_without_need_then_the_timers_do_not_grow(quick):
    account = make_account(quick)
    sessions = [account.session(number) for number in range(10)]
    for _ in range(5_000):
        for session in sessions:
            session.tick()
        turn(account, 0.01)
    assert len(account._timers) <= 2 * 1024 + 20


def test_tick_then_outcomes_by_peer(quick):
    account = make_account(quick, policy=Policy.ALLOW_V3)
    account.trust.note("bob", b"f" * 20)
    account.session("bob").receive(b"?OTRv3?")
    account.session("eve")
    turn(account, 16)
    ((peer, outcome),) = account.tick()
    assert peer == "bob"
    assert kinds(outcome.wire) == ["DHCommit"]


def test_forgotten_session_when_nobody_holds_it_then_gone(quick):
    account = make_account(quick)
    watched = weakref.ref(account.session("bob"))
    turn(account, 600)
    account.tick()
    gc.collect()
    assert watched() is None


def test_forgotten_session_when_it_is_held_then_the_same_and_in_use_again(quick):
    pair = Pair(quick, 3)
    held = pair.alice.session
    pair.clock.turn(600)
    pair.alice.account.tick()
    assert not pair.alice.account.sessions
    pair.establish()
    assert pair.alice.account.sessions == {"bob": held}
    assert pair.alice.account.session("bob") is held


def test_forgotten_session_when_taken_back_for_a_plain_text_then_forgotten_again(quick):
    account = make_account(quick)
    held = account.session("bob")
    turn(account, 600)
    account.tick()
    assert not account.sessions
    turn(account, 600)
    assert account.session("bob") is held
    held.receive(b"only a text")
    turn(account, 600)
    account.tick()
    assert not account.sessions
    assert account.next_deadline is None


def test_idle_session_when_its_owner_has_ticked_it_then_forgotten_all_the_same(quick):
    account = make_account(quick)
    session = account.session("bob")
    turn(account, 600)
    session.tick()
    account.tick()
    assert not account.sessions


def test_peers_when_they_are_never_forgotten_then_no_timer_waits_for_it(quick):
    account = make_account(quick, limits=Limits(idle_peer=float("inf")))
    session = account.session("bob")
    assert account.next_deadline is session.next_deadline is None


def test_session_when_making_it_is_interrupted_then_there_is_none(quick, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    account = make_account(quick)
    with monkeypatch.context() as patch:
        patch.setattr("otrfast.engine.timers.Timers.add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            account.session("bob")
    assert not account.sessions
    account.session("bob")
    turn(account, 600)
    account.tick()
    assert not account.sessions


def test_encrypted_session_when_idle_then_kept_unless_asked_otherwise(quick, version: int):
    for limit, expected in ((None, MessageState.ENCRYPTED), (3600.0, MessageState.FINISHED)):
        pair = Pair(quick, version, limits=Limits(idle_session=limit))
        pair.establish()
        pair.clock.turn(3600)
        outcomes = pair.alice.account.tick()
        assert pair.alice.session.state is expected
        if limit is None:
            pair.clock.turn(1e6)
            pair.alice.account.tick()
            pair.converse()
        else:
            ((peer, outcome),) = outcomes
            assert peer == "bob"
            assert kinds(outcome.wire) == ["DataMessage"]
            assert events.SecureEnded(False, pair.alice.instance.tag) in outcome.events


def test_peers_when_at_the_bound_then_idle_ones_make_room_and_private_ones_do_not(quick):
    pair = Pair(quick, 3, limits=Limits(peers=5))
    pair.establish()
    account = pair.alice.account
    for number in range(50):
        account.session(number)
    assert len(account.sessions) == 5
    assert account.session("bob") is pair.alice.session
    assert account.limited["peers"] > 0
    pair.converse()


def test_peers_when_all_are_private_then_account_full(quick):
    account = make_account(quick, limits=Limits(peers=2), policy=Policy.ALWAYS)
    for peer in ("a", "b"):
        account.session(peer).send(b"held")
    with pytest.raises(errors.AccountFull):
        account.session("c")
    assert set(account.sessions) == {"a", "b"}


def test_receive_many_when_the_account_is_full_then_the_outcomes_before_are_not_lost(quick):
    account = make_account(quick, limits=Limits(peers=2), policy=Policy.MANUAL)
    outcomes = account.receive_many([("a", b"?OTRv3?"), ("b", b"?OTRv3?"), ("c", b"hello")])
    assert [kinds(outcome.wire) for outcome in outcomes] == [["DHCommit"], ["DHCommit"], []]
    assert outcomes[2].events == (events.Limited("peers"),)


def test_batches_when_no_room_can_be_made_for_a_peer_then_those_before_it_are_done(quick):
    account = make_account(quick, limits=Limits(peers=2), policy=Policy.ALWAYS)
    account.session("a").send(b"held")
    account.session("b").send(b"held")
    outcomes = account.receive_many([("a", b"?OTRv3?"), ("c", b"hello"), ("b", b"?OTRv3?")])
    assert [kinds(outcome.wire) for outcome in outcomes] == [["DHCommit"], [], ["DHCommit"]]
    with pytest.raises(errors.AccountFull) as caught:
        account.send_many([("a", b"one"), ("c", b"two"), ("b", b"three")])
    assert [outcome.events for outcome in caught.value.outcomes] == [(events.MessageHeld(b"one"),)]
    assert caught.value.untried == [("c", b"two"), ("b", b"three")]


def test_receive_many_and_send_many_then_as_one_by_one(fast_backend, version: int):
    first, second = (Pair(fast_backend, version, 3) for _ in range(2))
    for batched, pair in ((True, first), (False, second)):
        peers = [f"peer {number}" for number in range(9)]
        sides = [
            Side(make_account(fast_backend, name, 3, pair.clock, ONLY[version]), "alice")
            for name in peers
        ]
        alice = pair.alice.account
        log = []
        for round_ in range(8):
            lines = []
            for name, side in zip(peers, sides, strict=True):
                if round_ == 0:
                    side.start()
                lines += [(name, line) for line in side.out]
                side.out.clear()
            if batched:
                outcomes = alice.receive_many(lines)
            else:
                outcomes = [alice.session(name).receive(line) for name, line in lines]
            for (name, _), outcome in zip(lines, outcomes, strict=True):
                log.append((name, [type(event) for event in outcome.events], len(outcome.wire)))
                for line in outcome.wire:
                    sides[peers.index(name)].receive(line)
            private = [name for name in peers if alice.session(name).state.value == "encrypted"]
            texts = [(name, b"text %d" % round_) for name in private]
            if batched:
                outcomes = alice.send_many(texts)
            else:
                outcomes = [alice.session(name).send(text) for name, text in texts]
            for (name, _), outcome in zip(texts, outcomes, strict=True):
                for line in outcome.wire:
                    side = sides[peers.index(name)]
                    side.receive(line)
                    if round_ % 2:
                        side.send(b"answer")
        pair.log = log
        pair.texts = [side.texts for side in sides]
        assert all(pair.texts)
    assert first.log == second.log
    assert first.texts == second.texts


def test_send_many_when_one_can_not_be_sent_then_the_outcomes_before_it_are_there(secured: Pair):
    account = secured.alice.account
    with pytest.raises(errors.TextHasNul) as caught:
        account.send_many([("bob", b"one"), ("bob", b"a\0b"), ("bob", b"three")])
    (outcome,) = caught.value.outcomes
    assert secured.bob.receive(outcome.wire[0]).events[0].text == b"one"
    secured.converse()


def test_dh_keys_when_made_ahead_then_taken_one_by_one_and_wiped(quick):
    account = make_account(quick, dh_batch=4)
    account.prepare(6)
    assert len(account._identity.dh_keys) == 6
    account.session("bob").receive(b"?OTRv3?")
    assert len(account._identity.dh_keys) == 5
    account.wipe()
    assert len(account._identity.dh_keys) == 0
    assert account.session("eve").receive(b"?OTRv3?").wire
    assert len(account._identity.dh_keys) == 3


# Trust and versions


def test_trust_when_a_second_key_appears_then_told_as_changed(quick):
    pair = Pair(quick, 3)
    pair.establish()
    account = make_account(quick, "mallory", 2, pair.clock, ONLY[3])
    pair.bob = Side(account, "alice")
    pair.bob.start()
    pair.deliver()
    new = pair.alice.seen(events.NewFingerprint)
    assert [event.changed for event in new] == [False, True]
    assert pair.alice.account.trust.level("bob", account.fingerprint) == ""


def test_best_device_then_the_one_with_a_trusted_key_whoever_spoke_last(quick):
    pair = Pair(quick, 3)
    pair.establish()
    bob, genuine = pair.bob, pair.bob.account.fingerprint
    pair.alice.account.trust.set("bob", genuine, "verified")
    pair.clock.turn(10)
    pair.bob = Side(make_account(quick, "mallory", 2, pair.clock, ONLY[3]), "alice")
    pair.bob.start()
    pair.deliver()
    pair.bob.send(b"I am the newest")
    pair.deliver()
    assert pair.alice.session.fingerprint == genuine
    line = pair.alice.send(b"for bob").wire[0]
    assert bob.receive(line).events[0].text == b"for bob"
    pair.alice.account.trust.set("bob", genuine, "")
    assert pair.alice.session.fingerprint == pair.bob.account.fingerprint
    line = pair.alice.send(b"for mallory").wire[0]
    assert pair.bob.receive(line).events[0].text == b"for mallory"


def test_version_when_lower_than_once_spoken_then_told(quick):
    both = Policy.MANUAL
    pair = Pair(quick, 3, policies=(both, both))
    pair.establish()
    assert pair.alice.session.version == 3
    pair.bob.session.policy = Policy.ALLOW_V2
    pair.bob.start()
    pair.deliver()
    (event,) = pair.alice.seen(events.VersionDowngraded)
    assert (event.version, event.highest) == (2, 3)
    assert event.fingerprint == pair.bob.account.fingerprint


# Fork


def child_says(action) -> str:
    """What an action comes to in a child process: the name of what it raised, or its value."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = repr(action())
        except BaseException as error:  # noqa: BLE001 whatever it is, the parent judges it
            said = type(error).__name__
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_session_in_a_forked_child_then_every_call_refuses(secured: Pair):
    secured.converse(2)
    secured.say(secured.alice, b"opens the lane")
    session = secured.alice.session
    line = secured.bob.session.send(b"x").wire[0]

    def after(setting):
        def act():
            setting()
            return session.send(b"x")

        return act

    for action in (
        lambda: session.send(b"x"),
        lambda: session.send_many([b"x", b"y"]),
        lambda: session.receive(line),
        lambda: session.receive_many([line]),
        session.start,
        session.end,
        session.tick,
        lambda: session.smp_start(b"s"),
        lambda: session.extra_key(1),
        after(lambda: setattr(session, "policy", Policy.MANUAL)),
        after(lambda: setattr(session, "recipient", session.recipient)),
        after(lambda: setattr(session, "max_fragment", 1000)),
        after(lambda: setattr(session, "padding", None)),
        after(secured.alice.account.tick),
    ):
        assert child_says(action) == "SessionForked"
    assert session.receive(line).events[0].text == b"x"
    secured.converse(2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_account_in_a_forked_child_then_a_new_session_and_no_key_made_before(secured: Pair):
    account = secured.alice.account
    account.prepare(5)
    ready = len(account._identity.dh_keys)
    assert child_says(lambda: len(account._identity.dh_keys)) == "0"
    assert child_says(lambda: account.session("bob").state.name) == "'PLAINTEXT'"
    assert child_says(lambda: account.session("bob") is secured.alice.session) == "False"
    assert len(account._identity.dh_keys) == ready >= 5


# Ending, forgetting and renaming peers


def test_end_all_then_every_peer_is_told_once_and_nothing_private_is_left(quick):
    pairs = [Pair(quick, 3, seed) for seed in (1, 2)]
    for pair in pairs:
        pair.establish()
    account = pairs[0].alice.account
    account.session("somebody in plain text").send(b"hello")
    ((peer, outcome),) = account.end_all()
    assert peer == "bob"
    assert [type(event) for event in outcome.events] == [events.SecureEnded]
    for line in outcome.wire:
        pairs[0].bob.receive(line)
    assert pairs[0].bob.session.state is MessageState.FINISHED
    assert account.end_all() == []


def test_forget_then_the_peer_starts_again_with_the_settings_of_the_account(quick):
    account = make_account(quick)
    before = account.session("bob", max_fragment=400, policy=Policy.ALWAYS)
    account.forget("bob")
    assert not account.sessions
    after = account.session("bob")
    assert after is not before
    assert (after.max_fragment, after.policy) == (0, account.policy)
    account.forget("nobody")


def test_forget_when_the_conversation_is_encrypted_then_refused_and_nothing_is_lost(quick):
    pair = Pair(quick, 3)
    pair.establish()
    with pytest.raises(errors.StillEncrypted, match="bob"):
        pair.alice.account.forget("bob")
    pair.converse()
    pair.alice.session.end()
    pair.alice.account.forget("bob")
    assert not pair.alice.account.sessions


def test_forget_when_texts_wait_for_encryption_then_the_account_has_their_space_again(quick):
    account = make_account(quick, policy=Policy.ALWAYS)
    account.session("bob").send(b"held back")
    account.session("bob").receive(b"?OTRv3?")
    outcome = account.forget("bob")
    assert outcome == ((events.MessageUndelivered(b"held back"),), ())
    usage = account._context.usage
    assert (usage.held, usage.pending_akes, usage.assembled) == (0, 0, 0)
    turn(account, 700)
    assert account.tick() == []


def test_rename_then_session_trust_and_timers_go_on_under_the_new_name(quick):
    pair = Pair(quick, 3, limits=Limits(idle_session=100.0))
    pair.establish()
    account, session = pair.alice.account, pair.alice.session
    account.trust.set("bob", session.fingerprint, "verified")
    account.rename("bob", "bobby")
    assert account.session("bobby") is session
    assert session.peer == "bobby"
    assert list(account.sessions) == ["bobby"]
    assert account.trust.level("bobby", session.fingerprint) == "verified"
    assert not account.trust.of("bob")
    pair.converse()
    pair.clock.turn(101)
    ((peer, outcome),) = account.tick()
    assert peer == "bobby"
    assert events.SecureEnded in map(type, outcome.events)


def test_rename_when_refused_then_nothing_has_changed(quick):
    account = make_account(quick)
    account.session("bob")
    account.session("eve")
    with pytest.raises(errors.PeerExists, match="eve"):
        account.rename("bob", "eve")
    with pytest.raises(LookupError, match="carol"):
        account.rename("carol", "dave")
    assert list(account.sessions) == ["bob", "eve"]
    account.trust.set("frank", b"f" * 20, "verified")
    with pytest.raises(errors.PeerExists):
        account.rename("bob", "frank")
    account.rename("frank", "francis")
    assert account.trust.level("francis", b"f" * 20) == "verified"
