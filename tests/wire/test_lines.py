"""The kinds of lines by the order of recognition; queries, tags, messages (protocol, 2)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otrfast.errors import DecodeError
from otrfast.wire import lines as wire

ROWS = [
    (b"", wire.PlainText),
    (b"hello", wire.PlainText),
    (b"?OT R", wire.PlainText),
    (b"?otrv3?", wire.PlainText),
    (b"?OTR|x", wire.FragmentText),
    (b"?OTR,1,2,", wire.FragmentText),
    (b"?OTR:AAMC", wire.EncodedMessage),
    (b"?OTR:AAIC", wire.EncodedMessage),
    (b"?OTR:", wire.EncodedMessage),
    (b"?OTR:AAEKx", wire.Unsupported),
    (b"?OTR:AAEDx", wire.Unsupported),
    (b"?OTR?", wire.Query),
    (b"?OTRv", wire.Query),
    (b"?OTRv2?", wire.Query),
    (b"?OTR Error: x", wire.ErrorText),
    (b"?OTR Error:", wire.ErrorText),
    (b"?OTR error: x", wire.Unsupported),
    (b"?OTR", wire.Unsupported),
    (b"?OTR x", wire.Unsupported),
    (b"?OTRx?", wire.Unsupported),
    (b"words ?OTRv3? words", wire.Query),
    (b"?OTR:AAMC ?OTRv3?", wire.EncodedMessage),
    (b"?OTRv2? ?OTR:AAMC", wire.Query),
    (wire.WHITESPACE_BASE, wire.TaggedText),
    (wire.WHITESPACE_BASE + b"?OTRv2?", wire.Query),
]

QUERIES = [
    (b"?OTR?", {1}, b""),
    (b"?OTRv2?", {2}, b""),
    (b"?OTRv23?", {2, 3}, b""),
    (b"?OTRv32?", {2, 3}, b""),
    (b"?OTRv4x2?", {2}, b""),
    (b"?OTR?v2?", {1, 2}, b""),
    (b"?OTRv?", set(), b""),
    (b"?OTR?v?", {1}, b""),
    (b"?OTRv3?\nwords", {3}, b"\nwords"),
    (b"?OTRv3? ?OTRv2?", {3}, b" ?OTRv2?"),
    (b"?OTRv3", {3}, b""),
    (b"?OTR?words", {1}, b"words"),
    (b"?OTRv33333?", {3}, b""),
]


@pytest.mark.parametrize(("line", "kind"), ROWS)
def test_classify_each_row_then_its_kind(line: bytes, kind: type):
    assert type(wire.classify(line)) is kind


@pytest.mark.parametrize(("line", "versions", "after"), QUERIES)
def test_query_then_versions_and_the_text_after_it(line: bytes, versions: set, after: bytes):
    assert wire.classify(line) == wire.Query(frozenset(versions), b"", after)
    found = wire.classify(b"before " + line)
    assert found == wire.Query(frozenset(versions), b"before ", after)


def test_query_of_each_policy_then_read_back():
    for versions in ((2,), (3,), (2, 3), (3, 2), (1, 2, 3)):
        assert wire.classify(wire.query(versions, b" x")).versions == frozenset(versions)
    assert wire.query((3, 2)) == b"?OTRv23?"
    assert wire.query((1, 2, 3)) == b"?OTR?v23?"
    assert wire.query((1,)) == b"?OTR?"


@pytest.mark.parametrize("versions", [(), (1,), (2,), (3,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"a", b""), (b"", b"b"), (b"a ", b"b")])
def test_tag_then_versions_and_the_text_around_it(versions: tuple, before: bytes, after: bytes):
    line = before + wire.tag(versions) + after
    assert wire.classify(line) == wire.TaggedText(before + after, frozenset(versions))


def test_tag_of_an_unknown_version_then_cut_out_too():
    v4 = b"  \t\t  \t "[::-1]
    line = b"a" + wire.tag((2,)) + v4 + wire.WHITESPACE_VERSIONS[3] + b"b"
    assert wire.classify(line) == wire.TaggedText(b"ab", frozenset({2, 3}))


def test_tag_with_trailing_tab_then_no_tab_is_left():
    assert wire.tag((2, 3), trailing_tab=True) == wire.tag((2, 3)) + b"\t"
    assert wire.classify(b"a" + wire.tag((2,), True)) == wire.TaggedText(b"a", frozenset({2}))


def test_tag_cut_short_then_plain_or_without_the_version():
    base = wire.WHITESPACE_BASE
    assert wire.classify(b"a" + base[:-1]) == wire.PlainText(b"a" + base[:-1])
    rest = wire.WHITESPACE_VERSIONS[2][:-1]
    assert wire.classify(b"a" + base + rest) == wire.TaggedText(b"a" + rest, frozenset())


def test_tag_twice_then_the_first_counts():
    line = wire.tag((2,)) + b"x" + wire.tag((3,))
    assert wire.classify(line) == wire.TaggedText(b"x" + wire.tag((3,)), frozenset({2}))


@pytest.mark.parametrize(
    ("line", "text"),
    [(b"?OTR Error: x", b"x"), (b"?OTR Error:x", b"x"), (b"?OTR Error:  x", b" x")],
)
def test_error_then_its_words(line: bytes, text: bytes):
    assert wire.classify(b"in front" + line) == wire.ErrorText(text, b"in front")
    assert wire.classify(wire.error(b"y")) == wire.ErrorText(b"y", b"")


@given(st.binary(max_size=300))
def test_encoded_message_then_read_back(raw: bytes):
    found = wire.classify(wire.encode_message(raw))
    if found != wire.Unsupported(wire.encode_message(raw), 1):
        assert found.decode() == raw


@pytest.mark.parametrize("tail", [b"", b" and text", b".", b"\n", b"?OTRv2?"])
def test_encoded_message_with_text_after_the_dot_then_ignored(tail: bytes):
    assert wire.EncodedMessage(b"?OTR:AAMC." + tail, b"").decode() == b"\0\x03\x02"


def test_encoded_message_with_breaks_and_blanks_then_skipped():
    assert wire.EncodedMessage(b"?OTR: AA\r\nM C\n.", b"").decode() == b"\0\x03\x02"


@pytest.mark.parametrize(
    "line",
    [
        b"?OTR:",
        b"?OTR:AAMC",
        b"?OTR:===.",
        b"?OTR:=.",
        b"?OTR:A.",
        b"?OTR:AAM.",
        b"?OTR:AA==MC.",
        b"?OTR:AAM!.",
        b"?OTR:AAM\xff.",
        b"?OTR:AA_-.",
        b"?OTR:AA\tMC.",
    ],
)
def test_encoded_message_that_is_no_base64_then_decode_error(line: bytes):
    with pytest.raises(DecodeError):
        wire.EncodedMessage(line, b"").decode()


@given(st.binary(max_size=200))
def test_classify_of_anything_then_never_raises(line: bytes):
    for marked in (line, b"?OTR" + line, b"?OTRv" + line, b"?OTR:" + line):
        found = wire.classify(marked)
        if isinstance(found, wire.EncodedMessage):
            with suppress(DecodeError):
                found.decode()


@pytest.mark.parametrize(
    ("typed", "is_query"),
    [
        (b"?OTR?", True),
        (b" \n?OTRv2?", True),
        (b"see ?OTR?", False),
        (b"?OTR:", False),
        (b"", False),
    ],
)
def test_is_query_then_only_at_the_start(typed: bytes, is_query: bool):
    assert wire.is_query(typed) is is_query


def test_tag_when_a_mebibyte_of_groups_follows_then_the_first_ones_count_and_all_go():
    line = wire.tag([2]) + b"\t" * 8 * 20 + wire.WHITESPACE_VERSIONS[3] * 100_000 + b" \t end"
    assert wire.classify(line) == wire.TaggedText(b" \t end", frozenset({2}))
