"""What a peer asks for: repeated keys, copies, lost sessions, long texts, our own key."""

from __future__ import annotations

import pytest
from helpers import CountingBackend, Pair, kinds, make_account

from otrfast import Account, Limits, Policy, errors, events
from otrfast.crypto.backend import DsaNumbers
from otrfast.crypto.dsa import PublicKey
from otrfast.wire.fields import mpi
from otrfast.wire.tlv import Tlv


def announcing(pair: Pair, public: bytes) -> bytes:
    """Bob's next message, well authenticated, which announces `public` as his next D-H key."""
    channel = pair.bob.instance.channel
    keys, prefix = channel._sending(0)
    head = prefix[: -len(mpi(channel.keyring.next_public()))]
    return keys.seal(head + mpi(public), b"text", b"", b"")


@pytest.mark.parametrize("which", ["current", "previous"])
def test_dh_key_announced_again_under_a_new_id_then_refused_and_nothing_changes(
    backend, version: int, which: str
):
    """Its pair would use the key stream of the old id again, whose MAC key is public."""
    pair = Pair(backend, version)
    pair.establish()
    pair.converse(3)
    pair.say(pair.alice, b"so that Bob uses his newest key")
    ring = pair.alice.instance.channel.keyring
    known = ring.their_public[ring.their_keyid if which == "current" else ring.their_keyid - 1]
    ids = ring.our_keyid, ring.their_keyid
    outcome = pair.alice.receive(announcing(pair, known))
    assert [type(event.error) for event in outcome.events] == [errors.RepeatedKey]
    assert (ring.our_keyid, ring.their_keyid) == ids


def test_dh_key_announced_under_the_previous_id_then_it_is_the_current_one_rightly(backend):
    pair = Pair(backend, 3)
    pair.establish()
    pair.converse(2)
    lines = pair.bob.session.send_many([b"one", b"two", b"three"]).wire
    got = [pair.alice.receive(line).events[0] for line in lines]
    assert [event.text for event in got] == [b"one", b"two", b"three"]
    pair.converse(2)


def test_copy_of_an_accepted_message_when_its_keys_are_gone_then_no_answer(backend, version: int):
    """The peer would start again and repeat its last text."""
    pair = Pair(backend, version)
    pair.establish()
    pair.converse(1)
    lines = [pair.bob.session.send(b"%d" % number).wire[0] for number in range(3)]
    for line in lines:
        pair.alice.receive(line)
    pair.converse(3)
    late = [pair.alice.receive(line) for line in lines]
    pair.alice.start()
    pair.deliver()  # a refresh: key ids start again
    pair.converse(1)
    late += [pair.alice.receive(line) for line in lines]
    for outcome in late:
        assert [type(event.error) for event in outcome.events] == [errors.CounterReplayed]
        assert not outcome.wire
    pair.converse()


def test_message_that_was_lost_when_it_comes_late_then_the_peer_is_told(quick):
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(1)
    lost = pair.bob.session.send(b"lost").wire[0]
    pair.converse(3)
    outcome = pair.alice.receive(lost)
    assert [type(event.error) for event in outcome.events] == [errors.UnknownKeyid]
    assert kinds(outcome.wire) == ["error"]


@pytest.mark.parametrize(("p_bits", "q_bits"), [(2048, 224), (3072, 256), (1024, 224)])
def test_key_of_another_size_then_refused_and_nothing_is_computed_for_it(
    backend, p_bits: int, q_bits: int
):
    numbers = DsaNumbers(*((1 << bits) - 1 for bits in (p_bits, q_bits, p_bits - 1, p_bits - 1)))
    identity = make_account(CountingBackend(backend))._identity
    key = PublicKey.of(numbers, identity.backend)
    identity.backend.counts.clear()
    with pytest.raises(errors.BadSignature):
        identity.peer_keys.verify(key, bytes(32), bytes(40), lambda fingerprint: True)
    assert identity.backend.counts["verified"] == 0


