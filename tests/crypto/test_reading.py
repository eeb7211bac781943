"""Lines and the fields of messages, read by the core: what it reads it reads as the general reader
does, and everything else it leaves to that one."""

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast.crypto.group import P
from otrfast.errors import RemoteError
from otrfast.wire.fields import Reader
from otrfast.wire.lines import EncodedMessage, binary_size, encode_message
from otrfast.wire.messages import (
    DataMessage,
    DHCommit,
    DHKey,
    RevealSignature,
    Signature,
    decode,
    read,
)

from . import levels
from .messages import NEXT_KEY, duo, prefix

TAGS = 0x100, 0x200


def header(version):
    return DataMessage.head(version, *(TAGS if version == 3 else (0, 0)))


def message(version=3, **parts):
    """A data message that can be read; no MAC is looked at here."""
    values = {
        "flags": 1, "sender_keyid": 7, "recipient_keyid": 2**32 - 1,
        "next_key": NEXT_KEY.to_bytes(192, "big"), "counter": 2**64 - 2, "ciphertext": b"text",
        "authenticated": b"", "mac": bytes(range(20)), "old_mac_keys": b"k" * 40,
    } | parts  # fmt: skip
    return DataMessage(version, *(TAGS if version == 3 else (0, 0)), **values).encode()


def both(backend, line, version=3):
    """What the general reader and the core make of a line, as fields behind the header."""
    try:
        found = decode(EncodedMessage(line, b"").decode())
    except RemoteError:
        general = None
    else:
        general = tuple(getattr(found, name) for name, _ in found.CODEC)
        head = found.head(found.version, found.sender, found.receiver)
        if not isinstance(found, DataMessage) or head != header(version):
            general = None
    return general, backend.data_message(header(version), line)


@pytest.mark.parametrize("version", [2, 3])
def test_data_message_when_in_order_then_read_as_the_general_reader_does(backend, rng, version):
    for length in [*range(70), 4000, 60_000]:
        line = encode_message(message(version, ciphertext=rng.randbytes(length)))
        general, direct = both(backend, line, version)
        assert direct == general
        assert direct is not None
    for next_key in (2, 255, NEXT_KEY >> 8, NEXT_KEY >> 700, P - 2):
        line = encode_message(
            message(version, next_key=next_key.to_bytes(192, "big"), old_mac_keys=b"")
        )
        general, direct = both(backend, line, version)
        assert direct == general
        assert direct is not None


@pytest.mark.parametrize("value", [0, 1, P - 1, P, 2**1536 - 1])
def test_data_message_when_the_next_key_is_out_of_range_then_none(backend, value):
    line = encode_message(message(next_key=value.to_bytes(192, "big")))
    assert backend.data_message(header(3), line) is None


def test_data_message_when_the_header_is_another_then_none(backend):
    line = encode_message(message())
    for other in (header(2), DataMessage.head(3, *TAGS[::-1]), b"\0\3\x0a" + header(3)[3:]):
        assert backend.data_message(other, line) is None


@pytest.mark.parametrize("version", [2, 3])
def test_data_message_when_cut_or_flipped_then_none_or_the_same(backend, version):
    raw = message(version)
    for at in range(len(raw)):
        for damaged in (raw[:at], raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :], raw + b"\0"):
            general, direct = both(backend, encode_message(damaged), version)
            assert direct in (None, general)
            # what the general reader takes and this one does not is the next key alone
            if direct is None and general is not None:
                assert general[3] != NEXT_KEY.to_bytes(192, "big")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(junk=st.binary(max_size=300), at=st.integers(0, 400), kept=st.booleans())
@pytest.mark.parametrize("level", levels.NATIVE)
def test_data_message_when_the_line_is_junk_then_none_or_the_same(level, junk, at, kept):
    raw = message()
    line = encode_message(raw[:at] + junk + (raw[at:] if kept else b""))
    with levels.native(level) as backend:
        for text in (line, line[:at] + junk + line[at:], b"?OTR:" + b64encode(junk) + b"."):
            general, direct = both(backend, text)
            assert direct in (None, general)


KEY = NEXT_KEY.to_bytes(192, "big")
EXCHANGE = [
    DHCommit(3, *TAGS, b"e" * 196, b"h" * 32),
    DHKey(2, 0, 0, KEY),
    DHKey(3, *TAGS, (NEXT_KEY >> 900).to_bytes(192, "big")),
    RevealSignature(3, *TAGS, b"r" * 16, b"x" * 450, b"m" * 20),
    Signature(2, 0, 0, b"", b"m" * 20),
]


