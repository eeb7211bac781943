"""Sealing and opening whole data messages: the same bytes from every backend."""

from base64 import b64decode

import pytest

from otrfast.errors import BadMac, CounterReplayed

from .messages import NEXT_KEY, duo, head, mpi, prefix, state

LENGTHS = [*range(1, 200), 255, 256, 257, 1000, 4095, 4096, 65_536, 300_000]


def text_of(rng, length):
    return rng.randbytes(length).replace(b"\0", b"\1")


def fields(line, prefix_length):
    """What stands behind the prefix: counter, ciphertext, authenticated, MAC, revealed."""
    raw = b64decode(line[5:-1], validate=True)
    cipher_at = prefix_length + 12
    end = cipher_at + int.from_bytes(raw[cipher_at - 4 : cipher_at], "big")
    counter = int.from_bytes(raw[prefix_length : prefix_length + 8], "big")
    return counter, raw[cipher_at:end], raw[:end], raw[end : end + 20], raw[end + 24 :]


@pytest.mark.parametrize("version", [2, 3])
def test_seal_when_same_input_then_same_line_as_the_reference(backend, reference, rng, version):
    sender, expected = duo(backend)[0], duo(reference)[0]
    for length in LENGTHS:
        text = text_of(rng, length)
        tlvs = rng.choice([b"", b"\0\1\0\0", rng.randbytes(40)])
        revealed = rng.choice([b"", rng.randbytes(20), rng.randbytes(60)])
        line = sender.seal(prefix(version), text, tlvs, revealed)
        assert line == expected.seal(prefix(version), text, tlvs, revealed), length


def test_seal_when_the_prefix_changes(backend, reference, rng):
    sender, expected = duo(backend)[0], duo(reference)[0]
    prefixes = [
        prefix(),
        prefix(flags=1),
        prefix(2),
        prefix(next_key=NEXT_KEY >> 8),
        prefix(next_key=5),
        prefix(next_key=NEXT_KEY >> 200),
    ]
    for _ in range(30):
        chosen, text = rng.choice(prefixes), text_of(rng, rng.randrange(300))
        assert sender.seal(chosen, text, b"", b"") == expected.seal(chosen, text, b"", b"")


def test_seal_counts_from_one(backend):
    sender, _ = duo(backend)
    for expected in (1, 2, 3):
        line = sender.seal(prefix(), b"text", b"", b"")
        assert fields(line, len(prefix()))[0] == expected
        assert sender.send_counter == expected


def test_seal_when_the_text_is_empty(backend, reference):
    sender, expected = duo(backend)[0], duo(reference)[0]
    assert sender.seal(prefix(), b"", b"", b"") == expected.seal(prefix(), b"", b"", b"")
    assert sender.seal(prefix(), b"", b"", b"") == expected.seal(prefix(), b"", b"", b"")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 101])
def test_seal_many_is_seal_for_each(backend, reference, rng, count):
    sender, expected = duo(backend)[0], duo(reference)[0]
    texts = [text_of(rng, rng.randrange(400)) for _ in range(count)]
    lines = sender.seal_many(prefix(), texts)
    assert lines == [expected.seal(prefix(), text, b"", b"") for text in texts]
    assert sender.send_counter == count


def test_seal_many_when_texts_are_empty_or_large(backend, reference, rng):
    sender, expected = duo(backend)[0], duo(reference)[0]
    texts = [b"", text_of(rng, 70_000), b"", b"x", text_of(rng, 9000), b""]
    assert sender.seal_many(prefix(), texts) == expected.seal_many(prefix(), texts)


def test_seal_many_when_a_text_has_a_zero_byte_then_carried_all_the_same(backend, reference):
    sender, expected = duo(backend)[0], duo(reference)[0]
    texts = [b"one", b"t\0wo", b"three"]
    assert sender.seal_many(prefix(), texts) == expected.seal_many(prefix(), texts)


def test_seal_many_between_single_ones(backend, reference):
    sender, expected = duo(backend)[0], duo(reference)[0]
    for keys in (sender, expected):
        keys.seal(prefix(), b"first", b"", b"")
        keys.seal_many(prefix(flags=1), [b"second", b"third"])
    assert sender.seal(prefix(), b"4", b"", b"") == expected.seal(prefix(), b"4", b"", b"")