def test_fragments_that_come_twice_then_the_text_comes_once(backend, version: int):
    pair = Pair(backend, version)
    pair.establish()
    pair.converse(1)
    pair.alice.session.max_fragment = 200
    text = b"long " * 200
    for line in pair.alice.session.send(text).wire:
        pair.bob.receive(line)
        pair.bob.receive(line)
    assert pair.bob.texts[-1] == text
    assert pair.bob.texts.count(text) == 1


def test_session_unknown_when_the_bot_has_restarted_then_the_peer_is_asked_to_start_again(
    backend, version: int
):
    policy = Policy.ERROR_START_AKE
    pair = Pair(backend, version, answer_unknown_v2=True)
    for side in (pair.alice, pair.bob):
        side.session.policy |= policy
    pair.establish()
    pair.converse(1)
    fresh = Pair(backend, version, 2, clock=pair.clock, answer_unknown_v2=True)
    fresh.alice.account._identity.instance_tag = pair.alice.account.instance_tag
    pair.alice = fresh.alice
    pair.alice.session.policy |= policy
    pair.bob.send(b"are you there?")
    pair.deliver()
    unknown = pair.alice.seen(events.SessionUnknown)
    assert unknown == [events.SessionUnknown(pair.bob.session.instance_tags[0] * (version == 3))]
    assert pair.alice.encrypted
    pair.converse()


def test_session_unknown_when_it_is_asked_often_then_answered_within_the_limits(quick):
    donor = Pair(quick, 3)
    donor.establish()
    account = make_account(quick, "carol", policy=Policy.MANUAL)
    account._identity.instance_tag = donor.alice.account.instance_tag
    lines = donor.bob.session.send_many([b"%d" % number for number in range(20)]).wire
    outcomes = [account.session("bob").receive(line) for line in lines]
    assert sum(len(outcome.wire) for outcome in outcomes) == 1
    assert kinds(outcomes[0].wire) == ["error"]
    assert account.limited["error_interval"] == 19
    assert all(events.SessionUnknown in map(type, outcome.events) for outcome in outcomes)


def test_session_unknown_of_version_2_then_an_event_and_an_answer_only_if_asked_for(quick):
    donor = Pair(quick, 2)
    donor.establish()
    line = donor.bob.session.send(b"x").wire[0]
    for answers in (False, True):
        account = make_account(quick, "carol", answer_unknown_v2=answers)
        outcome = account.session("bob").receive(line)
        assert outcome.events[-1] == events.SessionUnknown(0)
        assert bool(outcome.wire) is answers


SIZES = [48_893, 48_894, 60_000, 100_000, 150_000, 190_000]


@pytest.mark.parametrize("size", SIZES)
def test_text_of_any_size_that_is_sent_then_a_peer_with_the_same_limits_reads_it(
    quick, version: int, size: int
):
    pair = Pair(quick, version)
    pair.establish()
    pair.converse(1)
    for text in (b"x" * size, b"y" * size):
        pair.say(pair.alice, text)
    tlvs = [Tlv(0x100, b"z" * min(size, 65_535))]
    pair.alice.send(b"t", tlvs=tlvs)
    pair.deliver()
    assert pair.bob.seen(events.TlvsReceived)[-1].tlvs == tuple(tlvs)
    pair.alice.take(pair.alice.session.extra_key(1, b"d" * min(size, 65_531)))
    pair.deliver()
    assert len(pair.bob.seen(events.ExtraKeyReceived)[-1].data) == min(size, 65_531)


def test_text_that_is_too_long_then_refused_before_anything_is_sealed(quick):
    pair = Pair(quick, 3)
    pair.establish()
    pair.converse(1)
    for call in (
        lambda: pair.alice.send(b"x" * 200_000),
        lambda: pair.alice.session.send_many([b"x" * 200_000]),
        lambda: pair.alice.account.send_many([("bob", b"x" * 200_000)]),
        lambda: pair.alice.send(b"x" * 150_000, tlvs=[Tlv(0x100, bytes(65_000))]),
    ):
        with pytest.raises(errors.TextTooLong, match="195584"):
            call()
    pair.converse()


