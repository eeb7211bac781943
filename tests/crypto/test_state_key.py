"""Sealed states: the same bytes from every backend, and what goes in comes out."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

from otrfast.errors import StateDamaged

from .messages import duo, head, prefix

DATA_KEY = bytes(range(32))
X = (5).to_bytes(40, "big")


def parts_of(backend):
    """One part of each kind, the handles in use."""
    key = backend.dh_key(X)
    secret = key.agree(backend.dh_key(b"\7" * 40).public)
    sender, receiver = duo(backend)
    lines = sender.seal_many(prefix(), [b"%d" % number for number in range(11)])
    assert len(receiver.open_many(head(), lines)) == 11
    return [b"", key, b"bytes \0 in between", secret, sender, receiver, b"x" * 3000]


def test_seal_then_every_backend_writes_the_same(backend, reference):
    theirs = reference.state_key(DATA_KEY)
    ours = backend.state_key(DATA_KEY)
    for associated in (b"", b"header", b"x" * 100):  # the counter goes on
        sealed = ours.seal(associated, parts_of(backend))
        assert sealed == theirs.seal(associated, parts_of(reference))


def test_seal_then_hkdf_aes_and_hmac_of_other_libraries_read_it(backend):
    sealed = backend.state_key(DATA_KEY).seal(b"header", [b"abc", b""])
    assert sealed[:8] == bytes(7) + b"\1"
    cipher = HKDF(DATA_KEY, 32, b"", SHA256, context=b"otrfast state cipher")[:16]
    mac = HKDF(DATA_KEY, 32, b"", SHA256, context=b"otrfast state mac")
    covered = (6).to_bytes(8, "big") + b"header" + sealed[:-32]
    assert hmac.new(mac, covered, hashlib.sha256).digest() == sealed[-32:]
    stream = AES.new(cipher, AES.MODE_CTR, nonce=sealed[:8], initial_value=0)
    assert stream.decrypt(sealed[8:-32]) == b"b\0\0\0\3abcb\0\0\0\0"


@pytest.mark.parametrize("reader", ["native", "pure"])
def test_open_then_the_handles_go_on_where_they_were(backend, native, reference, reader: str):
    reading = native if reader == "native" else reference
    sealed = backend.state_key(DATA_KEY).seal(b"header", parts_of(backend))
    empty, key, text, secret, sender, receiver, long = reading.state_key(DATA_KEY).open(
        b"header", sealed
    )
    _, old_key, _, old_secret, old_sender, old_receiver, _ = parts_of(backend)
    assert (empty, text, long) == (b"", b"bytes \0 in between", b"x" * 3000)
    assert key.public == old_key.public
    other = reading.dh_key(b"\x09" * 40).public
    assert key.agree(other).ake_keys().ssid == old_key.agree(other).ake_keys().ssid
    assert secret.ake_keys().ssid == old_secret.ake_keys().ssid
    assert (sender.send_counter, receiver.receive_counter, receiver.verified) == (11, 11, True)
    assert receiver.accepted() != old_receiver.accepted() or len(receiver.accepted()) == 32
    assert receiver.extra_key() == old_receiver.extra_key()
    line = sender.seal(prefix(), b"next", b"", b"")
    assert line == old_sender.seal(prefix(), b"next", b"", b"")
    assert receiver.open_many(head(), [line, line]) == [b"next"]


def test_open_when_anything_is_changed_then_refused(backend):
    key = backend.state_key(DATA_KEY)
    sealed = key.seal(b"header", [b"text", backend.dh_key(X)])
    for at in range(0, len(sealed), 1 if backend.name == "native" else 7):
        wrong = bytearray(sealed)
        wrong[at] ^= 0x40
        with pytest.raises(StateDamaged):
            key.open(b"header", bytes(wrong))
    for cut in (0, 1, 7, 39, 40, len(sealed) - 1):
        with pytest.raises(StateDamaged):
            key.open(b"header", sealed[:cut])
    for associated in (b"", b"Header", b"header\0"):
        with pytest.raises(StateDamaged):
            key.open(associated, sealed)
    with pytest.raises(StateDamaged):
        backend.state_key(bytes(32)).open(b"header", sealed)
    assert key.open(b"header", sealed)[0] == b"text"


@pytest.mark.parametrize(
    "text", [b"b", b"b\0\0\0\1", b"x\0\0\0\0", b"d\0\0\0\0", b"b\xff\xff\xff\xffx"]
)
def test_open_when_what_was_sealed_is_not_a_state_then_refused(backend, text: bytes):
    """Nobody without the key can do that; the next version of the format may."""
    cipher = HKDF(DATA_KEY, 32, b"", SHA256, context=b"otrfast state cipher")[:16]
    mac = HKDF(DATA_KEY, 32, b"", SHA256, context=b"otrfast state mac")
    sealed = bytes(8) + AES.new(cipher, AES.MODE_CTR, nonce=bytes(8), initial_value=0).encrypt(text)
    tag = hmac.new(mac, bytes(8) + sealed, hashlib.sha256).digest()
    with pytest.raises(StateDamaged):
        backend.state_key(DATA_KEY).open(b"", sealed + tag)


def test_seal_when_a_part_is_something_else_then_type_error_and_no_counter_used(backend, reference):
    key = backend.state_key(DATA_KEY)
    for wrong in (None, 5, "text", bytearray(b"x"), key, backend):
        with pytest.raises(TypeError):
            key.seal(b"", [b"text", wrong])
    assert key.seal(b"", [])[:8] == bytes(7) + b"\1"


def test_state_key_when_its_length_is_wrong_then_value_error(backend):
    for length in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes expected"):
            backend.state_key(bytes(length))


def test_state_key_prints_nothing_and_stays_here(backend):
    key = backend.state_key(DATA_KEY)
    assert "redacted" in repr(key)
    with pytest.raises(TypeError):
        __import__("pickle").dumps(key)


# Counters within bounds


def test_count_between_then_the_next_message_is_above_the_floor_and_none_reaches_the_end(backend):
    sender, _ = duo(backend)
    sender.seal(prefix(), b"1", b"", b"")
    sender.count_between(100, 104)
    sender.seal(prefix(), b"101", b"", b"")
    assert sender.send_counter == 101
    with pytest.raises(OverflowError):
        sender.seal_many(prefix(), [b"x"] * 3)
    sender.seal(prefix(), b"102", b"", b"")
    sender.seal(prefix(), b"103", b"", b"")
    for refused in (
        lambda: sender.seal(prefix(), b"104", b"", b""),
        lambda: sender.seal_text(prefix(), b"104", 100),
        lambda: sender.seal_many(prefix(), [b"104"]),
    ):
        with pytest.raises(OverflowError):
            refused()
    assert sender.send_counter == 103
    sender.count_between(200, 0)
    sender.seal(prefix(), b"201", b"", b"")
    assert sender.send_counter == 201


def test_count_between_when_the_floor_is_below_then_counters_go_on(backend):
    sender, _ = duo(backend)
    sender.count_between(50, 1000)
    sender.seal(prefix(), b"51", b"", b"")
    sender.count_between(10, 0)
    sender.seal(prefix(), b"52", b"", b"")
    assert sender.send_counter == 52
