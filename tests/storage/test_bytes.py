"""Keys, trust, tags and versions as bytes, in the forms of the files (issue G, 28)."""

from __future__ import annotations

import pytest

from otrfast import PrivateKey, Trust, storage
from otrfast.errors import KeyFileError
from otrfast.storage import sealed
from otrfast.storage.sealed import Cost, is_sealed

F1, F2, F3 = bytes(20), bytes(range(20)), bytes(range(20, 40))


def trusting():
    trust = Trust()
    trust.set("bob", F1, "verified")
    trust.set("eve", F2, "")
    return trust


def test_g28_private_key_goes_through_bytes_as_through_a_file(tmp_path, keys, quick, monkeypatch):
    monkeypatch.setattr(sealed, "DEFAULT_COST", Cost(log_n=4))
    data = keys[0].dumps("ann", "irc")
    keys[0].save(tmp_path / "key", "ann", "irc")
    assert (tmp_path / "key").read_bytes() == data
    loaded = PrivateKey.loads(data, "ann", "irc", backend=quick)
    assert loaded.fingerprint == keys[0].fingerprint
    assert PrivateKey.loads(bytearray(data), backend=quick).fingerprint == keys[0].fingerprint
    both = keys[1].dumps("bob", "irc", old=data)
    assert PrivateKey.loads(both, "ann", backend=quick).fingerprint == keys[0].fingerprint
    assert PrivateKey.loads(both, "bob", backend=quick).fingerprint == keys[1].fingerprint
    with pytest.raises(KeyFileError, match="exists and differs"):
        keys[2].dumps("bob", "irc", old=both)
    replaced = keys[2].dumps("bob", "irc", old=both, replace=True)
    assert PrivateKey.loads(replaced, "bob", backend=quick).fingerprint == keys[2].fingerprint


def test_g28_private_key_is_encrypted_in_bytes_too(key, quick):
    data = key.dumps("ann", "irc", "secret")
    assert is_sealed(data)
    assert PrivateKey.loads(data, passphrase="secret", backend=quick).fingerprint == key.fingerprint
    for wrong in (None, "other"):
        with pytest.raises(KeyFileError):
            PrivateKey.loads(data, passphrase=wrong, backend=quick)
    with pytest.raises(KeyFileError):
        key.dumps("other", "irc", old=data)


@pytest.mark.parametrize("data", [b"", b"words", b"(privkeys", b"(privkeys (account))"])
def test_g28_bytes_that_hold_no_key_are_refused(data, quick, key):
    with pytest.raises(KeyFileError) as caught:
        PrivateKey.loads(data, backend=quick)
    assert "/" not in str(caught.value)  # there is no file to name
    if data:
        with pytest.raises(KeyFileError):
            key.dumps("ann", "irc", old=data)


def test_g28_trust_goes_through_bytes_as_through_a_file(tmp_path):
    data = storage.dumps_trust("ann", "irc", trusting())
    storage.save_trust(tmp_path / "trust", "ann", "irc", trusting())
    assert (tmp_path / "trust").read_bytes() == data
    assert set(storage.loads_trust(data, "ann", "irc")) == set(trusting())
    assert set(storage.loads_trust(data, "ann", "xmpp")) == set()
    assert set(storage.loads_trust(b"", "ann", "irc")) == set()
    both = storage.dumps_trust("me", "irc", trusting(), old=data)
    assert set(storage.loads_trust(both, "ann", "irc")) == set(trusting())
    less = storage.dumps_trust("ann", "irc", Trust(), old=both)
    assert set(storage.loads_trust(less, "ann", "irc")) == set()
    assert set(storage.loads_trust(less, "me", "irc")) == set(trusting())


def test_g28_instance_tag_goes_through_bytes_as_through_a_file(tmp_path):
    data = storage.dumps_instance_tag("ann", "irc", 0x1234)
    storage.save_instance_tag(tmp_path / "tags", "ann", "irc", 0x1234)
    assert (tmp_path / "tags").read_bytes() == data
    assert storage.loads_instance_tag(data, "ann", "irc") == 0x1234
    assert storage.loads_instance_tag(data, "ann", "xmpp") is None
    both = storage.dumps_instance_tag("me", "irc", 0x9999, old=data)
    assert storage.loads_instance_tag(both, "ann", "irc") == 0x1234
    with pytest.raises(KeyFileError):
        storage.dumps_instance_tag("ann", "irc", 0xFF)


