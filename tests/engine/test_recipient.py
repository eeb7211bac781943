"""Which instance a text goes to: never to an unknown key while a trusted one stands, and only to
trusted keys if the policy says so."""

from __future__ import annotations

import pytest
from helpers import Pair, Side, make_account

from otrfast import Limits, MessageState, Policy, errors, events

LIMITS = Limits(ake_burst=1000, ake_rate=1000.0)


def second_instance(pair: Pair, name: str) -> Side:
    """Another instance of Alice's peer, with the key of `name`, in a private conversation."""
    account = make_account(
        pair.alice.account._identity.backend, name, 9, pair.clock, Policy.ALLOW_V3, LIMITS
    )
    side, pair.bob = pair.bob, Side(account, "alice")
    pair.bob.start()
    pair.deliver()
    assert pair.bob.encrypted
    other, pair.bob = pair.bob, side
    return other


@pytest.fixture
def verified(quick) -> Pair:
    pair = Pair(quick, 3, limits=LIMITS)
    pair.establish()
    pair.alice.account.trust.set("bob", pair.alice.session.fingerprint, "verified")
    return pair


def test_text_when_the_verified_instance_has_ended_then_refused_and_not_sent_to_another_key(
    verified: Pair,
):
    second_instance(verified, "mallory")
    verified.bob.take(verified.bob.session.end())
    verified.deliver()
    assert verified.alice.session.state is MessageState.FINISHED
    with pytest.raises(errors.ConversationFinished):
        verified.alice.send(b"secret")


def test_text_when_another_key_writes_then_it_goes_to_the_trusted_one_and_the_line_tells(
    verified: Pair,
):
    mallory = second_instance(verified, "mallory")
    verified.clock.turn(5)
    verified.alice.receive(mallory.session.send(b"hello").wire[0])
    received = verified.alice.events[-1]
    assert received == events.MessageReceived(b"hello", True, mallory.account.instance_tag)
    bob = verified.bob.account.instance_tag
    assert verified.alice.send(b"to bob").receivers == (bob,)
    reply = verified.alice.session.reply(received, b"to who wrote")
    assert reply.receivers == (mallory.account.instance_tag,)
    assert mallory.session.receive(reply.wire[0]).events[0].text == b"to who wrote"


def test_receivers_then_by_line_whatever_its_kind(quick, version: int):
    pair = Pair(quick, version)
    assert pair.alice.session.send(b"plain").receivers == (None,)
    assert pair.alice.session.start().receivers == (None,)
    pair.establish()
    tag = pair.bob.account.instance_tag if version == 3 else 0
    assert pair.alice.session.send(b"secret").receivers == (tag,)
    pair.alice.session.max_fragment = 200
    assert set(pair.alice.session.send(b"secret" * 50).receivers) == {tag}


def requiring_trust(quick) -> Pair:
    policy = Policy.MANUAL | Policy.REQUIRE_TRUST
    return Pair(quick, 3, policies=(policy, Policy.MANUAL), limits=LIMITS)


def test_trust_required_when_the_key_is_new_then_texts_wait_and_go_out_once_it_is_trusted(quick):
    pair = requiring_trust(quick)
    pair.alice.send(b"held back")
    assert all(b"held back" not in line for line in pair.alice.out)
    pair.deliver()
    assert pair.alice.encrypted
    assert not pair.bob.texts
    new = [event for event in pair.alice.events if isinstance(event, events.NewFingerprint)]
    assert len(new) == 1
    with pytest.raises(errors.UntrustedKey) as caught:
        pair.alice.send(b"too early")
    assert caught.value.fingerprint == new[0].fingerprint
    assert new[0].fingerprint.hex(" ", 4).upper() in str(caught.value)
    pair.alice.account.trust.set("bob", new[0].fingerprint, "verified")
    pair.alice.tick()
    pair.deliver()
    assert pair.bob.texts == [b"held back"]
    pair.converse(2)


def test_trust_required_when_the_next_text_comes_first_then_both_in_order(quick):
    pair = requiring_trust(quick)
    pair.alice.send(b"one")
    pair.deliver()
    pair.alice.account.trust.set("bob", pair.alice.session.fingerprint, "verified")
    pair.alice.send(b"two")
    pair.deliver()
    assert pair.bob.texts == [b"one", b"two"]


def test_trust_required_when_it_is_withdrawn_then_the_next_text_is_refused(quick):
    pair = requiring_trust(quick)
    pair.establish()
    pair.alice.account.trust.set("bob", pair.alice.session.fingerprint, "verified")
    pair.converse(2)
    pair.alice.account.trust.set("bob", pair.alice.session.fingerprint, "")
    for call in (lambda: pair.alice.send(b"x"), lambda: pair.alice.session.send_many([b"x"])):
        with pytest.raises(errors.UntrustedKey):
            call()
    with pytest.raises(errors.UntrustedKey):
        pair.alice.account.send_many([("bob", b"x")])
    pair.say(pair.bob, b"reading goes on")


def test_trust_required_when_the_key_is_not_trusted_in_time_then_texts_come_back(quick):
    pair = requiring_trust(quick)
    pair.alice.send(b"held back")
    pair.deliver()
    pair.clock.turn(61)
    pair.alice.tick()
    pair.deliver()
    assert pair.alice.seen(events.MessageUndelivered) == [events.MessageUndelivered(b"held back")]
    assert not pair.bob.texts


def test_trust_required_then_checks_of_a_secret_run_before_the_key_is_trusted(quick):
    pair = requiring_trust(quick)
    pair.establish()
    pair.alice.take(pair.alice.session.smp_start(b"secret"))
    pair.deliver()
    pair.bob.take(pair.bob.session.smp_answer(b"secret"))
    pair.deliver()
    assert pair.alice.seen(events.SmpSucceeded)
    pair.converse()
