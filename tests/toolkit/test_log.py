"""Transcripts as clients write them, and damaged ones."""

from __future__ import annotations

import random
from itertools import zip_longest

import pytest
from helpers import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otrfast.toolkit import Malformed, read_log
from otrfast.wire.fragments import split
from otrfast.wire.lines import encode_message
from otrfast.wire.messages import DHCommit, DHKey

TAGS = (0x1111, 0x2222)


def _commit(version, filling=b"a"):
    tags = TAGS if version == 3 else (0, 0)
    return DHCommit(version, *tags, filling * 196, bytes(32))


def _key(version, filling=b"b"):
    tags = TAGS[::-1] if version == 3 else (0, 0)
    return DHKey(version, *tags, filling * 192)


def _pieces(message, limit=150):
    line = encode_message(message.encode())
    return split(line, limit, message.version, message.sender, message.receiver)


def _contents(lines):
    return [entry.content for entry in read_log(lines)]


def _errors(lines):
    return [str(entry.error) for entry in _contents(lines) if isinstance(entry, Malformed)]


def test_what_stands_around_a_message_is_passed_over(version):
    line = encode_message(_commit(version).encode())
    for row in (line, b"12:30 <alice> " + line, line + b" (sent)\n", b"\xff " + line + b"\r\n"):
        assert _contents([b"hello\n", row, b"bye"]) == [_commit(version)]


def test_several_messages_in_one_line_are_all_found(version):
    row = b" and ".join(
        [encode_message(_commit(version).encode()), encode_message(_key(version).encode())] * 2
    )
    entries = list(read_log([row]))
    assert [entry.content for entry in entries] == [_commit(version), _key(version)] * 2
    assert [entry.number for entry in entries] == [1, 2, 3, 4]


@pytest.mark.parametrize("width", [20, 76, 300])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_message_wrapped_over_lines_is_joined(width, end, version):
    line = b"alice: " + encode_message(_commit(version).encode())
    rows = [line[at : at + width] + end for at in range(0, len(line), width)]
    log = [b"one\n", *rows, b"two\n", encode_message(_key(version).encode())]
    entries = list(read_log(log))
    assert [entry.content for entry in entries] == [_commit(version), _key(version)]
    row = entries[0].places[0].row
    assert (row.first, row.last) == (2, 1 + len(rows))


def test_a_message_that_is_cut_short_does_not_hide_the_next(version):
    line = encode_message(_commit(version).encode())
    log = [line[:100] + b"\n", b"is, that, all?\n", line, line[:-1]]
    kinds = [type(content) for content in _contents(log)]
    assert kinds == [Malformed, DHCommit, Malformed]


def test_fragments_of_both_ends_may_be_mixed(version):
    log = []
    for first, second in zip_longest(_pieces(_commit(version), 200), _pieces(_key(version), 150)):
        log += [b"<alice> " + piece for piece in (first, second) if piece]
        log += [b"<bob> what?"]
    assert sorted(_contents(log), key=repr) == [_commit(version), _key(version)]


def test_version_2_fragments_are_told_apart_by_the_names_in_front():
    first, second = _pieces(_commit(2)), _pieces(_commit(2, b"c"))
    log = []
    for minute, pieces in enumerate(zip(first, second, strict=True)):
        log += [
            b"12:%02d <alice> %b" % (minute, pieces[0]),
            b"12:%02d <bob> %b" % (minute, pieces[1]),
        ]
    assert _contents(log) == [_commit(2), _commit(2, b"c")]


def test_pieces_that_do_not_make_a_message_are_reported(version):
    one, two, three = _pieces(_commit(version))
    assert _errors([one, two]) == ["expected 3 pieces, found 2"]
    assert _errors([one, three]) == ["expected the first piece, found piece 3 of 3"]
    assert len(_errors([two, three])) == 2
    assert _errors([one, one, two, three]) == ["expected 3 pieces, found 1"]
    assert isinstance(_contents([one, one, two, three])[-1], DHCommit)
    assert _errors([one[:20]]) == ["malformed at fragment (byte 0)"]


def test_pieces_that_make_a_piece_are_no_message():
    pieces = split(b"?OTR|" + bytes(200), 150, 3, *TAGS)
    assert _errors(pieces) == ["expected a message in the pieces, found a text"]


def test_an_empty_log_has_no_messages():
    assert _contents([]) == _contents([b""]) == _contents([b"\n", b"hello\n"]) == []


_SCRAPS = (
    *b"?OTR ?OTR: ?OTR, ?OTR| , | . 1,2, AAM AAI AAMDAAAA AAED v23? = ??OTRv".split(),
    *(b"\n", b"\r\n", b" Error:", b" \t  \t\t\t\t \t \t \t  ", b"\0", b"\xff"),
    *(encode_message(_commit(3).encode()), encode_message(_key(2).encode()), *_pieces(_commit(3))),
)
_PARTS = st.sampled_from(_SCRAPS)
_LOGS = st.lists(_PARTS | st.binary(max_size=9), max_size=40).map(b"".join)
_COMMANDS = [
    ("parse", "--revealed", "--aes-key", "00" * 16, "--mac-key", "11" * 20),
    ("readforge", "00" * 16),
    ("readforge", "--whole", "00" * 16, "text"),
    ("modify", "00" * 20, "a", "b", "0"),
]
_QUICKLY = settings(
    max_examples=examples(40),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _assert_copes(otrfast, data):
    """Check that every command ends with a status, and with one line of reason unless it is 0."""
    for command in _COMMANDS:
        ran = otrfast(*command, data=data)
        assert ran.status in (0, 1)
        assert ran.err.count(b"\n") <= 1
        assert ran.status == 0 or ran.err or b"Malformed" in ran.out


@given(data=_LOGS)
@_QUICKLY
def test_no_log_is_too_much(otrfast, data):
    _assert_copes(otrfast, data)


@pytest.mark.long
@pytest.mark.sample(version=3)
def test_no_damage_to_a_conversation_is_too_much(conversation, otrfast):
    conversation.converse(2)
    log = conversation.written()
    dice = random.Random(1)
    for _ in range(100):
        damaged = bytearray(log)
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(damaged))
            if dice.random() < 0.5:
                damaged[at] = dice.randrange(256)
            else:
                del damaged[at : at + dice.randrange(1, 100)]
        _assert_copes(otrfast, bytes(damaged))
