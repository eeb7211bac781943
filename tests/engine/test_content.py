"""Content that is no text: sealed and read as it is, whatever bytes it has."""

from __future__ import annotations

import pytest
from helpers import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast import Limits, MessageState, Policy, errors, events
from otrfast.outcome import Outcome
from otrfast.protocol.padding import Padding

CONTENTS = (b"", b"\0", b"\0\0\0\1\0\0", b"a\0b", b"ends\0", b"text", b"?OTRv23?", bytes(9000))


def carry(pair: Pair, outcome: Outcome) -> list[events.Event]:
    """Bob reads the lines as content."""
    found = [pair.bob.session.receive_content(line) for line in outcome.wire]
    return [event for each in found for event in each.events]


@pytest.fixture(params=[2, 3])
def pair(backend, request) -> Pair:
    made = Pair(backend, request.param)
    made.establish()
    return made


@pytest.mark.parametrize("max_fragment", [0, 400])
def test_content_when_sealed_then_read_as_it_was(pair: Pair, max_fragment: int):
    pair.alice.session.max_fragment = max_fragment
    for content in CONTENTS:
        assert carry(pair, pair.alice.session.seal(content)) == [
            events.MessageReceived(content, True, pair.bob.session.instance_tags[1])
        ]
    pair.converse()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(contents=st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_content_when_any_then_read_as_it_was_between_texts(quick, contents):
    pair = Pair(quick, 3)
    pair.establish()
    for content in contents:
        (event,) = carry(pair, pair.alice.session.seal(content))
        assert event.text == content
        pair.converse()


def test_content_when_a_text_reader_gets_it_then_cut_as_every_client_does(pair: Pair):
    for content, text in ((b"text", b"text"), (b"a\0b", b"a"), (b"a\0\0\0\0\0", b"a")):
        pair.alice.take(pair.alice.session.seal(content))
        pair.deliver()
        assert pair.bob.texts[-1] == text


def test_text_when_read_as_content_then_its_zero_byte_and_tlvs_are_there(pair: Pair):
    (event,) = carry(pair, pair.alice.session.send(b"text"))
    assert event.text == b"text\0"
    (event,) = carry(pair, pair.alice.session.smp_start(b"secret"))
    assert event.text.startswith(b"\0\0\2")
    assert pair.bob.session.state is MessageState.ENCRYPTED


def test_content_when_a_line_is_no_data_message_then_as_received(quick):
    pair = Pair(quick, 3)
    for line in pair.alice.session.start().wire:
        pair.bob.take(pair.bob.session.receive_content(line))
    pair.deliver()
    assert pair.bob.encrypted
    assert pair.bob.session.receive_content(b"plain").events == (
        events.UnencryptedReceived(b"plain"),
    )


@pytest.mark.parametrize("policy", [Policy.ALLOW_V3, Policy.ALWAYS, Policy.NEVER])
def test_content_without_a_private_conversation_then_refused(quick, policy: Policy):
    pair = Pair(quick, 3, policies=(policy, policy))
    with pytest.raises(errors.NotEncrypted):
        pair.alice.session.seal(b"\0")


def test_content_when_the_peer_has_ended_then_refused(pair: Pair):
    pair.bob.take(pair.bob.session.end())
    pair.deliver()
    with pytest.raises(errors.ConversationFinished):
        pair.alice.session.seal(b"\0")


def test_content_when_the_key_is_not_trusted_then_refused(quick):
    pair = Pair(quick, 3, policies=(Policy.ALLOW_V3 | Policy.REQUIRE_TRUST, Policy.ALLOW_V3))
    pair.establish()
    with pytest.raises(errors.UntrustedKey):
        pair.alice.session.seal(b"\0")
    pair.alice.account.trust.set("bob", pair.alice.session.fingerprint, "verified")
    assert carry(pair, pair.alice.session.seal(b"\0"))[0].text == b"\0"


def test_content_when_too_long_or_of_a_wrong_type_then_refused_and_the_conversation_goes_on(quick):
    pair = Pair(quick, 3, limits=Limits(message_size=4096))
    pair.establish()
    with pytest.raises(errors.TextTooLong):
        pair.alice.session.seal(bytes(4096))
    for wrong in ("text", None, 7):
        with pytest.raises(TypeError):
            pair.alice.session.seal(wrong)
        with pytest.raises(TypeError):
            pair.alice.session.receive_content(wrong)
    with pytest.raises(errors.UnknownInstance):
        pair.alice.session.seal(b"x", instance=0x1234)
    pair.converse()


def test_content_when_padding_is_set_then_it_is_not_padded(pair: Pair):
    pair.alice.session.padding = Padding(256)
    assert carry(pair, pair.alice.session.seal(b"\0x"))[0].text == b"\0x"


def test_content_when_the_peer_lost_its_keys_then_no_older_text_is_sent_again(quick):
    pair = Pair(quick, 3, policies=(Policy.ALWAYS, Policy.ALWAYS))
    pair.establish()
    pair.converse()
    pair.alice.session.seal(b"\0image")
    pair.bob.session.end()
    pair.alice.receive(b"?OTR Error: unreadable")
    pair.deliver()
    assert pair.alice.encrypted
    assert not pair.alice.seen(events.MessageResent)


def test_content_when_bytes_of_the_wire_change_then_refused(pair: Pair):
    (line,) = pair.alice.session.seal(b"\0\1\2").wire
    for at in range(5, len(line) - 5, 7):  # the last digits have bits that nobody reads
        damaged = line[:at] + (b"A" if line[at : at + 1] != b"A" else b"B") + line[at + 1 :]
        outcome = pair.bob.session.receive_content(damaged)
        assert not any(isinstance(event, events.MessageReceived) for event in outcome.events)
    assert carry(pair, Outcome((), (line,)))[0].text == b"\0\1\2"


@pytest.mark.parametrize("way", ["account", "from the start"])
def test_sealing_when_trust_is_required_then_neither_texts_nor_content_to_an_untrusted_key(
    quick, way: str
):
    required = Policy.ALLOW_V3 | Policy.REQUIRE_TRUST
    first = Policy.ALLOW_V3 if way == "account" else required
    pair = Pair(quick, 3, policies=(first, Policy.ALLOW_V3))
    pair.establish()
    trust, fingerprint = pair.alice.account.trust, pair.alice.session.fingerprint
    trust.set("bob", fingerprint, "verified")
    pair.converse(2)
    pair.alice.session.send(b"the keys are in use")
    pair.alice.account.policy = required
    trust.set("bob", fingerprint, "")
    for seal in (pair.alice.session.send, pair.alice.session.seal):
        with pytest.raises(errors.UntrustedKey):
            seal(b"x")


def test_content_when_the_keys_are_in_use_then_sealed_the_short_way_alike(pair: Pair):
    pair.establish()
    pair.converse()
    pair.alice.session.seal(b"the keys are in use now")
    pair.clock.turn(5)
    lines = [pair.alice.session.seal(b"\0short %d" % n).wire[0] for n in range(3)]
    path, pair.alice.session._fast_path.text_limit = pair.alice.session._fast_path, 0
    lines.append(pair.alice.session.seal(b"\0long way").wire[0])
    assert path.text_limit == 0
    found = [carry(pair, Outcome((), (line,)))[0].text for line in lines]
    assert found == [b"\0short 0", b"\0short 1", b"\0short 2", b"\0long way"]
    assert pair.alice.session.conversation.last_sent == pair.clock()
    assert pair.alice.session.conversation.sent is None
