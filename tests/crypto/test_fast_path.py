"""The fast path in: what it opens, what it leaves to the general path, and that both agree."""

import gc
import sys
from base64 import b64decode, b64encode

import pytest
from helpers import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast.crypto.group import P
from otrfast.crypto.pure import pure_backend
from otrfast.events import MessageReceived

from . import levels
from .messages import NEXT_KEY, duo, general, head, prefix, read, state

REFERENCE = pure_backend("gmpy2")
BACKENDS = [*levels.NATIVE, "gmpy2"]


def encode_message(raw):
    return b"?OTR:" + b64encode(raw) + b"."


def raw_of(line):
    return b64decode(line[5:-1], validate=True)


def sealed(backend, text=b"text", tlvs=b"", revealed=b"", **parts):
    return duo(backend)[0].seal(prefix(**parts), text, tlvs, revealed)


@pytest.mark.parametrize("version", [2, 3])
def test_open_line_when_ordinary_then_text(backend, rng, version):
    sender, receiver = duo(backend)
    for length in [*range(1, 300), 4096, 65_536, 250_000]:
        text = rng.randbytes(length).replace(b"\0", b"\1")
        line = sender.seal(prefix(version), text, b"", b"")
        assert receiver.open_line(head(version), line) == text
        assert state(receiver) == (0, sender.send_counter, True)


def test_open_line_when_the_next_key_is_short_then_text(backend):
    sender, receiver = duo(backend)
    for next_key in (2, 255, 256, NEXT_KEY >> 8, NEXT_KEY >> 16, NEXT_KEY >> 700, P - 2):
        line = sender.seal(prefix(next_key=next_key), b"text", b"", b"")
        assert receiver.open_line(head(), line) == b"text"


def test_open_line_when_flags_alternate_then_text(backend):
    sender, receiver = duo(backend)
    for flags in (0, 1, 0, 255, 255, 0):
        line = sender.seal(prefix(flags=flags), b"text", b"", b"")
        assert receiver.open_line(head(), line) == b"text"


def test_open_line_when_keys_are_revealed_then_text(backend):
    sender, receiver = duo(backend)
    for revealed in (bytes(20), bytes(40), b"odd", bytes(2000)):
        line = sender.seal(prefix(), b"text", b"", revealed)
        assert receiver.open_line(head(), line) == b"text"


@pytest.mark.parametrize("revealed", [b"", b"odd", bytes(range(20)), b"k" * 60, b"r" * 2000])
def test_open_line_when_there_are_tlvs_or_no_text_then_fields(backend, revealed):
    sender, receiver = duo(backend)
    for text, tlvs in (
        (b"text", b"\0\1\0\0"),
        (b"", b""),
        (b"", b"\0\1\0\0"),
        (b"text", b"\0"),
        (b"text" * 300, b"\0\1\0\0"),
    ):
        line = sender.seal(prefix(), text, tlvs, revealed)
        fields = receiver.open_line(head(), line)
        assert type(fields) is tuple
        assert fields == read(backend, line)
        assert state(receiver) == (0, 0, False)
        *_, counter, ciphertext, authenticated, mac, old_mac_keys = fields
        assert old_mac_keys == revealed
        probe = duo(backend)[1]
        assert probe.open(authenticated, counter, ciphertext, mac) == text + b"\0" + tlvs
    assert receiver.open_line(head(), sender.seal(prefix(), b"text", b"", b"")) == b"text"


def test_open_line_when_there_is_no_zero_byte_then_text(native):
    # some peers leave out the zero byte behind a text: made here by hand
    sender, receiver = duo(REFERENCE)[0], duo(native)[1]
    keys = sender._keys
    ciphertext = REFERENCE.aes_ctr(keys.send_aes, bytes(7) + b"\1" + bytes(8), b"text")
    body = prefix() + bytes(7) + b"\1" + len(ciphertext).to_bytes(4, "big") + ciphertext
    line = encode_message(body + REFERENCE.hmac_sha1(keys.send_mac, body) + bytes(4))
    assert receiver.open_line(head(), line) == b"text"


@pytest.mark.parametrize("next_key", [0, 1, P - 1, P, P + 1, 2**1536 - 1])
def test_open_line_when_the_next_key_is_outside_the_group_then_none(backend, next_key):
    receiver = duo(backend)[1]
    assert receiver.open_line(head(), sealed(REFERENCE, next_key=next_key)) is None
    assert state(receiver) == (0, 0, False)


