"""Files that libotr 4.1.1 reads and writes."""

from __future__ import annotations

import pytest

from otrfast import PrivateKey
from otrfast.storage import load_instance_tag, load_trust, save_instance_tag
from otrfast.storage.contents import Kind, read, write
from otrfast.storage.fingerprints import FINGERPRINTS
from otrfast.storage.libotr_keys import read_keys, write_keys
from otrfast.storage.names import bytes_of, name_of

from . import libotr_files
from .conftest import stored
from .test_private_key import NAMES, odd_file
from .test_trust_files import F1, F2, PEERS, KnownFingerprint

# names for libotr: any that a C string or an argument can hold
LIBOTR_NAMES = [
    (b"alice", b"irc"),
    (b'al "the quote" \\ice', b"prpl-jabber"),
    ("jürgen@exämple.org/Haus 5".encode(), b"xmpp"),
    ("éa".encode(), b"x"),
    (b"1", b"libpurple-jabber"),
    (b"latin \xe9\xb0", b"(#|)"),
]


@pytest.fixture(autouse=True)
def libotr():
    libotr_files.require_libotr()


def test_our_keys_are_read_by_libotr(tmp_path, keys):
    path = tmp_path / "key"
    expected = set()
    for place, names in enumerate(NAMES):
        keys[place % 3].save(path, *names)
        words = [bytes_of(name).hex() or "-" for name in names]
        expected.add((*words, keys[place % 3].fingerprint.hex()))
    assert {tuple(words) for words in libotr_files.run("keys", path)} == expected


def test_libotrs_keys_are_read_by_us(tmp_path, quick):
    path = tmp_path / "key"
    libotr_files.run("generate", path, *(name for pair in LIBOTR_NAMES for name in pair))
    reported = libotr_files.run("keys", path)
    assert len(reported) == len(LIBOTR_NAMES)
    for account, protocol, digest in reported:
        names = (name_of(bytes.fromhex(account)), name_of(bytes.fromhex(protocol)))
        assert PrivateKey.load(path, *names, backend=quick).fingerprint.hex() == digest


def test_our_key_beside_libotrs_is_read_by_libotr(tmp_path, key):
    path = tmp_path / "key"
    libotr_files.run("generate", path, b"alice", b"irc")
    before = libotr_files.run("keys", path)
    key.save(path, "bob", "irc")
    after = libotr_files.run("keys", path)
    assert len(after) == 2
    assert before[0] in after
    assert [b"bob".hex(), b"irc".hex(), key.fingerprint.hex()] in after


def test_both_use_the_last_key_of_an_account(tmp_path, keys, quick):
    path = tmp_path / "key"
    path.write_bytes(write_keys([stored(key, "a", "b") for key in keys[:2]]))
    digests = {words[2] for words in libotr_files.run("keys", path)}
    assert digests == {PrivateKey.load(path, backend=quick).fingerprint.hex()}


def test_odd_forms_that_libgcrypt_reads_mean_the_same(tmp_path, key, quick):
    """libgcrypt reads all forms except base64."""
    path = tmp_path / "key"
    head, _, rest = odd_file(key).partition(b"|")
    _, _, tail = rest.partition(b"|")
    g = key.public.numbers.g
    path.write_bytes(head + b"#00" + g.to_bytes(128, "big").hex().encode() + b"#" + tail)
    (words,) = libotr_files.run("keys", path)
    names = [name_of(bytes.fromhex(word)) for word in words[:2]]
    assert names == ["alice", "irc"]
    assert PrivateKey.load(path, *names, backend=quick).fingerprint.hex() == words[2]


def test_fingerprints_go_through_libotr_unchanged(tmp_path):
    known = [
        KnownFingerprint(peer, account, "prpl-jabber", digest, level)
        for peer in PEERS
        for account in ("alice", "jürgen/Haus")
        for digest, level in ((F1, "verified"), (F2, ""))
    ]
    longest = "b" * (999 - len("\talice\tirc\t") - 40 - len("\tsmp\n"))
    known.append(KnownFingerprint(longest, "alice", "irc", F1, "smp"))
    (tmp_path / "ours").write_bytes(FINGERPRINTS.write(known))
    libotr_files.run("fingerprints", tmp_path / "ours", tmp_path / "theirs")
    found, unreadable = FINGERPRINTS.parse((tmp_path / "theirs").read_bytes())
    assert (set(found), unreadable) == (set(known), [])


def test_fingerprint_lines_are_skipped_where_libotr_skips_them(tmp_path):
    digest = F1.hex().encode()
    lines = [
        b"a\tb\tc\t%b" % digest,
        b"b\tb\tc\t%b\r" % digest,
        b"c\tb\tc\t%b\tx\r" % digest.upper(),
        b"d\tb\tc\t%b0" % digest,
        b"e\tb\t%b" % digest,
        b"f\0\tb\tc\t%b" % digest,
        b"# comment",
        b"",
        b"g\tb\tc\t%b\tunfinished" % digest,  # libotr skips a line without its end, we do not
    ]
    (tmp_path / "in").write_bytes(b"\n".join(lines))
    libotr_files.run("fingerprints", tmp_path / "in", tmp_path / "out")
    theirs, _ = FINGERPRINTS.parse((tmp_path / "out").read_bytes())
    *ours, last = FINGERPRINTS.parse((tmp_path / "in").read_bytes())[0]
    assert set(ours) == set(theirs)
    assert (last.peer, last.level) == ("g", "unfinished")
    assert set(load_trust(tmp_path / "in", "b", "c")) == {
        ("a", F1, ""),
        ("b", F1, ""),
        ("c", F1, "x"),
        ("g", F1, "unfinished"),
    }


def test_instance_tags_go_through_libotr_unchanged(tmp_path):
    for place, name in enumerate(PEERS):
        save_instance_tag(tmp_path / "ours", name, "irc", 0xFFFFFFFF - place)
    libotr_files.run("tags", tmp_path / "ours", tmp_path / "theirs")
    for place, name in enumerate(PEERS):
        assert load_instance_tag(tmp_path / "theirs", name, "irc") == 0xFFFFFFFF - place


def test_rewritten_libotr_file_is_read_by_libotr(tmp_path):
    path = tmp_path / "key"
    libotr_files.run("generate", path, *(name for pair in LIBOTR_NAMES for name in pair))
    before = libotr_files.run("keys", path)
    path.write_bytes(write(read(path.read_bytes(), Kind.KEYS), Kind.KEYS))
    assert sorted(libotr_files.run("keys", path)) == sorted(before)
    assert len(read_keys(path.read_bytes())) == len(LIBOTR_NAMES)
