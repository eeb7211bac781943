"""OTRv3 by opting in: `ALLOW_V3 = True` on the Context or the Account class."""

import pytest
from potr_apps import POLICY, AppAccount, AppContext, Duo, Side

from otrfast.potr import proto
from otrfast.potr.context import STATE_ENCRYPTED, STATE_FINISHED, NotOTRMessage

TAG3 = proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[3]


class Context3(AppContext):
    ALLOW_V3 = True


class Account3(AppAccount):
    contextclass = Context3

    def __init__(self, name="me", protocol="test", size=0, **policies):
        super().__init__(name, protocol, size, **{"ALLOW_V3": True} | policies)


class AccountThatOptsIn(AppAccount):
    ALLOW_V3 = True


def heads(side):
    return {line[:8] for line in side.context.lines if line.startswith(b"?OTR:")}


@pytest.mark.parametrize("account", [Account3, AccountThatOptsIn])
def test_a_query_offers_both_versions_and_the_higher_one_is_spoken(account):
    duo = Duo(account=account, direct=False, ALLOW_V3=True)
    duo.alice.say(b"?OTR?")
    assert duo.alice.context.lines[0].startswith(b"?OTRv23?")
    duo.deliver()
    duo.alice.say(b"hello")
    duo.bob.say(b"hello")
    duo.deliver()
    assert duo.alice.texts == duo.bob.texts == [b"hello"]
    assert heads(duo.alice) == heads(duo.bob) == {b"?OTR:AAM"}


def test_opting_in_alone_does_nothing_without_the_policy():
    duo = Duo(account=Account3, ALLOW_V3=False)
    duo.alice.say(b"?OTR?")
    assert duo.alice.context.lines[0].startswith(b"?OTRv2?")
    assert heads(duo.alice) == heads(duo.bob) == {b"?OTR:AAI"}


def test_v3_may_be_all_that_is_spoken():
    duo = Duo(account=Account3, ALLOW_V2=False)
    duo.alice.say(b"?OTR?")
    assert duo.alice.context.lines[0].startswith(b"?OTRv3?")
    assert duo.bob.context.state == STATE_ENCRYPTED
    other = AppAccount("alice").getContext("bob")
    assert duo.bob.context.receiveMessage(b"?OTRv2?") == (None, [])
    with pytest.raises(NotOTRMessage):
        other.receiveMessage(duo.alice.context.lines[-1])


def test_a_program_that_did_not_opt_in_is_spoken_to_in_v2():
    duo = Duo(alice=Account3("alice"), bob=AppAccount("bob"))
    duo.alice.say(b"?OTR?")
    duo.bob.say(b"hello")
    assert duo.alice.texts == [b"hello"]
    assert heads(duo.alice) == {b"?OTR:AAI"}


def test_a_tag_offers_v3_and_is_answered_in_it():
    duo = Duo(account=Account3, SEND_TAG=True)
    duo.alice.say(b"hello")
    tags = proto.MESSAGE_TAGS[2] + proto.MESSAGE_TAGS[3]
    assert duo.alice.context.lines[0] == b"hello" + proto.MESSAGE_TAG_BASE + tags
    assert heads(duo.bob) == {b"?OTR:AAM"}
    assert duo.alice.context.state == STATE_ENCRYPTED


def test_v3_messages_are_fragmented_with_their_instance_tags():
    duo = Duo(account=Account3)
    for account in duo.accounts:
        account.maxMessageSize = 120
    duo.alice.say(b"?OTR?")
    duo.alice.say(b"x" * 300)
    assert duo.bob.texts == [b"x" * 300]
    lines = duo.alice.context.lines[1:] + duo.bob.context.lines
    assert all(line.startswith(b"?OTR|") and len(line) <= 120 for line in lines)
    tags = [account.engineAccount().instance_tag for account in duo.accounts]
    assert duo.alice.context.lines[-1].startswith(b"?OTR|%08x|%08x," % tuple(tags))


def test_everything_that_works_in_v2_works_in_v3():
    duo = Duo(account=Account3)
    duo.alice.say(b"?OTR?")
    duo.clear()
    duo.alice.context.smpInit(b"secret")
    duo.bob.context.smpGotSecret(b"secret")
    assert duo.alice.context.smpIsSuccess()
    assert duo.bob.context.smpIsSuccess()
    key = duo.alice.context.getExtraKey(b"\0\0\0\x01")
    assert duo.bob.context.getExtraKey() == key
    assert duo.alice.context.crypto.ake is None
    duo.alice.context.disconnect()
    assert duo.bob.context.state == STATE_FINISHED


def test_the_instance_tag_may_be_given():
    account = Account3("alice")
    account.instanceTag = 0x1234
    duo = Duo(alice=account, bob=Account3("bob"))
    duo.alice.say(b"?OTR?")
    assert account.engineAccount().instance_tag == 0x1234


def test_two_instances_of_the_peer_have_sessions_of_their_own():
    alice = Account3("alice").getContext("bob")
    instances = [Side(Account3("bob").getContext("alice")) for _ in range(2)]

    def to_all(line):
        for instance in instances:
            instance.receive(line)

    alice.line = to_all
    back = Side(alice)
    for instance in instances:
        instance.context.line = back.receive
    alice.receiveMessage(b"?OTRv3?")
    assert [each.context.state for each in instances] == [STATE_ENCRYPTED] * 2
    for instance in instances:
        instance.say(b"hello")
    assert back.texts == [b"hello", b"hello"]
    changes = len(alice.changes)
    instances[0].context.disconnect()
    assert alice.state == STATE_ENCRYPTED  # the other instance is still there
    assert len(alice.changes) == changes
    alice.sendMessage(0, b"to the one that is left")
    assert instances[1].texts == [b"to the one that is left"]
    assert instances[0].texts == []
    assert alice.crypto.sessionId == instances[1].context.crypto.sessionId
    instances[1].context.disconnect()
    assert alice.state == STATE_FINISHED


def test_potrs_policies_are_a_part_of_what_is_asked_then():
    assert "ALLOW_V3" not in POLICY
    asked = []
    ctx = Account3("alice").getContext("bob")
    ctx.getPolicy = lambda key: (asked.append(key), key.startswith("ALLOW"))[1]
    ctx.sendMessage(0, b"?OTR?")
    assert "ALLOW_V3" in asked
