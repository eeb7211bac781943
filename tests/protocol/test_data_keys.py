"""Keys that turn, counters that rise, MAC keys that are revealed once nobody needs them."""

from __future__ import annotations

import hmac
import random
from itertools import pairwise

import pytest
from helpers import Pair, Side, digest, encoded, kinds, parsed, unwrap, wrap

from otrfast import MessageState, Outcome, errors, events
from otrfast._records import replace
from otrfast.wire.messages import DataMessage


def data(lines: list[bytes]) -> list[DataMessage]:
    return [parsed(line) for line in lines if kinds([line]) == ["DataMessage"]]


def remac(message: DataMessage, key: bytes) -> bytes:
    """The line of a message under this MAC key."""
    raw = message.encode()
    authenticated = raw[: len(raw) - 24 - len(message.old_mac_keys)]
    return wrap(authenticated + hmac.digest(key, authenticated, "sha1") + bytes(4))


def live_macs(side: Side) -> set[bytes]:
    """The receiving MAC keys that a side would accept a message under now."""
    ring = side.instance.channel.keyring
    return {keys.receive_mac_key() for keys in ring._pairs.values()}


def refusals(outcome: Outcome) -> list[type]:
    return [
        type(event.error) for event in outcome.events if isinstance(event, events.MessageRejected)
    ]


def texts(outcome: Outcome) -> list[bytes]:
    return [event.text for event in outcome.events if isinstance(event, events.MessageReceived)]


def revealed_in(line: bytes) -> list[bytes]:
    keys = parsed(line).old_mac_keys
    assert len(keys) % 20 == 0
    return [keys[at : at + 20] for at in range(0, len(keys), 20)]


def test_keyids_when_turns_alternate_then_each_rises_by_one(secured: Pair):
    secured.converse(5)
    for side in (secured.alice, secured.bob):
        ids = [(each.sender_keyid, each.recipient_keyid) for each in data(side.sent)]
        assert ids[0] == (1, 1 if side is secured.alice else 2)
        for before, after in pairwise(ids):
            assert (after[0] - before[0], after[1] - before[1]) in {(1, 1), (1, 0), (0, 1)}
        assert ids[-1][0] >= 4


def test_keyids_when_one_side_talks_then_they_stand_still(secured: Pair):
    secured.converse(2)
    before = len(secured.alice.sent)
    for _ in range(10):
        secured.say(secured.alice, b"x")
    ids = {(each.sender_keyid, each.recipient_keyid) for each in data(secured.alice.sent[before:])}
    assert len(ids) == 1


def test_counters_then_rise_from_one_and_never_repeat_under_a_pair(secured: Pair):
    secured.converse(3)
    for _ in range(5):
        secured.say(secured.alice, b"x")
    secured.alice.send(b"y", tlvs=[])
    secured.deliver()
    for side in (secured.alice, secured.bob):
        seen: dict[tuple[int, int], int] = {}
        for each in data(side.sent):
            pair = each.sender_keyid, each.recipient_keyid
            assert each.counter == seen.get(pair, 0) + 1
            seen[pair] = each.counter


def test_mac_keys_when_a_long_talk_then_revealed_once_and_never_one_in_use(
    secured: Pair, seed: int
):
    order = random.Random(seed)
    published: list[bytes] = []
    for number in range(60):
        side = order.choice([secured.alice, secured.bob])
        in_use = live_macs(secured.alice) | live_macs(secured.bob)
        line = side.send(b"%d" % number).wire[0]
        for key in revealed_in(line):
            assert key not in live_macs(side)
            assert key not in published
            published.append(key)
        assert not set(revealed_in(line)) & (in_use - live_macs(secured.other(side)))
        secured.deliver()
        assert not set(published) & (live_macs(secured.alice) | live_macs(secured.bob))
    assert len(published) > 10


def test_mac_key_when_nothing_came_under_it_then_not_revealed(secured: Pair):
    """Only keys that have verified a message: Bob receives nothing, so he has nothing to reveal."""
    for number in range(3):
        secured.alice.start()
        secured.deliver()
        secured.bob.send(b"%d" % number)
        assert revealed_in(secured.bob.out[0]) == []
        secured.deliver()


def test_revealed_mac_key_then_it_re_macs_an_old_message(secured: Pair):
    """Deniability: with what is on the wire anyone can make the old message say something else."""
    secured.converse(4)
    old = {each.mac: each for each in data(secured.alice.sent)}
    published = [
        key
        for line in secured.bob.sent
        if kinds([line]) == ["DataMessage"]
        for key in revealed_in(line)
    ]
    matched = 0
    for key in published:
        for message in old.values():
            raw = message.encode()
            authenticated = raw[: len(raw) - 24 - len(message.old_mac_keys)]
            if hmac.digest(key, authenticated, "sha1") == message.mac:
                matched += 1
                forged = remac(message, key)
                assert parsed(forged).mac == message.mac
    assert matched == len(published) > 2


