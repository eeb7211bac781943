"""Conversations that are saved and taken back: they go on, and nothing happens twice."""

from __future__ import annotations

import random

import pytest
from helpers import HandClock, Pair, Side, kinds, make_account, parsed

from otrfast import Account, Limits, MessageState, Policy, errors, events
from otrfast.crypto.pure import pure_backend
from otrfast.environment import Environment
from otrfast.protocol.identity import COUNTERS_OF_EPOCH

DATA_KEY = b"the data key that all tests use."
NAME = b"state of a test"


class Reborn(Side):
    """A side whose process ends and starts again after every step."""

    def __init__(self, side: Side, peer: str, wall: HandClock) -> None:
        super().__init__(side.account, peer, side.session)
        self.peer, self.wall, self.epoch = peer, wall, 100
        self.sealed: list[bytes] = []
        self.account.counter_epoch = self.epoch
        self.births = 0

    def export(self) -> bytes:
        key = self.account._identity.backend.state_key(DATA_KEY)
        self.sealed.append(self.session.export(key, NAME))
        return self.sealed[-1]

    def successor(self, epoch: int) -> Account:
        """The same account in another process: its clock starts somewhere else."""
        before = self.account
        identity, context = before._identity, before._context
        clock = context.clock
        account = Account(
            before.name, "test", identity.key_pair,
            policy=before.policy, limits=context.limits, instance_tag=identity.instance_tag,
            trust=before.trust,
            environment=Environment(
                clock=lambda: clock() - 5000.0, wall_clock=self.wall,
                random=random.Random(f"{before.name} {epoch}").randbytes, backend=identity.backend,
            ),
        )  # fmt: skip
        account.counter_epoch = epoch
        return account

    def rebirth(self, sealed: bytes | None = None) -> None:
        """End, and start again from the present state, or from an older one."""
        sealed = self.export() if sealed is None else sealed
        self.epoch += 1
        self.account = self.successor(self.epoch)
        key = self.account._identity.backend.state_key(DATA_KEY)
        outcome = self.account.restore(self.peer, key, NAME, sealed)
        self.session = self.account.session(self.peer)
        self.births += 1
        super().take(outcome)

    def take(self, outcome):
        super().take(outcome)
        self.rebirth()
        return outcome


def reborn_pair(backend, version: int, **more) -> Pair:
    """Both ends begin a new life after every step."""
    pair = Pair(backend, version, **more)
    wall = HandClock(2_000_000_000.0)
    for name, peer in (("alice", "bob"), ("bob", "alice")):
        old = getattr(pair, name)
        environment = old.account._context.environment
        fragment = old.session.max_fragment
        account = make_account(
            backend, name, clock=environment.clock, policy=old.account.policy,
            limits=old.account.limits,
        )  # fmt: skip
        object.__setattr__(account._context.environment, "wall_clock", wall)
        side = Side(account, peer)
        side.session.max_fragment = fragment
        setattr(pair, name, Reborn(side, peer, wall))
    return pair


# It goes on


def test_restored_after_every_step_then_it_goes_on(fast_backend, version: int):
    pair = reborn_pair(fast_backend, version)
    pair.establish()
    assert pair.alice.births >= 3
    pair.converse(3)
    for number in range(4):  # a burst
        pair.say(pair.alice, b"burst %d" % number)
    pair.bob.start()  # new keys
    pair.deliver()
    pair.converse(2)
    for side in (pair.alice, pair.bob):
        assert not side.seen(events.MessageRejected, events.PeerError, events.SecureEnded)
        assert sum(text.startswith(b"from") for text in side.texts) == 3 + 2
    pair.alice.take(pair.alice.session.end())
    pair.deliver()
    assert pair.bob.session.state is MessageState.FINISHED
    with pytest.raises(errors.ConversationFinished):
        pair.bob.session.send(b"not in the clear")


def test_restored_in_the_middle_of_fragments_then_the_text_comes(quick, version: int):
    pair = reborn_pair(quick, version, max_fragment=200)
    pair.establish()
    pair.say(pair.alice, b"long " * 200)
    pair.say(pair.bob, b"text " * 200)
    assert pair.alice.session.max_fragment == 200


def test_restored_then_the_bytes_of_native_and_pure_are_read_by_both(quick):
    reference = pure_backend("gmpy2")
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.converse(2)
    key = reference.state_key(DATA_KEY)
    parts = key.open(NAME, pair.alice.export())
    again = reference.state_key(DATA_KEY).seal(NAME, parts)
    assert again == pair.alice.sealed[-1]


