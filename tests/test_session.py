"""A conversation from its first line to its last, as its users see it."""

import pytest
from helpers import Pair, Side, kind, kinds, make_account

from otrfast import Limits, LocalError, MessageState, Policy, errors, events
from otrfast.session import MIN_FRAGMENT


def test_conversation_when_alice_asks_then_both_are_encrypted(pair: Pair, version: int):
    pair.alice.start()
    pair.deliver()
    for side in (pair.alice, pair.bob):
        assert side.session.state is MessageState.ENCRYPTED
        assert side.session.version == version
    assert kinds(pair.alice.sent) == ["query", "DHKey", "Signature"]
    assert kinds(pair.bob.sent) == ["DHCommit", "RevealSignature"]


def test_session_after_exchange_then_both_know_each_other(secured: Pair, version: int):
    alice, bob = secured.alice, secured.bob
    assert alice.session.ssid == bob.session.ssid
    assert len(alice.session.ssid) == 8
    assert alice.session.fingerprint == bob.account.fingerprint
    assert bob.session.fingerprint == alice.account.fingerprint
    first, second, bold = alice.session.ssid_halves
    assert first + second == alice.session.ssid.hex()
    assert {bold, bob.session.ssid_halves[2]} == {0, 1}
    assert bob.session.ssid_halves[2] == 0  # Bob has sent Reveal Signature
    expected = (alice.account.instance_tag, bob.account.instance_tag if version == 3 else 0)
    assert alice.session.instance_tags == expected


def test_session_after_exchange_then_events_tell(secured: Pair, version: int):
    started = secured.alice.seen(events.SecureStarted)
    tag = secured.bob.account.instance_tag if version == 3 else 0
    assert started == [
        events.SecureStarted(
            secured.bob.account.fingerprint, secured.bob.session.ssid, version, False, tag
        )
    ]
    assert secured.alice.seen(events.NewFingerprint) == [
        events.NewFingerprint(secured.bob.account.fingerprint, changed=False)
    ]


def test_messages_when_turns_alternate_then_all_arrive(secured: Pair):
    secured.converse(6)


def test_messages_when_one_side_talks_then_all_arrive(secured: Pair):
    for number in range(20):
        secured.alice.send(b"%d" % number)
    secured.deliver()
    assert secured.bob.texts == [b"%d" % number for number in range(20)]


@pytest.mark.parametrize(
    "text", [b"x", b"\xff\xfe", "grüße ☺".encode(), b"a" * 20_000, b"\n\r\t ", b"?OTR", b"a?OTR:b."]
)
def test_text_of_any_bytes_then_it_comes_as_it_was(secured: Pair, text: bytes):
    secured.say(secured.alice, text)


def test_empty_text_when_sent_then_it_is_a_heartbeat(secured: Pair):
    secured.alice.send(b"")
    secured.deliver()
    assert secured.bob.seen(events.HeartbeatReceived)
    assert secured.bob.texts == []


def test_text_with_nul_when_encrypted_then_refused_and_nothing_sent(secured: Pair):
    with pytest.raises(errors.TextHasNul):
        secured.alice.send(b"a\0b")
    assert not secured.alice.out
    secured.converse()


@pytest.mark.parametrize("wrong", ["text", 5, None, [b"x"]])
def test_str_where_bytes_belong_then_type_error(secured: Pair, wrong: object):
    session = secured.alice.session
    for call in (session.receive, session.send, session.smp_start):
        with pytest.raises(TypeError, match=r"must be bytes.*encode"):
            call(wrong)
    for call in (session.receive_many, session.send_many):
        with pytest.raises(TypeError):
            call([b"x", wrong])
    with pytest.raises(TypeError):
        session.extra_key(1, wrong or 5)


@pytest.mark.parametrize("made", [bytearray, memoryview])
def test_bytes_like_when_given_then_taken(secured: Pair, made: type):
    line = secured.alice.session.send(made(b"text")).wire[0]
    assert secured.bob.receive(made(line)).events[0].text == b"text"
    lines = secured.alice.session.send_many([made(b"one"), made(b"two")]).wire
    got = secured.bob.session.receive_many([made(line) for line in lines]).events
    assert [event.text for event in got] == [b"one", b"two"]