def test_message_forged_with_a_revealed_mac_key_then_refused(secured: Pair):
    secured.converse(4)
    published = [
        key
        for line in secured.bob.sent
        if kinds([line]) == ["DataMessage"]
        for key in revealed_in(line)
    ]
    before = digest(secured.bob.session)
    for message in data(secured.alice.sent):
        for key in published:
            newer = replace(message, counter=message.counter + 1000)
            outcome = secured.bob.session.receive(remac(newer, key))
            assert refusals(outcome)
            assert not texts(outcome)
    assert digest(secured.bob.session) == before
    secured.converse()


def test_mac_keys_when_refreshed_then_those_of_the_old_session_are_revealed(secured: Pair):
    secured.converse(3)
    due = {
        keys.receive_mac_key()
        for keys in secured.alice.instance.channel.keyring._pairs.values()
        if keys.verified
    }
    waiting = secured.alice.instance.channel.keyring._revealed
    due |= {waiting[at : at + 20] for at in range(0, len(waiting), 20)}
    assert due
    secured.bob.start()
    secured.deliver()
    line = secured.alice.send(b"under new keys").wire[0]
    assert set(revealed_in(line)) == due
    secured.deliver()
    assert revealed_in(secured.alice.send(b"next").wire[0]) == []


def test_mac_keys_when_ended_then_dropped(secured: Pair):
    secured.converse(3)
    secured.alice.take(secured.alice.session.end())
    secured.deliver()
    assert secured.bob.instance.channel is None


# Loss, repetition, order


def test_message_when_it_comes_twice_then_delivered_once(secured: Pair):
    line = secured.alice.send(b"once").wire[0]
    secured.deliver()
    before = digest(secured.bob.session)
    outcome = secured.bob.session.receive(line)
    assert refusals(outcome) == [errors.CounterReplayed]
    assert not outcome.wire
    assert digest(secured.bob.session) == before
    assert secured.bob.texts == [b"once"]


def test_message_when_an_older_one_comes_later_then_refused(secured: Pair):
    first, second = (secured.alice.session.send(text).wire[0] for text in (b"first", b"second"))
    secured.bob.receive(second)
    outcome = secured.bob.receive(first)
    assert refusals(outcome) == [errors.CounterReplayed]
    secured.converse()


def test_messages_when_lost_then_the_later_ones_are_read(secured: Pair):
    for number in range(40):
        side = (secured.alice, secured.bob)[number % 3 == 0]
        side.send(b"%d" % number)
        if number % 4 == 1:
            side.out.clear()
        secured.deliver()
    secured.converse(2)


def test_messages_when_damaged_in_any_order_then_what_comes_is_what_was_sent(
    fast_backend, version: int
):
    """Loss, repetition and disorder by chance: no text twice, none that was not sent, and the
    conversation goes on."""
    for number in range(30):
        order = random.Random(number)
        pair = Pair(fast_backend, version, number)
        pair.establish()
        sent: dict[str, list[bytes]] = {"alice": [], "bob": []}
        old: list[tuple[Side, bytes]] = []
        for turn in range(40):
            side = order.choice([pair.alice, pair.bob])
            text = b"%d" % turn
            sent[side.account.name].append(text)
            side.send(text)
            while side.out and order.random() < 0.8:
                at = order.randrange(len(side.out))
                line = side.out[at]
                del side.out[at]
                if order.random() < 0.1:
                    continue
                old.append((pair.other(side), line))
                pair.other(side).receive(line)
            if old and order.random() < 0.2:
                receiver, line = order.choice(old)
                receiver.receive(line)
        for side in (pair.alice, pair.bob):
            theirs = sent[pair.other(side).account.name]
            assert len(set(side.texts)) == len(side.texts)
            assert set(side.texts) <= set(theirs)
            side.out.clear()
        pair.converse(2)


def test_old_session_when_replayed_after_a_refresh_then_refused(secured: Pair):
    secured.converse(2)
    old = list(secured.alice.sent)
    secured.bob.start()
    secured.deliver()
    secured.converse()
    before = digest(secured.bob.session)
    for line in old:
        if kinds([line]) == ["DataMessage"]:
            outcome = secured.bob.session.receive(line)
            assert refusals(outcome)
            assert not texts(outcome)
    assert digest(secured.bob.session) == before


# Fields out of range


