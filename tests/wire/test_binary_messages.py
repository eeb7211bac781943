"""Encoding and decoding of binary messages and TLVs, and refusal of truncated ones."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otrfast.errors import DecodeError, VersionMismatch
from otrfast.wire import fields
from otrfast.wire.messages import (
    DataMessage,
    DHCommit,
    DHKey,
    Message,
    RevealSignature,
    Signature,
    decode,
)
from otrfast.wire.tlv import Tlv, decode_tlvs, encode_tlvs

TAGS = {2: (0, 0), 3: (0x12345678, 0x9ABCDEF0)}
ELEMENT = bytes(range(1, 193))


def samples(version: int) -> list[Message]:
    head = (version, *TAGS[version])
    return [
        DHCommit(*head, b"encrypted g^x", bytes(32)),
        DHKey(*head, ELEMENT),
        RevealSignature(*head, bytes(16), b"encrypted signature", bytes(20)),
        Signature(*head, b"encrypted signature", bytes(20)),
        DataMessage(*head, 1, 2, 3, ELEMENT, 4, b"text", b"", bytes(range(20)), bytes(40)),
    ]


def equal(read: Message, written: Message) -> bool:
    return all(
        getattr(read, name) == getattr(written, name)
        for name in type(written).__match_args__
        if name != "authenticated"
    )


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("number", range(5))
def test_message_when_written_then_read_back(version: int, number: int):
    message = samples(version)[number]
    read = decode(message.encode())
    assert type(read) is type(message)
    assert equal(read, message)
    assert read.encode() == message.encode()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("number", range(5))
def test_message_when_cut_or_longer_then_decode_error(version: int, number: int):
    raw = samples(version)[number].encode()
    for length in range(len(raw)):
        with pytest.raises((DecodeError, VersionMismatch)):
            decode(raw[:length])
    for extra in (b"\0", b"\xff" * 9):
        with pytest.raises(DecodeError) as caught:
            decode(raw + extra)
        assert (caught.value.field, caught.value.offset) == ("end of message", len(raw))


def test_layout_then_as_the_protocol_has_it():
    """The expected bytes, field by field."""
    tags = bytes.fromhex("12345678 9abcdef0")
    commit, key, reveal, signature, data = (each.encode() for each in samples(3))
    assert commit == b"\0\x03\x02" + tags + b"\0\0\0\rencrypted g^x" + b"\0\0\0\x20" + bytes(32)
    assert key == b"\0\x03\x0a" + tags + b"\0\0\0\xc0" + ELEMENT
    assert reveal == (
        b"\0\x03\x11" + tags + b"\0\0\0\x10" + bytes(16)
        + b"\0\0\0\x13encrypted signature" + bytes(20)
    )  # fmt: skip
    assert signature == b"\0\x03\x12" + tags + b"\0\0\0\x13encrypted signature" + bytes(20)
    assert data == (
        b"\0\x03\x03" + tags + b"\x01" + b"\0\0\0\x02" + b"\0\0\0\x03" + b"\0\0\0\xc0" + ELEMENT
        + b"\0\0\0\0\0\0\0\x04" + b"\0\0\0\x04text" + bytes(range(20)) + b"\0\0\0\x28" + bytes(40)
    )  # fmt: skip
    assert samples(2)[0].encode() == b"\0\x02\x02" + commit[11:]


def test_data_message_then_what_the_mac_covers_ends_with_the_ciphertext():
    for version in (2, 3):
        raw = samples(version)[4].encode()
        assert decode(raw).authenticated == raw[: -20 - 4 - 40]


@pytest.mark.parametrize("version", [0, 1, 4, 0x0200, 0xFFFF])
def test_version_when_not_spoken_then_version_mismatch(version: int):
    with pytest.raises(VersionMismatch):
        decode(version.to_bytes(2, "big") + samples(2)[0].encode()[2:])


@pytest.mark.parametrize("kind", sorted(set(range(256)) - {0x02, 0x03, 0x0A, 0x11, 0x12}))
def test_type_when_unknown_then_decode_error(kind: int):
    with pytest.raises(DecodeError) as caught:
        decode(b"\0\x03" + bytes((kind,)) + bytes(100))
    assert caught.value.offset == 2


@given(st.binary(max_size=400), st.sampled_from([2, 3]), st.sampled_from([2, 3, 10, 17, 18]))
def test_decode_of_anything_then_a_message_or_decode_error(tail: bytes, version: int, kind: int):
    raw = bytes((0, version, kind)) + tail
    with suppress(DecodeError):
        message = decode(raw)
        assert decode(message.encode()).encode() == message.encode()


# Fields


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\0\0\0\0", 0),
        (b"\0\0\0\x01\x05", 5),
        (b"\0\0\0\x03\0\0\x05", 5),
        (b"\0\0\0\xc0" + b"\xff" * 192, (1 << 1536) - 1),
        (b"\0\0\0\xc2" + b"\0\0" + b"\xff" * 192, (1 << 1536) - 1),
    ],
)
def test_mpi_then_read_as_192_bytes(encoded: bytes, value: int):
    assert fields.Mpi().read(fields.Reader(encoded), "x") == value.to_bytes(192, "big")


@pytest.mark.parametrize(
    "encoded",
    [
        b"\0\0\0\xc1" + b"\x01" * 193,
        b"\0\0\0\x02\x01",
        b"\xff\xff\xff\xff\x01",
        b"\x7f\xff\xff\xff",
        b"\0\0\0",
        b"",
    ],
)
def test_mpi_when_too_long_or_cut_then_decode_error(encoded: bytes):
    with pytest.raises(DecodeError):
        fields.Mpi().read(fields.Reader(encoded), "x")


@given(st.integers(0, (1 << 1536) - 1))
def test_mpi_when_written_then_minimal(value: int):
    element = value.to_bytes(192, "big")
    encoded = fields.mpi(element)
    assert encoded == fields.mpi_of(value)
    assert encoded[4:5] != b"\0"
    assert fields.Mpi().read(fields.Reader(encoded), "x") == element


@pytest.mark.parametrize("length", [0, 15, 17, 31, 33])
def test_data_of_a_fixed_length_when_another_then_decode_error(length: int):
    encoded = length.to_bytes(4, "big") + bytes(length)
    for wanted in (16, 32):
        with pytest.raises(DecodeError):
            fields.Counted(wanted).read(fields.Reader(encoded), "x")


def test_reader_then_never_past_its_end():
    reader = fields.Reader(b"abc")
    assert reader.take(2, "x") == b"ab"
    with pytest.raises(DecodeError) as caught:
        reader.take(2, "field")
    assert (caught.value.field, caught.value.offset) == ("field", 2)
    assert reader.offset == 2
    assert reader.rest() == b"c"
    reader.finish()


# TLVs

RECORDS = st.lists(st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=50)), max_size=20)


@given(RECORDS)
def test_tlvs_when_written_then_read_back(records: list[Tlv]):
    assert decode_tlvs(encode_tlvs(records), 20) == records


@given(RECORDS, st.integers(0, 2000))
def test_tlvs_when_cut_then_the_whole_ones(records: list[Tlv], length: int):
    encoded = encode_tlvs(records)
    read = decode_tlvs(encoded[:length], 20)
    assert read == records[: len(read)]
    assert len(encode_tlvs(read)) <= length


def test_tlvs_when_over_the_limit_then_the_first_ones():
    encoded = encode_tlvs([Tlv(1, b"")] * 65_535)
    assert len(decode_tlvs(encoded, 64)) == 64


@pytest.mark.parametrize("tail", [b"\0", b"\0\1\0", b"\0\1\xff\xff", b"\0\1\0\2x"])
def test_tlv_with_a_length_past_the_end_then_left_out(tail: bytes):
    assert decode_tlvs(encode_tlvs([Tlv(9, b"x")]) + tail, 64) == [Tlv(9, b"x")]


def test_tlv_of_the_longest_value_then_read_back():
    record = Tlv(0, bytes(0xFFFF))
    assert decode_tlvs(encode_tlvs([record]), 2) == [record]
