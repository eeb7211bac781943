"""The private key of an account: generation, libotr's key file, encryption."""

import copy
import pickle
import random
import stat
from base64 import b64encode

import pytest

from otrfast import Account, Environment, PrivateKey
from otrfast._records import replace
from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage import private_key, sexp
from otrfast.storage.libotr_keys import read_keys, write_keys
from otrfast.storage.sealed import Cost, seal
from otrfast.storage.stored_key import StoredKey

from .conftest import names_in, stored

NAMES = [
    ("", ""),
    ("alice", "irc"),
    ('al "the quote" \\ice', "prpl-jabber"),
    ("jürgen@exämple.org/Haus 5", "xmpp"),
    ("1", "libpurple-jabber"),
    ("\udcff\udc80 not UTF-8", "x"),
    ("tab\tand\nline", "(#|)"),
]


@pytest.fixture
def cheap_seal(monkeypatch):
    monkeypatch.setattr(
        private_key, "seal", lambda *arguments: seal(*arguments, cost=Cost(log_n=4))
    )


def test_saved_key_is_loaded(tmp_path, key, quick):
    key.save(tmp_path / "key")
    loaded = PrivateKey.load(tmp_path / "key", backend=quick)
    assert loaded.fingerprint == key.fingerprint
    assert loaded.signing.private_number() == key.signing.private_number()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_loaded_key_signs_for_an_account(tmp_path, key, quick):
    key.save(tmp_path / "key")
    loaded = PrivateKey.load(tmp_path / "key", backend=quick)
    signature = loaded.signing.sign(bytes(32), bytes(32))
    assert quick.dsa_verify(key.public.numbers, bytes(32), signature)
    account = Account("bot", "irc", loaded, environment=Environment(backend=quick))
    assert account.fingerprint == key.fingerprint


def test_keys_of_several_accounts_live_in_one_file(tmp_path, keys, quick):
    path = tmp_path / "key"
    for place, names in enumerate(NAMES):
        keys[place % 3].save(path, *names)
    for place, names in enumerate(NAMES):
        assert (
            PrivateKey.load(path, *names, backend=quick).fingerprint == keys[place % 3].fingerprint
        )


def test_load_without_an_account_names_those_there_are(tmp_path, keys, quick):
    path = tmp_path / "key"
    keys[0].save(path, "alice", "irc")
    keys[1].save(path, "alice", "xmpp")
    with pytest.raises(KeyFileError, match="'alice' on 'irc', 'alice' on 'xmpp'"):
        PrivateKey.load(path, backend=quick)
    with pytest.raises(KeyFileError, match="'alice' on 'irc'"):
        PrivateKey.load(path, "bob", backend=quick)
    loaded = PrivateKey.load(path, protocol="xmpp", backend=quick)
    assert loaded.fingerprint == keys[1].fingerprint


def test_another_key_of_an_account_is_not_lost(tmp_path, keys, quick):
    path = tmp_path / "key"
    keys[0].save(path, "alice", "irc")
    before = path.read_bytes()
    with pytest.raises(KeyFileError) as caught:
        keys[1].save(path, "alice", "irc")
    for key in keys[:2]:
        assert key.fingerprint.hex(" ", 4).upper() in str(caught.value)
    assert path.read_bytes() == before
    keys[1].save(path, "alice", "irc", replace=True)
    assert PrivateKey.load(path, backend=quick).fingerprint == keys[1].fingerprint


def test_last_key_of_an_account_counts(tmp_path, keys, quick):
    path = tmp_path / "key"
    path.write_bytes(write_keys([stored(keys[0], "a", "b"), stored(keys[1], "a", "b")]))
    assert PrivateKey.load(path, backend=quick).fingerprint == keys[1].fingerprint


def test_missing_file_has_a_class_of_its_own(tmp_path, quick):
    with pytest.raises(KeyFileMissing, match=r"cannot read .*none: No such file"):
        PrivateKey.load(tmp_path / "none", backend=quick)


def test_name_that_no_file_can_hold_is_refused(tmp_path, key):
    for name in ("zero\0byte", "\ud800"):
        with pytest.raises(KeyFileError):
            key.save(tmp_path / "key", name)
    assert not (tmp_path / "key").exists()


def test_key_shows_nothing_of_itself(key):
    secret = f"{key.signing.private_number():x}"
    for held in (key, key.signing, stored(key, "a", "b")):
        assert secret not in repr(held).lower()
        assert str(key.signing.private_number()) not in repr(held)
        with pytest.raises(TypeError):
            pickle.dumps(held)
        with pytest.raises(TypeError):
            copy.deepcopy(held)


