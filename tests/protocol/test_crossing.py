"""Both sides start at once: they end encrypted, in both versions, whatever crosses on the wire."""

from __future__ import annotations

import random

import pytest
from helpers import ONLY, Pair, Side, encoded, kinds, make_account, parsed

from otrfast import Account, Limits, events
from otrfast.protocol import ake
from otrfast.wire.messages import DHCommit

SEEDS = 1000


def again(pair: Pair, number: int) -> None:
    """New conversations of the same two accounts."""
    names = (f"bob {number}", f"alice {number}")
    pair.alice, pair.bob = (
        Side(side.account, name) for side, name in zip((pair.alice, pair.bob), names, strict=True)
    )


def shuffle(pair: Pair, order: random.Random) -> None:
    """Deliver everything, in an order of chance between the directions."""
    while pair.alice.out or pair.bob.out:
        pair.step(order.choice([side for side in (pair.alice, pair.bob) if side.out]))


@pytest.mark.parametrize("crossing", ["queries", "commits"])
def test_crossing_with_a_hundred_seeds_then_encrypted(fast_backend, version: int, crossing: str):
    cross(fast_backend, version, crossing, SEEDS // 10)


@pytest.mark.long
@pytest.mark.parametrize("crossing", ["queries", "commits"])
def test_crossing_with_a_thousand_seeds_then_encrypted(quick, version: int, crossing: str):
    cross(quick, version, crossing, SEEDS)


def cross(backend, version: int, crossing: str, seeds: int) -> None:
    pair = Pair(backend, version, 1)
    order = random.Random(f"{version} {crossing}")
    for number in range(seeds):
        again(pair, number)
        for side in (pair.alice, pair.bob):
            side.start()
        if crossing == "commits":
            for side in (pair.alice, pair.bob):
                pair.step(side)
            assert kinds(pair.alice.out) == kinds(pair.bob.out) == ["DHCommit"]
        shuffle(pair, order)
        assert pair.alice.encrypted, number
        assert pair.bob.encrypted, number
        assert pair.alice.session.ssid == pair.bob.session.ssid
        pair.converse()
        pair.clock.turn(60)


def test_crossing_commits_on_each_backend_then_encrypted(backend, version: int):
    for seed in range(3):
        pair = Pair(backend, version, seed)
        for side in (pair.alice, pair.bob):
            side.start()
        pair.deliver()
        pair.converse()


def test_tie_break_when_ours_is_higher_then_ours_is_sent_again(pair: Pair):
    higher, lower = crossed(pair)
    state = committed(higher)
    outcome = higher.receive(lower.out[0])
    assert [parsed(line) for line in outcome.wire] == [state.commit]
    assert committed(higher) == state


def test_tie_break_when_ours_is_lower_then_we_answer_theirs(pair: Pair):
    higher, lower = crossed(pair)
    outcome = lower.receive(higher.out[0])
    assert kinds(outcome.wire) == ["DHKey"]
    assert isinstance(lower.instance.exchange, ake.AwaitingRevealSignature)


def test_tie_break_when_equal_then_it_is_our_own(pair: Pair):
    higher, _ = crossed(pair)
    own = committed(higher).commit
    copy = DHCommit(
        own.version, 0x12345 if pair.version == 3 else 0, 0, own.encrypted_gx, own.hashed_gx
    )
    outcome = higher.receive(encoded(copy))
    assert [type(event.error).__name__ for event in outcome.events] == ["Reflected"]
    assert not outcome.wire


def test_tie_break_then_hashes_compare_as_numbers():
    """The first byte decides; a signed or little-endian comparison would say the opposite."""

    class State:
        commit = DHCommit(3, 0, 0, b"", b"\x80" + bytes(31))

    for theirs, ours_wins in (
        (b"\x7f" + b"\xff" * 31, True),
        (b"\x80" + bytes(30) + b"\x01", False),
        (b"\xff" + bytes(31), False),
    ):
        assert ake._ours_is_higher(None, State, DHCommit(3, 0, 0, b"", theirs)) is ours_wins


def crossed(pair: Pair) -> tuple[Side, Side]:
    """Both have committed: the one with the higher hash, and the other."""
    for side in (pair.alice, pair.bob):
        side.start()
    for side in (pair.alice, pair.bob):
        pair.step(side)
    first, second = sorted(
        (pair.alice, pair.bob), key=lambda side: committed(side).commit.hashed_gx
    )
    return second, first


def committed(side: Side) -> ake.AwaitingDHKey:
    instance = side.instance
    state = side.session._conversation.instances.pending if instance is None else instance.exchange
    assert isinstance(state, ake.AwaitingDHKey)
    return state


def test_recovery_in_version_2_when_the_peer_has_yielded_too_then_encrypted(backend):
    """libotr and potr let the other's commitment win: both then wait for a Reveal Signature."""
    pair = Pair(backend, 2)
    higher, lower = crossed(pair)
    # the higher one does as libotr does: it answers, and does not repeat its own
    yields_to(higher, lower.out.popleft())
    pair.deliver()
    assert pair.alice.encrypted
    assert pair.bob.encrypted
    pair.converse()


def yields_to(side: Side, commit: bytes) -> None:
    """Have a side answer a commitment that its own one should have beaten."""
    state = side.instance.exchange
    side.instance.set_exchange(ake.Idle(), side.session._conversation.context)
    side.out.popleft()
    side.sent.append(encoded(state.commit))
    side.out.append(encoded(state.commit))
    side.receive(commit)


def test_recovery_in_version_3_then_not_applied(backend):
    pair = Pair(backend, 3)
    higher, lower = crossed(pair)
    lower.receive(higher.out.popleft())
    exchange = lower.instance.exchange
    assert isinstance(exchange, ake.AwaitingRevealSignature)
    other = Pair(backend, 3, 3)
    other.alice.start()
    other.step(other.alice)
    other.step(other.bob)
    key = parsed(other.alice.out[0])
    line = encoded(type(key)(3, higher.account.instance_tag, lower.account.instance_tag, key.gy))
    assert lower.receive(line) == ((), ())
    assert lower.instance.exchange is exchange


def test_recovery_in_version_2_when_too_late_then_not_applied(backend):
    pair = Pair(backend, 2)
    higher, lower = crossed(pair)
    commit = higher.out[0]
    pair.clock.turn(59)
    lower.receive(commit)
    pair.clock.turn(1)
    other = Pair(backend, 2, 3)
    other.alice.start()
    other.step(other.alice)
    other.step(other.bob)
    assert lower.receive(other.alice.out[0]).wire == ()


# Lost messages: the retry


def know(pair: Pair) -> None:
    """Have Bob have seen Alice's key before: an unknown peer gets no second try."""
    pair.bob.account.trust.note("alice", pair.alice.account.fingerprint)


@pytest.mark.parametrize("lost", ["DHCommit", "DHKey", "RevealSignature", "Signature"])
def test_retry_when_a_message_is_lost_then_encrypted_after_the_tick(
    backend, version: int, lost: str
):
    pair = Pair(backend, version, 3)
    know(pair)
    pair.alice.start()
    dropped = 0
    while pair.alice.out or pair.bob.out:
        for side in (pair.alice, pair.bob):
            if side.out and not dropped and kinds([side.out[0]]) == [lost]:
                side.out.popleft()
                dropped = 1
            pair.step(side)
    assert dropped
    assert not (pair.alice.encrypted and pair.bob.encrypted)
    due = pair.bob.session.next_deadline
    assert 10 <= due - pair.clock() <= 15
    pair.clock.now = due
    pair.bob.tick()
    pair.deliver()
    assert pair.alice.encrypted
    assert pair.bob.encrypted
    pair.converse()


def test_retry_then_only_once(pair: Pair):
    know(pair)
    pair.alice.start()
    pair.step(pair.alice)
    sent = 0
    for _ in range(200):
        pair.clock.turn(1)
        sent += len(pair.bob.tick().wire)
    assert sent == 1


def test_retry_then_never_by_the_side_that_was_asked(pair: Pair):
    pair.alice.start()
    pair.step(pair.alice)
    pair.step(pair.bob)  # Alice has answered Bob's commitment, and hears no more
    for _ in range(200):
        pair.clock.turn(1)
        assert pair.alice.tick().wire == ()


def test_retry_when_nothing_is_known_of_the_peer_then_none(quick):
    pair = Pair(quick, 3)
    pair.alice.start()
    pair.step(pair.alice)
    assert kinds(pair.bob.out) == ["DHCommit"]
    pair.clock.turn(16)
    assert pair.bob.tick().wire == ()


def test_retry_when_the_exchange_has_timed_out_before_then_none(quick):
    pair = Pair(quick, 3, limits=Limits(ake_timeout=5.0))
    know(pair)
    pair.alice.start()
    pair.step(pair.alice)
    pair.clock.turn(16)
    assert pair.bob.tick().wire == ()


def test_retry_then_jittered(quick):
    delays = set()
    for seed in range(8):
        pair = Pair(quick, 3, seed)
        know(pair)
        pair.alice.start()
        pair.step(pair.alice)
        delays.add(pair.bob.session.next_deadline - pair.clock())
    assert len(delays) == 8


def test_unfinished_exchange_after_its_time_then_its_secrets_are_gone(pair: Pair):
    pair.alice.start()
    pair.step(pair.alice)
    pair.step(pair.bob)
    assert pair.alice.session._conversation.context.usage.pending_akes == 1
    assert pair.bob.session._conversation.context.usage.pending_akes == 1
    pair.clock.turn(200)
    for side in (pair.alice, pair.bob):
        side.tick()
    pair.clock.turn(60)
    for side in (pair.alice, pair.bob):
        side.tick()
        assert side.session._conversation.context.usage.pending_akes == 0
        assert not side.session.conversation.has_history
        assert side.session._conversation.instances.pending is None
    late = pair.alice.out.popleft()
    assert not pair.bob.receive(late).wire


# Several devices of one peer


def three_devices(pair: Pair) -> list[Side]:
    """Bob, on three devices."""
    backend = pair.alice.account._identity.backend
    return [
        Side(make_account(backend, "bob", number, pair.clock, ONLY[3]), "alice")
        for number in range(3)
    ]


def test_devices_when_one_commit_is_answered_by_three_then_three_sessions(backend):
    pair = Pair(backend, 3)
    devices = three_devices(pair)
    alice = pair.alice
    devices[0].start()
    alice.receive(devices[0].out.popleft())
    commit = alice.out.popleft()
    for device in devices:
        device.receive(commit)
    run_to_all(alice, devices)
    assert {info.tag for info in alice.session.instances} == {
        device.account.instance_tag for device in devices
    }
    ssids = {info.ssid for info in alice.session.instances}
    assert ssids == {device.session.ssid for device in devices}
    assert len(ssids) == 3
    for number, device in enumerate(devices):
        alice.send(b"to %d" % number, instance=device.account.instance_tag)
    run_to_all(alice, devices)
    for number, device in enumerate(devices):
        assert device.texts == [b"to %d" % number]
        others = [event for event in device.events if isinstance(event, events.OtherInstance)]
        assert others


def run_to_all(alice: Side, devices: list[Side]) -> None:
    """Deliver as a server does that sends everything to every device."""
    while alice.out or any(device.out for device in devices):
        while alice.out:
            line = alice.out.popleft()
            for device in devices:
                device.receive(line)
        for device in devices:
            while device.out:
                alice.receive(device.out.popleft())


def test_devices_with_made_up_tags_then_never_in_the_way_of_the_real_one(quick):
    pair = Pair(quick, 3)
    pair.establish()
    for tag in range(0x500, 0x540):
        stranger = device_of(quick, tag)
        stranger.start()
        line = stranger.session.receive(b"?OTRv3?").wire[0]
        pair.alice.session.receive(line)
        pair.clock.turn(10)
    assert len(pair.alice.session.instances) <= 9
    for recipient in type(pair.alice.session.recipient):
        pair.alice.session.recipient = recipient
        pair.say(pair.alice, b"still here")


def device_of(backend, tag: int) -> Side:
    account: Account = make_account(backend, "mallory", tag, policy=ONLY[3], instance_tag=tag)
    return Side(account, "alice")
