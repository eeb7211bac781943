"""The contract's section 2: `Context.sendMessage` and `disconnect`."""

import pytest
from potr_apps import AppAccount, AppContext, Duo, key_of

from otrfast.potr import context, crypt, proto
from otrfast.potr.context import (
    EXC_FINISHED,
    FRAGMENT_SEND_ALL,
    FRAGMENT_SEND_ALL_BUT_FIRST,
    FRAGMENT_SEND_ALL_BUT_LAST,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    STATE_PLAINTEXT,
    NotEncryptedError,
)

QUERY_START = b"?OTRv2?\n"


def lone(**policies):
    return AppAccount("alice", **policies).getContext("bob")


def test_texts_are_bytes():
    for policies in ({}, {"SEND_TAG": True}, {"REQUIRE_ENCRYPTION": True}):
        with pytest.raises(TypeError, match="bytes"):
            lone(**policies).sendMessage(0, "text")
    with pytest.raises(TypeError, match="bytes"):
        Duo().start().alice.context.sendMessage(0, "text")


def test_a_plain_text_is_returned_as_it_is():
    ctx = lone()
    for policy in (0, 1, 2):
        assert ctx.sendMessage(policy, b"hello") == b"hello"
    assert ctx.injected == []


def test_everything_is_returned_as_it_is_where_otr_is_disabled():
    ctx = lone(ALLOW_V2=False, REQUIRE_ENCRYPTION=True)
    for message in (b"hello", b"?OTRv2?", "text", proto.Error(b"x")):
        assert ctx.sendMessage(0, message) is message
    assert ctx.lastSend == 0


@pytest.mark.parametrize("text", [b"?OTR?", b"?OTRv2?", b"please ?OTRv2? now", b"?OTR?v2?"])
@pytest.mark.parametrize("state", [STATE_PLAINTEXT, STATE_ENCRYPTED, STATE_FINISHED])
def test_a_query_anywhere_in_a_text_becomes_the_accounts_query(text, state):
    ctx = lone()
    ctx.state = state
    for policy in (0, 1, 2):
        line = ctx.sendMessage(policy, text)
        assert line == ctx.user.getDefaultQueryMessage(ctx.getPolicy)
        assert line.startswith(QUERY_START)
    assert ctx.injected == []


def test_parse_explicit_query_returns_what_follows_the_tag():
    ctx = lone()
    assert ctx.parseExplicitQuery(b"please ?OTRv2? now") == b"v2"
    assert ctx.parseExplicitQuery(b"?OTR?v23?") == b"?v23"
    assert ctx.parseExplicitQuery(b"?OTR?") == b"?"
    for text in (b"hello", b"?OTR", b"?OTR:AAID", b"?OTR Error: x"):
        assert ctx.parseExplicitQuery(text) is None


def test_require_encryption_sends_the_query_and_keeps_the_text():
    ctx = lone(REQUIRE_ENCRYPTION=True)
    assert ctx.sendMessage(0, b"secret").startswith(QUERY_START)
    assert (ctx.lastMessage, ctx.mayRetransmit) == (b"secret", 2)
    assert ctx.injected == []


def test_a_text_that_was_held_back_is_never_sent_again():
    duo = Duo(REQUIRE_ENCRYPTION=True)
    duo.alice.say(b"lost")
    assert duo.bob.context.state == STATE_ENCRYPTED
    duo.alice.say(b"hello")
    assert duo.bob.texts == [b"hello"]


def test_a_text_that_was_held_back_is_sent_where_the_program_chose_so(monkeypatch):
    monkeypatch.setattr(AppContext, "RESEND_HELD", True)
    duo = Duo(REQUIRE_ENCRYPTION=True)
    duo.alice.say(b"held")
    duo.alice.say(b"hello")
    assert duo.bob.texts == [b"held", b"hello"]
    assert (duo.alice.context.lastMessage, duo.alice.context.mayRetransmit) == (None, 0)
    assert duo.bob.troubles == []


