"""The contract's section 6: what each kind of line comes to in each state."""

import pytest
from helpers import encoded, kind, parsed, unwrap, wrap

from otrfast._records import replace
from otrfast.otr import OTRState
from otrfast.otr.exceptions import (
    EncryptedMessageError,
    IgnoreMessage,
    OTRError,
    UnencryptedMessage,
)
from otrfast.wire import fragments, lines
from otrfast.wire.messages import IGNORE_UNREADABLE

from .otr_apps import COMPOSING, IMAGE, TEXT, Duo, Person, key_of

QUERIES = (b"?OTRv3?", b"?OTRv2?", b"?OTRv23?", b"?OTR?v23?", b"?OTRv23? I ask for a talk")
NO_MATCH = (b"?OTR?", b"?OTRv?", b"?OTRv4?", b"?OTR?v1?")
TAGGED = b"hello" + lines.tag((2, 3))
PLAIN = (b"", b"hello", b" ", b"a ?OTRv3? in a text", b"say ?OTR:AAMC.", b"\0\xff?OTR", b"?OTRX")
ENCODED_JUNK = (b"?OTR:", b"?OTR:junk", b"?OTR:AAMC", b"?OTR:AAEC.", b"?OTR:AAQD.", b"?OTR:!!!!.")
OTHER_JUNK = (b"?OTR|junk", b"?OTR,0,2,x,", b"?OTR")


def result(person, line, content_type=TEXT):
    """What a line comes to: the text, or the class of the exception."""
    try:
        return person.session.handle_input(line, content_type)
    except (IgnoreMessage, UnencryptedMessage, OTRError) as error:
        return type(error)


def finish(duo):
    """End the private conversation from Bob's side."""
    duo.bob.session.stop()
    duo.deliver()
    assert duo.alice.session.state is OTRState.Finished
    duo.clear()


def exchanging(duo):
    """Have Bob wait for the D-H Key message; return his commitment."""
    duo.alice.session.start()
    duo.queue.popleft()[0].hear(duo.alice.sent[0])
    duo.queue.clear()
    commit = duo.bob.sent[-1]
    duo.clear()
    return commit


def test_input_when_no_bytes_then_type_error(pair):
    for wrong in ("text", None, 7):
        with pytest.raises(TypeError):
            pair.alice.session.handle_input(wrong, TEXT)


@pytest.mark.parametrize("line", PLAIN + OTHER_JUNK)
def test_plain_text_then_unchanged_or_unencrypted(pair, line):
    assert result(pair.alice, line) == line
    pair.connect()
    assert result(pair.alice, line) is UnencryptedMessage
    finish(pair)
    assert result(pair.alice, line) == line


@pytest.mark.parametrize("line", ENCODED_JUNK)
def test_message_that_cannot_be_decoded_then_as_text_or_unencrypted(pair, line):
    exchanging(pair)
    for person in (pair.alice, pair.bob):
        assert result(person, line) == line
    pair.bob.session.stop()
    pair.connect()
    assert result(pair.alice, line) is UnencryptedMessage
    finish(pair)
    assert result(pair.alice, line) == line


@pytest.mark.parametrize("line", QUERIES)
def test_query_when_nothing_is_there_then_the_exchange_begins_in_the_highest_version(pair, line):
    assert result(pair.alice, line) is IgnoreMessage
    (commit,) = pair.alice.sent
    assert kind(commit) == "DHCommit"
    assert parsed(commit).version == (2 if line == b"?OTRv2?" else 3)


def test_query_when_no_version_is_in_common_then_nothing(quick, pair):
    for line in NO_MATCH:
        assert result(pair.alice, line) is IgnoreMessage
    only_3 = Person(key_of(quick, "alice"), (3,))
    assert result(only_3, b"?OTRv2?") is IgnoreMessage
    assert pair.alice.sent == only_3.sent == []


def test_query_when_something_is_there_then_ignored_and_never_re_keyed(pair):
    exchanging(pair)
    assert result(pair.bob, b"?OTRv3?") is IgnoreMessage
    pair.bob.session.stop()
    pair.connect()
    before = pair.alice.session.id
    pair.clear()
    assert result(pair.alice, b"?OTRv23?") is IgnoreMessage
    assert result(pair.alice, b"?OTRv23? again") is IgnoreMessage
    finish(pair)
    assert result(pair.alice, b"?OTRv3?") is IgnoreMessage
    assert pair.alice.sent == pair.bob.sent == []
    assert before is not None


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "TEXT/plain"])
def test_tag_when_nothing_is_there_then_the_exchange_begins_and_the_text_has_none(
    pair, content_type
):
    assert result(pair.alice, TAGGED, content_type) == b"hello"
    assert kind(pair.alice.sent[0]) == "DHCommit"


