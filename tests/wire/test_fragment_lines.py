"""Fragmentation of long lines, and reassembly within limits (protocol, 7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otrfast.errors import DecodeError, FragmentLimitTooSmall
from otrfast.wire import fragments
from otrfast.wire.fragments import Assembly, Fragment


def v2(index: int, total: int, piece: bytes = b"x") -> Fragment:
    return Fragment(2, 0, 0, index, total, piece)


@pytest.mark.parametrize(
    ("line", "version", "expected"),
    [
        (b"?OTR,1,2,abc,", 2, (0, 0, 1, 2, b"abc")),
        (b"?OTR,00001,00002,abc,", 2, (0, 0, 1, 2, b"abc")),
        (b"?OTR,1,1,,", 2, (0, 0, 1, 1, b"")),
        (b"?OTR,65535,65535,x,", 2, (0, 0, 65535, 65535, b"x")),
        (b"?OTR|5a73a599|27e31597,00001,00003,x,", 3, (0x5A73A599, 0x27E31597, 1, 3, b"x")),
        (b"?OTR|100|0,1,3,x,", 3, (0x100, 0, 1, 3, b"x")),
        (b"?OTR|FFFFFFFF|abcDEF,1,3,x,", 3, (0xFFFFFFFF, 0xABCDEF, 1, 3, b"x")),
    ],
)
def test_parse_then_fields(line: bytes, version: int, expected: tuple):
    found = fragments.parse(line, version)
    assert (found.sender, found.receiver, found.index, found.total, found.piece) == expected
    assert found.version == version


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (b"?OTR,0,1,x,", 2),
        (b"?OTR,1,0,x,", 2),
        (b"?OTR,0,0,x,", 2),
        (b"?OTR,2,1,x,", 2),
        (b"?OTR,65536,65536,x,", 2),
        (b"?OTR,1,99999,x,", 2),
        (b"?OTR,-1,1,x,", 2),
        (b"?OTR,+1,1,x,", 2),
        (b"?OTR, 1,1,x,", 2),
        (b"?OTR,1_0,11,x,", 2),
        ("?OTR,\u0661,\u0662,x,".encode(), 2),
        ("?OTR,\uff11,\uff12,x,".encode(), 2),
        (b"?OTR,a,b,x,", 2),
        (b"?OTR,1,2,x", 2),
        (b"?OTR,1,2", 2),
        (b"?OTR,", 2),
        (b"?OTR,,,,", 2),
        (b"?OTR|1,1,2,x,", 3),
        (b"?OTR|id|1|2,1,2,x,", 3),
        (b"?OTR|1|2|3,1,2,x,", 3),
        (b"?OTR|123456789|1,1,2,x,", 3),
        (b"?OTR|0x100|1,1,2,x,", 3),
        (b"?OTR||1,1,2,x,", 3),
        (b"?OTR|1|2,0,2,x,", 3),
    ],
)
def test_parse_when_malformed_then_decode_error(line: bytes, version: int):
    with pytest.raises(DecodeError):
        fragments.parse(line, version)


@pytest.mark.parametrize("version", [2, 3])
@given(st.integers(40, 500), st.integers(0, 5000))
def test_split_then_short_enough_and_whole_again(version: int, limit: int, size: int):
    line = b"?OTR:" + bytes(65 + number % 26 for number in range(size)) + b"."
    tags = (0x100, 0xFFFFFFFF) if version == 3 else (0, 0)
    pieces = fragments.split(line, limit, version, *tags)
    assert max(map(len, pieces)) <= limit
    if len(line) <= limit:
        assert pieces == [line]
        return
    assembly = Assembly()
    whole = None
    for number, piece in enumerate(pieces, 1):
        assert whole is None
        fragment = fragments.parse(piece, version)
        assert (fragment.sender, fragment.receiver) == tags
        assert (fragment.index, fragment.total) == (number, len(pieces))
        assert fragment.piece
        whole = assembly.add(fragment, 0.0)
    assert whole == line
    assert not assembly


def test_split_then_numbers_and_tags_have_a_fixed_width():
    """Other clients read fixed columns."""
    assert fragments.split(b"x" * 50, 40, 3, 0x100, 0)[0].startswith(
        b"?OTR|00000100|00000000,00001,"
    )
    assert fragments.split(b"x" * 50, 40, 2, 0, 0)[0].startswith(b"?OTR,00001,00003,")


@pytest.mark.parametrize(("size", "limit"), [(100, 18), (100, 1), (70_000, 19), (65_536 * 2, 20)])
def test_split_when_there_is_no_room_then_refused(size: int, limit: int):
    with pytest.raises(FragmentLimitTooSmall):
        fragments.split(b"x" * size, limit, 2, 0, 0)


def test_split_into_the_most_pieces_then_allowed():
    assert len(fragments.split(b"x" * 65_535, 19, 2, 0, 0)) == 65_535


@pytest.mark.parametrize(
    "order",
    [
        [(2, 3)],
        [(1, 3), (3, 3)],
        [(1, 3), (2, 4)],
        [(1, 3), (2, 3), (2, 3)],
        [(1, 3), (1, 3), (3, 3)],
        [(1, 3), (2, 3), (1, 3), (3, 3)],
    ],
)
def test_assembly_when_out_of_order_then_given_up(order: list):
    assembly = Assembly()
    for index, total in order:
        assert assembly.add(v2(index, total), 0.0) is None
    assert bool(assembly) is (order[-1][0] == 1)


def test_assembly_when_a_first_piece_comes_again_then_the_new_one_counts():
    assembly = Assembly()
    assembly.add(v2(1, 3, b"old"), 0.0)
    assembly.add(v2(1, 2, b"new"), 5.0)
    assert assembly.since == 5.0
    assert assembly.add(v2(2, 2, b"er"), 6.0) == b"newer"


def test_assembly_with_an_empty_last_piece_then_whole():
    """otr3 sends one if the length is a multiple of the size."""
    assembly = Assembly()
    assembly.add(v2(1, 2, b"all of it"), 0.0)
    assert assembly.add(v2(2, 2, b""), 0.0) == b"all of it"


def test_assembly_of_one_piece_then_whole_at_once():
    assembly = Assembly()
    assert assembly.add(v2(1, 1, b"all"), 0.0) == b"all"
    assert assembly.size == 0
