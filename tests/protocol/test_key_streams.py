"""No key stream is used twice: whoever has two messages under one key and counter has the
difference of their texts."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from helpers import Pair, encoded, kind, kinds, parsed

from otrfast import events
from otrfast._records import replace
from otrfast.errors import UnknownKeyid

TWIN = 0xDEADBEEF


def answered(backend, seed: int = 1) -> tuple[Pair, list[bytes]]:
    """A conversation in version 3 in which Alice has made the commitment, and what Bob has sent."""
    pair = Pair(backend, 3, seed)
    pair.bob.start()
    pair.deliver()
    assert pair.alice.encrypted
    return pair, [line for line in pair.bob.sent if kind(line) in ("DHKey", "Signature")]


def from_twin(line: bytes) -> bytes:
    """The same AKE message under another instance tag, which no MAC of it covers."""
    return encoded(replace(parsed(line), sender=TWIN))


def test_answer_repeated_under_another_tag_when_encrypted_then_no_second_session(backend):
    pair, lines = answered(backend)
    alice = pair.alice.session
    first = parsed(alice.send(b"a text to Bob").wire[0])
    pair.clock.turn(5)
    for line in lines:
        outcome = alice.receive(from_twin(line))
        assert kinds(outcome.wire) == []
        assert not any(isinstance(event, events.SecureStarted) for event in outcome.events)
    assert len(alice.instances) == 1
    second = parsed(alice.send(b"and one more").wire[0])
    assert (second.receiver, second.counter) == (first.receiver, first.counter + 1)


def test_answer_repeated_under_another_tag_when_the_session_has_ended_then_none_starts(backend):
    pair, lines = answered(backend)
    pair.say(pair.alice, b"a text to Bob")
    pair.bob.take(pair.bob.session.end())
    pair.deliver()
    for line in lines:
        outcome = pair.alice.session.receive(from_twin(line))
        assert not any(isinstance(event, events.SecureStarted) for event in outcome.events)


def test_answer_repeated_under_another_tag_while_the_first_runs_then_one_reveal_signature(quick):
    """Its signature would stand under the same key and counter as that of the other."""
    pair = Pair(quick, 3)
    pair.bob.start()
    pair.step(pair.bob)
    pair.step(pair.alice)
    answer = pair.bob.out[0]
    assert kind(answer) == "DHKey"
    for line in (from_twin(answer), answer, answer):
        pair.alice.receive(line)
    reveals = {line for line in pair.alice.sent if kind(line) == "RevealSignature"}
    assert len(reveals) == 1


def test_answers_of_two_devices_then_each_has_a_session(quick):
    pair, _ = answered(quick)
    other = Pair(quick, 3, 2)
    other.bob.account._identity.instance_tag = TWIN
    commit = next(line for line in pair.alice.sent if kind(line) == "DHCommit")
    device = other.bob.session
    lines = device.receive(commit).wire
    for line in lines:
        for reveal in pair.alice.receive(line).wire:
            for signature in device.receive(reveal).wire:
                pair.alice.receive(signature)
    assert [each.tag for each in pair.alice.session.instances if each.ssid][-1] == TWIN
    assert len({each.ssid for each in pair.alice.session.instances}) == 2


def test_pair_of_keys_when_two_threads_derive_it_then_there_is_one(secured: Pair):
    secured.converse()
    secured.alice.send(b"so that a pair is to be derived")
    keyring = secured.bob.instance.channel.keyring
    ours, theirs = keyring.our_keyid - 1, keyring.their_keyid
    keyring._pairs.pop((ours, theirs), None)
    halves = keyring.exchange(ours, theirs)
    secret = halves[0].agree(halves[1])

    class Overtaken:
        """A secret in whose derivation another thread comes first."""

        def data_keys(self, high):
            self.first = keyring._install((ours, theirs), *halves, secret)
            return secret.data_keys(high)

    overtaken = Overtaken()
    assert keyring._install((ours, theirs), *halves, overtaken) is overtaken.first
    assert keyring.derived(ours, theirs) is overtaken.first


def test_pair_of_keys_when_another_thread_rotates_them_meanwhile_then_none_of_dead_keys_stays(
    secured: Pair,
):
    secured.converse(2)
    secured.alice.send(b"so that a pair is to be derived")
    keyring = secured.bob.instance.channel.keyring
    dead = keyring.our_keyid - 1, keyring.their_keyid - 1
    keyring._pairs.pop(dead, None)

    class Overtaken:
        """A secret that takes so long to compute that another thread rotates the keys."""

        def agree(self, ours, theirs):
            keyring.next_public()
            keyring.rotate(keyring.our_keyid, 0, b"")
            return ours.agree(theirs)

    with pytest.raises(UnknownKeyid):
        keyring.pair(*dead, Overtaken())
    assert dead not in keyring._pairs


@pytest.mark.parametrize("many", [False, True], ids=["seal", "seal_many"])
def test_counters_when_threads_share_a_session_against_the_rule_then_none_comes_twice(
    quick, many: bool
):
    """The core refuses the second thread; whatever was sealed has a counter of its own."""
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(2)
    session = pair.alice.session
    session.send(b"the keys are there now")
    text = b"x" * 4096

    def send(_: int) -> list[bytes]:
        lines: list[bytes] = []
        for _ in range(1 if many else 20):
            with suppress(RuntimeError):
                lines += (session.send_many([text] * 20) if many else session.send(text)).wire
        return lines

    with ThreadPoolExecutor(4) as pool:
        lines = [line for sent in pool.map(send, range(40)) for line in sent]
    messages = [parsed(line) for line in lines]
    counters = Counter(
        (message.sender_keyid, message.recipient_keyid, message.counter) for message in messages
    )
    assert len(counters) == len(lines) > 0
