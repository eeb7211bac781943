"""What an old state could be made to do once it is taken back, and what keeps it from that.

The same key stream twice, through keys that were derived before the state was saved or after it, is
in test_export.py, with lines that come again and a check of a secret that ran. Here: MAC keys that
were published since, a D-H key that was announced and not saved, a key exchange that has gone on.
"""

from __future__ import annotations

import hmac

import pytest
from helpers import Pair, kind, parsed, unwrap, wrap

from otrfast import MessageState, events
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


def test_line_that_publishes_mac_keys_then_it_needs_a_commit_before(quick, version: int):
    pair = Pair(quick, version)
    pair.establish()
    pair.converse(3)
    pair.alice.account.counter_epoch = 1
    key = quick.state_key(bytes(32))
    published = 0
    for _ in range(4):
        pair.alice.session.export(key, b"")
        line = pair.alice.session.send(b"text").wire[0]
        published += bool(parsed(line).old_mac_keys)
        assert pair.alice.session.needs_commit or not parsed(line).old_mac_keys
        pair.bob.receive(line)
        pair.say(pair.bob, b"answer")
    assert published


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
