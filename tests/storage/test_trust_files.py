"""Files of trust and instance tags."""

import random
import stat
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast import Account, Environment, Trust
from otrfast._records import replace
from otrfast.errors import KeyFileError
from otrfast.storage import load_instance_tag, load_trust, save_instance_tag, save_trust
from otrfast.storage.fingerprints import FINGERPRINTS, KnownFingerprint
from otrfast.storage.instance_tags import INSTANCE_TAGS, StoredTag

from .conftest import names_in

F1, F2 = bytes(range(20)), bytes(range(100, 120))
PEERS = ["bob", 'bob "the quote"', "jürgen@exämple.org/Haus", "\udcff", "", "two words"]


def trusting(*entries):
    trust = Trust()
    for peer, fingerprint, level in entries:
        trust.set(peer, fingerprint, level)
    return trust


def test_trust_is_loaded_as_it_was_saved(tmp_path):
    entries = {(peer, F1, "verified") for peer in PEERS} | {("bob", F2, ""), ("eve", F2, "smp")}
    save_trust(tmp_path / "trust", "alice", "irc", trusting(*entries))
    assert set(load_trust(tmp_path / "trust", "alice", "irc")) == entries
    assert set(load_trust(tmp_path / "trust", "alice", "xmpp")) == set()
    assert stat.S_IMODE((tmp_path / "trust").stat().st_mode) == 0o600


def test_loaded_trust_serves_an_account(tmp_path, key, quick):
    save_trust(tmp_path / "trust", "alice", "irc", trusting(("bob", F1, "verified")))
    trust = load_trust(tmp_path / "trust", "alice", "irc")
    account = Account("alice", "irc", key, environment=Environment(backend=quick), trust=trust)
    assert account.trust.level("bob", F1) == "verified"


def test_lines_of_other_accounts_stay(tmp_path):
    path = tmp_path / "trust"
    save_trust(path, "alice", "irc", trusting(("bob", F1, "smp")))
    save_trust(path, "alice", "xmpp", trusting(("bob", F2, "")))
    save_trust(path, "alice", "irc", Trust())
    assert set(load_trust(path, "alice", "irc")) == set()
    assert set(load_trust(path, "alice", "xmpp")) == {("bob", F2, "")}


def test_first_start_has_no_files(tmp_path):
    assert set(load_trust(tmp_path / "none", "alice", "irc")) == set()
    assert load_instance_tag(tmp_path / "none", "alice", "irc") is None


def test_odd_lines_are_read_and_bad_ones_skipped():
    digest = F1.hex().encode()
    good = [
        b"bob\talice\tirc\t%b" % digest,
        b"bob\talice\tirc\t%b\t" % digest.upper(),
        b"bob\talice\tirc\t%b\tverified\r" % digest,
        b"bob\talice\tirc\t%b\r" % digest,
        b"# bob\talice\tirc\t%b\tsmp" % digest,
        b"\t\t\t%b\tx" % digest,
    ]
    bad = [
        b"bob\talice\tirc",
        b"bob\talice\tirc\t%b" % digest[1:],
        b"bob\talice\tirc\t%b0\tx" % digest,
        b"bob\talice\tirc\tg%b" % digest[1:],
        b"bob\0\talice\tirc\t%b" % digest,
        b"words",
        b"%b\talice\tirc\t%b\tverified" % (b"b" * 950, digest),
    ]
    last = b"bob\talice\tirc\t%b\tlast" % digest  # no line end
    data = b"\n".join([*good, b"", b" ", b"# comment", *bad, last])
    found, unreadable = FINGERPRINTS.parse(data)
    assert [known.level for known in found] == ["", "", "verified", "", "smp", "x", "last"]
    assert {known.fingerprint for known in found} == {F1}
    assert unreadable == list(range(len(good) + 4, len(good) + 4 + len(bad)))


def test_longest_line_is_written_and_read():
    room = 999 - len("\talice\tirc\t") - 40 - len("\tverified\n")
    longest = KnownFingerprint("b" * room, "alice", "irc", F1, "verified")
    data = FINGERPRINTS.write([longest])
    assert len(data) == 999
    assert FINGERPRINTS.parse(data) == ([longest], [])
    with pytest.raises(KeyFileError, match="999"):
        FINGERPRINTS.write([replace(longest, peer="b" * (room + 1))])


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\rb", "a\0b", "\ud800", "b" * 1000])
def test_name_that_libotr_would_break_is_refused(tmp_path, name):
    path = tmp_path / "trust"
    save_trust(path, "alice", "irc", trusting(("bob", F1, "smp")))
    before = path.read_bytes()
    for entry in ((name, F1, "smp"), ("bob", F2, name)):
        with pytest.raises(KeyFileError):
            save_trust(path, "alice", "irc", trusting(entry))
    with pytest.raises(KeyFileError):
        save_trust(path, name, "irc", trusting(("bob", F1, "")))
    with pytest.raises(KeyFileError):
        save_instance_tag(tmp_path / "tags", name, "irc", 0x100)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["trust"]


