"""Files of python-potr, Jitsi and ChatSecure."""

from __future__ import annotations

import random
from base64 import b64encode
from contextlib import suppress

import pytest
from Crypto.Cipher import AES
from Crypto.PublicKey import DSA
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast.errors import KeyFileError
from otrfast.storage import openssl
from otrfast.storage.clients import CLIENTS, file_name, files_in
from otrfast.storage.contents import Kind
from otrfast.storage.der import private_numbers, public_numbers
from otrfast.storage.fingerprints import KnownFingerprint
from otrfast.storage.java_keys import contact_addresses
from otrfast.storage.java_properties import read_properties
from otrfast.storage.potr_keys import read_key3, write_key3
from otrfast.storage.recognise import read_any

from .conftest import stored

# `openssl enc -aes-256-cbc -md DIGEST -pass 'pass:pass word'` of this text
OPENSSL_TEXT = b"alice@example.org.fingerprint=00"
OPENSSL = {
    "md5": "53616c7465645f5f742e7cccf419d8f3cc9d5b4ec591f4efce4000a5c13571ca"
    "f31c546455b3969ab4b49da386ed4c87e1e2dff91a8280b9309eac3c034b4186",
    "sha256": "53616c7465645f5ff2aa1b47136d6ac7367962cc3c52e559dd74d7e72043ccee"
    "134c7ea2e7d2c170454d0f805a8d59ddb31b205270e3e796979951aa1ad8d545",
}


def no_passphrase():
    raise AssertionError("this file needs no passphrase")


def java(key):
    """Return the base64 of a public and a private key, as Java writes them."""
    p, q, g, y = key.public.numbers
    pair = DSA.construct((y, g, p, q, key.signing.private_number()))
    public = pair.publickey().export_key(format="DER")
    private = pair.export_key(format="DER", pkcs8=True)
    return b64encode(public).decode(), b64encode(private).decode()


def jitsi_file(keys):
    account, bob, eve = map(java, keys)
    prefix = "net.java.sip.communicator.plugin.otr"
    jabber = "net.java.sip.communicator.impl.protocol.jabber"
    name = "Jabber_alice_example_org_example_org"
    return "\n".join(
        [
            "#Sip Communicator properties",
            f"{jabber}.acc123.ACCOUNT_UID=Jabber\\:alice@example.org@example.org",
            f"{jabber}.acc123.USER_ID=alice@example.org",
            f"{prefix}.{name}_privateKey={account[1][:76]}\\",
            f"   {account[1][76:]}",
            f"{prefix}.{name}_publicKey={account[0]}",
            f"{prefix}.bob_example_org_publicKey={bob[0]}",
            f"{prefix}.bob_example_org_publicKey_verified=true",
            f"{prefix}.eve_example_org_publicKey={eve[0]}",
            f"{prefix}.eve_example_org_publicKey_verified=false",
            "",
        ]
    ).encode("latin-1")


def chatsecure_file(keys):
    account, bob, _ = map(java, keys)
    digest = keys[1].fingerprint.hex()
    return "\n".join(
        [
            "#Tue Nov 05 10:00:00 GMT 2013",
            f"alice@example.org.privateKey={account[1]}",
            f"alice@example.org.publicKey={account[0]}",
            f"bob@example.org/Phone\\ 7.publicKey={bob[0]}",
            f"bob@example.org/Phone\\ 7.fingerprint={digest}",
            f"bob@example.org/Phone\\ 7.{digest}.publicKey.verified=true",
            f"eve@example.org.fingerprint={keys[2].fingerprint.hex().upper()}",
            "",
        ]
    ).encode("latin-1")


def encrypted(data, passphrase, digest):
    """Encrypt as `openssl enc` does, independently of the package."""
    import hashlib

    salt, material, block = b"saltsalt", b"", b""
    while len(material) < 48:
        block = hashlib.new(digest, block + passphrase + salt).digest()
        material += block
    padding = 16 - len(data) % 16
    cipher = AES.new(material[:32], AES.MODE_CBC, iv=material[32:48])
    return b"Salted__" + salt + cipher.encrypt(data + bytes((padding,)) * padding)


def test_key3_has_446_bytes_and_comes_back(key):
    data = write_key3(stored(key, "alice", "irc"))
    assert len(data) in (445, 446)  # one less if y or g begins with a zero
    assert read_key3(data, "alice", "irc").same_numbers(stored(key))


def test_key3_is_read_in_base64_and_hex(key, quick):
    data = write_key3(stored(key))
    broken = b64encode(data)
    for form in (data, broken, broken[:70] + b"\n" + broken[70:], data.hex().encode()):
        (found,) = read_any(form, quick, no_passphrase, "alice").keys
        assert found.same_numbers(stored(key))
        assert found.owner == ("alice", "")


def test_damaged_key3_is_refused(key):
    data = write_key3(stored(key))
    for damaged in (*(data[:length] for length in range(len(data))), data + b"\0", b"\0\1" + data):
        with pytest.raises(KeyFileError):
            read_key3(damaged, "", "")
    with pytest.raises(KeyFileError):
        read_key3(data[:2] + b"\xff\xff\xff\xff" + data[6:], "", "")


def test_der_of_each_key_is_read(keys):
    for key in keys:
        public, private = java(key)
        assert public_numbers(public) == key.public.numbers
        assert private_numbers(private) == (key.public.numbers, key.signing.private_number())
        with pytest.raises(KeyFileError, match="found a public key"):
            private_numbers(public)


