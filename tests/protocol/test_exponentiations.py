"""What a conversation costs, in powers modulo the 1536-bit prime, counted by the backend."""

from __future__ import annotations

import pytest
from helpers import CountingBackend, Pair, forget_peer_keys, kinds

from otrfast import Limits

SMP_POWERS = {"SMP1": 4, "SMP2": 16, "SMP3": 20, "SMP4": 13, "end": 5}
"""The most that each step may take (protocol, 8): a double power counts as two."""

SMP_CHAINS = {"SMP1": 0, "SMP2": 4, "SMP3": 5, "SMP4": 4, "end": 2}
"""Its runs of 1536 squarings: bases that several powers are taken of share theirs, and base 2
needs none."""


@pytest.fixture
def counting(backend) -> CountingBackend:
    return CountingBackend(backend)


def test_exchange_then_two_fixed_two_variable_two_signatures(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    forget_peer_keys(pair.alice.account)
    pair.establish()
    counts = counting.counts
    assert (counts["fixed"], counts["variable"], counts["double"]) == (2, 2, 0)
    assert (counts["signed"], counts["verified"]) == (2, 2)
    assert counts["examined"] == 1  # Bob's account knows the primes that all test keys share


def test_exchange_with_a_known_key_then_it_is_not_examined_again(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    pair.establish()
    counting.counts.clear()
    pair.bob.start()
    pair.deliver()
    assert (counting.counts["fixed"], counting.counts["variable"]) == (2, 2)
    assert counting.counts["checked"] == 0


def test_first_message_of_each_side_then_one_fixed(counting: CountingBackend, version: int):
    """The pair (1, 1) has the secret of the exchange: all that is due is the next D-H key."""
    pair = Pair(counting, version)
    pair.establish()
    counting.counts.clear()
    pair.say(pair.alice, b"first")
    assert (counting.counts["fixed"], counting.counts["variable"]) == (1, 0)


def test_ping_pong_message_then_one_fixed_and_two_variable(counting: CountingBackend, version: int):
    pair = Pair(counting, version)
    pair.establish()
    pair.converse(3)
    for _ in range(5):
        for side in (pair.alice, pair.bob):
            counting.counts.clear()
            pair.say(side, b"ping")
            assert (counting.counts["fixed"], counting.counts["variable"]) == (1, 2)
            assert counting.counts["double"] == 0


def test_burst_message_then_no_power(counting: CountingBackend, version: int):
    pair = Pair(counting, version)
    pair.establish()
    pair.converse(2)
    pair.say(pair.alice, b"first of the burst")
    counting.counts.clear()
    for number in range(50):
        pair.say(pair.alice, b"%d" % number)
    lines = pair.alice.session.send_many([b"many"] * 50).wire
    assert len(pair.bob.session.receive_many(lines).events) == 50
    assert counting.counts.powers == 0


def test_smp_then_no_step_takes_more_than_the_protocol_needs(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    pair.establish()
    pair.converse(2)
    taken, chains = {}, {}

    def count(step: str, outcome) -> bytes:
        taken[step] = counting.counts.powers
        chains[step] = counting.counts["chains"]
        return outcome.wire[0] if outcome.wire else b""

    def quiet(side) -> None:
        """The powers of the data messages themselves are not the SMP's."""
        channel = side.instance.channel
        channel.keyring.next_public()
        channel.keyring.pair(channel.keyring.our_keyid - 1, channel.keyring.their_keyid)
        counting.counts.clear()

    alice, bob = pair.alice, pair.bob
    quiet(alice)
    line = count("SMP1", alice.session.smp_start(b"secret"))
    counting.counts.clear()
    bob.session.receive(line)
    checked = counting.counts.powers
    quiet(bob)
    line = count("SMP2", bob.session.smp_answer(b"secret"))
    taken["SMP2"] += checked
    counting.counts.clear()
    line = count("SMP3", alice.session.receive(line))
    counting.counts.clear()
    line = count("SMP4", bob.session.receive(line))
    counting.counts.clear()
    count("end", alice.session.receive(line))
    # receiving a data message and replying takes up to one fixed and two variable of its own
    own = {"SMP1": 0, "SMP2": 2, "SMP3": 3, "SMP4": 3, "end": 2}
    for step, most in SMP_POWERS.items():
        assert taken[step] <= most + own[step], (step, taken)
    assert chains == SMP_CHAINS


def test_smp_request_when_it_comes_then_nothing_is_computed_for_the_answer(
    counting: CountingBackend,
):
    pair = Pair(counting, 3)
    pair.establish()
    pair.converse()
    line = pair.alice.session.smp_start(b"secret").wire[0]
    counting.counts.clear()
    pair.bob.session.receive(line)
    assert counting.counts.powers <= 4 + 1


# Unauthenticated messages: at most one power each


def test_commits_when_repeated_or_replaced_then_one_power_in_all(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    pair.alice.start()
    pair.step(pair.alice)
    commit = pair.bob.out[0]
    counting.counts.clear()
    for _ in range(100):
        pair.alice.session.receive(commit)
    assert counting.counts.powers == 1


def test_flood_of_queries_then_powers_are_bounded_by_the_rate(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    for _ in range(1000):
        pair.alice.session.receive(b"?OTRv23?")
    assert counting.counts.powers == Limits().ake_burst
    pair.clock.turn(60)
    for _ in range(1000):
        pair.alice.session.receive(b"?OTRv23?")
    assert counting.counts.powers <= Limits().ake_burst + 6


def test_forged_data_messages_then_one_power_for_each_pair_of_keys_at_most(
    counting: CountingBackend, version: int
):
    pair = Pair(counting, version)
    pair.establish()
    pair.converse(3)
    line = pair.alice.session.send(b"genuine").wire[0]
    counting.counts.clear()
    for number in range(200):
        changed = bytearray(line)
        changed[80 + number % 200] ^= 3
        pair.bob.session.receive(bytes(changed))
    assert counting.counts.powers <= 4


def test_forged_reveal_signatures_then_at_most_one_power_each(
    counting: CountingBackend, version: int
):
    from helpers import unwrap, wrap

    pair = Pair(counting, version)
    pair.alice.start()
    for side in (pair.alice, pair.bob, pair.alice):
        pair.step(side)
    raw = bytearray(unwrap(pair.bob.out[0]))
    assert kinds([pair.bob.out[0]]) == ["RevealSignature"]
    raw[-1] ^= 1
    counting.counts.clear()
    for _ in range(20):
        pair.alice.session.receive(wrap(bytes(raw)))
    assert counting.counts.powers <= 20
    assert counting.counts["verified"] == counting.counts["checked"] == 0
    raw[-30] ^= 1


def test_receive_many_of_one_pair_of_keys_then_one_power(counting: CountingBackend, version: int):
    pair = Pair(counting, version)
    pair.establish()
    pair.converse(2)
    lines = pair.alice.session.send_many([b"%d" % number for number in range(30)]).wire
    counting.counts.clear()
    outcomes = pair.bob.account.receive_many([("alice", line) for line in lines])
    assert [outcome.events[0].text for outcome in outcomes] == [b"%d" % n for n in range(30)]
    assert counting.counts.powers == 1