def test_a_text_that_was_held_back_for_another_key_is_handed_back(monkeypatch):
    monkeypatch.setattr(AppContext, "RESEND_HELD", True)
    alice = AppAccount("alice", REQUIRE_ENCRYPTION=True)
    alice.setTrust("bob", key_of("somebody else").cfingerprint(), "verified")
    alice.trusts["bob"]["no fingerprint"] = ""
    duo = Duo(alice=alice)
    undelivered = []
    duo.alice.context.undelivered = undelivered.append
    duo.alice.say(b"held")
    assert duo.bob.context.state == STATE_ENCRYPTED
    assert (duo.bob.texts, undelivered) == ([], [b"held"])


def test_tags_are_sent_until_they_are_rejected():
    ctx = lone(SEND_TAG=True, ALLOW_V1=True)
    versions = proto.MESSAGE_TAGS[1] + proto.MESSAGE_TAGS[2]
    assert ctx.sendMessage(0, b"hello") == b"hello" + proto.MESSAGE_TAG_BASE + versions
    assert ctx.tagOffer == context.OFFER_SENT
    with pytest.raises(context.NotOTRMessage):
        ctx.receiveMessage(b"what?")
    assert ctx.tagOffer == context.OFFER_REJECTED
    assert ctx.sendMessage(0, b"hello") == b"hello"
    assert ctx.injected == []


def test_tagging_is_the_programs_to_decide():
    ctx = lone(SEND_TAG=True)
    ctx.shouldTagMessage = lambda msg: msg == b"tag me"
    assert ctx.sendMessage(0, b"hello") == b"hello"
    assert ctx.tagOffer == context.OFFER_NOTSENT
    assert ctx.sendMessage(0, b"tag me") != b"tag me"


def test_a_tagged_text_is_serialised_by_its_own_bytes_method(monkeypatch):
    original = proto.TaggedPlaintext.__bytes__
    monkeypatch.setattr(
        proto.TaggedPlaintext, "__bytes__", lambda self: original(self) + b"\t" + self.msg[:1]
    )
    line = lone(SEND_TAG=True).sendMessage(0, b"hello")
    assert line == b"hello" + proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[2] + b"\th"


def test_an_encrypted_text_is_injected_or_left_to_the_caller():
    duo = Duo(direct=False).start().clear()
    ctx = duo.alice.context
    assert ctx.sendMessage(FRAGMENT_SEND_ALL, b"one") is None
    assert len(ctx.injected) == 1
    for policy in (FRAGMENT_SEND_ALL_BUT_FIRST, FRAGMENT_SEND_ALL_BUT_LAST):
        line = ctx.sendMessage(policy, b"more")
        assert line.startswith(b"?OTR:AAID")
        duo.queue.append((duo.bob, line))
    assert len(ctx.injected) == 1
    duo.deliver()
    assert duo.bob.texts == [b"one", b"more", b"more"]
    with pytest.raises(ValueError, match="policy"):
        ctx.sendMessage(7, b"text")


def test_a_text_with_an_otr_mark_in_it_is_encrypted_as_it_is():
    duo = Duo().start()
    duo.alice.say(b"I like ?OTR: a lot")
    assert duo.bob.texts == [b"I like ?OTR: a lot"]


def test_a_text_with_a_zero_byte_is_refused():
    duo = Duo().start()
    with pytest.raises(crypt.InvalidParameterError):
        duo.alice.context.sendMessage(0, b"a\0b")


def test_flags_travel_with_the_message():
    duo = Duo(direct=False).start()
    for flags in (0, 1):
        line = duo.alice.context.sendMessage(1, b"text", flags=flags)
        assert proto.parse(line).flags == flags


def test_finished_refuses_texts():
    duo = Duo().start()
    duo.bob.context.disconnect()
    with pytest.raises(NotEncryptedError) as refused:
        duo.alice.context.sendMessage(0, b"text")
    assert refused.value.args == (EXC_FINISHED,)
    ctx = lone()
    ctx.state = STATE_FINISHED
    with pytest.raises(NotEncryptedError):
        ctx.sendMessage(0, b"text")