def test_open_line_when_the_key_ids_differ_then_fields(backend):
    receiver = duo(backend)[1]
    for line in (sealed(REFERENCE), sealed(REFERENCE, text=b"long" * 1000)):
        for other in (head(sender_keyid=2), head(recipient_keyid=2)):
            assert receiver.open_line(other, line) == read(backend, line) is not None


def test_open_line_when_the_header_differs_then_none(backend):
    receiver = duo(backend)[1]
    line = sealed(REFERENCE)
    for other in (head(2), head()[:3] + bytes(8) + head()[11:]):
        assert receiver.open_line(other, line) is None
    assert state(receiver) == (0, 0, False)
    assert receiver.open_line(head(), line) == b"text"


def test_open_line_when_replayed_then_fields(backend):
    sender, receiver = duo(backend)
    lines = [sender.seal(prefix(), b"text", b"", b"") for _ in range(3)]
    assert receiver.open_line(head(), lines[1]) == b"text"
    assert receiver.open_line(head(), lines[0]) == read(backend, lines[0]) is not None
    assert receiver.open_line(head(), lines[1]) == read(backend, lines[1]) is not None
    assert state(receiver) == (0, 2, True)
    assert receiver.open_line(head(), lines[2]) == b"text"


def test_open_line_when_any_byte_is_flipped_then_general_path(backend):
    sender, receiver = duo(backend)
    assert receiver.open_line(head(), sender.seal(prefix(), b"first", b"", b"")) == b"first"
    before = state(receiver)
    raw = raw_of(sender.seal(prefix(), b"text", b"", b""))
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 0x10
        line = encode_message(bytes(flipped))
        assert receiver.open_line(head(), line) == read(backend, line), at
        assert state(receiver) == before
    assert receiver.open_line(head(), encode_message(raw)) == b"text"


def test_open_line_when_cut_short_then_none(backend):
    sender, receiver = duo(backend)
    line = sender.seal(prefix(), b"text", b"", bytes(20))
    raw = raw_of(line)
    for length in range(len(raw)):
        assert receiver.open_line(head(), encode_message(raw[:length])) is None, length
    for length in range(len(line)):
        assert receiver.open_line(head(), line[:length]) is None, length
    assert receiver.open_line(head(), encode_message(raw + b"\0")) is None
    assert state(receiver) == (0, 0, False)
    assert receiver.open_line(head(), line) == b"text"


@pytest.mark.parametrize("wrong", ["0", "right - 1", "right + 1", "2**31", "2**32 - 1"])
def test_open_line_when_a_length_is_wrong_then_none(backend, wrong):
    sender, receiver = duo(backend)
    raw = raw_of(sender.seal(prefix(), b"text", b"", bytes(20)))
    for at in (len(head()), len(prefix()) + 8, len(raw) - 24):
        right = int.from_bytes(raw[at : at + 4], "big")
        lengths = {"0": 0, "right - 1": right - 1, "right + 1": right + 1, "2**31": 2**31}
        length = lengths.get(wrong, 2**32 - 1).to_bytes(4, "big")
        assert receiver.open_line(head(), encode_message(raw[:at] + length + raw[at + 4 :])) is None
    assert state(receiver) == (0, 0, False)


def oddities(line):
    """A line that opens, and what is odd about its encoding."""
    return {
        "front": b" " + line,
        "end": line + b"\n",
        "after": line + b" hello",
        "no dot": line[:-1],
        "two dots": line + b".",
        "zero byte": line + b"\0",
        "zero within": line[:50] + b"\0" + line[50:],
        "blank": line[:50] + b" " + line[50:],
        "break": line[:81] + b"\r\n" + line[81:],
        "case": b"?otr:" + line[5:],
        "url alphabet": line[:50] + b"-" + line[51:],
        "high bit": line[:50] + bytes([line[50] | 0x80]) + line[51:],
        "padding within": line[:52] + b"==" + line[54:],
        "early padding": line[:-5] + b"====.",
        "encoding alone": b"?OTR:.",
        "padding alone": b"?OTR:====.",
        "nothing": b"",
    }


@pytest.mark.parametrize("name", oddities(b"?OTR:" + b"A" * 300 + b"."))
def test_open_line_when_the_encoding_is_odd_then_none(backend, name):
    receiver = duo(backend)[1]
    assert receiver.open_line(head(), oddities(sealed(REFERENCE))[name]) is None
    assert state(receiver) == (0, 0, False)


