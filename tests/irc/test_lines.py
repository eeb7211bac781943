"""What may stand in a line, and how long it may be."""

import pytest

from otrfast.irc.lines import UNKNOWN, incoming, longest, one_line, outgoing


def test_own_mask_is_known_then_others_get_the_line_whole():
    mask = "bot!~bot@a.host.example.org"
    line = f":{mask} PRIVMSG alice :" + "x" * longest(mask, "alice") + "\r\n"
    assert len(line) == 512


def test_own_mask_is_not_known_then_libotrs_limit_is_near():
    assert longest(None, "alice") == UNKNOWN == 400


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello\r\nQUIT :bye", "hello QUIT :bye"),
        ("a\nb\n\nc", "a b c"),
        ("a\0b", "ab"),
        ("\x01VERSION\x01", "VERSION\x01"),
        ("\0\r\n\x01\x01VERSION", "VERSION"),
        (" words ", "words"),
    ],
)
def test_text_of_a_peer_then_it_is_one_line_and_no_ctcp(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hello", "hello"),
        ("\x01ACTION waves\x01", "/me waves"),
        ("\x01ACTION waves", "/me waves"),
        ("\x01VERSION\x01", None),
        ("\x01DCC CHAT chat 1 1\x01", None),
    ],
)
def test_ctcp_then_an_action_alone_is_a_text(text, line):
    assert incoming(text) == line


def test_text_in_the_clear_is_long_then_it_is_cut_between_characters():
    pieces = outgoing(("ü✓" * 300).encode(), 100)
    assert "".join(pieces) == "ü✓" * 300
    assert max(len(piece.encode()) for piece in pieces) <= 100


def test_action_in_the_clear_then_each_piece_is_one():
    pieces = outgoing(b"/me " + b"w" * 150, 100)
    assert all(piece.startswith("\x01ACTION w") and piece.endswith("w\x01") for piece in pieces)
    assert [len(piece) for piece in pieces] == [100, 68]


def test_text_is_empty_or_not_utf_8_then_there_is_a_line():
    assert outgoing(b"", 100) == [""]
    assert outgoing(b"\xff!", 100) == ["\N{REPLACEMENT CHARACTER}!"]