def test_refresh_when_asked_then_new_keys_and_both_say_so(secured: Pair):
    secured.converse()
    ssid = secured.alice.session.ssid
    secured.bob.start()
    secured.deliver()
    assert secured.alice.session.ssid == secured.bob.session.ssid != ssid
    for side in (secured.alice, secured.bob):
        assert [event.refreshed for event in side.seen(events.SecureStarted)] == [False, True]
        assert len(side.seen(events.NewFingerprint)) == 1
    secured.converse()


def test_refresh_while_it_runs_then_old_keys_still_work(secured: Pair):
    secured.alice.start()
    secured.step(secured.alice)  # the query
    for _ in range(2):
        for side in (secured.alice, secured.bob):
            held, side.out = list(side.out), side.out.__class__()
            secured.say(side, b"while the keys change")
            side.out.extend(held)
        secured.step(secured.bob)
        secured.step(secured.alice)
    secured.deliver()
    secured.converse()


def test_end_when_encrypted_then_peer_is_finished(secured: Pair):
    secured.alice.take(secured.alice.session.end())
    assert secured.alice.session.state is MessageState.PLAINTEXT
    secured.deliver()
    assert secured.bob.session.state is MessageState.FINISHED
    assert secured.alice.events[-1] == events.SecureEnded(
        False, secured.alice.session.instance_tags[1]
    )
    assert secured.bob.events[-1] == events.SecureEnded(True, secured.bob.session.instance_tags[1])


def test_send_when_finished_then_refused_until_ended_or_started(secured: Pair):
    secured.alice.take(secured.alice.session.end())
    secured.deliver()
    with pytest.raises(errors.ConversationFinished):
        secured.bob.send(b"secret")
    assert not secured.bob.out
    secured.bob.start()
    secured.deliver()
    secured.converse()
    secured.alice.take(secured.alice.session.end())
    secured.deliver()
    secured.bob.take(secured.bob.session.end())
    assert secured.bob.session.state is MessageState.PLAINTEXT
    assert secured.bob.send(b"in the clear").wire == (b"in the clear",)


def test_end_in_plain_text_then_nothing_is_sent(pair: Pair):
    assert pair.alice.session.end() == ((), ())


def test_both_end_at_once_then_both_are_in_plain_text(secured: Pair):
    for side in (secured.alice, secured.bob):
        side.take(side.session.end())
    secured.deliver()
    for side in (secured.alice, secured.bob):
        assert side.session.state is MessageState.PLAINTEXT


def test_heartbeat_after_long_silence_then_sent_once_and_not_answered(secured: Pair):
    secured.converse()
    secured.clock.turn(61)
    secured.alice.send(b"are you there?")
    secured.deliver()
    assert len(secured.alice.seen(events.HeartbeatReceived)) == 1
    assert secured.bob.seen(events.HeartbeatReceived) == []
    secured.alice.send(b"ah")
    secured.deliver()
    assert len(secured.alice.seen(events.HeartbeatReceived)) == 1


def test_heartbeat_when_talk_goes_on_then_none(secured: Pair):
    for _ in range(5):
        secured.clock.turn(50)
        secured.converse()
    assert secured.alice.seen(events.HeartbeatReceived) == []
    assert secured.bob.seen(events.HeartbeatReceived) == []


def test_heartbeat_to_texts_all_one_way_then_keys_turn(secured: Pair):
    secured.converse()
    before = secured.alice.instance.channel.keyring.their_keyid
    for number in range(4):
        secured.clock.turn(61)
        secured.say(secured.alice, b"%d" % number)
    assert secured.alice.instance.channel.keyring.their_keyid > before
    assert len(secured.alice.seen(events.HeartbeatReceived)) == 4