def test_damaged_der_raises_nothing_else(key, seed):
    generator = random.Random(seed)
    private = java(key)[1]
    texts = ["", "AAAA", "MA==", "*", "A" * 10_000, *(private[:n] for n in range(0, 400, 3))]
    for _ in range(150):
        place = generator.randrange(len(private))
        texts.append(private[:place] + generator.choice("ABCabc/+01") + private[place + 1 :])
    for text in texts:
        with suppress(KeyFileError):
            private_numbers(text)


def check_alice(contents, keys, bob, eve):
    """The key of alice, a verified fingerprint of bob and one of eve that is not trusted."""
    (account,) = contents.keys
    assert account.owner == ("alice@example.org", "prpl-jabber")
    assert account.same_numbers(stored(keys[0]))
    assert contents.fingerprints == [
        KnownFingerprint(peer, *account.owner, key.fingerprint, level)
        for peer, key, level in ((bob, keys[1], "verified"), (eve, keys[2], ""))
    ]


def test_jitsis_keys_are_read(keys, quick):
    addresses = contact_addresses(b'<contact id="1" address="bob@example.org" name="Bob"/>')
    assert addresses == ["bob@example.org"]
    contents = read_any(jitsi_file(keys), quick, no_passphrase, addresses=addresses)
    check_alice(contents, keys, "bob@example.org", "eve_example_org")


def test_public_and_private_key_of_two_keys_are_refused(keys, quick):
    (mine, _), (_, other) = java(keys[0]), java(keys[1])
    data = f"alice@example.org.publicKey={mine}\nalice@example.org.privateKey={other}\n"
    with pytest.raises(KeyFileError, match="do not match"):
        read_any(data.encode(), quick, no_passphrase)


def check_chatsecure(contents, keys):
    check_alice(contents, keys, "bob@example.org/Phone 7", "eve@example.org")


def test_chatsecures_keys_are_read(keys, quick):
    check_chatsecure(read_any(chatsecure_file(keys), quick, no_passphrase), keys)


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_chatsecures_encrypted_keys_are_read(keys, quick, digest):
    data = encrypted(chatsecure_file(keys), b"pass word", digest)
    check_chatsecure(read_any(data, quick, lambda: "pass word"), keys)
    for wrong in (encrypted(b"not=this", b"pass word", digest), data[:-16], data[:-1], data[:16]):
        with pytest.raises(KeyFileError):
            read_any(wrong, quick, lambda: "pass word")
    for number in range(50):  # one in 128 has a valid padding
        with pytest.raises(KeyFileError):
            read_any(data, quick, lambda number=number: f"word {number}")


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_file_that_openssl_wrote_is_decrypted(digest):
    data = bytes.fromhex(OPENSSL[digest])
    assert OPENSSL_TEXT in list(openssl.candidates(data, "pass word"))


def test_java_properties_are_read_as_java_does():
    data = (
        b"# comment\n! comment\r\n\n  a = b\nc:d\re f\\\n    g\nh\\ i\\=\\:=\\u00e9\\n\\t\\\\\n"
        b"j\nk=l=m\n=n\no\\\\=p\\\\\nq=r\\"
    )
    assert read_properties(data) == {
        "a": "b",
        "c": "d",
        "e": "fg",
        "h i=:": "é\n\t\\",
        "j": "",
        "k": "l=m",
        "": "n",
        "o\\": "p\\",
        "q": "r",
    }


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_properties(data):
    read_properties(data)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_recognised_or_refused(quick, data):
    with suppress(KeyFileError):
        read_any(data, quick, lambda: "secret")


def test_peer_named_like_a_property_does_not_hide_fingerprints(quick):
    line = b"eve.fingerprint\talice\tirc\t" + bytes(20).hex().encode() + b"\tverified\n"
    (known,) = read_any(line, quick, no_passphrase).fingerprints
    assert known.peer == "eve.fingerprint"


@pytest.mark.long
def test_damaged_files_of_java_raise_nothing_else(keys, quick, seed):
    generator = random.Random(seed)
    for whole in (jitsi_file(keys), chatsecure_file(keys)):
        for _ in range(150):
            data = bytearray(
                whole[: generator.choice((len(whole), generator.randrange(len(whole))))]
            )
            if data:
                data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            with suppress(KeyFileError):
                read_any(bytes(data), quick, no_passphrase)


def test_directory_stands_for_the_files_whose_names_are_known(tmp_path):
    names = ["otr.key", "otr.fp", "keys.txt", "me@here.key3", "me@here.fpr", "otr_keystore.ofcaes"]
    for name in [*names, "otr.key~", "key", "other.txt"]:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "otr.private_key").mkdir()
    assert {path.name for path in files_in(tmp_path)} == set(names)
    with pytest.raises(KeyFileError):
        files_in(tmp_path / "otr.private_key")
    with pytest.raises(KeyFileError):
        files_in(tmp_path / "none")


def test_account_that_can_not_name_a_file_is_refused():
    assert file_name(CLIENTS["weechat"][Kind.KEY3], "me@here") == "me@here.key3"
    for account in ("../me", "a/b", "a\0b"):
        with pytest.raises(KeyFileError):
            file_name(CLIENTS["weechat"][Kind.KEY3], account)
    assert file_name(CLIENTS["irssi"][Kind.KEYS], "a/b") == "otr.key"
