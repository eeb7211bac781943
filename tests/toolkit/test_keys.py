"""sesskeys and mackey compared with libotr's."""

from __future__ import annotations

import random

import pytest

from otrfast.crypto.backends import load
from otrfast.crypto.group import P
from otrfast.errors import NotInGroup, ToolkitError
from otrfast.toolkit import session_keys

from .reading import value

_LABELS = {
    "our public key": "Our public key",
    "session id (version 1)": "Session id",
    "sending AES key": "Sending AES key",
    "sending MAC key": "Sending MAC key",
    "receiving AES key": "Receiving AES key",
    "receiving MAC key": "Receiving MAC key",
}
_RANDOM = random.Random(1)
_PAIRS = [
    *[
        (_RANDOM.randbytes(40).hex(), f"{pow(2, _RANDOM.getrandbits(320), P):0384x}")
        for _ in "1234"
    ],
    ("00", "02"),
    ("01", "02"),
    ("05", "08"),
    ("00" * 20 + "05", "00" * 8 + "08"),
    ("ff" * 40, f"{P - 2:x}"),
]


@pytest.mark.parametrize(("private", "public"), _PAIRS)
def test_sesskeys_shows_the_values_that_libotr_shows(private, public, otrfast, libotr):
    ours = otrfast("sesskeys", private, public)
    theirs = libotr("sesskeys", private, public)
    assert (ours.status, ours.err) == (0, b"")
    for name, label in _LABELS.items():
        assert value(ours.out, name) == value(theirs.out, label)
    assert (b"the high end" in ours.out) == (b"the high end" in theirs.out)


def test_sesskeys_shows_the_ssid_and_the_extra_key_of_a_live_session(conversation, otrfast):
    conversation.carry(conversation.alice, conversation.alice.session.extra_key(1, b""))
    made = next(e for e in conversation.bob.events if hasattr(e, "key"))
    # the exchange used the first key of each side: so does the next message
    public = load().dh_key(conversation.alice.exponents[0]).public
    ran = otrfast("sesskeys", conversation.bob.exponents[0].hex(), public.hex())
    assert value(ran.out, "ssid (of an AKE)") == conversation.bob.session.ssid.hex()
    assert value(ran.out, "extra symmetric key") == bytes(made.key).hex()


@pytest.mark.parametrize("public", ["00", "01", f"{P - 1:x}"])
def test_sesskeys_refuses_a_public_key_outside_the_group(public, otrfast):
    ran = otrfast("sesskeys", "05", public)
    assert ran == (1, b"", b"otrfast sesskeys: the public key is outside 2 .. p-2\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("5", "02"), "our_privkey must be an even number of hexadecimal digits"),
        (("xy", "02"), "our_privkey must be an even number of hexadecimal digits"),
        (("05", "0 2 "), "their_pubkey must be an even number of hexadecimal digits"),
        (("05", f"{P:x}"), "their_pubkey must be below the prime of the group"),
        (("05", "ff" * 193), "their_pubkey must be below the prime of the group"),
        (("01" * 193, "02"), "a private key has 1 to 192 bytes, not 193"),
    ],
)
def test_sesskeys_says_what_is_wrong(arguments, why, otrfast):
    assert otrfast("sesskeys", *arguments) == (1, b"", f"otrfast sesskeys: {why}\n".encode())


@pytest.mark.parametrize("key", [bytes(16).hex(), bytes(range(16)).hex(), "ff" * 16])
def test_mackey_shows_the_values_that_libotr_shows(key, otrfast, libotr):
    ours, theirs = otrfast("mackey", key), libotr("mackey", key)
    assert (ours.status, ours.err) == (0, b"")
    assert value(ours.out, "AES key") == key
    assert value(ours.out, "MAC key") == value(theirs.out, "MAC key")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "aes_enc_key must be 32 hexadecimal digits, not 0"),
        ("00" * 15, "aes_enc_key must be 32 hexadecimal digits, not 30"),
        ("g" * 32, "aes_enc_key must be an even number of hexadecimal digits"),
        ("\u0663" * 32, "aes_enc_key must be an even number of hexadecimal digits"),
    ],
)
def test_mackey_says_what_is_wrong(key, why, otrfast):
    assert otrfast("mackey", key) == (1, b"", f"otrfast mackey: {why}\n".encode())


def test_session_keys_of_both_ends_are_each_other_turned_round():
    backend = load()
    alice, bob = (_RANDOM.randbytes(40) for _ in "ab")
    of_alice = session_keys(backend, alice, backend.dh_key(bob).public)
    of_bob = session_keys(backend, bob, backend.dh_key(alice).public)
    assert of_alice.high != of_bob.high
    assert of_alice.ssid == of_bob.ssid
    assert of_alice.session_id == of_bob.session_id
    assert of_alice.keys.send_aes == of_bob.keys.receive_aes
    assert of_alice.keys.send_mac == of_bob.keys.receive_mac
    assert of_alice.keys.receive_aes == of_bob.keys.send_aes
    assert of_alice.keys.receive_mac == of_bob.keys.send_mac
    assert of_alice.keys.extra == of_bob.keys.extra


def test_session_keys_are_not_printed_by_accident():
    derived = session_keys(load(), b"\x05", bytes(191) + b"\x08")
    assert repr(derived) == "<SessionKeys: redacted>"


def test_session_keys_raises_for_what_is_out_of_range():
    with pytest.raises(NotInGroup):
        session_keys(load(), b"\x05", bytes(192))
    with pytest.raises(ToolkitError):
        session_keys(load(), b"\x05" * 193, bytes(191) + b"\x08")
