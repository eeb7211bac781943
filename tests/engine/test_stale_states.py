"""What an old state could be made to do once it is taken back, and what keeps it from that.

The same key stream twice, through keys that were derived before the state was saved or after it, is
in test_export.py, with lines that come again and a check of a secret that ran. Here: MAC keys that
were published since, a D-H key that was announced and not saved, a key exchange that has gone on.
"""

from __future__ import annotations

import hmac
import random

import pytest
from helpers import Pair, kind, parsed, unwrap, wrap

from otrfast import MessageState, Outcome, events
from otrfast.wire.lines import ENCODED_PREFIX

from .test_export import counter_of, reborn_pair

MAC_BYTES = 20


def forgeries(line: bytes, lines: list[bytes], text: bytes) -> list[bytes]:
    """A message edited to another text of its length, under each MAC key that the lines reveal."""
    raw, message = unwrap(line), parsed(line)
    revealed = b"".join(parsed(each).old_mac_keys for each in lines if kind(each) == "DataMessage")
    covered = bytearray(message.authenticated)
    start = len(covered) - len(message.ciphertext)
    for place, (before, after) in enumerate(zip(b"pay 1", text, strict=True)):
        covered[start + place] ^= before ^ after
    rest = raw[len(covered) + MAC_BYTES :]
    return [
        wrap(bytes(covered) + hmac.digest(revealed[at : at + MAC_BYTES], covered, "sha1") + rest)
        for at in range(0, len(revealed), MAC_BYTES)
    ]


def talked(quick, version: int) -> tuple[Pair, bytes, bytes]:
    """A pair that has rotated its keys; alice's state of before a line of bob, and that line."""
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    old = pair.alice.export()
    pair.say(pair.bob, b"pay 1")
    line = pair.bob.sent[-1]
    pair.converse(3)
    return pair, old, line


def test_line_when_forged_with_a_published_mac_key_then_only_a_state_of_before_trusts_it(
    quick, version: int
):
    """So the state without the key has to stand before the key is published: `needs_commit`."""
    pair, old, line = talked(quick, version)
    forged = forgeries(line, pair.alice.sent, b"pay 9")
    assert forged
    for each in forged:
        pair.alice.rebirth()
        pair.alice.receive(each)
    assert b"pay 9" not in pair.alice.texts
    for each in forged:  # the control: it is a forgery
        pair.alice.rebirth(old)
        pair.alice.receive(each)
    assert pair.alice.texts.count(b"pay 9") == 1


def test_line_that_publishes_mac_keys_without_a_commit_then_the_saved_state_does_not_trust_them(
    quick, version: int
):
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    published = 0
    for number in range(4):
        pair.say(pair.bob, b"pay 1")
        line = pair.bob.sent[-1]
        pair.say(pair.alice, b"mine %d" % number)
        pair.say(pair.bob, b"answer")
        alice = pair.alice
        alice.session.receive(pair.bob.session.send(b"heard").wire[0])
        saved = alice.export()
        sent = alice.session.send(b"publishes").wire
        pair.bob.session.receive(sent[0])
        assert not alice.session.needs_commit
        forged = forgeries(line, [*alice.sent, *sent], b"pay 9")
        published += len(forgeries(line, list(sent), b"pay 9"))
        for each in forged:
            alice.rebirth(saved)
            alice.receive(each)
        assert b"pay 9" not in alice.texts
        pair.deliver()
        pair.converse(1)
    assert published