@pytest.mark.parametrize("ids", [(0, 1), (1, 0), (2**32 - 1, 1), (1, 2**32 - 1), (9, 1), (1, 9)])
def test_keyid_when_not_alive_then_refused(secured: Pair, ids: tuple[int, int]):
    message = parsed(secured.alice.session.send(b"x").wire[0])
    changed = DataMessage(
        message.version, message.sender, message.receiver, message.flags, *ids, message.next_key,
        message.counter, message.ciphertext, b"", message.mac, b"",
    )  # fmt: skip
    before = digest(secured.bob.session)
    outcome = secured.bob.session.receive(encoded(changed))
    assert refusals(outcome) == [errors.UnknownKeyid]
    assert digest(secured.bob.session) == before


def test_keyid_when_it_jumps_by_two_then_refused(secured: Pair):
    secured.converse(3)
    ring = secured.bob.instance.channel.keyring
    for ours, theirs in ((0, 1), (2, 0), (1, 2), (-2, 0), (0, -2)):
        message = parsed(secured.alice.session.send(b"x").wire[0])
        changed = DataMessage(
            message.version, message.sender, message.receiver, 0, ring.their_keyid + theirs,
            ring.our_keyid + ours, message.next_key, 99, b"x", b"", bytes(20), b"",
        )  # fmt: skip
        before = digest(secured.bob.session)
        outcome = secured.bob.session.receive(encoded(changed))
        assert refusals(outcome) == [errors.UnknownKeyid]
        assert digest(secured.bob.session) == before
    secured.converse()


@pytest.mark.parametrize("flag", [0x01, 0x02, 0x80, 0xFF])
def test_flags_when_any_are_set_then_the_message_is_read(secured: Pair, flag: int):
    channel = secured.alice.instance.channel
    line = channel.seal(b"flagged", b"", flag)
    assert secured.bob.receive(line).events[0].text == b"flagged"
    secured.converse()


def test_unreadable_when_it_may_be_ignored_then_silence(secured: Pair):
    message = parsed(secured.alice.session.send(b"x").wire[0])
    for flags, told in ((1, False), (0, True)):
        changed = DataMessage(
            message.version, message.sender, message.receiver, flags, 1, 1, message.next_key,
            message.counter, message.ciphertext, b"", bytes(20), b"",
        )  # fmt: skip
        outcome = secured.bob.session.receive(encoded(changed))
        assert bool(outcome.events) is told
        assert kinds(outcome.wire) == ["error"] * told


def test_data_when_not_private_then_events_and_in_version_3_an_answer(pair: Pair, seed: int):
    other = Pair(pair.alice.account._identity.backend, pair.version, seed)
    other.establish()
    line = other.bob.send(b"x").wire[0]
    outcome = pair.alice.receive(line)
    assert refusals(outcome) == [errors.UnexpectedMessage]
    assert outcome.events[-1] == events.SessionUnknown(outcome.events[0].instance)
    assert kinds(outcome.wire) == (["error"] if pair.version == 3 else [])
    assert pair.alice.session.instances == ()


def test_disconnect_with_data_and_text_then_text_is_read_and_it_ends(secured: Pair):
    from otrfast.wire.tlv import Tlv

    secured.alice.send(b"last words", tlvs=[Tlv(1, b"with data"), Tlv(99, b"?")])
    secured.deliver()
    assert secured.bob.texts == [b"last words"]
    assert secured.bob.session.state is MessageState.FINISHED


def test_session_when_it_ends_then_no_handle_is_left(secured: Pair):
    secured.converse(3)
    secured.alice.take(secured.alice.session.end())
    secured.deliver()
    secured.clock.turn(60)  # until then another device may answer Bob's commitment
    for side in (secured.alice, secured.bob):
        side.tick()
        assert side.instance.channel is None
        assert "DataKeys" not in repr(digest(side.session))
        assert "DhKey" not in repr(digest(side.session))


def test_instance_tags_in_data_messages_then_those_of_both(secured: Pair, version: int):
    message = parsed(secured.alice.send(b"x").wire[0])
    tags = secured.alice.account.instance_tag, secured.bob.account.instance_tag
    assert (message.sender, message.receiver) == (tags if version == 3 else (0, 0))
    assert unwrap(secured.alice.out[0])[1] == version


def test_revealed_mac_keys_when_the_peer_turns_its_keys_alone_then_bounded(quick, version: int):
    """Its own messages turn them, whether it has heard from us or not."""
    pair = Pair(quick, version, max_fragment=40)
    pair.establish()
    alice, bob = pair.alice, pair.bob
    pair.say(alice, b"so that keys can turn")
    ring = bob.instance.channel.keyring
    for number in range(100):
        line = bob.instance.channel.seal(b"%d" % number)
        assert alice.receive(line).events[0].text == b"%d" % number
        ring._previous, ring._current, ring.our_keyid = ring._current, None, ring.our_keyid + 1
        bob.instance.channel.send_keys = None
    before = alice.instance.channel.keyring
    assert len(before._revealed) == 32 * 20
    line = alice.instance.channel.seal(b"an answer")
    assert len(revealed_in(line)) == 32
    assert len(line) < 2000
