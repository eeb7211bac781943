"""The state machine for texts, row by row (protocol, 6.6), over all policies."""

from __future__ import annotations

from itertools import product

import pytest
from helpers import Pair, kind, kinds, parsed

from otrfast import Limits, MessageState, Policy, Recipient, errors, events
from otrfast.wire.lines import WHITESPACE_BASE, tag
from otrfast.wire.tlv import Tlv

ALL_POLICIES = [Policy(value) for value in range(0x80)]
STATES = ("plaintext", "encrypted", "finished")
SPOKEN = [Policy.ALLOW_V2, Policy.ALLOW_V3, Policy.MANUAL]
TEXT = b"an ordinary text"


def conversation(backend, state: str, policy: Policy) -> Pair:
    """Alice under `policy` in `state`; Bob speaks the best version that she does."""
    version = max(policy.versions, default=3)
    pair = Pair(backend, version)
    if state != "plaintext":
        pair.establish()
        pair.converse()
    if state == "finished":
        pair.bob.take(pair.bob.session.end())
        pair.deliver()
    pair.alice.session.policy = policy
    for side in (pair.alice, pair.bob):
        side.events.clear()
        side.sent.clear()
    assert pair.alice.session.state.value == state
    return pair


def passive(state: str, policy: Policy) -> bool:
    return state == "plaintext" and not policy.versions and not requires(policy)


def requires(policy: Policy) -> bool:
    return Policy.REQUIRE_ENCRYPTION in policy


# Row: the user sends


@pytest.mark.parametrize("state", STATES)
def test_send_over_all_policies_then_never_plain_where_it_must_not_be(quick, state: str):
    for policy in ALL_POLICIES:
        pair = conversation(quick, state, policy)
        try:
            outcome = pair.alice.send(TEXT)
        except errors.ConversationFinished:
            assert state == "finished"
            continue
        except errors.PolicyForbids:
            assert requires(policy)
            assert not policy.versions
            continue
        finally:
            if state != "plaintext" or requires(policy):
                assert not any(TEXT in line for line in pair.alice.sent), policy
        assert state != "finished"
        if state == "encrypted":
            assert kinds(outcome.wire) == ["DataMessage"]
            pair.deliver()
            assert pair.bob.texts == [TEXT]
        elif requires(policy):
            assert kinds(outcome.wire) == ["query"]
            assert outcome.events == (events.MessageHeld(TEXT),)
        elif policy.versions and Policy.SEND_WHITESPACE_TAG in policy:
            assert outcome.wire == (TEXT + tag(policy.versions),)
        else:
            assert outcome.wire == (TEXT,)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("device", [0x7777, 0])
def test_send_to_a_device_that_is_not_there_then_never_in_the_clear(quick, state: str, device: int):
    pair = conversation(quick, state, Policy.MANUAL)
    with pytest.raises(errors.UnknownInstance):
        pair.alice.send(TEXT, instance=device)
    with pytest.raises(errors.UnknownInstance):
        pair.alice.session.recipient = device
    assert not pair.alice.sent


def test_send_to_a_device_in_plain_text_beside_a_private_one_then_refused(quick):
    pair = conversation(quick, "encrypted", Policy.MANUAL)
    stranger = Pair(quick, 3, 55)
    stranger.alice.start()
    stranger.step(stranger.alice)
    commit = stranger.bob.out[0]
    pair.alice.session.receive(commit)
    made_up = parsed(commit).sender
    assert made_up in {info.tag for info in pair.alice.session.instances}
    with pytest.raises(errors.NotEncrypted):
        pair.alice.session.send(TEXT, instance=made_up)
    pair.clock.turn(1)
    for rule in Recipient:
        pair.alice.session.recipient = rule
        assert kinds(pair.alice.session.send(TEXT).wire) == ["DataMessage"]
        assert kinds(pair.alice.session.send(TEXT, instance=rule).wire) == ["DataMessage"]


def test_typed_query_then_the_one_of_the_policy_goes_out(quick):
    for policy in SPOKEN:
        pair = conversation(quick, "plaintext", policy)
        for typed in (b"?OTR?", b"?OTRv2?", b"  ?OTRv23? please"):
            (line,) = pair.alice.session.send(typed).wire
            versions = "".join(map(str, policy.versions)).encode()
            assert line.startswith(b"?OTRv" + versions + b"?")