def test_open_line_refuses_every_character_outside_the_alphabet(native):
    alphabet = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    sender, receiver = duo(native)
    line = sender.seal(prefix(), b"text" * 9, b"", bytes(2))
    for at in (5, 36, 37, 68, 69, 100, 132, 133, len(line) - 6):
        for byte in set(range(256)) - alphabet:
            odd = line[:at] + bytes([byte]) + line[at + 1 :]
            assert receiver.open_line(head(), odd) is None, (at, byte)
    assert receiver.open_line(head(), line) == b"text" * 9


def test_open_line_when_padded_then_spare_bits_have_to_be_zero(native):
    for spare in (1, 2):
        sender, receiver = duo(native)
        length = next(n for n in range(1, 4) if (len(prefix()) + 37 + n) % 3 == spare)
        line = sender.seal(prefix(), b"x" * length, b"", b"")
        assert line.endswith(b"=" * (3 - spare) + b".")
        at = len(line) - 2 - (3 - spare)
        odd = line[:at] + bytes([line[at] + 1]) + line[at + 1 :]
        assert receiver.open_line(head(), odd) is None
        assert receiver.open_line(head(), line) == b"x" * length


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 101])
def test_open_many_when_all_are_ordinary_then_all_texts(backend, rng, count):
    sender, receiver = duo(backend)
    texts = [rng.randbytes(rng.randrange(1, 400)).replace(b"\0", b"\1") for _ in range(count)]
    assert receiver.open_many(head(), sender.seal_many(prefix(), texts)) == texts
    assert receiver.receive_counter == count


@pytest.mark.parametrize("bad", range(6))
@pytest.mark.parametrize("how", ["flipped", "newline", "tlvs", "empty", "replayed", "zero"])
def test_open_many_when_one_is_not_ordinary_then_those_before_it(backend, bad, how):
    sender, receiver = duo(backend)
    lines = []
    for n in range(6):
        tlvs = b"\0\1\0\0" if how == "tlvs" and n == bad else b""
        text = b"" if how == "empty" and n == bad else b"text %d" % n
        lines.append(sender.seal(prefix(), text, tlvs, b""))
    changed = {
        "flipped": lines[bad][:60] + b"AAAAAAAA" + lines[bad][68:],
        "newline": lines[bad] + b"\n",
        "replayed": lines[bad - 1] if bad else b"?OTR:.",
        "zero": lines[bad] + b"\0",
    }
    lines[bad] = changed.get(how, lines[bad])
    assert receiver.open_many(head(), lines) == [b"text %d" % n for n in range(bad)]
    assert receiver.receive_counter == bad
    rest = receiver.open_many(head(), lines[bad + 1 :])
    assert rest == [b"text %d" % n for n in range(bad + 1, 6)]


def test_open_many_when_prefixes_change_within(backend, rng):
    sender, receiver = duo(backend)
    keys = [NEXT_KEY, NEXT_KEY + 1, NEXT_KEY >> 8, NEXT_KEY]
    lines = [
        sender.seal(prefix(next_key=rng.choice(keys), flags=rng.randrange(2)), b"%d" % n, b"", b"")
        for n in range(60)
    ]
    assert receiver.open_many(head(), lines) == [b"%d" % n for n in range(60)]


def test_open_many_when_some_are_large(backend, rng):
    sender, receiver = duo(backend)
    texts = [b"x", b"y" * 70_000, b"z", b"w" * 9000, b"v"]
    assert receiver.open_many(head(), sender.seal_many(prefix(), texts)) == texts


@st.composite
def changed_lines(draw):
    """A few lines of one sender, each as it was, changed, or twice."""
    sender = duo(REFERENCE)[0]
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        line = sender.seal(
            prefix(
                flags=draw(st.sampled_from([0, 0, 1])),
                next_key=draw(st.sampled_from([NEXT_KEY, NEXT_KEY, 5, P - 1, NEXT_KEY >> 8])),
            ),
            draw(st.binary(max_size=80)),
            draw(st.sampled_from([b"", b"", b"\0\1\0\0", b"\0"])),
            draw(st.sampled_from([b"", bytes(20), b"abc"])),
        )
        raw = bytearray(raw_of(line))
        match draw(st.sampled_from(["as it was"] * 4 + ["bit", "cut", "more", "text", "encoding"])):
            case "bit":
                raw[draw(st.integers(0, len(raw) - 1))] ^= 1 << draw(st.integers(0, 7))
                line = encode_message(bytes(raw))
            case "cut":
                line = encode_message(bytes(raw[: draw(st.integers(0, len(raw)))]))
            case "more":
                line = encode_message(bytes(raw) + draw(st.binary(max_size=3)))
            case "text":
                at = draw(st.integers(0, len(line)))
                line = line[:at] + draw(st.binary(max_size=2)) + line[at:]
            case "encoding":
                line = draw(st.sampled_from([*oddities(line).values()]))
        lines += [line] * draw(st.sampled_from([1, 1, 1, 2]))
    return draw(st.permutations(lines)) if draw(st.booleans()) else lines