def test_line_that_is_too_long_in_a_session_then_the_peer_is_told(quick):
    pair = Pair(quick, 3)
    pair.establish()
    outcome = pair.alice.receive(b"?OTR:" + b"A" * 300_000 + b".")
    assert [type(event) for event in outcome.events] == [events.Limited, events.MessageRejected]
    assert kinds(outcome.wire) == ["error"]
    pair.alice.session.end()
    assert pair.alice.receive(b"?OTR:" + b"A" * 300_000 + b".").wire == ()


def own_key_on_both_sides(backend, version: int, allowed: bool) -> Pair:
    """Two accounts with one key, as somebody who relays between them would have it."""
    pair = Pair(backend, version, allow_own_key=allowed)
    pair.bob.account.private_key = pair.alice.account.private_key
    return pair


def test_own_key_at_the_other_end_then_refused_as_reflected(backend, version: int):
    pair = own_key_on_both_sides(backend, version, allowed=False)
    pair.alice.start()
    pair.deliver()
    assert not pair.alice.encrypted
    assert not pair.bob.encrypted
    refused = [event.error for event in pair.alice.seen(events.MessageRejected)]
    assert [type(error) for error in refused] == [errors.Reflected]


def test_own_key_at_the_other_end_when_the_program_allows_it_then_taken(backend, version: int):
    pair = own_key_on_both_sides(backend, version, allowed=True)
    pair.establish()
    pair.converse()


@pytest.mark.parametrize("changes", ["before", "during"])
def test_private_key_when_changed_then_a_running_session_is_checked_under_its_own(
    quick, changes: str
):
    pair = Pair(quick, 3)
    other = make_account(quick, "dave").private_key
    if changes == "during":
        pair.alice.start()
        pair.step(pair.alice)  # the query
        pair.step(pair.bob)  # the commitment
        pair.step(pair.alice)  # the D-H Key: Bob signs
        pair.bob.account.private_key = other
        pair.deliver()
    else:
        pair.establish()
        pair.bob.account.private_key = other
    pair.bob.take(pair.bob.session.smp_start(b"secret"))
    pair.deliver()
    pair.alice.take(pair.alice.session.smp_answer(b"secret"))
    pair.deliver()
    for side in (pair.alice, pair.bob):
        assert side.seen(events.SmpSucceeded), changes


@pytest.mark.parametrize("name", ["alice", "a\nb", "jo\udcfcrg", "?OTRv2?"])
def test_query_then_without_the_name_of_the_account_and_on_one_line(quick, name: str):
    account = Account(name, "test", make_account(quick).private_key)
    (line,) = account.session("peer").start().wire
    assert b"alice" not in line
    assert b"\n" not in line
    assert line.startswith(b"?OTRv23? ")


@pytest.mark.parametrize(
    ("arguments", "more", "word"),
    [
        (("alice", "xmpp", None), {}, "private_key"),
        (("alice", "xmpp", "bot.key"), {}, "PrivateKey.load"),
        (("alice", "xmpp", b"key"), {}, "private_key"),
        ((b"alice", "xmpp", 0), {}, "name"),
        (("alice", None, 0), {}, "protocol"),
        (("alice", "xmpp", 0), {"policy": 7}, "policy"),
        (("alice", "xmpp", 0), {"limits": 7}, "limits"),
        (("alice", "xmpp", 0), {"instance_tag": "7"}, "instance_tag"),
        (("alice", "xmpp", 0), {"query_text": "text"}, "query_text"),
    ],
)
def test_account_of_wrong_arguments_then_a_clear_error_at_once(quick, arguments, more, word):
    key = make_account(quick).private_key
    filled = [key if argument == 0 else argument for argument in arguments]
    with pytest.raises(TypeError, match=word):
        Account(*filled, **more)


@pytest.mark.parametrize("name", Limits.__match_args__)
@pytest.mark.parametrize("value", [-1, float("nan"), "9", True])
def test_limits_of_wrong_values_then_a_clear_error(name: str, value: object):
    with pytest.raises((ValueError, TypeError), match=f"Limits.{name}"):
        Limits(**{name: value})


@pytest.mark.parametrize("name", ["peers", "message_size", "instances", "account_ake_rate"])
def test_limits_of_zero_then_a_clear_error(name: str):
    with pytest.raises(ValueError, match="above 0"):
        Limits(**{name: 0})