def test_text_that_speaks_of_a_query_then_sent_like_any_text(quick):
    text = b"type ?OTRv23? to start"
    pair = conversation(quick, "encrypted", Policy.MANUAL)
    pair.alice.send(text)
    pair.deliver()
    assert pair.bob.texts == [text]
    pair = conversation(quick, "plaintext", Policy.MANUAL)
    assert pair.alice.send(text).wire == (text,)


# Row: ordinary text in


@pytest.mark.parametrize("state", STATES)
def test_ordinary_text_over_all_policies_then_delivered_or_warned_of(quick, state: str):
    for policy in ALL_POLICIES:
        pair = conversation(quick, state, policy)
        outcome = pair.alice.receive(TEXT)
        warned = state != "plaintext" or requires(policy)
        expected = (
            events.UnencryptedReceived(TEXT) if warned else events.MessageReceived(TEXT, False)
        )
        assert outcome == ((expected,), ())


# Row: tagged text in


@pytest.mark.parametrize("state", STATES)
def test_tagged_text_over_all_policies_then_stripped_and_perhaps_an_exchange(quick, state: str):
    for policy in ALL_POLICIES:
        pair = conversation(quick, state, policy)
        outcome = pair.alice.receive(b"before" + tag((1, 2, 3)) + b"after")
        text = (
            b"beforeafter" if not passive(state, policy) else b"before" + tag((1, 2, 3)) + b"after"
        )
        assert outcome.events[0].text == text
        warned = state != "plaintext" or requires(policy)
        assert isinstance(outcome.events[0], events.UnencryptedReceived) is warned
        starts = policy.versions and Policy.WHITESPACE_START_AKE in policy and state != "encrypted"
        assert kinds(outcome.wire) == (["DHCommit"] if starts else [])
        if starts:
            assert parsed(outcome.wire[0]).version == max(policy.versions)


# Row: query in


@pytest.mark.parametrize("state", STATES)
def test_query_over_all_policies_then_an_exchange_in_the_best_common_version(quick, state: str):
    for policy, offered in product(ALL_POLICIES[::3], [(1,), (2,), (3,), (2, 3)]):
        pair = conversation(quick, state, policy)
        line = b"?OTRv" + b"".join(b"%d" % each for each in offered) + b"? and words"
        outcome = pair.alice.receive(line)
        if passive(state, policy):
            assert outcome == ((events.MessageReceived(line, False),), ())
            continue
        common = set(offered) & set(policy.versions)
        assert outcome.events[0] == events.QueryReceived(
            frozenset(set(offered)), b" and words"
        ) or offered == (1,)
        assert [parsed(each).version for each in outcome.wire] == ([max(common)] if common else [])
        assert pair.alice.session.state.value == state


def test_query_when_encrypted_then_refreshed(quick, version: int):
    pair = Pair(quick, version)
    pair.establish()
    pair.alice.receive(b"?OTRv23?")
    pair.deliver()
    assert pair.alice.seen(events.SecureStarted)[-1].refreshed


# Row: error in


@pytest.mark.parametrize("state", STATES)
def test_error_over_all_policies_then_shown_and_perhaps_a_query(quick, state: str):
    line = b"?OTR Error: something"
    for policy in ALL_POLICIES:
        pair = conversation(quick, state, policy)
        outcome = pair.alice.receive(line)
        if passive(state, policy):
            assert outcome == ((events.MessageReceived(line, False),), ())
            continue
        assert outcome.events == (events.PeerError(b"something"),)
        asks = policy.versions and Policy.ERROR_START_AKE in policy
        assert kinds(outcome.wire) == (["query"] if asks else [])


def test_error_when_encrypted_then_the_last_text_goes_again_to_the_same_key(secured: Pair):
    secured.alice.send(b"unread")
    secured.alice.out.clear()
    secured.alice.receive(b"?OTR Error: could not read")
    secured.bob.start()
    secured.deliver()
    assert secured.bob.texts == [b"[resent] unread"]
    assert secured.alice.seen(events.MessageResent)[0].text == b"unread"


def test_error_when_the_text_is_old_then_not_sent_again(secured: Pair):
    secured.alice.send(b"unread")
    secured.alice.out.clear()
    secured.alice.receive(b"?OTR Error: could not read")
    secured.clock.turn(61)
    secured.bob.start()
    secured.deliver()
    assert secured.bob.texts == []


