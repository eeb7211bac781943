"""The contract's section 2: `Context.receiveMessage` and `setState`."""

import pytest
from potr_apps import AppAccount, Duo, key_of

from otrfast.engine import dispatch
from otrfast.potr import context, crypt, proto
from otrfast.potr.context import (
    EXC_UNREADABLE_MESSAGE,
    STATE_ENCRYPTED,
    STATE_FINISHED,
    STATE_PLAINTEXT,
    ErrorReceived,
    NotEncryptedError,
    NotOTRMessage,
    UnencryptedMessage,
)

TAG = proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[2]
V3_MESSAGE = b"?OTR:AAMDAAABAAAAAQAAAAAA."


def lone(**policies):
    return AppAccount("alice", **policies).getContext("bob")


def receive(ctx, line):
    """Return the result of a line: (text, tlvs), or the exception."""
    try:
        return ctx.receiveMessage(line)
    except (RuntimeError, TypeError) as error:
        return error


def raised(ctx, line, kind):
    error = receive(ctx, line)
    assert type(error) is kind, error
    return error.args[0] if error.args else None


def a_data_message(**more):
    """Return a line that the context cannot decrypt."""
    duo = Duo(direct=False).start()
    duo.alice.say(b"secret", **more)
    return duo.queue.popleft()[1]


def test_lines_are_bytes():
    for line in ("text", None, 7):
        with pytest.raises(TypeError, match="bytes"):
            lone().receiveMessage(line)
    assert raised(lone(), bytearray(b"text"), NotOTRMessage) == b"text"


def test_plain_text_is_not_otr():
    ctx = lone()
    assert raised(ctx, b"hello", NotOTRMessage) == b"hello"
    assert raised(ctx, b"", NotOTRMessage) == b""
    assert ctx.injected == ctx.changes == []


def test_plain_text_is_unencrypted_where_encryption_is_required():
    assert raised(lone(REQUIRE_ENCRYPTION=True), b"hello", UnencryptedMessage) == b"hello"


@pytest.mark.parametrize("state", [STATE_ENCRYPTED, STATE_FINISHED])
def test_plain_text_is_unencrypted_in_any_state_but_plaintext(state):
    ctx = lone()
    ctx.state = state
    assert raised(ctx, b"hello", UnencryptedMessage) == b"hello"
    assert raised(ctx, b"hello" + TAG, UnencryptedMessage) == b"hello"


def test_everything_is_not_otr_where_otr_is_disabled():
    ctx = lone(ALLOW_V2=False, SEND_TAG=True)
    for line in (b"hello", b"hello" + TAG, b"?OTRv2?", b"?OTR Error: what?", a_data_message()):
        assert raised(ctx, line, NotOTRMessage) == line
    assert ctx.injected == []
    assert ctx.tagOffer == context.OFFER_NOTSENT


@pytest.mark.parametrize(
    "line",
    [
        b"?OTR",
        b"?OTRx what is this?",
        b"?OTR:",
        b"?OTR:AAID.",
        b"?OTR:AAIDnotbase64!.",
        b"?OTR:AAEDAAAA.",
        b"?OTR:AAECAAAA.",
        V3_MESSAGE,
        b"?OTR|00000100|00000000,1,2,xxx,",
        b"?OTR,0,1,xxx,",
        b"?OTR,2,1,xxx,",
        b"?OTR,x,1,xxx,",
        b"?OTR,1,1",
        b"?OTR,2,3,xxx,",
        b"?OTR,1,1,a text in a fragment,",
        b"?OTR,1,1,?OTR,",
    ],
)
def test_unparsable_v3_and_bad_fragments_are_not_otr_and_never_pass_for_private(line):
    ctx = lone()
    assert raised(ctx, line, NotOTRMessage) == line
    ctx.state = STATE_ENCRYPTED
    assert raised(ctx, line, UnencryptedMessage) == line
    assert ctx.injected == []