def test_peer_that_is_no_str_is_a_type_error(tmp_path):
    for peer in (b"bob", ("#channel", "bob"), 5):
        with pytest.raises(TypeError, match="a peer in a file must be a str"):
            save_trust(tmp_path / "trust", "alice", "irc", trusting((peer, F1, "")))


@pytest.mark.parametrize(
    "arguments",
    [
        (save_trust, Trust(), "alice", "irc"),
        (save_trust, "alice", "irc", "verified"),
        (save_trust, "alice", None, Trust()),
        (save_instance_tag, 0x100, "alice", "irc"),
        (save_instance_tag, "alice", "irc", "0x100"),
        (load_trust, "alice", b"irc"),
        (load_instance_tag, None, "irc"),
    ],
)
def test_argument_in_the_wrong_place_then_a_type_error_that_names_it(tmp_path, arguments):
    call, *values = arguments
    with pytest.raises(TypeError, match=r"(account|protocol|trust|tag) must be an? .*, not "):
        call(tmp_path / "file", *values)
    assert names_in(tmp_path) == []


def test_private_key_when_saved_with_arguments_in_the_wrong_place_then_a_type_error(tmp_path, key):
    with pytest.raises(TypeError, match="account must be a str, not bytes"):
        key.save(tmp_path / "key", b"alice", "irc")
    assert names_in(tmp_path) == []


def test_fingerprint_of_another_length_is_refused(tmp_path):
    trust = trusting(("bob", F1, ""))
    trust._known["bob"] = {F1[1:]: ""}  # past the check of `Trust.set`
    with pytest.raises(KeyFileError):
        save_trust(tmp_path / "trust", "alice", "irc", trust)


def test_file_of_something_else_is_not_written_over(tmp_path, key):
    path = tmp_path / "key"
    key.save(path, "alice", "irc")
    before = path.read_bytes()
    for call in (
        lambda: load_trust(path, "alice", "irc"),
        lambda: save_trust(path, "alice", "irc", trusting(("bob", F1, ""))),
        lambda: load_instance_tag(path, "alice", "irc"),
        lambda: save_instance_tag(path, "alice", "irc", 0x100),
    ):
        with pytest.raises(KeyFileError, match="none of its"):
            call()
    assert path.read_bytes() == before


def test_instance_tags_are_loaded_as_they_were_saved(tmp_path):
    path = tmp_path / "tags"
    for place, name in enumerate(PEERS):
        save_instance_tag(path, name, "irc", 0x100 + place)
    save_instance_tag(path, "bob", "irc", 0xFFFFFFFF)
    assert load_instance_tag(path, "bob", "irc") == 0xFFFFFFFF
    for place, name in enumerate(PEERS[1:], start=1):
        assert load_instance_tag(path, name, "irc") == 0x100 + place
    assert load_instance_tag(path, "bob", "xmpp") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("tag", [0, 0xFF, 0x1_0000_0000, -1])
def test_reserved_instance_tag_is_refused(tmp_path, tag):
    with pytest.raises(KeyFileError):
        save_instance_tag(tmp_path / "tags", "alice", "irc", tag)


def test_odd_instance_tag_lines_are_skipped():
    good = b"a\tb\t00000100\nc\td\tFFffFFff\r\n"
    bad = b"a\tb\t000000ff\na\tb\t100\na\tb\t0x000100\na\t00000100\na\tb\t00000100\tc\na\tb\t0000"
    found, unreadable = INSTANCE_TAGS.parse(b"# comment\n" + good + bad)
    assert found == [StoredTag("a", "b", 0x100), StoredTag("c", "d", 0xFFFFFFFF)]
    assert unreadable == [4, 5, 6, 7, 8, 9]
    assert INSTANCE_TAGS.parse(INSTANCE_TAGS.write(found)) == (found, [])


def test_damaged_trust_never_raises_anything_else(tmp_path, seed):
    generator = random.Random(seed)
    path = tmp_path / "trust"
    save_trust(path, "alice", "irc", trusting(*((peer, F1, "smp") for peer in PEERS)))
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    for _ in range(500):
        data = bytearray(whole)
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        damaged.append(bytes(data))
    for data in damaged:
        path.write_bytes(data)
        for call in (load_trust, load_instance_tag):
            with suppress(KeyFileError):
                call(path, "alice", "irc")
        assert path.read_bytes() == data


def test_cut_file_never_makes_a_key_trusted(tmp_path):
    path = tmp_path / "trust"
    save_trust(path, "alice", "irc", trusting(("bob", F1, "verified"), ("eve", F2, "")))
    whole = path.read_bytes()
    for length in range(len(whole)):
        found, _ = FINGERPRINTS.parse(whole[:length])
        for known in found:
            assert known.fingerprint == (F1 if known.peer == "bob" else F2)
            assert "verified".startswith(known.level)
            assert known.peer == "bob" or not known.level


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_lines(data):
    FINGERPRINTS.parse(data)
    INSTANCE_TAGS.parse(data)