def test_error_then_another_text_is_sent_then_that_one_goes_again(secured: Pair):
    secured.alice.send(b"first")
    secured.alice.receive(b"?OTR Error: x")
    secured.alice.send(b"second")
    secured.alice.out.clear()
    secured.bob.start()
    secured.deliver()
    assert b"[resent] first" not in secured.bob.texts


def test_error_then_another_key_completes_the_exchange_then_nothing_is_sent_to_it(quick):
    """Case 25: an error is injected, and a stranger's key answers."""
    pair = Pair(quick, 2)
    pair.establish()
    pair.alice.send(b"for bob's key alone")
    pair.alice.receive(b"?OTR Error: x")
    impostor(pair)
    assert pair.bob.texts == []
    assert pair.alice.seen(events.MessageResent) == []


def impostor(pair: Pair) -> None:
    """Put a stranger with a key of her own into Bob's place, who starts an exchange."""
    from helpers import Side, make_account

    backend = pair.alice.account._identity.backend
    policy = pair.bob.session.policy
    account = make_account(backend, "mallory", 3, pair.clock, policy)
    pair.bob = Side(account, "alice")
    pair.alice.out.clear()
    pair.bob.start()
    pair.deliver()
    assert pair.alice.session.fingerprint == account.fingerprint
    assert pair.alice.seen(events.NewFingerprint)[-1].fingerprint == account.fingerprint


# Rows: data in, user ends, peer ends


@pytest.mark.parametrize("state", ["plaintext", "finished"])
def test_data_when_not_encrypted_then_events_and_an_answer_where_none_has_ended(quick, state: str):
    for policy in SPOKEN:
        pair = conversation(quick, state, policy)
        donor = Pair(quick, pair.version)
        donor.establish()
        lost = state == "plaintext"
        for flags, told in ((0, 1 + lost), (1, 0)):
            line = donor.bob.instance.channel.seal(b"x", b"", flags)
            outcome = pair.alice.receive(line)
            assert bool(outcome.wire) is (lost and pair.version == 3 and not flags)
            assert len(outcome.events) == told


@pytest.mark.parametrize("state", STATES)
def test_end_over_all_policies_then_plain_text(quick, state: str):
    for policy in ALL_POLICIES[::5]:
        pair = conversation(quick, state, policy)
        outcome = pair.alice.take(pair.alice.session.end())
        assert pair.alice.session.state is MessageState.PLAINTEXT
        assert kinds(outcome.wire) == (["DataMessage"] if state == "encrypted" else [])
        if state == "encrypted":
            assert parsed(outcome.wire[0]).flags == 1
            pair.deliver()
            assert pair.bob.session.state is MessageState.FINISHED


def test_peer_ends_then_keys_are_gone_and_held_texts_come_back(secured: Pair):
    secured.bob.take(secured.bob.session.end())
    secured.deliver()
    assert secured.alice.session.state is MessageState.FINISHED
    assert secured.alice.instance.channel is None
    line = secured.alice.sent[-1]
    assert not secured.bob.receive(line).wire


# NEVER


@pytest.mark.parametrize(
    "line",
    [
        TEXT,
        b"",
        b"?OTRv23?",
        b"?OTR Error: x",
        b"?OTR:AAMD",
        b"?OTR,1,2,x,",
        b"?OTR|1|2,1,1,x,",
        TEXT + tag((2, 3)),
        b"\0\xff",
    ],
)
def test_never_then_everything_passes_unchanged_both_ways(quick, line: bytes):
    pair = conversation(quick, "plaintext", Policy.NEVER)
    assert pair.alice.receive(line) == ((events.MessageReceived(line, False),), ())
    assert pair.alice.send(line) == ((), (line,))


# Whitespace tags and the offer


def test_tag_when_the_peer_answers_in_plain_text_then_offered_no_more(quick):
    pair = conversation(quick, "plaintext", Policy.OPPORTUNISTIC)
    assert WHITESPACE_BASE in pair.alice.send(TEXT).wire[0]
    assert WHITESPACE_BASE in pair.alice.send(TEXT).wire[0]
    pair.alice.receive(TEXT)
    assert pair.alice.send(TEXT).wire == (TEXT,)
    pair.alice.receive(b"?OTR:AAMD")  # the peer has OTR after all
    assert WHITESPACE_BASE in pair.alice.send(TEXT).wire[0]


def test_tag_between_two_opportunists_then_encrypted_from_the_second_text_on(quick):
    both = Policy.OPPORTUNISTIC
    pair = Pair(quick, 3, policies=(both, both))
    pair.alice.send(b"hello")
    pair.deliver()
    assert pair.bob.seen(events.MessageReceived)[0] == events.MessageReceived(b"hello", False)
    pair.converse()