def test_tagged_text_comes_without_its_tag_and_starts_the_key_exchange():
    ctx = lone()
    assert raised(ctx, b"hello" + TAG, NotOTRMessage) == b"hello"
    assert [line[:9] for line in ctx.lines] == [b"?OTR:AAIC"]


def test_a_tag_starts_nothing_without_v2():
    ctx = lone()
    tag = proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[3]
    assert raised(ctx, b"hello" + tag, NotOTRMessage) == b"hello"
    ctx = lone(ALLOW_V1=True, ALLOW_V2=False)
    assert raised(ctx, b"hello" + TAG, NotOTRMessage) == b"hello"
    assert ctx.injected == []


@pytest.mark.parametrize("line", [b"?OTRv2?", b"?OTR?v2?", b"?OTRv23?", b"hi ?OTRv2? there"])
def test_a_query_starts_the_key_exchange(line):
    ctx = lone()
    assert receive(ctx, line) == (None, [])
    assert [each[:9] for each in ctx.lines] == [b"?OTR:AAIC"]


@pytest.mark.parametrize("line", [b"?OTR?", b"?OTR?v?", b"?OTRv3?", b"?OTRv?"])
def test_a_query_without_v2_starts_nothing(line):
    for policies in ({}, {"ALLOW_V1": True}):
        ctx = lone(**policies)
        assert receive(ctx, line) == (None, [])
        assert ctx.injected == []


def test_version_1_is_not_implemented():
    with pytest.raises(NotImplementedError):
        lone().authStartV1()


def test_auth_start_v2_starts_a_key_exchange_by_call():
    duo = Duo()
    duo.alice.context.authStartV2()
    assert duo.alice.context.state == duo.bob.context.state == STATE_ENCRYPTED


def test_an_error_is_raised_with_its_text_and_starts_nothing():
    ctx = lone()
    error = raised(ctx, b"?OTR Error: what?", ErrorReceived)
    assert isinstance(error, proto.Error)
    assert error.error == b" what?"
    assert str(error) == "?OTR Error: what?"
    assert ctx.injected == []


def test_an_error_in_fragments_is_raised_whole():
    ctx = lone()
    assert receive(ctx, b"?OTR,1,2,?OTR Error:,") == (None, [])
    assert raised(ctx, b"?OTR,2,2,what?,", ErrorReceived).error == b"what?"


def test_data_without_a_session_is_answered_by_an_error_and_raised():
    ctx = lone()
    ctx.user.loadPrivkey = lambda: pytest.fail("no key is needed to refuse")
    assert raised(ctx, a_data_message(), NotEncryptedError) == EXC_UNREADABLE_MESSAGE
    (line,) = ctx.lines
    assert line.startswith(b"?OTR Error:")


def test_ignorable_data_without_a_session_is_ignored_in_silence():
    ctx = lone()
    assert receive(ctx, a_data_message(flags=1)) == (None, [])
    assert ctx.injected == []


def test_data_in_a_state_that_was_assigned_has_no_keys():
    ctx = lone()
    ctx.state = STATE_ENCRYPTED
    assert type(receive(ctx, a_data_message())) is crypt.InvalidParameterError
    assert receive(ctx, a_data_message(flags=1)) == (None, [])
    assert ctx.injected == []


def test_data_is_refused_in_a_state_that_was_assigned_back():
    duo = Duo(direct=False).start()
    duo.alice.say(b"secret")
    duo.bob.context.state = STATE_PLAINTEXT
    _, line = duo.queue.popleft()
    assert raised(duo.bob.context, line, NotEncryptedError) == EXC_UNREADABLE_MESSAGE


def test_data_that_does_not_hold_is_an_invalid_parameter_and_is_not_answered():
    duo = Duo(direct=False).start().clear()
    duo.alice.say(b"secret")
    _, line = duo.queue.popleft()
    in_the_mac = len(line) - 20
    other = b"B" if line[in_the_mac : in_the_mac + 1] == b"A" else b"A"
    damaged = line[:in_the_mac] + other + line[in_the_mac + 1 :]
    assert type(receive(duo.bob.context, damaged)) is crypt.InvalidParameterError
    assert receive(duo.bob.context, line) == (b"secret", [])
    assert type(receive(duo.bob.context, line)) is crypt.InvalidParameterError  # a replay
    assert type(receive(duo.bob.context, a_data_message())) is crypt.InvalidParameterError
    assert duo.bob.context.injected == []