@pytest.mark.parametrize("name", BACKENDS)
@settings(max_examples=examples(50), deadline=None, derandomize=True)
@given(lines=changed_lines())
def test_fast_path_decides_as_the_general_path(name, lines):
    if name in levels.NATIVE:
        with levels.native(name) as native:
            compare(native, lines)
    else:
        compare(REFERENCE, lines)


def compare(backend, lines):
    """Feed lines to the fast path of one handle and to the general path of a second and a third."""
    fast, twin = duo(backend)[1], duo(REFERENCE)[1]
    opened = []
    for line in lines:
        before = state(fast)
        text = fast.open_line(head(), line)
        opened.append(text if isinstance(text, bytes) else None)
        if opened[-1] is None:
            assert state(fast) == before
            assert text == read(backend, line) == read(REFERENCE, line)
            if line.startswith(b"?OTR:") and line.endswith(b".") and canonical(line):
                # where it could have opened the line, so could not the general path
                probe = duo(REFERENCE)[1]
                probe.receive_counter = fast.receive_counter
                assert general(REFERENCE, probe, head(), line) is None
        else:
            twin.receive_counter = before[1]
            assert general(REFERENCE, twin, head(), line) == text
            assert (0, *state(twin)[1:]) == state(fast)
    batch = duo(backend)[1]
    run = opened.index(None) if None in opened else len(opened)
    assert batch.open_many(head(), lines) == opened[:run]


def canonical(line):
    """Whether a line is clean base64 to the last bit."""
    try:
        return encode_message(b64decode(line[5:-1], validate=True)) == line
    except ValueError:
        return False


def test_open_line_and_many_when_a_kind_is_given_then_the_texts_come_in_it(backend):
    sender, receiver = duo(backend)
    lines = sender.seal_many(prefix(), [b"one", b"two", b"three"])
    rest = True, 0x100
    first = receiver.open_line(head(), lines[0], MessageReceived, rest)
    assert first == MessageReceived(b"one", True, 0x100)
    many = receiver.open_many(head(), lines[1:], MessageReceived, rest)
    assert many == [MessageReceived(b"two", True, 0x100), MessageReceived(b"three", True, 0x100)]
    assert [type(each) for each in many] == [MessageReceived] * 2
    refused = receiver.open_line(head(), lines[0], MessageReceived, rest)
    assert (type(refused), refused) == (tuple, read(backend, lines[0]))
    assert receiver.open_many(head(), lines, MessageReceived, rest) == []


def test_open_line_when_the_kind_is_no_class_of_tuples_then_type_error(native):
    sender, receiver = duo(native)
    line = sender.seal(prefix(), b"text", b"", b"")
    for kind, rest in ((bytes, (1,)), (dict, ()), ("tuple", ()), (tuple, [1]), (tuple, None)):
        with pytest.raises(TypeError):
            receiver.open_line(head(), line, kind, rest)
        with pytest.raises(TypeError):
            receiver.open_many(head(), [line], kind, rest)
    with pytest.raises(TypeError):
        receiver.open_line(head(), line, tuple)
    assert receiver.open_line(head(), line, tuple, ()) == (b"text",)
    line = sender.seal(prefix(), b"text", b"", b"")
    assert receiver.open_line(head(), line, bytes, ()) == b"text"


def test_open_line_when_many_are_made_then_nothing_is_kept(native):
    sender, receiver = duo(native)
    tag = 0x12345678
    before = sys.getrefcount(tag), sys.getrefcount(MessageReceived)
    for _ in range(200):
        line = sender.seal(prefix(), b"text", b"", b"")
        assert receiver.open_line(head(), line, MessageReceived, (True, tag)).instance is tag
    gc.collect()
    assert (sys.getrefcount(tag), sys.getrefcount(MessageReceived)) == before