def test_tag_with_trailing_tab_then_survives_a_stripped_space(quick):
    both = Policy.ALLOW_V2 | Policy.SEND_WHITESPACE_TAG | Policy.WHITESPACE_START_AKE
    pair = Pair(quick, 2, policies=(both, both), trailing_tab=True)
    line = pair.alice.send(b"hello").wire[0]
    assert line.endswith(b" \t")
    outcome = pair.bob.receive(line)
    assert kinds(outcome.wire) == ["DHCommit"]
    assert outcome.events[0].text.rstrip(b"\t") == b"hello"


def test_query_then_its_words_are_those_of_the_account(quick):
    from helpers import make_account

    account = make_account(quick, query_text=b" Please install OTR.")
    assert account.session("bob").start().wire == (b"?OTRv23? Please install OTR.",)
    account = make_account(quick, policy=Policy.ALLOW_V1 | Policy.MANUAL, query_text=b"")
    assert account.session("bob").start().wire == (b"?OTR?v23?",)


# Texts around marks (case 21)


@pytest.mark.parametrize("state", ["plaintext", "encrypted"])
def test_mark_in_the_middle_then_the_text_before_it_is_not_lost(quick, state: str):
    before = b"long words before " * 20
    for mark in (
        b"?OTRv3?",
        b"?OTR?",
        b"?OTR Error: after",
        b"?OTR:AAMD.",
        b"?OTR,1,2,x,",
        b"?OTR|5a73a599|27e31597,00001,00002,x,",
    ):
        pair = conversation(quick, state, Policy.MANUAL)
        outcome = pair.alice.receive(before + mark)
        assert outcome.events[0].text == before
        assert isinstance(outcome.events[0], events.MessageReceived) is (state == "plaintext")
        assert not getattr(outcome.events[0], "encrypted", False)


def test_text_after_query_and_error_then_in_the_event(quick):
    pair = conversation(quick, "plaintext", Policy.MANUAL)
    outcome = pair.alice.receive(b"?OTRv2?\nwords\nmore")
    assert outcome.events[0] == events.QueryReceived(frozenset({2}), b"\nwords\nmore")
    outcome = pair.alice.receive(b"?OTR Error: words?OTR?")
    assert outcome.events[0] == events.PeerError(b"words?OTR?")


@pytest.mark.parametrize(
    "line",
    [b"?OTR", b"?OTR ", b"?OTRx", b"?OTR\n", b"?OTR:", b"?OTR:===.", b"?OTR:AAMC.", b"?OTR:!."],
)
def test_otr_that_can_not_be_read_then_never_shown_as_text(quick, line: bytes):
    for state in STATES:
        pair = conversation(quick, state, Policy.MANUAL)
        outcome = pair.alice.receive(line)
        assert [type(event) for event in outcome.events] == [events.MessageRejected]
        assert not outcome.wire or kinds(outcome.wire) == ["error"]


@pytest.mark.parametrize("line", [b"?OTR:AAEKabcd.", b"?OTR:AAEDabcd.", b"?OTR:AAECAAAA."])
def test_version_1_then_recognised_and_refused(quick, line: bytes):
    pair = conversation(quick, "plaintext", Policy.MANUAL | Policy.ALLOW_V1)
    outcome = pair.alice.receive(line)
    assert [type(event.error) for event in outcome.events] == [errors.VersionMismatch]
    assert not outcome.wire
    assert pair.alice.receive(b"?OTR?").wire == ()


def test_fragmented_lines_of_any_kind_then_taken_whole(quick):
    """libotr cuts whatever it is given: queries, tagged texts, error texts."""
    pair = conversation(quick, "plaintext", Policy.OPPORTUNISTIC)
    for line, expected in (
        (b"a long text" + tag((3,)), events.MessageReceived(b"a long text", False)),
        (b"?OTRv3?words", events.QueryReceived(frozenset({3}), b"words")),
        (b"?OTR Error: no", events.PeerError(b"no")),
    ):
        half = len(line) // 2
        assert pair.alice.receive(b"?OTR,1,2,%b," % line[:half]) == ((), ())
        assert pair.alice.receive(b"?OTR,2,2,%b," % line[half:]).events[0] == expected
    pair.alice.receive(b"?OTR,1,2,?OTR,")
    outcome = pair.alice.receive(b"?OTR,2,2,:AAMD.,")
    assert [type(event) for event in outcome.events] == [events.MessageRejected]