def odd_file(key):
    """One key with each number in another form of libgcrypt."""
    p, q, g, y = (n.to_bytes((n.bit_length() + 7) // 8, "big") for n in key.public.numbers)
    x = key.signing.private_number().to_bytes(20, "big")
    escapes = {b"\n": b"\\n", b"\r": b"\\r", b'"': b'\\"', b"\\": b"\\\\", b"\0": b"\\x00"}
    raw = b"".join(escapes.get(bytes((byte,)), bytes((byte,))) for byte in q)
    octal = "".join(f"\\{byte:03o}" for byte in x).encode()
    spread = b"\n  ".join(p.hex()[at : at + 16].encode() for at in range(0, len(p.hex()), 16))
    base64 = b"|" + b64encode(b"\0\0\0" + g) + b"|"
    return b"".join(
        [
            b"\r\n (privkeys\r\n (account (private-key\t(dsa",
            b'(x "%b") (q "\\x00%b")' % (octal, raw),
            b"(p # 00 00\n%b #) (g %b) (y %d:%b) ))" % (spread, base64, len(y), y),
            b'(protocol #69 72 63#)(name "al\\x69\\143e")))\n\n',
        ]
    )


def test_odd_forms_are_read(tmp_path, key, quick):
    path = tmp_path / "key"
    path.write_bytes(odd_file(key))
    loaded = PrivateKey.load(path, "alice", "irc", backend=quick)
    assert loaded.fingerprint == key.fingerprint


def test_file_of_something_else_is_refused(tmp_path, quick):
    path = tmp_path / "key"
    for data in (
        b"",
        b"(a)",
        b"()",
        b"(privkeys a)",
        b"(privkeys (account))",
        b"\x7fELF",
        bytes(9),
    ):
        path.write_bytes(data)
        with pytest.raises(KeyFileError):
            PrivateKey.load(path, backend=quick)


def test_number_of_absurd_length_is_refused(tmp_path, key, quick):
    path = tmp_path / "key"
    numbers = replace(key.public.numbers, p=1 << 8 * 1024)
    path.write_bytes(write_keys([StoredKey("", "", numbers, 1)]))
    with pytest.raises(KeyFileError, match=r"p of \d+ bytes, the limit is"):
        PrivateKey.load(path, backend=quick)


def test_numbers_that_make_no_key_are_refused(tmp_path, keys, backend):
    p, q, g, y = keys[0].public.numbers
    x = keys[0].signing.private_number()
    wrong = [
        (DsaNumbers(p, q, g, keys[1].public.numbers.y), x),
        (DsaNumbers(p, q, 1, 1), x),
        (DsaNumbers(p, q + 2, g, y), x),
        (DsaNumbers(p, q, g, y), x + q),
        (DsaNumbers(p, q, g, y), 0),
        (DsaNumbers(0, 0, 0, 0), 0),
    ]
    for numbers, private in wrong:
        path = tmp_path / "key"
        path.write_bytes(write_keys([StoredKey("", "", numbers, private)]))
        with pytest.raises(KeyFileError, match="no valid DSA key"):
            PrivateKey.load(path, backend=backend)


def _never_otherwise(path, data, key, backend):
    """A damaged file is refused or read correctly; it is neither changed nor overwritten."""
    path.write_bytes(data)
    try:
        assert PrivateKey.load(path, backend=backend).fingerprint == key.fingerprint
    except KeyFileError:
        try:
            key.save(path, "other")
        except KeyFileError:
            assert path.read_bytes() == data
        else:
            read_keys(path.read_bytes())
        path.write_bytes(data)
    assert path.read_bytes() == data
    assert names_in(path.parent) == [path.name]


def test_file_cut_at_each_byte_is_refused(tmp_path, key, quick):
    for whole in (write_keys([stored(key, "alice", "irc")]), odd_file(key)):
        end = len(whole.rstrip())
        for length in range(1, end):
            if not whole[:length].strip():  # an empty file is nobody's
                continue
            path = tmp_path / "key"
            path.write_bytes(whole[:length])
            with pytest.raises(KeyFileError):
                PrivateKey.load(path, backend=quick)
            with pytest.raises(KeyFileError):
                key.save(path, "other")
            assert path.read_bytes() == whole[:length]


def test_flipped_bytes_are_refused_or_harmless(tmp_path, key, quick, seed):
    generator = random.Random(seed)
    for whole in (write_keys([stored(key, "alice", "irc")]), odd_file(key)):
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(generator.choice((1, 1, 1, 4))):
                data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            _never_otherwise(tmp_path / "key", bytes(data), key, quick)


@pytest.mark.usefixtures("cheap_seal")
def test_encrypted_file_needs_its_passphrase(tmp_path, key, quick):
    path = tmp_path / "key"
    key.save(path, passphrase="pässword")
    assert (
        PrivateKey.load(path, passphrase="pässword", backend=quick).fingerprint == key.fingerprint
    )
    assert PrivateKey.load(path, passphrase="pa\u0308ssword", backend=quick)
    assert PrivateKey.load(path, passphrase="pässword".encode(), backend=quick)
    for wrong in (None, "", "password"):
        with pytest.raises(KeyFileError):
            PrivateKey.load(path, passphrase=wrong, backend=quick)


@pytest.mark.usefixtures("cheap_seal")
def test_encrypted_file_stays_encrypted(tmp_path, keys, quick):
    path = tmp_path / "key"
    keys[0].save(path, "a", passphrase="secret")
    before = path.read_bytes()
    for wrong in (None, "", "other"):
        with pytest.raises(KeyFileError):
            keys[1].save(path, "b", passphrase=wrong)
    assert path.read_bytes() == before
    keys[1].save(path, "b", passphrase="secret")
    for key, name in zip(keys, "ab", strict=False):
        loaded = PrivateKey.load(path, name, passphrase="secret", backend=quick)
        assert loaded.fingerprint == key.fingerprint


@pytest.mark.usefixtures("cheap_seal")
def test_clear_file_is_encrypted_by_a_passphrase(tmp_path, keys, quick):
    path = tmp_path / "key"
    keys[0].save(path, "a")
    with pytest.raises(KeyFileError, match="not encrypted"):
        PrivateKey.load(path, passphrase="secret", backend=quick)
    keys[1].save(path, "b", passphrase="secret")
    assert b"privkeys" not in path.read_bytes()
    assert PrivateKey.load(path, "a", passphrase="secret", backend=quick)


def test_written_file_is_plain_ascii(key):
    data = write_keys([stored(key, *names) for names in NAMES])
    assert data.isascii()
    assert sexp.parse(data)[0] == b"privkeys"
    assert [held.owner for held in read_keys(data)] == NAMES