def test_tag_then_its_versions_count(pair):
    assert result(pair.alice, b"hello" + lines.tag((2,)) + b" there") == b"hello there"
    assert parsed(pair.alice.sent[0]).version == 2
    assert result(pair.bob, b"hello" + lines.tag((1,))) == b"hello"
    assert pair.bob.sent == []


def test_tag_when_in_other_states_or_content_then_kept(pair):
    assert result(pair.alice, TAGGED, IMAGE) == TAGGED
    exchanging(pair)
    assert result(pair.bob, TAGGED) == TAGGED
    pair.bob.session.stop()
    pair.connect().clear()
    assert result(pair.alice, TAGGED) is UnencryptedMessage
    finish(pair)
    assert result(pair.alice, TAGGED) == TAGGED
    assert pair.alice.sent == []


def test_commitment_when_no_query_was_sent_then_text_and_no_answer(duo):
    commit = exchanging(duo)
    stranger = duo.alice.session
    stranger.stop()
    assert result(duo.alice, commit) == commit
    assert duo.alice.sent == []
    duo.alice.session.start()
    duo.clear()
    assert result(duo.alice, commit) is IgnoreMessage
    assert kind(duo.alice.sent[0]) == "DHKey"


def test_commitment_when_we_only_answered_a_query_then_not_answered(quick):
    duo, other = Duo(quick), Duo(quick, seed=2)
    exchanging(duo)
    commit = exchanging(other)
    assert result(duo.bob, commit) is IgnoreMessage
    assert duo.bob.sent == []


def test_messages_of_an_exchange_when_out_of_place_then_text_ignored_or_ignored(pair):
    pair.connect()
    spoken = [line for line in pair.alice.sent + pair.bob.sent if line.startswith(b"?OTR:")]
    assert {kind(line) for line in spoken} == {"DHCommit", "DHKey", "RevealSignature", "Signature"}
    pair.clear()
    for line in spoken:
        assert result(pair.alice, line) is IgnoreMessage
        assert result(pair.bob, line) is IgnoreMessage
    finish(pair)
    for line in spoken:
        assert result(pair.alice, line) is IgnoreMessage
    pair.alice.session.stop()
    for line in spoken:
        assert result(pair.alice, line) == line
    assert pair.alice.sent == pair.bob.sent == []


def test_data_message_without_a_protocol_then_text_that_programs_look_for(secured):
    line = secured.alice.session.handle_output(b"late", TEXT)
    secured.bob.session.stop()
    assert result(secured.bob, line) == line
    secured.bob.session.start()
    assert result(secured.bob, line) == line


@pytest.mark.parametrize("content_type", [TEXT, IMAGE])
def test_data_message_when_finished_then_an_error_for_both_sides(secured, content_type):
    line = secured.bob.session.handle_output(b"late", TEXT)
    finish(secured)
    with pytest.raises(EncryptedMessageError) as caught:
        secured.alice.session.handle_input(line, content_type)
    assert isinstance(caught.value.args[0], str)
    assert "\n" not in str(caught.value)
    assert len(secured.alice.sent) == 1
    assert secured.alice.sent[0].startswith(b"?OTR Error:")


def test_data_message_while_an_exchange_runs_then_the_same(quick):
    duo = Duo(quick, (2,)).connect()
    line = duo.alice.session.handle_output(b"text", TEXT)
    duo.bob.session.stop()
    duo.queue.clear()
    duo.clear()
    result(duo.bob, b"?OTRv2?")
    assert result(duo.bob, line) is EncryptedMessageError
    assert [kind(each) for each in duo.bob.sent] == ["DHCommit", "error"]


DAMAGES = {
    "mac": lambda message: replace(message, mac=bytes(20)),
    "counter": lambda message: message,
    "key id": lambda message: replace(message, recipient_keyid=77),
    "key id 0": lambda message: replace(message, sender_keyid=0),
    "next key": lambda message: replace(message, next_key=bytes(192)),
    "text": lambda message: replace(message, ciphertext=bytes(len(message.ciphertext))),
}