def test_fragment_of_a_fragment_then_refused(quick):
    pair = conversation(quick, "plaintext", Policy.MANUAL)
    inner = b"?OTR|1|2"
    pair.alice.receive(b"?OTR,1,2,%b," % inner)
    outcome = pair.alice.receive(b"?OTR,2,2,x,")
    assert [type(event) for event in outcome.events] == [events.MessageRejected]


# Held texts


def requiring(backend, **more) -> Pair:
    pair = Pair(
        backend, 3, policies=(Policy.ALLOW_V3 | Policy.REQUIRE_ENCRYPTION, Policy.ALLOW_V3), **more
    )
    pair.alice.events.clear()
    return pair


def fates(pair: Pair, text: bytes) -> list[str]:
    kinds_ = (events.MessageHeld, events.MessageResent, events.MessageUndelivered)
    return [type(event).__name__ for event in pair.alice.seen(*kinds_) if event.text == text]


def test_held_texts_when_encrypted_then_delivered_in_order_and_one_query_sent(quick):
    pair = requiring(quick)
    for number in range(10):
        pair.alice.send(b"%d" % number)
    assert kinds(pair.alice.sent) == ["query"]
    pair.deliver()
    assert pair.bob.texts == [b"%d" % number for number in range(10)]
    assert fates(pair, b"3") == ["MessageHeld", "MessageResent"]


def test_held_text_when_nobody_answers_then_handed_back_once(quick):
    pair = requiring(quick)
    pair.alice.send(b"waiting")
    pair.alice.out.clear()
    due = pair.alice.session.next_deadline
    assert due == pair.clock() + Limits().held_age
    pair.clock.now = due
    pair.alice.tick()
    pair.alice.tick()
    assert fates(pair, b"waiting") == ["MessageHeld", "MessageUndelivered"]
    assert kinds(pair.alice.send(b"again").wire) == ["query"]


@pytest.mark.parametrize(
    ("limits", "texts"),
    [
        (Limits(held_texts=3), [b"x"] * 4),
        (Limits(held_bytes=100), [bytes(b"x" * 60), b"y" * 60]),
        (Limits(account_held_bytes=100), [bytes(b"x" * 60), b"y" * 60]),
    ],
)
def test_held_texts_when_too_many_then_queue_full_and_the_others_stay(quick, limits, texts):
    pair = requiring(quick, limits=limits)
    for text in texts[:-1]:
        pair.alice.send(text)
    with pytest.raises(errors.QueueFull):
        pair.alice.send(texts[-1])
    pair.deliver()
    assert pair.bob.texts == texts[:-1]
    assert pair.alice.account._context.usage.held == 0


def test_held_text_when_ended_then_handed_back(quick):
    pair = requiring(quick)
    pair.alice.send(b"waiting")
    pair.alice.take(pair.alice.session.end())
    assert fates(pair, b"waiting") == ["MessageHeld", "MessageUndelivered"]
    assert pair.alice.account._context.usage.held == 0


@pytest.mark.parametrize("trusted", [True, False])
def test_held_text_when_another_key_answers_then_handed_back(quick, trusted: bool):
    pair = requiring(quick)
    known = b"k" * 20
    pair.alice.account.trust.set("bob", known, "verified" if trusted else "")
    pair.alice.send(b"for the known key")
    pair.deliver()
    assert pair.alice.encrypted
    assert fates(pair, b"for the known key") == ["MessageHeld", "MessageUndelivered"]
    assert pair.bob.texts == []


def test_held_text_when_an_untrusted_known_key_answers_beside_a_trusted_one_then_handed_back(quick):
    pair = requiring(quick)
    pair.alice.account.trust.set("bob", b"k" * 20, "verified")
    pair.alice.account.trust.set("bob", pair.bob.account.fingerprint, "")
    pair.alice.send(b"for the verified key")
    pair.deliver()
    assert fates(pair, b"for the verified key") == ["MessageHeld", "MessageUndelivered"]


def test_held_text_when_no_key_is_known_then_for_whoever_answers(quick):
    pair = requiring(quick)
    pair.alice.send(b"whoever you are")
    pair.deliver()
    assert pair.bob.texts == [b"whoever you are"]


