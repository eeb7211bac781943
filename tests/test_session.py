"""A conversation from its first line to its last, as its users see it."""

import pytest
from helpers import Pair, Side, kind, kinds, make_account

from otrfast import LocalError, MessageState, Policy, errors, events
from otrfast.turns import MIN_FRAGMENT


def test_conversation_when_alice_asks_then_both_are_encrypted(pair: Pair, version: int):
    pair.alice.start()
    pair.deliver()
    for side in (pair.alice, pair.bob):
        assert side.session.state is MessageState.ENCRYPTED
        assert side.session.version == version
    assert kinds(pair.alice.sent) == ["query", "DHKey", "Signature"]
    assert kinds(pair.bob.sent) == ["DHCommit", "RevealSignature"]


def test_session_after_exchange_then_both_know_each_other(talk: Pair, version: int):
    alice, bob = talk.alice, talk.bob
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


def test_session_after_exchange_then_events_tell(talk: Pair, version: int):
    started = talk.alice.seen(events.SecureStarted)
    tag = talk.bob.account.instance_tag if version == 3 else 0
    assert started == [
        events.SecureStarted(
            talk.bob.account.fingerprint, talk.bob.session.ssid, version, False, tag
        )
    ]
    assert talk.alice.seen(events.NewFingerprint) == [
        events.NewFingerprint(talk.bob.account.fingerprint, changed=False)
    ]


def test_messages_when_turns_alternate_then_all_arrive(talk: Pair):
    talk.converse(6)


def test_messages_when_one_side_talks_then_all_arrive(talk: Pair):
    for number in range(20):
        talk.alice.send(b"%d" % number)
    talk.deliver()
    assert talk.bob.texts == [b"%d" % number for number in range(20)]


@pytest.mark.parametrize(
    "text", [b"x", b"\xff\xfe", "grüße ☺".encode(), b"a" * 20_000, b"\n\r\t ", b"?OTR", b"a?OTR:b."]
)
def test_text_of_any_bytes_then_it_comes_as_it_was(talk: Pair, text: bytes):
    talk.say(talk.alice, text)


def test_empty_text_when_sent_then_it_is_a_heartbeat(talk: Pair):
    talk.alice.send(b"")
    talk.deliver()
    assert talk.bob.seen(events.HeartbeatReceived)
    assert talk.bob.texts == []


def test_text_with_nul_when_encrypted_then_refused_and_nothing_sent(talk: Pair):
    with pytest.raises(errors.TextHasNul):
        talk.alice.send(b"a\0b")
    assert not talk.alice.out
    talk.converse()


@pytest.mark.parametrize("wrong", ["text", 5, None, [b"x"]])
def test_str_where_bytes_belong_then_type_error(talk: Pair, wrong: object):
    session = talk.alice.session
    for call in (session.receive, session.send, session.smp_start):
        with pytest.raises(TypeError, match=r"must be bytes.*encode"):
            call(wrong)
    for call in (session.receive_many, session.send_many):
        with pytest.raises(TypeError):
            call([b"x", wrong])
    with pytest.raises(TypeError):
        session.extra_key(1, wrong or 5)


@pytest.mark.parametrize("made", [bytearray, memoryview])
def test_bytes_like_when_given_then_taken(talk: Pair, made: type):
    line = talk.alice.session.send(made(b"text")).wire[0]
    assert talk.bob.receive(made(line)).events[0].text == b"text"
    lines = talk.alice.session.send_many([made(b"one"), made(b"two")]).wire
    got = talk.bob.session.receive_many([made(line) for line in lines]).events
    assert [event.text for event in got] == [b"one", b"two"]


def test_refresh_when_asked_then_new_keys_and_both_say_so(talk: Pair):
    talk.converse()
    ssid = talk.alice.session.ssid
    talk.bob.start()
    talk.deliver()
    assert talk.alice.session.ssid == talk.bob.session.ssid != ssid
    for side in (talk.alice, talk.bob):
        assert [event.refreshed for event in side.seen(events.SecureStarted)] == [False, True]
        assert len(side.seen(events.NewFingerprint)) == 1
    talk.converse()


