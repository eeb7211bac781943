"""Long conversations, and exchanges that are disturbed while a session runs."""

from __future__ import annotations

import gc
import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import ONLY, HandClock, Pair, Side, digest, kinds, make_account, unwrap, wrap

from otrfast import Limits, events


def test_ping_pong_of_ten_thousand_then_all_read_and_nothing_grows(quick):
    """Case 36."""
    pair = Pair(quick, 3)
    pair.establish()

    def talk(rounds: int) -> None:
        for number in range(rounds):
            for side in (pair.alice, pair.bob):
                (line,) = side.session.send(b"%d" % number).wire
                (event,) = pair.other(side).session.receive(line).events
                assert event.text == b"%d" % number

    talk(500)
    gc.collect()
    tracemalloc.start()
    talk(250)
    before = tracemalloc.get_traced_memory()[0]
    talk(250)
    gc.collect()
    grew = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    talk(4000)
    assert grew <= 4096
    assert pair.alice.instance.channel.keyring.our_keyid > 4900


def test_one_way_of_a_hundred_thousand_then_all_read(quick):
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(2)
    for batch in range(100):
        texts = [b"%d" % (batch * 1000 + number) for number in range(1000)]
        lines = pair.alice.session.send_many(texts).wire
        got = pair.bob.session.receive_many(lines).events
        assert [event.text for event in got] == texts
    pair.converse(2)


def test_conversations_in_two_threads_then_as_if_alone(quick):
    """Different sessions of one account may run side by side."""
    clock = HandClock()
    limits = Limits(ake_burst=1e9, account_ake_rate=1e9)
    ours = make_account(quick, "alice", 1, clock, ONLY[3], limits)
    peers = [make_account(quick, "bob", n, clock, ONLY[3], limits) for n in range(12)]

    def converse(number: int) -> list[bytes]:
        pair = Pair.__new__(Pair)
        pair.version, pair.clock = 3, clock
        pair.alice = Side(ours, f"bob {number}")
        pair.bob = Side(peers[number], "alice")
        for _ in range(5):
            pair.bob.start()
            pair.deliver()
            pair.converse(10)
            pair.alice.take(pair.alice.session.end())
            pair.deliver()
            pair.bob.take(pair.bob.session.end())
            pair.bob.out.clear()
        return pair.bob.texts

    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(converse, range(12)))
    assert texts == [[b"from alice %d" % n for n in range(10)] * 5] * 12
    usage = ours._context.usage
    for _ in range(3):
        clock.turn(61)
        ours.tick()
    assert (usage.pending_akes, usage.assembled, usage.held) == (0, 0, 0)


def test_commit_and_garbage_reveal_signature_when_encrypted_then_the_session_goes_on(
    backend, version: int
):
    """Case 18."""
    pair = Pair(backend, version)
    pair.establish()
    pair.converse(2)
    stranger = Pair(backend, version, 5)
    stranger.alice.account._identity.instance_tag = pair.alice.account.instance_tag
    stranger.alice.start()
    for side in (stranger.alice, stranger.bob, stranger.alice):
        stranger.step(side)
    commit = next(line for line in stranger.bob.sent if kinds([line]) == ["DHCommit"])
    reveal = stranger.bob.out[0]
    outcome = pair.alice.session.receive(commit)
    assert kinds(outcome.wire) == ["DHKey"]
    before = digest(pair.alice.session)
    raw = bytearray(unwrap(reveal))
    for line in (
        reveal,
        wrap(bytes(raw[:-1] + b"\0")),
        wrap(bytes(raw[:40] + bytes(len(raw) - 40))),
    ):
        outcome = pair.alice.session.receive(line)
        assert all(isinstance(event, events.MessageRejected) for event in outcome.events)
        assert digest(pair.alice.session) == before
    pair.converse(2)
    assert len(pair.alice.seen(events.SecureStarted)) == 1


@pytest.mark.parametrize("number", range(20))
def test_interleaving_of_everything_then_both_find_together_again(quick, version: int, number: int):
    """Starts, ends, texts, loss, repetition and time by chance; when the faults stop, two rounds
    are enough."""
    order = random.Random(f"{version} {number}")
    pair = Pair(quick, version, number, limits=Limits(ake_burst=50.0))
    lost = 0
    for _ in range(80):
        side = order.choice([pair.alice, pair.bob])
        match order.randrange(9):
            case 0:
                side.start()
            case 1:
                side.take(side.session.end())
            case 2 | 3 | 4 if side.encrypted:
                side.send(b"%d" % order.randrange(1000))
            case 5:
                pair.clock.turn(order.choice([1, 5, 20]))
                for each in (pair.alice, pair.bob):
                    each.tick()
            case _:
                for _ in range(order.randrange(4)):
                    if side.out and order.random() < 0.15:
                        side.out.popleft()
                        lost += 1
                    elif side.out and order.random() < 0.1:
                        side.out.append(side.out[0])
                    pair.step(side)
    for side in (pair.alice, pair.bob):
        for event in side.seen(events.MessageReceived):
            assert not event.text.startswith(b"?OTR")
    pair.deliver()
    for _ in range(2):
        if pair.alice.encrypted and pair.bob.encrypted and together(pair):
            break
        pair.clock.turn(61)
        for side in (pair.alice, pair.bob):
            side.tick()
        pair.alice.start()
        pair.deliver()
    assert together(pair)
    pair.converse(2)


def together(pair: Pair) -> bool:
    return pair.alice.session.ssid == pair.bob.session.ssid is not None