@pytest.mark.parametrize("content_type", [TEXT, IMAGE])
@pytest.mark.parametrize("damage", DAMAGES)
def test_data_message_when_it_does_not_hold_then_an_error_for_both_sides(
    quick, version, damage, content_type
):
    duo = Duo(quick, (version,)).connect().clear()
    line = duo.alice.session.handle_output(b"text", TEXT)
    assert result(duo.bob, line) == b"text"
    damaged = encoded(DAMAGES[damage](parsed(line)))
    assert result(duo.bob, damaged, content_type) is EncryptedMessageError
    assert result(duo.bob, damaged, content_type) is EncryptedMessageError
    assert [kind(each) for each in duo.bob.sent] == ["error"]  # not one for each
    duo.clock.turn(60)
    assert result(duo.bob, damaged, content_type) is EncryptedMessageError
    assert [kind(each) for each in duo.bob.sent] == ["error"] * 2
    assert duo.bob.session.encrypted
    duo.assert_talks()


def test_data_message_when_the_sender_wants_no_error_then_ignored(secured):
    line = secured.alice.session.handle_output(b"text", TEXT)
    damaged = encoded(replace(parsed(line), flags=IGNORE_UNREADABLE, mac=bytes(20)))
    assert result(secured.bob, damaged) is IgnoreMessage
    assert secured.bob.sent == []


def test_error_then_its_text_where_there_is_a_protocol(pair):
    line = b"?OTR Error: caf\xc3\xa9 \xff\nsecond line\0"
    assert result(pair.bob, line) == line
    pair.bob.session.start()
    assert result(pair.bob, line) == line
    pair.queue.clear()
    exchanging(pair)
    with pytest.raises(OTRError) as caught:
        pair.bob.session.handle_input(line, TEXT)
    assert type(caught.value) is OTRError
    assert caught.value.args == ("caf\u00e9 \ufffd second line",)
    pair.bob.session.stop()
    pair.connect()
    assert result(pair.alice, b"?OTR Error:" + b"x" * 5000) is OTRError
    assert len(str(_raised(pair.alice, b"?OTR Error:" + b"x" * 5000))) == 500
    finish(pair)
    assert result(pair.alice, line) is OTRError
    pair.alice.session.stop()
    assert result(pair.alice, line) == line


def _raised(person, line):
    with pytest.raises(OTRError) as caught:
        person.session.handle_input(line, TEXT)
    return caught.value


def test_message_of_another_instance_then_ignored(quick):
    duo = Duo(quick, (3,)).connect().clear()
    line = duo.alice.session.handle_output(b"text", TEXT)
    message = parsed(line)
    for changed in (
        replace(message, receiver=0x4321),
        replace(message, sender=0x4321),
        replace(message, sender=0x4321, mac=bytes(20)),
        replace(message, sender=1),
        replace(message, sender=message.receiver, receiver=message.sender),
    ):
        assert result(duo.bob, encoded(changed)) is IgnoreMessage
    assert duo.bob.sent == []
    assert result(duo.bob, line) == b"text"


def test_message_of_a_version_that_is_not_supported_then_as_one_that_cannot_be_decoded(quick):
    duo = Duo(quick, (2,)).connect().clear()
    other = Duo(quick, (3,)).connect()
    line = other.alice.session.handle_output(b"text", TEXT)
    assert result(duo.alice, line) is UnencryptedMessage
    duo.alice.session.stop()
    assert result(duo.alice, line) == line


# What is in a data message


CONTENT = {
    TEXT: (b"text", "t\u00e9xt".encode(), b"?OTRv3?", b"?OTR:AAMC.", b"x" * 100_000, TAGGED),
    IMAGE: (b"\0", bytes(range(256)) * 300, b"no zero byte", b"ends in one\0", b"?OTR:AAMD."),
    COMPOSING: (b"<?xml version='1.0'?><isComposing><state>active</state></isComposing>",),
}


@pytest.mark.parametrize("content_type", CONTENT)
def test_content_then_it_comes_through_exactly_both_ways(secured, content_type):
    for content in CONTENT[content_type]:
        for sender in (secured.alice, secured.bob):
            assert secured.tell(sender, content, content_type) == content


def test_text_then_cut_at_the_first_zero_byte_and_other_content_whole(secured):
    disconnect = b"bye\0\0\1\0\0"
    for sender in (secured.alice, secured.bob):
        assert secured.tell(sender, b"text\0rest", TEXT) == b"text"
        assert secured.tell(sender, disconnect, IMAGE) == disconnect
    assert secured.bob.session.encrypted
    assert secured.tell(secured.alice, disconnect, TEXT) == b"bye"
    assert secured.bob.session.state is OTRState.Finished


@pytest.mark.parametrize("content_type", [TEXT, IMAGE])
def test_data_message_when_empty_then_ignored(secured, content_type):
    line = secured.alice.session.handle_output(b"", content_type)
    assert result(secured.bob, line, content_type) is IgnoreMessage