def test_open_gives_the_plain_text(backend, rng):
    sender, receiver = duo(backend)
    for length in (0, 1, 15, 16, 100, 1000, 65_536):
        text, tlvs = text_of(rng, length), rng.choice([b"", b"\0\1\0\0"])
        line = sender.seal(prefix(), text, tlvs, b"")
        counter, ciphertext, authenticated, mac, _ = fields(line, len(prefix()))
        plaintext = receiver.open(authenticated, counter, ciphertext, mac)
        assert plaintext == text + b"\0" + tlvs
        assert state(receiver) == (0, counter, True)


def test_open_when_the_mac_is_wrong_then_refused_and_unchanged(backend):
    sender, receiver = duo(backend)
    line = sender.seal(prefix(), b"text", b"", b"")
    counter, ciphertext, authenticated, mac, _ = fields(line, len(prefix()))
    for at in range(20):
        wrong = bytes(byte ^ (i == at) for i, byte in enumerate(mac))
        with pytest.raises(BadMac):
            receiver.open(authenticated, counter, ciphertext, wrong)
        assert state(receiver) == (0, 0, False)
    assert receiver.open(authenticated, counter, ciphertext, mac) == b"text\0"


def test_open_when_replayed_then_refused_and_unchanged(backend):
    sender, receiver = duo(backend)
    lines = [sender.seal(prefix(), b"text", b"", b"") for _ in range(3)]
    opened = [fields(line, len(prefix())) for line in lines]
    for counter, ciphertext, authenticated, mac, _ in (opened[1], opened[2]):
        receiver.open(authenticated, counter, ciphertext, mac)
    for counter, ciphertext, authenticated, mac, _ in opened:
        with pytest.raises(CounterReplayed):
            receiver.open(authenticated, counter, ciphertext, mac)
        assert state(receiver) == (0, 3, True)


def test_open_when_both_are_wrong_then_the_mac_counts_first(backend):
    sender, receiver = duo(backend)
    line = sender.seal(prefix(), b"text", b"", b"")
    counter, ciphertext, authenticated, mac, _ = fields(line, len(prefix()))
    receiver.open(authenticated, counter, ciphertext, mac)
    with pytest.raises(BadMac):
        receiver.open(authenticated, counter, ciphertext, bytes(20))


def test_both_directions_of_one_handle(backend):
    ours, theirs = duo(backend)
    for n in range(5):
        there, back = b"there %d" % n, b"back %d" % n
        assert theirs.open_line(head(), ours.seal(prefix(), there, b"", b"")) == there
        assert ours.open_line(head(), theirs.seal(prefix(), back, b"", b"")) == back


def test_a_prefix_too_long_for_the_protocol_is_refused(native):
    sender, _ = duo(native)
    with pytest.raises(ValueError):
        sender.seal(prefix() + mpi(5), b"text", b"", b"")
    assert sender.send_counter == 0


@pytest.mark.parametrize(
    "odd", [b"", b"x" * 101, b"a\0b", b"what ?OTR is", None, "text", bytearray(b"x")]
)
@pytest.mark.parametrize("at", [0, 1, 15, 16, 17, 40])
def test_seal_many_with_a_limit_then_the_leading_texts_that_need_nothing_else(
    backend, reference, at: int, odd
):
    sender, expected = duo(backend)[0], duo(reference)[0]
    texts = [b"x" * (1 + number % 100) for number in range(40)]
    texts.insert(at, odd)
    lines = sender.seal_many(prefix(), texts, 100)
    assert lines == [expected.seal(prefix(), text, b"", b"") for text in texts[:at]]
    assert sender.send_counter == at  # none was used for the others


def test_seal_many_with_a_limit_when_all_are_ordinary_then_all(backend):
    sender, _ = duo(backend)
    assert len(sender.seal_many(prefix(), [b"?OT", b"OTR?", b"x" * 100, b"\xff"], 100)) == 4
    assert sender.seal_many(prefix(), [], 100) == []
    assert sender.seal_many(prefix(), [b"x"], 0) == []
