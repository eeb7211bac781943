"""What a program sets for a peer outlives the session object, and costs what was set."""

from __future__ import annotations

import gc

import pytest
from helpers import Pair, kinds, make_account

from otrfast import Limits, MessageState, Padding, Policy, Recipient, errors
from otrfast.engine.settings import Settings


def forget_by_time(account) -> None:
    account._context.clock.turn(601)
    account.tick()
    assert not account.sessions


def forget_by_flood(account) -> None:
    for number in range(account.limits.peers * 2):
        account.session(("stranger", number)).receive(b"hello")
    assert "boss" not in account.sessions


@pytest.mark.parametrize("forget", [forget_by_time, forget_by_flood])
def test_settings_when_the_session_was_forgotten_then_in_force_again(quick, forget):
    account = make_account(quick, limits=Limits(peers=10))
    session = account.session("boss", policy=Policy.ALWAYS, max_fragment=400)
    session.padding = Padding(64)
    session.recipient = Recipient.MOST_RECENT
    del session
    forget(account)
    gc.collect()
    outcome = account.session("boss").send(b"secret")
    assert outcome.wire[0].startswith(b"?OTR")
    assert b"secret" not in outcome.wire[0]
    again = account.session("boss")
    assert (again.policy, again.max_fragment) == (Policy.ALWAYS, 400)
    assert (again.padding, again.recipient) == (Padding(64), Recipient.MOST_RECENT)


def test_settings_when_made_on_a_forgotten_session_then_kept(quick):
    account = make_account(quick)
    session = account.session("boss")
    forget_by_time(account)
    session.policy = Policy.ALWAYS
    del session
    gc.collect()
    assert account.session("boss").policy is Policy.ALWAYS


def test_refused_tag_when_the_session_was_forgotten_then_no_tag_again(quick):
    account = make_account(quick, policy=Policy.OPPORTUNISTIC)
    session = account.session("boss")
    assert session.send(b"hello").wire[0] != b"hello"
    session.receive(b"hello yourself")
    assert session.send(b"hello").wire[0] == b"hello"
    del session
    forget_by_time(account)
    assert account.session("boss").send(b"hello").wire[0] == b"hello"


def test_settings_of_peers_that_have_none_then_nothing_is_kept(quick):
    account = make_account(quick, limits=Limits(peers=10))
    session = account.session("boss", policy=Policy.ALWAYS)
    forget_by_flood(account)
    assert list(account._settings) == ["boss"]
    session = account.session("boss", max_fragment=0)
    session.max_fragment = 400
    session.max_fragment = 0
    assert account._settings["boss"].max_fragment == 0
    account.forget("boss")
    assert not account._settings


def test_policy_of_the_account_then_in_force_for_peers_without_their_own(quick):
    account = make_account(quick, policy=Policy.MANUAL)
    plain, own = account.session("plain"), account.session("own", policy=Policy.OPPORTUNISTIC)
    account.policy = Policy.ALWAYS
    assert plain.policy is Policy.ALWAYS
    assert own.policy is Policy.OPPORTUNISTIC
    assert kinds(plain.send(b"secret").wire) != [b"secret"]
    assert b"secret" not in plain.send(b"secret").wire
    assert account.session("new").policy is Policy.ALWAYS


def test_default_settings_then_those_of_a_new_conversation(quick):
    assert make_account(quick).session("new").conversation.settings == Settings()


@pytest.mark.parametrize("policy", [Policy.MANUAL, Policy.OPPORTUNISTIC])
def test_idle_session_when_its_time_is_over_then_finished_and_the_next_text_refused(quick, policy):
    pair = Pair(quick, 3, policies=(policy, Policy.MANUAL), limits=Limits(idle_session=100.0))
    pair.establish()
    pair.clock.turn(101)
    ((_, outcome),) = pair.alice.account.tick()
    pair.alice.take(outcome)
    assert pair.alice.session.state is MessageState.FINISHED
    with pytest.raises(errors.ConversationFinished):
        pair.alice.send(b"secret")
    pair.deliver()
    assert pair.bob.session.state is MessageState.FINISHED
    pair.alice.session.end()
    pair.alice.start()
    pair.deliver()
    pair.converse()


def test_recipient_when_its_instance_was_forgotten_then_texts_are_refused_and_not_sent_plain(quick):
    pair = Pair(quick, 3)
    pair.establish()
    account = pair.alice.account
    account.session("bob").recipient = pair.bob.account.instance_tag
    account.session("bob").end()
    pair.alice.session = None
    forget_by_time(account)
    gc.collect()
    assert account.session("bob").recipient == pair.bob.account.instance_tag
    with pytest.raises(errors.UnknownInstance):
        account.session("bob").send(b"secret")