def test_text_and_tlvs_come_together_and_an_empty_text_is_none():
    duo = Duo(direct=False).start()
    tlvs = [proto.PaddingTLV(b"xx"), proto.ExtraKeyTLV(b"\0\0\0\x07", b"file")]
    for text, expected in ((b"hello", b"hello"), (b"", None)):
        duo.alice.say(text, tlvs=tlvs)
        assert receive(duo.bob.context, duo.queue.popleft()[1]) == (expected, tlvs)


def test_messages_of_the_key_exchange_and_incomplete_fragments_come_to_nothing():
    duo = Duo(direct=False)
    for account in duo.accounts:
        account.maxMessageSize = 100
    duo.bob.receive(b"?OTRv2?")
    while duo.queue:
        to, line = duo.queue.popleft()
        assert receive(to.context, line) == (None, [])
    assert duo.alice.context.state == STATE_ENCRYPTED


def test_fragments_assemble_and_another_message_breaks_them_off():
    duo = Duo(direct=False).start()
    line = duo.alice.context.sendMessage(2, b"hello")
    pieces = [b"?OTR,%d,2,%b," % (k, line[s]) for k, s in ((1, slice(9)), (2, slice(9, None)))]
    bob = duo.bob.context
    assert receive(bob, pieces[0]) == (None, [])
    assert bob.fragmentInfo == (1, 2)
    assert b"".join(bob.fragment) == line[:9]
    raised(bob, b"hello", UnencryptedMessage)
    assert bob.fragmentInfo == (0, 0)
    assert raised(bob, pieces[1], UnencryptedMessage) == pieces[1]
    assert [receive(bob, piece) for piece in pieces] == [(None, []), (b"hello", [])]
    receive(bob, pieces[0])
    bob.discardFragment()
    assert (bob.fragmentInfo, bob.fragment) == ((0, 0), [])


def test_fragment_accumulate_gives_back_what_is_no_fragment():
    ctx = lone()
    assert ctx.fragmentAccumulate(b",1,2,ab,") is None
    assert ctx.fragmentAccumulate(b",2,2,cd,") == b"abcd"
    assert ctx.fragmentAccumulate(b",2,2,cd,") == b",2,2,cd,"
    assert ctx.fragmentAccumulate(b"nothing") == b"nothing"


def test_fragments_do_not_pile_up(monkeypatch):
    ctx = lone()
    ctx.otrReassembly._limit = 1000
    assert receive(ctx, b"?OTR,1,9999,%b," % (b"x" * 600)) == (None, [])
    big = b"?OTR,2,9999,%b," % (b"x" * 600)
    assert raised(ctx, big, NotOTRMessage) == big
    assert ctx.fragmentInfo == (0, 0)


def test_parse_says_what_a_line_holds():
    ctx = lone()
    assert ctx.parse(b"hello") == b"hello"
    assert ctx.parse(b"hello" + TAG) == proto.TaggedPlaintext(b"hello", {2})
    assert ctx.parse(b"?OTRv2?") == proto.Query({2})
    assert ctx.parse(b"?OTR Error:what?") == proto.Error(b"what?")
    assert isinstance(ctx.parse(a_data_message()), proto.DataMessage)
    assert ctx.parse(V3_MESSAGE) == V3_MESSAGE
    assert ctx.parse(b"?OTR,1,2,?OTR Er,") is None
    assert ctx.parse(b"?OTR,2,2,ror:what?,") == proto.Error(b"what?")


@pytest.mark.parametrize(
    ("line", "offer"),
    [(b"hello", context.OFFER_REJECTED), (b"hello" + TAG, context.OFFER_ACCEPTED)],
)
def test_a_text_tells_whether_tags_are_worth_while(line, offer):
    ctx = lone(SEND_TAG=True)
    receive(ctx, line)
    assert ctx.tagOffer == offer