@pytest.mark.parametrize(
    "call",
    [
        lambda: PrivateKey.loads("text"),
        lambda: storage.loads_trust("text", "ann", "irc"),
        lambda: storage.loads_trust(b"", b"ann", "irc"),
        lambda: storage.loads_instance_tag(None, "ann", "irc"),
        lambda: storage.dumps_trust("ann", "irc", {}),
        lambda: storage.dumps_trust("ann", "irc", Trust(), old="text"),
        lambda: storage.dumps_instance_tag("ann", "irc", "0x100"),
        lambda: storage.loads_versions(b"", "ann", "irc", {}),
        lambda: storage.dumps_versions("ann", None, Trust()),
    ],
)
def test_g28_argument_of_another_type_is_a_type_error(call):
    with pytest.raises(TypeError, match="must be"):
        call()


def test_g28_damaged_bytes_are_refused_as_damaged_files_are():
    for load in (storage.loads_trust, storage.loads_instance_tag):
        with pytest.raises(KeyFileError, match="none of its"):
            load(b"words\n", "ann", "irc")
    with pytest.raises(KeyFileError, match="none of its"):
        storage.loads_versions(b"words\n", "ann", "irc", Trust())
    with pytest.raises(KeyFileError, match="none of its"):
        storage.dumps_trust("ann", "irc", trusting(), old=b"words\n")


def versions_of(trust):
    return {fingerprint: version for fingerprint, version in trust.versions.items() if version}


def test_g28_highest_versions_survive_a_restart(tmp_path):
    path, versions = tmp_path / "trust", tmp_path / "trust.versions"
    trust = trusting()
    trust.set("ann", F3, "smp")
    trust.saw_version(F1, 3)
    trust.saw_version(F2, 3)  # not trusted: not kept
    storage.save_trust(path, "me", "irc", trust)
    storage.save_versions(versions, "me", "irc", trust)
    storage.save_versions(versions, "other", "irc", Trust())
    again = storage.load_trust(path, "me", "irc")
    storage.load_versions(versions, "me", "irc", again)
    assert versions_of(again) == {F1: 3}
    assert again.saw_version(F1, 2) == 3
    assert versions_of(again) == {F1: 3}
    other = storage.load_trust(path, "other", "irc")
    storage.load_versions(versions, "other", "irc", other)
    assert versions_of(other) == {}


def test_g28_versions_go_through_bytes_as_through_a_file(tmp_path):
    trust = trusting()
    trust.saw_version(F1, 3)
    data = storage.dumps_versions("me", "irc", trust)
    storage.save_versions(tmp_path / "versions", "me", "irc", trust)
    assert (tmp_path / "versions").read_bytes() == data
    fresh = trusting()
    storage.loads_versions(data, "me", "irc", fresh)
    assert versions_of(fresh) == {F1: 3}
    both = storage.dumps_versions("other", "irc", trust, old=data)
    fresh = trusting()
    storage.loads_versions(both, "me", "irc", fresh)
    assert versions_of(fresh) == {F1: 3}


def test_g28_version_in_a_file_never_lowers_one_that_was_seen(tmp_path):
    trust = trusting()
    trust.saw_version(F1, 2)
    data = storage.dumps_versions("me", "irc", trust)
    trust.saw_version(F1, 3)
    storage.loads_versions(data, "me", "irc", trust)
    assert versions_of(trust) == {F1: 3}
    storage.load_versions(tmp_path / "none", "me", "irc", trust)
    assert versions_of(trust) == {F1: 3}


@pytest.mark.parametrize(
    "line",
    [b"me\tirc\t00\t3", b"me\tirc\t%b\t0" % F1.hex().encode(), b"me\tirc\t%b" % F1.hex().encode()],
)
def test_g28_unreadable_version_is_skipped(line):
    trust = trusting()
    good = b"me\tirc\t%b\t3\n" % F1.hex().encode()
    storage.loads_versions(good + line + b"\n", "me", "irc", trust)
    assert versions_of(trust) == {F1: 3}