def general_fields(raw, at, made):
    """What the kinds of a message make of its bytes, None where they refuse them."""
    try:
        reader = Reader(raw, at)
        values = tuple([kind.read(reader, name) for name, kind in made.CODEC])
        reader.finish()
    except RemoteError:
        return None
    return values


@pytest.mark.parametrize("message_", [*EXCHANGE, decode(message()), decode(message(2))])
def test_fields_when_whole_cut_or_flipped_then_as_the_kinds_read_them(native, message_):
    made, raw = type(message_), message_.encode()
    at = len(made.head(message_.version, message_.sender, message_.receiver))
    assert native.fields(raw, at, made.LAYOUT) == tuple(
        getattr(message_, name) for name, _ in made.CODEC
    )
    for place in range(at, len(raw) + 1):
        flipped = bytes([byte ^ (0x81 if n == place else 0) for n, byte in enumerate(raw)])
        for damaged in (raw[:place], raw[:place] + b"\0" + raw[place:], flipped):
            expected = general_fields(damaged, at, made)
            assert native.fields(damaged, at, made.LAYOUT) == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(raw=st.binary(max_size=260), at=st.integers(0, 270), which=st.sampled_from(EXCHANGE))
@pytest.mark.parametrize("level", levels.NATIVE[:1])
def test_fields_when_the_message_is_junk_then_as_the_kinds_read_it(level, raw, at, which):
    made = type(which)
    with levels.native(level) as backend:
        assert backend.fields(raw, at, made.LAYOUT) == general_fields(raw, at, made)


@pytest.mark.parametrize("zeros", [1, 4, 300])
def test_fields_when_a_number_has_leading_zeros_then_they_go(native, zeros):
    raw = (zeros + 192).to_bytes(4, "big") + bytes(zeros) + KEY
    assert native.fields(raw, 0, DHKey.LAYOUT) == (KEY,)
    assert native.fields(raw[:-1], 0, DHKey.LAYOUT) is None


def test_fields_when_the_layout_is_unknown_then_none_and_no_more_than_bytes_are_taken(native):
    assert native.fields(b"1234", 0, b"x\4") is None
    assert native.fields(b"123456789", 0, b"u\x09") is None
    assert native.fields(b"1234", 0, b"f\4f\0") == (b"1234", b"")
    assert native.fields(b"1234", 5, b"") is None
    for wrong in ((bytearray(4), 0, b""), (b"", 0, "f"), (b"", "0", b""), (b"", 0)):
        with pytest.raises(TypeError):
            native.fields(*wrong)
    with pytest.raises(OverflowError):
        native.fields(b"", -1, b"")


MESSAGES = [*EXCHANGE, decode(message()), decode(message(2))]


def general_message(line):
    """What the general reader makes of a line, None where it refuses it."""
    try:
        return decode(EncodedMessage(line, b"").decode())
    except RemoteError:
        return None


@pytest.mark.parametrize("message_", MESSAGES)
def test_read_message_when_whole_cut_or_flipped_then_as_the_general_reader(native, message_):
    raw = message_.encode()
    assert read(encode_message(raw), native.read_message) == message_
    for place in range(len(raw) + 1):
        flipped = bytes([byte ^ (0x81 if n == place else 0) for n, byte in enumerate(raw)])
        for damaged in (raw[:place], raw[:place] + b"\0" + raw[place:], flipped):
            line = encode_message(damaged)
            assert read(line, native.read_message) == general_message(line)


@pytest.mark.parametrize("length", [*range(130), 1000, 3000, 3050, 70_000])
def test_written_line_when_read_again_then_the_same(native, rng, length):
    for version, tags in ((2, (0, 0)), (3, TAGS)):
        message_ = Signature(version, *tags, rng.randbytes(length), b"m" * 20)
        line = message_.write(native.write_message)
        assert line == encode_message(message_.encode())
        assert binary_size(line) == len(message_.encode())
        assert read(line, native.read_message) == message_


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    junk=st.binary(max_size=260),
    at=st.integers(0, 400),
    kept=st.booleans(),
    which=st.sampled_from(MESSAGES),
)
@pytest.mark.parametrize("level", levels.NATIVE[:1])
def test_read_message_when_the_line_is_junk_then_none_or_the_same(level, junk, at, kept, which):
    raw = which.encode()
    line = encode_message(raw[:at] + junk + (raw[at:] if kept else b""))
    with levels.native(level) as backend:
        assert read(line, backend.read_message) == general_message(line)
        for text in (line[:at] + junk + line[at:], b"?OTR:" + junk + b".", junk):
            found = read(text, backend.read_message)
            assert found is None or found == general_message(text)