def test_refresh_while_it_runs_then_old_keys_still_work(talk: Pair):
    talk.alice.start()
    talk.step(talk.alice)  # the query
    for _ in range(2):
        for side in (talk.alice, talk.bob):
            held, side.out = list(side.out), side.out.__class__()
            talk.say(side, b"while the keys change")
            side.out.extend(held)
        talk.step(talk.bob)
        talk.step(talk.alice)
    talk.deliver()
    talk.converse()


def test_end_when_encrypted_then_peer_is_finished(talk: Pair):
    talk.alice.take(talk.alice.session.end())
    assert talk.alice.session.state is MessageState.PLAINTEXT
    talk.deliver()
    assert talk.bob.session.state is MessageState.FINISHED
    assert talk.alice.events[-1] == events.SecureEnded(False, talk.alice.session.instance_tags[1])
    assert talk.bob.events[-1] == events.SecureEnded(True, talk.bob.session.instance_tags[1])


def test_send_when_finished_then_refused_until_ended_or_started(talk: Pair):
    talk.alice.take(talk.alice.session.end())
    talk.deliver()
    with pytest.raises(errors.ConversationFinished):
        talk.bob.send(b"secret")
    assert not talk.bob.out
    talk.bob.start()
    talk.deliver()
    talk.converse()
    talk.alice.take(talk.alice.session.end())
    talk.deliver()
    talk.bob.take(talk.bob.session.end())
    assert talk.bob.session.state is MessageState.PLAINTEXT
    assert talk.bob.send(b"in the clear").wire == (b"in the clear",)


def test_end_in_plain_text_then_nothing_is_sent(pair: Pair):
    assert pair.alice.session.end() == ((), ())


def test_both_end_at_once_then_both_are_in_plain_text(talk: Pair):
    for side in (talk.alice, talk.bob):
        side.take(side.session.end())
    talk.deliver()
    for side in (talk.alice, talk.bob):
        assert side.session.state is MessageState.PLAINTEXT


def test_heartbeat_after_long_silence_then_sent_once_and_not_answered(talk: Pair):
    talk.converse()
    talk.clock.turn(61)
    talk.alice.send(b"are you there?")
    talk.deliver()
    assert len(talk.alice.seen(events.HeartbeatReceived)) == 1
    assert talk.bob.seen(events.HeartbeatReceived) == []
    talk.alice.send(b"ah")
    talk.deliver()
    assert len(talk.alice.seen(events.HeartbeatReceived)) == 1


def test_heartbeat_when_talk_goes_on_then_none(talk: Pair):
    for _ in range(5):
        talk.clock.turn(50)
        talk.converse()
    assert talk.alice.seen(events.HeartbeatReceived) == []
    assert talk.bob.seen(events.HeartbeatReceived) == []


def test_heartbeat_to_texts_all_one_way_then_keys_turn(talk: Pair):
    talk.converse()
    before = talk.alice.instance.channel.keyring.their_keyid
    for number in range(4):
        talk.clock.turn(61)
        talk.say(talk.alice, b"%d" % number)
    assert talk.alice.instance.channel.keyring.their_keyid > before
    assert len(talk.alice.seen(events.HeartbeatReceived)) == 4


def test_extra_key_then_the_same_on_both_sides_and_new_after_rotation(talk: Pair):
    keys = set()
    for number in range(3):
        talk.alice.take(talk.alice.session.extra_key(number, b"file"))
        talk.deliver()
        ours = talk.alice.seen(events.ExtraKeySent)[-1]
        theirs = talk.bob.seen(events.ExtraKeyReceived)[-1]
        assert ours.key == theirs.key
        assert len(ours.key) == 32
        assert (theirs.use, theirs.data) == (number, b"file")
        keys.add(ours.key)
        talk.converse(2)
    assert len(keys) == 3


@pytest.mark.parametrize(("use", "data"), [(-1, b""), (1 << 32, b""), (0, bytes(65532))])
def test_extra_key_out_of_range_then_value_error(talk: Pair, use: int, data: bytes):
    with pytest.raises(ValueError):
        talk.alice.session.extra_key(use, data)
    assert not talk.alice.session.send(b"x").events


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
    pair = Pair(quick, version, max_fragment=MIN_FRAGMENT)
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