def test_extra_key_then_the_same_on_both_sides_and_new_after_rotation(secured: Pair):
    keys = set()
    for number in range(3):
        secured.alice.take(secured.alice.session.extra_key(number, b"file"))
        secured.deliver()
        ours = secured.alice.seen(events.ExtraKeySent)[-1]
        theirs = secured.bob.seen(events.ExtraKeyReceived)[-1]
        assert ours.key == theirs.key
        assert len(ours.key) == 32
        assert (theirs.use, theirs.data) == (number, b"file")
        keys.add(ours.key)
        secured.converse(2)
    assert len(keys) == 3


@pytest.mark.parametrize(("use", "data"), [(-1, b""), (1 << 32, b""), (0, bytes(65532))])
def test_extra_key_out_of_range_then_value_error(secured: Pair, use: int, data: bytes):
    with pytest.raises(ValueError):
        secured.alice.session.extra_key(use, data)
    assert not secured.alice.session.send(b"x").events


def test_calls_that_need_encryption_in_plain_text_then_not_encrypted(pair: Pair):
    session = pair.alice.session
    for call in (
        lambda: session.smp_start(b"s"),
        lambda: session.smp_answer(b"s"),
        session.smp_abort,
        lambda: session.extra_key(1),
        lambda: session.send(b"x", tlvs=[(1, b"")]),
    ):
        with pytest.raises(errors.NotEncrypted):
            call()


def test_start_when_policy_is_never_then_policy_forbids(quick):
    account = make_account(quick, policy=Policy.NEVER)
    with pytest.raises(errors.PolicyForbids):
        account.session("bob").start()


def test_line_of_a_version_not_allowed_then_rejected(quick):
    ours = Pair(quick, 2)
    theirs = Pair(quick, 3)
    ours.alice.start()
    ours.step(ours.alice)
    commit = ours.bob.out[0]
    outcome = theirs.alice.receive(commit)
    assert not outcome.wire
    assert [type(event.error) for event in outcome.events] == [errors.VersionMismatch]


def test_fragments_when_lines_are_short_then_everything_still_works(quick, version: int):
    for limit in (MIN_FRAGMENT, 100, 399, 1000):
        pair = Pair(quick, version, limit, max_fragment=limit)
        pair.establish()
        pair.converse(3)
        pair.say(pair.alice, b"long " * 500)
        for side in (pair.alice, pair.bob):
            lines = [line for line in side.sent if kind(line) != "query"]
            assert max(map(len, lines)) <= limit


@pytest.mark.parametrize("limit", [1, MIN_FRAGMENT - 1, -1])
def test_max_fragment_when_too_small_then_refused(quick, limit: int):
    session = make_account(quick).session("bob")
    with pytest.raises(errors.FragmentLimitTooSmall):
        session.max_fragment = limit
    assert session.max_fragment == 0


def test_text_of_too_many_fragments_then_refused_before_anything_is_sealed(quick, version: int):
    limits = Limits(message_size=1 << 23)
    pair = Pair(quick, version, max_fragment=MIN_FRAGMENT, limits=limits)
    pair.establish()
    with pytest.raises(errors.FragmentLimitTooSmall):
        pair.alice.send(bytes(b"x" * 3_000_000))
    pair.converse()


def test_second_version_when_both_allow_both_then_three(quick):
    both = Policy.MANUAL
    pair = Pair(quick, 3, policies=(both, both))
    pair.establish()
    assert pair.alice.session.version == 3


def test_local_errors_when_raised_then_have_one_root():
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, Exception):
            assert issubclass(error, errors.OtrError)
    assert issubclass(errors.NotEncrypted, LocalError)


def test_line_from_oneself_when_both_are_one_account_then_never_encrypted(quick, version: int):
    """An account that is put through to itself must not believe in a peer."""
    pair = Pair(quick, version)
    mirror = Side(pair.alice.account, "mirror")
    mirror.start()
    for _ in range(8):
        for line in list(mirror.out):
            mirror.out.popleft()
            mirror.receive(line)
    assert not mirror.encrypted
