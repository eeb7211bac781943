"""The contract's section 2: trust, the methods that programs override, and the extra key."""

import pytest
from potr_apps import POLICY, AppAccount, AppContext, Duo, key_of

from otrfast.potr import crypt, proto
from otrfast.potr.context import (
    STATE_PLAINTEXT,
    Context,
    NotEncryptedError,
)

QUERY_START = b"?OTRv2?\n"


def lone(**policies):
    return AppAccount("alice", **policies).getContext("bob")


# Trust


def test_trust_is_kept_under_the_trust_name_of_the_moment():
    duo = Duo().start()
    ctx = duo.alice.context
    fingerprint = key_of("bob").cfingerprint()
    assert ctx.trustName == "bob"
    assert ctx.getCurrentTrust() is None
    ctx.trustName = "bob@example.org"
    ctx.setCurrentTrust("")
    assert ctx.getCurrentTrust() == ""
    ctx.setTrust(fingerprint, "verified")
    assert ctx.getTrust(fingerprint) == ctx.getCurrentTrust() == "verified"
    assert ctx.user.trusts == {"bob@example.org": {fingerprint: "verified"}}
    assert ctx.user.saves == 2
    ctx.trustName = "bob"
    assert ctx.getCurrentTrust() is None
    assert ctx.getTrust(fingerprint, "default") == "default"
    ctx.trustName = "bob@example.org"
    ctx.removeFingerprint(fingerprint)
    assert ctx.getCurrentTrust() is None
    assert ctx.user.saves == 2


def test_there_is_no_trust_and_no_key_before_a_session():
    ctx = lone()
    assert ctx.getCurrentKey() is ctx.getCurrentTrust() is None
    ctx.crypto.theirPubkey = key_of("bob")
    ctx.setCurrentTrust("verified")
    assert ctx.getCurrentTrust() == "verified"


# What may be overridden


def test_the_base_class_asks_for_the_methods_that_programs_write():
    ctx = Context(AppAccount(), "peer")
    for call in (lambda: ctx.getPolicy("ALLOW_V2"), lambda: ctx.inject(b"x")):
        with pytest.raises(NotImplementedError):
            call()
    assert ctx.maxMessageSize() == 0
    assert ctx.shouldTagMessage(b"x")


def test_a_context_has_potrs_attributes():
    account = AppAccount()
    ctx = AppContext(account, "peer")
    assert (ctx.user, ctx.peer, ctx.trustName, ctx.policy) == (account, "peer", "peer", {})
    assert (ctx.tagOffer, ctx.mayRetransmit, ctx.lastSend, ctx.lastMessage) == (0, 0, 0, None)
    assert (ctx.state, ctx.fragmentInfo) == (STATE_PLAINTEXT, (0, 0))
    assert isinstance(ctx.crypto, crypt.CryptEngine)


def test_a_context_may_be_made_by_itself_and_have_slots():
    class Slotted(AppContext):
        __slots__ = ("extra",)

    ctx = Slotted(AppAccount("alice"), "bob")
    ctx.extra = ctx.anything = 1
    assert ctx.sendMessage(0, b"text") == b"text"


def test_only_the_policies_that_potr_has_are_asked_for():
    duo = Duo(SEND_TAG=True)
    asked = set()
    original = AppContext.getPolicy
    for side in (duo.alice, duo.bob):
        side.context.getPolicy = lambda key, ctx=side.context: (
            asked.add(key),
            original(ctx, key),
        )[1]
    duo.alice.say(b"hello")
    duo.alice.say(b"?OTR?")
    duo.start()
    duo.alice.say(b"hello")
    assert asked == set(POLICY)


def test_the_policy_is_asked_at_every_call():
    ctx = lone()
    assert ctx.sendMessage(0, b"text") == b"text"
    ctx.policies["REQUIRE_ENCRYPTION"] = True
    assert ctx.sendMessage(0, b"text").startswith(QUERY_START)
    ctx.policies["ALLOW_V2"] = False
    assert ctx.sendMessage(0, b"text") == b"text"


def test_key_exchanges_stand_still_while_v2_is_not_allowed():
    duo = Duo(direct=False, ALLOW_V1=True)
    duo.bob.receive(b"?OTRv2?")
    duo.alice.context.policies["ALLOW_V2"] = False
    duo.deliver()
    assert duo.alice.context.injected == []
    assert duo.alice.context.state == STATE_PLAINTEXT


# The extra key


def test_get_extra_key_needs_a_session():
    with pytest.raises(NotEncryptedError) as refused:
        lone().getExtraKey()
    assert refused.value.args == ()


def test_get_extra_key_is_that_of_the_key_exchange_at_first():
    duo = Duo().start()
    assert duo.alice.context.getExtraKey() == duo.bob.context.getExtraKey()
    assert len(duo.alice.context.getExtraKey()) == 32


def test_get_extra_key_tells_the_peer_what_it_is_for_and_both_have_that_of_the_message():
    duo = Duo().start()
    first = duo.alice.context.getExtraKey()
    for _ in range(3):
        duo.alice.say(b"rotate")
        duo.bob.say(b"the keys")
    key = duo.alice.context.getExtraKey(b"\0\0\0\x01", b"file.txt")
    assert duo.bob.tlvs == [proto.ExtraKeyTLV(b"\0\0\0\x01", b"file.txt")]
    assert duo.bob.context.getExtraKey() == key == duo.alice.context.getExtraKey()
    assert key != first
    assert duo.bob.context.getExtraKey(2) == duo.alice.context.getExtraKey()
    with pytest.raises(ValueError, match="4 bytes"):
        duo.alice.context.getExtraKey(b"\x01")