def test_restored_while_texts_wait_then_they_are_sent_when_it_is_encrypted(quick):
    policy = Policy.ALLOW_V3 | Policy.REQUIRE_ENCRYPTION
    pair = reborn_pair(quick, 3, policies=(policy, policy))
    pair.alice.send(b"held")
    pair.deliver()
    assert pair.bob.texts == [b"held"]


def test_restored_then_settings_times_and_rates_are_those_of_before(quick):
    pair = reborn_pair(quick, 3, limits=Limits(ake_burst=2, ake_rate=0.001))
    pair.establish()
    session = pair.alice.session
    session.policy = Policy.ALWAYS & ~Policy.ALLOW_V2
    session.max_fragment = 777
    session.recipient = pair.bob.account.instance_tag
    pair.alice.rebirth()
    session = pair.alice.session
    assert (session.policy, session.max_fragment) == (Policy.ALWAYS & ~Policy.ALLOW_V2, 777)
    assert session.recipient == pair.bob.account.instance_tag
    last = session.conversation.last_received
    assert pair.alice.account._context.clock() - last == pytest.approx(0.0)
    for _ in range(4):
        pair.bob.start()
        pair.deliver()
    assert events.Limited("ake_burst") in pair.alice.events


def test_time_that_has_passed_then_it_counts(quick):
    pair = reborn_pair(quick, 3, limits=Limits(idle_session=600.0))
    pair.establish()
    sealed = pair.alice.export()
    pair.alice.wall.turn(599.0)
    pair.alice.rebirth(sealed)
    assert pair.alice.encrypted
    pair.clock.turn(2.0)
    pair.alice.take(pair.alice.session.tick())
    assert pair.alice.session.state is MessageState.FINISHED


# What is not saved


@pytest.mark.parametrize("starter", ["alice", "bob"])
def test_smp_that_ran_then_aborted_with_an_event_and_can_be_run_again(quick, starter: str):
    pair = reborn_pair(quick, 3)
    pair.establish()
    side = getattr(pair, starter)
    side.take(side.session.smp_start(b"secret"))
    pair.deliver()
    assert side.seen(events.SmpAborted)
    assert not pair.alice.seen(events.SmpSucceeded, events.SmpFailed, events.SmpCheated)
    pair.converse(1)