@pytest.mark.parametrize(
    "tlv",
    [b"\0c\0\1x", b"\0\x08\0\4\0\0\0\1", b"\0\x08\0\1\0", b"\0\1", b"\0\2\0\2\0", b"\xff"],
)
def test_tlv_when_unknown_or_damaged_then_skipped_and_the_text_kept(secured, tlv):
    line = secured.alice.session.handle_output(b"text\0" + tlv, TEXT)
    assert secured.bob.session.handle_input(line, TEXT) == b"text"
    line = secured.alice.session.handle_output(b"\0" + tlv, TEXT)
    assert result(secured.bob, line) is IgnoreMessage
    assert secured.bob.session.encrypted
    secured.deliver()
    secured.assert_talks()


def test_data_message_when_in_html_or_followed_by_text_then_only_what_was_encrypted(secured):
    line = secured.alice.session.handle_output(b"first", TEXT)
    assert result(secured.bob, b"<p>" + line + b"</p>") == b"first"
    line = secured.alice.session.handle_output(b"second", TEXT)
    assert result(secured.bob, line + b" send me money") == b"second"
    line = secured.alice.session.handle_output(b"third", TEXT)
    assert result(secured.bob, b"send me money " + line) is UnencryptedMessage


# Fragments


def cut(line, limit=150):
    message = parsed(line)
    return fragments.split(line, limit, message.version, message.sender, message.receiver)


@pytest.mark.parametrize("content_type", [TEXT, IMAGE])
def test_fragments_then_put_together_in_an_exchange_and_in_a_session(duo, content_type):
    for sender, receiver in ((duo.alice, duo.bob), (duo.bob, duo.alice)):
        sender.carry = lambda line, to=receiver: duo.queue.extend(
            (to, piece) for piece in (cut(line) if line.startswith(b"?OTR:") else [line])
        )
    duo.connect()
    content = b"a text " * 40
    pieces = cut(duo.alice.session.handle_output(content, content_type))
    assert len(pieces) > 3
    found = [result(duo.bob, piece, content_type) for piece in pieces]
    assert found == [IgnoreMessage] * (len(pieces) - 1) + [content]
    duo.assert_talks()


def test_fragments_when_of_a_commitment_in_a_session_then_never_re_keyed(quick):
    duo, other = Duo(quick, (3,)).connect().clear(), Duo(quick, (3,), seed=2)
    for piece in cut(exchanging(other)):
        assert result(duo.alice, piece) is IgnoreMessage
    assert duo.alice.sent == []
    duo.assert_talks()


def test_fragments_when_of_an_unasked_commitment_then_the_whole_line_as_text(quick):
    commit = exchanging(Duo(quick, (3,)))
    alice = Person(key_of(quick, "alice"))
    *first, last = cut(commit)
    assert [result(alice, piece) for piece in first] == [IgnoreMessage] * len(first)
    assert result(alice, last) == commit
    assert alice.sent == []


def test_fragments_when_for_another_instance_or_of_fragments_then_nothing_shown(secured):
    speaks_3 = secured.bob.session.supported_versions == {3}
    other = b"?OTR|00001234|00005678,00001,00001,?OTR:AAMD.,"
    assert result(secured.bob, other) is (IgnoreMessage if speaks_3 else UnencryptedMessage)
    line = b"?OTR,00001,00001,?OTR,00001,00001,x,,"
    assert result(secured.bob, line) in (IgnoreMessage, UnencryptedMessage)
    secured.assert_talks()


# Two instances of a peer


def test_commitments_when_two_instances_answer_then_a_session_with_one_of_them(quick):
    alice = Person(key_of(quick, "alice"))
    phones = [Person(key_of(quick, "bob", seed=number)) for number in (1, 2)]
    alice.session.start()
    for phone in phones:
        phone.hear(alice.sent[0])
    wire = [(alice, phone.sent[0]) for phone in phones]
    alice.clear()
    for phone in phones:
        phone.carry = lambda line: wire.append((alice, line))
    alice.carry = lambda line: wire.extend((phone, line) for phone in phones)
    while wire:
        to, line = wire.pop(0)
        to.hear(line)
    assert alice.session.encrypted
    assert [phone.session.encrypted for phone in phones].count(True) == 1
    phone = next(each for each in phones if each.session.encrypted)
    line = alice.session.handle_output(b"text", TEXT)
    assert phone.session.handle_input(line, TEXT) == b"text"


def test_wire_of_a_session_then_no_plain_text_in_it(secured):
    line = secured.alice.session.handle_output(b"very secret text", TEXT)
    assert b"secret" not in unwrap(line)
    assert wrap(unwrap(line)) == line