def test_a_state_that_was_assigned_has_no_keys_to_send_with():
    ctx = lone()
    ctx.state = STATE_ENCRYPTED
    with pytest.raises(crypt.InvalidParameterError):
        ctx.sendMessage(0, b"text")
    ctx = Duo().start().alice.context
    ctx.state = STATE_PLAINTEXT
    assert ctx.sendMessage(0, b"text") == b"text"


def test_messages_of_the_protocol_may_be_sent_and_take_no_tlvs():
    ctx = lone()
    assert ctx.sendMessage(0, proto.Error(b" what?"), appdata="sink") is None
    assert ctx.injected == [(b"?OTR Error: what?", "sink")]
    assert ctx.sendMessage(0, proto.Query({2})) == b"?OTRv2?"
    with pytest.raises(TypeError):
        ctx.sendMessage(0, proto.Error(b"x"), tlvs=[proto.DisconnectTLV()])


def test_send_internal_is_ignorable():
    duo = Duo(direct=False).start().clear()
    duo.alice.context.sendInternal(b"", tlvs=[proto.PaddingTLV(b"xx")], appdata=7)
    ((line, appdata),) = duo.alice.context.injected
    assert (proto.parse(line).flags, appdata) == (1, 7)


def test_process_outgoing_message_returns_what_will_be_sent():
    ctx = Duo().start().alice.context
    message = ctx.processOutgoingMessage(b"text", 0)
    assert isinstance(message, proto.OTRMessage)
    assert bytes(message).startswith(b"?OTR:AAID")


def test_appdata_reaches_every_inject_that_the_call_causes():
    duo = Duo(direct=False)
    sink = object()
    bob = duo.bob.context
    bob.receiveMessage(b"?OTRv2?", appdata=sink)
    while duo.queue:
        to, line = duo.queue.popleft()
        to.receive(line, appdata=sink)
    bob.sendMessage(0, b"text", appdata=sink)
    bob.smpInit(b"secret", appdata=sink)
    bob.smpAbort(appdata=sink)
    bob.getExtraKey(b"\0\0\0\x01", None, appdata=sink)
    bob.lastSend = 0
    duo.alice.context.sendMessage(0, b"text", appdata=sink)
    bob.receiveMessage(duo.alice.context.lines[-1], appdata=sink)
    bob.disconnect(appdata=sink)
    injected = bob.injected + duo.alice.context.injected
    assert len(injected) == 4 + 1 + 4 + 1 + 1
    assert all(appdata is sink for _, appdata in injected)


# disconnect


def test_disconnect_sends_an_ignorable_tlv_and_leaves():
    duo = Duo(direct=False).start().clear()
    duo.alice.context.smpInit(b"secret")
    duo.clear()
    duo.alice.context.disconnect(appdata=1)
    ((line, _),) = duo.alice.context.injected
    assert proto.parse(line).flags == 1
    assert duo.alice.context.state == STATE_PLAINTEXT
    assert duo.alice.context.crypto.smp is None
    duo.deliver()
    assert proto.DisconnectTLV() in duo.bob.tlvs
    assert duo.bob.context.state == STATE_FINISHED


def test_disconnect_in_finished_only_changes_the_state():
    duo = Duo().start()
    duo.alice.context.disconnect()
    duo.clear()
    duo.bob.context.disconnect()
    assert (duo.bob.context.state, duo.bob.context.injected) == (STATE_PLAINTEXT, [])
    duo.bob.say(b"in the clear")
    assert duo.alice.troubles[0].args == (b"in the clear",)


def test_disconnect_in_plaintext_does_no_harm():
    ctx = lone()
    assert ctx.disconnect() is None
    assert (ctx.state, ctx.injected) == (STATE_PLAINTEXT, [])
    ctx.state = STATE_ENCRYPTED  # assigned: there is no session
    ctx.disconnect()
    assert (ctx.state, ctx.injected) == (STATE_PLAINTEXT, [])


def test_a_conversation_can_begin_again_after_it_ended():
    duo = Duo().start()
    for side in (duo.alice, duo.bob):
        side.context.disconnect()
        duo.start().clear()
        duo.alice.say(b"again")
        assert duo.bob.texts == [b"again"]