def test_text_that_was_sent_last_then_not_sent_again(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.alice.session.send(b"lost on the way")
    pair.alice.rebirth()
    pair.alice.receive(b"?OTR Error: what was that")
    pair.deliver()
    pair.bob.start()
    pair.deliver()
    assert not pair.alice.seen(events.MessageResent)
    pair.converse(1)


# The age limit


@pytest.mark.parametrize(("away", "state"), [(3599.0, "ENCRYPTED"), (3601.0, "FINISHED")])
def test_private_conversation_when_nobody_was_there_for_long_then_ended(quick, away, state):
    pair = reborn_pair(quick, 3)
    pair.establish()
    sealed = pair.alice.export()
    pair.alice.wall.turn(away)
    pair.alice.events.clear()
    pair.alice.out.clear()
    pair.alice.rebirth(sealed)
    assert pair.alice.session.state is MessageState[state]
    assert bool(pair.alice.seen(events.SecureEnded)) == (state == "FINISHED")
    assert not pair.alice.out


# Unconfirmed sessions


def forgetful(quick, policy: Policy) -> Pair:
    """Alice was restored; Bob has lost the session while she was away."""
    pair = reborn_pair(quick, 3, policies=(policy, policy))
    pair.establish()
    pair.converse(1)
    pair.alice.rebirth()
    wall = pair.bob.wall
    pair.bob = Reborn(
        Side(make_account(quick, "bob", 9, pair.clock, policy), "alice"), "alice", wall
    )
    object.__setattr__(pair.bob.account._context.environment, "wall_clock", wall)
    return pair


@pytest.mark.parametrize("sign", [b"hello?", b"?OTR Error: I cannot read that"])
def test_sign_that_the_peer_lost_the_session_then_texts_wait_and_new_keys_are_asked_for(
    quick, sign: bytes
):
    pair = forgetful(quick, Policy.ALLOW_V3)
    pair.alice.receive(sign)
    assert [kinds([line]) for line in pair.alice.out][:1] == [["query"]]
    pair.alice.send(b"for the new session")
    assert pair.alice.seen(events.MessageHeld)
    pair.deliver()
    assert pair.bob.texts == [b"for the new session"]
    pair.converse(1)


def test_message_that_holds_then_the_session_is_confirmed(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.alice.rebirth()
    assert pair.alice.instance.unconfirmed
    line = pair.bob.session.send(b"I am here").wire[0]
    Side.take(pair.alice, pair.alice.session.receive(line))
    assert not pair.alice.instance.unconfirmed
    Side.take(pair.alice, pair.alice.session.receive(b"plain text by somebody"))
    assert not pair.alice.instance.doubted
    assert not [line for line in pair.alice.out if line.startswith(b"?OTRv")]


# Stale states


def counter_of(line: bytes) -> tuple[int, int, int]:
    message = parsed(line)
    return message.sender_keyid, message.recipient_keyid, message.counter


def test_state_of_before_a_send_then_no_counter_is_used_twice(quick, version: int):
    """The same keys, derived before the state was saved or only after it."""
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    for _ in range(2):
        old = pair.alice.export()
        used = {counter_of(pair.alice.session.send(b"first %d" % n).wire[0]) for n in range(3)}
        pair.alice.rebirth(old)
        again = {counter_of(pair.alice.session.send(b"other %d" % n).wire[0]) for n in range(3)}
        assert not used & again
        pair.alice.rebirth()
        pair.converse(1)  # both ends have rotated


def test_two_copies_alive_at_once_then_they_never_share_a_counter(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.converse(1)
    state = pair.alice.export()
    used: set[tuple[int, int, int]] = set()
    for epoch in (200, 201, 900):
        account = pair.alice.successor(epoch)
        account.restore("bob", account._identity.backend.state_key(DATA_KEY), NAME, state)
        copy = account.session("bob")
        sent = {counter_of(copy.send(b"%d" % n).wire[0]) for n in range(5)}
        assert not used & sent
        used |= sent


def test_state_of_this_epoch_then_refused(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    state = pair.alice.export()
    for epoch in (pair.alice.epoch, pair.alice.epoch - 1):
        account = pair.alice.successor(epoch)
        with pytest.raises(errors.StaleState):
            account.restore("bob", account._identity.backend.state_key(DATA_KEY), NAME, state)
        assert "bob" not in account.sessions


def test_line_that_came_before_the_state_then_not_shown_again(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    line = pair.bob.session.send(b"once").wire[0]
    Side.take(pair.alice, pair.alice.session.receive(line))
    assert pair.alice.texts == [b"once"]
    pair.alice.rebirth()
    pair.alice.receive(line)
    assert pair.alice.texts == [b"once"]


def test_mac_key_that_was_revealed_then_a_state_of_after_it_trusts_it_no_longer(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.converse(3)
    keyring = pair.alice.instance.channel.keyring
    revealed = keyring.retiring
    pair.alice.rebirth()
    assert pair.alice.instance.channel.keyring.retiring == revealed


def test_epoch_when_all_its_counters_are_used_then_refused_until_it_is_raised(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    pair.converse(1)
    pair.alice.session.send(b"the pair is derived")
    (keys,) = [each for each in pair.alice.instance.channel.keyring._pairs.values()
               if each.send_counter % COUNTERS_OF_EPOCH]  # fmt: skip
    end = (pair.alice.epoch + 1) * COUNTERS_OF_EPOCH
    keys.count_between(end - 2, end)
    pair.alice.session.send(b"the last one")
    with pytest.raises(OverflowError):
        pair.alice.session.send(b"too many")
    pair.alice.epoch += 1
    pair.alice.account.counter_epoch = pair.alice.epoch
    line = pair.alice.session.send(b"in the next epoch").wire[0]
    assert parsed(line).counter == end + 1


def test_counter_epoch_when_it_is_not_greater_then_value_error(quick):
    account = make_account(quick)
    account.counter_epoch = 5
    for wrong in (5, 4, 0, -1, 1 << 32):
        with pytest.raises(ValueError, match="counter_epoch"):
            account.counter_epoch = wrong
    with pytest.raises(TypeError):
        account.counter_epoch = "6"
    assert account.counter_epoch == 5


def test_account_without_a_store_then_counters_begin_at_one(quick):
    pair = Pair(quick, 3)
    pair.establish()
    assert parsed(pair.alice.session.send(b"x").wire[0]).counter == 1
    with pytest.raises(errors.NoCounterEpoch):
        pair.alice.session.export(quick.state_key(DATA_KEY), NAME)
    with pytest.raises(errors.NoCounterEpoch):
        pair.alice.account.restore("x", quick.state_key(DATA_KEY), NAME, b"")


# needs_commit


def test_needs_commit_then_for_all_but_texts_under_saved_keys(quick, version: int):
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    side = pair.alice
    for each in (side, pair.bob):  # both are heard, and live on
        line = each.session.send(b"I am here").wire[0]
        pair.other(each).session.receive(line)
    side.export()
    assert not side.session.needs_commit
    first = side.session.send(b"announces a key that was saved").wire[0]
    assert parsed(first).old_mac_keys
    burst = [side.session.send(b"%d" % number).wire[0] for number in range(5)]
    burst += side.session.send_many([b"many"] * 5).wire
    assert not side.session.needs_commit
    other = pair.bob.session
    other.receive(first)
    pair.bob.export()
    other.receive_many(burst)
    assert not other.needs_commit
    for action in (
        side.session.start,
        lambda: side.session.smp_start(b"secret"),
        lambda: setattr(side.session, "max_fragment", 500),
        lambda: side.account.rename("bob", "robert"),
    ):
        side.export()
        action()
        assert side.session.needs_commit


@pytest.mark.parametrize("together", [False, True])
def test_needs_commit_when_a_text_announces_a_key_that_was_not_saved_then_true(
    quick, version: int, together: bool
):
    pair = Pair(quick, version)
    pair.establish()
    side = pair.alice
    side.account.counter_epoch = 1
    key = quick.state_key(DATA_KEY)
    side.session.export(key, NAME)  # the peer has not written: no key is made ahead for it
    assert not side.session.needs_commit
    side.account.send_many([("bob", b"one")]) if together else side.session.send(b"one")
    assert side.session.needs_commit
    side.session.export(key, NAME)
    side.session.send(b"two")
    assert not side.session.needs_commit


# What is damaged


def test_state_when_it_is_for_another_account_or_peer_then_refused_and_nothing_has_changed(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    state = pair.alice.export()
    account = make_account(quick, "alice", 77)
    account.counter_epoch = 1 << 31
    key = quick.state_key(DATA_KEY)
    for peer, name, sealed in (
        ("bob", NAME, state),  # another instance tag
        ("bob", b"another", state),
        ("bob", NAME, state[:-1] + bytes([state[-1] ^ 1])),
        ("bob", NAME, b""),
    ):
        with pytest.raises(errors.StateDamaged):
            account.restore(peer, key, name, sealed)
    assert not account.sessions
    assert account._context.usage.pending_akes == 0


def test_state_when_its_parts_are_cut_or_mixed_then_refused(quick):
    pair = reborn_pair(quick, 3, max_fragment=200)
    pair.establish()
    pair.converse(1)
    pair.alice.receive(b"?OTR|00000100|%08x,00001,00009,xx," % pair.alice.account.instance_tag)
    key = quick.state_key(DATA_KEY)
    parts = key.open(NAME, pair.alice.export())
    order = random.Random(5)
    account = pair.alice.successor(5000)
    for _ in range(300):
        wrong = list(parts)
        match order.randrange(3):
            case 0:
                wrong = wrong[: order.randrange(len(wrong))]
            case 1:
                wrong.insert(order.randrange(len(wrong)), b"x")
            case _:
                places = [n for n, part in enumerate(wrong) if isinstance(part, bytes) and part]
                at = order.choice(places)
                part = bytearray(wrong[at])
                part[order.randrange(len(part))] ^= 1 << order.randrange(8)
                wrong[at] = bytes(part)
        sealed = key.seal(NAME, wrong)
        try:
            account.restore("bob", key, NAME, sealed)
        except (errors.StateDamaged, errors.StaleState):
            assert "bob" not in account.sessions
            assert account._context.usage.assembled == 0
        else:  # a time or a number that may be
            account = pair.alice.successor(5000)


def test_restore_when_the_peer_has_a_conversation_then_refused(quick):
    pair = reborn_pair(quick, 3)
    pair.establish()
    state = pair.alice.export()
    account = pair.alice.successor(5000)
    key = quick.state_key(DATA_KEY)
    account.restore("bob", key, NAME, state)
    with pytest.raises(errors.PeerExists):
        account.restore("bob", key, NAME, state)