# setState


def test_set_state_is_called_in_the_old_state_with_the_new_session_to_be_seen():
    duo = Duo(direct=False).start()
    for side, peer in ((duo.alice, "bob"), (duo.bob, "alice")):
        (change,) = side.context.changes
        assert (change.before, change.after) == (STATE_PLAINTEXT, STATE_ENCRYPTED)
        assert change.key == key_of(peer)
        assert change.trust is None  # a new fingerprint, which the program stores
        assert change.ssid == side.context.crypto.sessionId
    assert all(account.trusts == {} and not account.saves for account in duo.accounts)


def test_set_state_is_called_again_with_new_keys():
    duo = Duo().start()
    old = duo.alice.context.crypto.sessionId
    duo.bob.receive(b"?OTRv2?")
    first, second = duo.alice.context.changes
    assert (second.before, second.after) == (STATE_ENCRYPTED, STATE_ENCRYPTED)
    assert (first.ssid, second.ssid) == (old, duo.alice.context.crypto.sessionId)
    duo.alice.say(b"still here")
    assert duo.bob.texts == [b"still here"]


def test_set_state_finished_when_the_peer_disconnects():
    duo = Duo().start().clear()
    duo.alice.context.disconnect()
    assert [(c.before, c.after) for c in duo.bob.context.changes] == [(1, 2)]
    assert [(c.before, c.after) for c in duo.alice.context.changes] == [(1, 0)]
    assert duo.bob.tlvs == [proto.DisconnectTLV()]
    assert duo.bob.context.getCurrentKey() == key_of("alice")


def test_a_set_state_that_does_not_go_on_to_its_base_keeps_the_state():
    duo = Duo(direct=False)
    duo.alice.context.setState = lambda newstate: None
    duo.bob.receive(b"?OTRv2?")
    duo.deliver()
    assert (duo.alice.context.state, duo.bob.context.state) == (STATE_PLAINTEXT, STATE_ENCRYPTED)


def test_a_set_state_that_raises_does_not_hold_up_the_key_exchange():
    duo = Duo(direct=False)

    def fail(newstate):
        raise ZeroDivisionError

    duo.alice.context.on_state = fail
    duo.bob.receive(b"?OTRv2?")
    with pytest.raises(ZeroDivisionError):
        duo.deliver()
    duo.deliver()
    assert duo.bob.context.state == STATE_ENCRYPTED


# Heartbeats


def test_a_text_after_long_silence_is_answered_by_an_empty_message():
    duo = Duo().start().clear()
    duo.alice.say(b"hello")
    assert duo.bob.context.injected == []
    duo.bob.context.lastSend -= context.HEARTBEAT_INTERVAL + 1
    duo.alice.say(b"hello")
    assert len(duo.bob.context.injected) == 1
    assert (duo.alice.texts, duo.alice.tlvs) == ([], [])
    duo.alice.say(b"hello")
    assert len(duo.bob.context.injected) == 1


def test_key_exchange_messages_when_received_then_each_is_decoded_once(monkeypatch):
    decoded = []
    original = dispatch.read_message

    def counted(encoded, limits, backend):
        decoded.append(encoded.line)
        return original(encoded, limits, backend)

    monkeypatch.setattr(dispatch, "read_message", counted)
    Duo().start()
    assert len(decoded) == len(set(decoded)) == 4


def test_key_exchange_message_above_a_limit_on_its_kind_then_it_is_ignored():
    ctx = lone()
    commit = proto.DHCommit(bytes(4096), bytes(32))
    assert receive(ctx, bytes(commit)) == (None, [])
    assert ctx.injected == ctx.changes == []


def test_encoded_message_above_the_limit_on_lines_then_it_is_a_text():
    ctx = lone()
    line = b"?OTR:AAIC" + b"A" * ctx.user.LIMITS.message_size + b"."
    assert raised(ctx, line, NotOTRMessage) == line