@pytest.mark.parametrize(
    "line",
    [b"", b".", b"?OTR:", b"?OTR:.", b"?OTR:AAA.", b"?OTR:AAAA", b"?OTR:AAAA.x", b" ?OTR:AAAA.",
     b"?OTR:AA AA.", b"?OTR:A.AA.", b"?OTR:AAA*.", b"?OTR:AB==.", b"?OTR:A===.", b"?OTR|AAAA.",
     b"?OTR:AAEC.", b"?OTR:AAQD.", b"?OTR:AAMD.", b"?OTR:AAMDAAAA.", b"?OTR:AAMD/w==."],
)  # fmt: skip
def test_read_message_when_there_is_none_then_none(native, line):
    assert native.read_message(line, {0: b"", 1: b"", 2: b""}) is None


def test_read_message_when_a_layout_is_wrong_then_none_or_an_error(native):
    line = encode_message(b"\0\2\x0aabcd")
    assert native.read_message(line, {}) is None
    assert native.read_message(line, {10: b"f\4"}) == (10, 2, 0, 0, b"abcd")
    assert native.read_message(line, {10: b"u\4"}) == (10, 2, 0, 0, 0x61626364)
    for layout in (b"x\4", b"f\3", b"f\5", b"u\x09", b"d\0"):
        assert native.read_message(line, {10: layout}) is None
    for wrong in ({10: "f"}, {10: None}, [(10, b"f\4")], None):
        with pytest.raises(TypeError):
            native.read_message(line, wrong)


def parts(message_):
    """What a message is written from: its head, its layout and the values of its fields."""
    head = message_.head(message_.version, message_.sender, message_.receiver)
    return head, message_.LAYOUT, tuple(getattr(message_, name) for name, _ in message_.CODEC)


@pytest.mark.parametrize("message_", MESSAGES)
def test_write_message_then_as_the_kinds_write_it(native, message_):
    head, layout, values = parts(message_)
    line = encode_message(message_.encode())
    assert native.write_message(head, layout, values) == line
    assert message_.write(native.write_message) == line
    for place in range(len(values)):
        for wrong in (None, "text", 1.5, bytearray(20), [1]):
            changed = (*values[:place], wrong, *values[place + 1 :])
            if message_.CODEC[place][1].code[:1] != b"c":
                with pytest.raises(TypeError):
                    native.write_message(head, layout, changed)
    for changed in (values[:-1], (*values, b""), list(values)):
        with pytest.raises(TypeError):
            native.write_message(head, layout, changed)


@given(size=st.integers(1, 8), number=st.integers(-(2**70), 2**70))
@settings(max_examples=300, deadline=None, derandomize=True)
@pytest.mark.parametrize("level", levels.NATIVE[:1])
def test_write_message_with_a_number_then_its_bytes_or_overflow(level, size, number):
    with levels.native(level) as backend:
        try:
            expected = encode_message(b"head" + number.to_bytes(size, "big"))
        except OverflowError:
            with pytest.raises(OverflowError):
                backend.write_message(b"head", b"u%c" % size, (number,))
        else:
            assert backend.write_message(b"head", b"u%c" % size, (number,)) == expected


def test_reading_takes_bytes_alone(native):
    for wrong in (None, "text", bytearray(b"?OTR:AAAA.")):
        with pytest.raises(TypeError):
            native.read_message(wrong, {})
        with pytest.raises(TypeError):
            native.write_message(wrong, b"", ())
        with pytest.raises(TypeError):
            native.data_message(header(3), wrong)
    with pytest.raises(TypeError):
        native.data_message(header(3))


def test_backends_in_python_then_only_data_messages_are_read_beside_the_general_reader(reference):
    line = duo(reference)[0].seal(prefix(), b"text", b"", b"")
    assert read(line, reference.read_message) is None
    assert EXCHANGE[0].write(reference.write_message) is None
    general, found = both(reference, encode_message(message()))
    assert found == general is not None