@pytest.mark.parametrize("number", range(8))
def test_conversation_when_ends_crash_as_a_store_allows_then_it_goes_on(
    quick, version: int, number: int
):
    """Each end saves when it has to, before its lines go out and its texts are shown, and crashes
    at any time else: then a state is taken back that is older than lines that were sent."""
    generator = random.Random(number)
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    ends = {"alice": pair.alice, "bob": pair.bob}
    saved = {name: side.export() for name, side in ends.items()}
    wire: list[tuple[str, bytes]] = []
    shown: dict[str, list[bytes]] = {"alice": [], "bob": []}
    said: dict[str, list[bytes]] = {"alice": [], "bob": []}
    counters: set[object] = set()
    ahead: set[str] = set()  # who has sent lines since the last save
    older = 0

    def step(name: str, outcome: Outcome) -> None:
        side = ends[name]
        texts = [e.text for e in outcome.events if isinstance(e, events.MessageReceived)]
        if side.session.needs_commit or texts:
            saved[name] = side.export()
            ahead.discard(name)
        elif outcome.wire:
            ahead.add(name)
        shown[name] += texts
        for line in outcome.wire:
            if kind(line) == "DataMessage":
                message = parsed(line)
                counter = name, message.sender_keyid, message.recipient_keyid, message.counter
                assert counter not in counters
                counters.add(counter)
            wire.append(("bob" if name == "alice" else "alice", line))

    ssid = pair.alice.session.ssid
    for turn in range(120):
        name = generator.choice(["alice", "bob"])
        for _ in range(generator.randrange(3)):
            text = b"%s %d.%d" % (name.encode(), turn, len(said[name]))
            said[name].append(text)
            step(name, ends[name].session.send(text))
        while wire and generator.random() < 0.8:
            to, line = wire.pop(0)
            step(to, ends[to].session.receive(line))
        if generator.random() < 0.3:
            crashed = generator.choice(["alice", "bob"])
            older += crashed in ahead
            ends[crashed].rebirth(saved[crashed])
            ahead.discard(crashed)
    while wire:
        to, line = wire.pop(0)
        step(to, ends[to].session.receive(line))
    assert shown == {"alice": said["bob"], "bob": said["alice"]}
    assert pair.alice.session.ssid == pair.bob.session.ssid == ssid
    assert older


def test_key_that_was_announced_and_not_saved_then_new_keys_and_nothing_false(quick, version: int):
    pair = reborn_pair(quick, version)
    pair.establish()
    pair.converse(1)
    old = pair.alice.export()
    pair.converse(2)  # alice has announced keys that the old state does not have
    shown = list(pair.alice.texts)
    pair.alice.rebirth(old)
    lost = b"under a key that alice has lost"
    pair.bob.send(lost)
    pair.deliver()
    assert pair.alice.texts in (shown, [*shown, b"[resent] " + lost])
    assert pair.alice.seen(events.MessageRejected)
    assert pair.alice.session.state is pair.bob.session.state is MessageState.ENCRYPTED
    pair.converse(1)


@pytest.mark.parametrize("step", ["DHCommit", "DHKey", "RevealSignature"])
def test_key_exchange_that_has_gone_on_when_an_old_state_comes_back_then_no_counter_twice(
    quick, version: int, step: str
):
    pair = reborn_pair(quick, version)
    states: dict[str, tuple[str, bytes]] = {}
    pair.alice.start()
    while pair.alice.out or pair.bob.out:
        for name, other in (("alice", pair.bob), ("bob", pair.alice)):
            side = getattr(pair, name)
            while side.out:
                line = side.out.popleft()
                states.setdefault(kind(line), (name, side.sealed[-1]))
                other.receive(line)
    name, old = states[step]
    side, other = getattr(pair, name), pair.bob if name == "alice" else pair.alice
    used = {counter_of(side.session.send(b"first %d" % n).wire[0]) for n in range(3)}
    ssid = other.session.ssid
    side.rebirth(old)
    for line in other.sent:  # the messages of the exchange come again
        if line.startswith(ENCODED_PREFIX):
            side.receive(line)
    assert (side.session.state, side.session.ssid) == (MessageState.ENCRYPTED, ssid)
    again = {counter_of(side.session.send(b"other %d" % n).wire[0]) for n in range(3)}
    assert not used & again
    pair.deliver()
    side.start()
    pair.deliver()
    assert pair.alice.session.state is pair.bob.session.state is MessageState.ENCRYPTED
    pair.converse(1)