def test_held_text_when_the_limit_of_a_line_shrinks_then_handed_back_not_raised(quick):
    pair = requiring(quick, limits=Limits(held_bytes=1 << 20, message_size=1 << 20))
    text = b"x" * 500_000
    pair.alice.send(text)
    pair.alice.session.max_fragment = 40
    pair.deliver()
    assert fates(pair, text) == ["MessageHeld", "MessageUndelivered"]


def test_text_with_nul_when_it_would_be_held_then_refused(quick):
    pair = requiring(quick)
    with pytest.raises(errors.TextHasNul):
        pair.alice.send(b"a\0b")
    assert not pair.alice.sent


# Errors without storms


def test_two_engines_that_answer_errors_then_they_come_to_rest(quick, version: int):
    both = (
        Policy.ERROR_START_AKE
        | Policy.WHITESPACE_START_AKE
        | {2: Policy.ALLOW_V2, 3: Policy.ALLOW_V3}[version]
    )
    pair = Pair(quick, version, policies=(both, both))
    pair.establish()
    pair.bob.instance.channel = None  # Bob has lost his keys, and does not know it
    pair.bob.instance.state = MessageState.PLAINTEXT
    pair.alice.send(b"unreadable")
    pair.bob.out.append(b"?OTR Error: lost")
    pair.alice.out.append(b"?OTR Error: lost too")
    pair.deliver(200)
    assert len(pair.alice.sent) + len(pair.bob.sent) < 60


def test_errors_in_a_flood_then_one_query_each_ten_seconds(quick):
    pair = conversation(quick, "plaintext", Policy.MANUAL | Policy.ERROR_START_AKE)
    sent = 0
    for _ in range(1000):
        sent += len(pair.alice.receive(b"?OTR Error: x").wire)
        pair.clock.turn(0.1)
    assert sent == 10
    assert pair.alice.account.limited["error_interval"] == 990


def test_unreadable_in_a_flood_then_one_error_each_ten_seconds(quick):
    pair = conversation(quick, "encrypted", Policy.MANUAL)
    line = bytearray(pair.bob.session.send(b"x").wire[0])
    line[-20] ^= 1
    sent = 0
    for _ in range(100):
        sent += len(pair.alice.receive(bytes(line)).wire)
        pair.clock.turn(1)
    assert sent == 10
    pair.bob.instance.channel.send_keys = None
    pair.converse()


def test_unreadable_without_an_error_text_then_no_answer(quick):
    pair = Pair(quick, 3, error_text=b"")
    pair.establish()
    line = bytearray(pair.bob.session.send(b"x").wire[0])
    line[-40] ^= 1
    assert pair.alice.receive(bytes(line)).wire == ()


# TLVs


def test_tlvs_when_sent_with_a_text_then_they_come_in_order(secured: Pair):
    records = (Tlv(0x100, b"one"), Tlv(0xFFFF, b""), Tlv(0, bytes(9)), Tlv(0x100, b"two"))
    secured.alice.send(b"text", tlvs=records)
    secured.deliver()
    assert secured.bob.texts == [b"text"]
    assert secured.bob.seen(events.TlvsReceived)[-1].tlvs == records


def test_tlvs_when_over_the_limit_then_the_first_ones_and_an_event(secured: Pair):
    secured.alice.send(b"text", tlvs=[Tlv(0x100, b"%d" % number) for number in range(100)])
    secured.deliver()
    assert secured.bob.texts == [b"text"]
    assert len(secured.bob.seen(events.TlvsReceived)[-1].tlvs) == Limits().tlvs
    assert secured.bob.seen(events.Limited)[-1].limit == "tlvs"


def test_padding_then_lengths_tell_less_and_texts_are_unchanged(secured: Pair):
    from otrfast import Padding

    lengths = set()
    for scheme in (Padding(256), Padding(64, 15), None):
        secured.alice.session.padding = scheme
        for size in (1, 100, 250, 251, 255, 256, 257, 1000):
            secured.say(secured.alice, b"p" * size)
            ciphertext = parsed(secured.alice.sent[-1]).ciphertext
            if scheme is not None:
                assert len(ciphertext) % scheme.multiple == 0
            lengths.add(len(ciphertext))
    assert 256 in lengths
    assert kind(secured.alice.sent[-1]) == "DataMessage"


@pytest.mark.parametrize(("multiple", "count"), [(1, 0), (4097, 0), (256, 16), (256, -1)])
def test_padding_out_of_range_then_value_error(multiple: int, count: int):
    from otrfast import Padding

    with pytest.raises(ValueError):
        Padding(multiple, count)
