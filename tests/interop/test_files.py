"""Files that libotr and the engine both read and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from otrfast import PrivateKey, Trust
from otrfast.storage.fingerprints import load_trust, save_trust
from otrfast.storage.instance_tags import load_instance_tag, save_instance_tag

from .libotr import PROTOCOL, LibotrPeer, LibotrProcess, Policy

ACCOUNTS = (
    "plain",
    "user@host/Resource",
    'double "quoted" name',
    "single 'quoted' name",
    "back\\slash",
    "(parens) and #hash# |bar|",
    "tab\tand newline\n",
    "bücher@example.org",
    "\N{PARTY POPPER} мир",
    "1234567890",
    "-leading dash",
    " blanks around ",
)


LINE_NAMES = tuple(name for name in ACCOUNTS if "\t" not in name)
LEVELS = ("", "verified", "smp", "seen in person", "überprüft")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "otr.private_key"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_key_file_when_libotr_wrote_it_then_we_read_it(
    process: LibotrProcess, path: Path, account: str
) -> None:
    process.generate_keys(path, [account])
    key = PrivateKey.load(path, account, PROTOCOL)
    peer = LibotrPeer(process, account, "peer", keys=path)
    assert peer.own_fingerprint() == key.fingerprint
    peer.free()


@pytest.mark.parametrize("account", ACCOUNTS)
def test_key_file_when_we_wrote_it_then_libotr_reads_it(
    process: LibotrProcess, key_files: dict[str, Path], path: Path, account: str
) -> None:
    key = PrivateKey.load(key_files["alice"])
    key.save(path, account, PROTOCOL)
    peer = LibotrPeer(process, account, "peer", keys=path)
    assert peer.own_fingerprint() == key.fingerprint
    peer.free()


def test_key_file_when_we_add_keys_to_libotrs_then_libotr_finds_them_all(
    process: LibotrProcess, key_files: dict[str, Path], path: Path
) -> None:
    process.generate_keys(path, ["first"])
    first = PrivateKey.load(path, "first", PROTOCOL)
    added = PrivateKey.load(key_files["alice"])
    for account in ACCOUNTS:
        added.save(path, account, PROTOCOL)
    for account in ("first", *ACCOUNTS):
        peer = LibotrPeer(process, account, "peer", keys=path)
        expected = first if account == "first" else added
        assert peer.own_fingerprint() == expected.fingerprint
        peer.free()


def test_key_file_when_libotr_adds_a_key_to_ours_then_we_find_both(
    process: LibotrProcess, key_files: dict[str, Path], path: Path
) -> None:
    ours = PrivateKey.load(key_files["alice"])
    ours.save(path, ACCOUNTS[2], PROTOCOL)
    process.generate_keys(path, ["added"])
    assert PrivateKey.load(path, ACCOUNTS[2], PROTOCOL).fingerprint == ours.fingerprint
    assert PrivateKey.load(path, "added", PROTOCOL).fingerprint != ours.fingerprint


def test_key_when_we_generated_it_then_libotr_accepts_its_signatures(
    process: LibotrProcess, path: Path
) -> None:
    PrivateKey.generate().save(path, "alice", PROTOCOL)
    peer = LibotrPeer(process, "alice", "bob", Policy.V3, keys=path)
    bob_keys = path.with_name("bob")
    process.generate_keys(bob_keys, ["bob"])
    bob = LibotrPeer(process, "bob", "alice", Policy.V3, keys=bob_keys)
    lines = [report.data("data") for report in peer.query()]
    sides = (bob, peer)
    for turn in range(6):
        lines = [
            report.data("data")
            for line in lines
            for report in sides[turn % 2].receive(line)
            if report.kind == "inject"
        ]
    assert bob.context().fingerprint == PrivateKey.load(path).fingerprint
    peer.free()
    bob.free()


@pytest.mark.parametrize("peer_name", LINE_NAMES)
@pytest.mark.parametrize("level", LEVELS)
def test_fingerprint_file_when_libotr_wrote_it_then_we_read_it(
    process: LibotrProcess, path: Path, peer_name: str, level: str
) -> None:
    fingerprint = bytes(range(100, 120))
    peer = LibotrPeer(process, "alice", peer_name)
    peer.trust(fingerprint, level)
    peer.write_file("fingerprints", path)
    peer.free()
    assert list(load_trust(path, "alice", PROTOCOL)) == [(peer_name, fingerprint, level)]


def test_fingerprint_file_when_we_wrote_it_then_libotr_keeps_all_of_it(
    process: LibotrProcess, path: Path, tmp_path: Path
) -> None:
    trust = Trust()
    for i, name in enumerate(LINE_NAMES):
        for j, level in enumerate(LEVELS):
            trust.set(name, bytes([i, j] * 10), level)
    save_trust(path, "alice", PROTOCOL, trust)
    save_trust(path, "another account", PROTOCOL, trust)
    peer = LibotrPeer(process, "alice", "bob")
    peer.read_file("fingerprints", path)
    copy = tmp_path / "copy"
    peer.write_file("fingerprints", copy)
    peer.free()
    for account in ("alice", "another account"):
        assert sorted(map(repr, load_trust(copy, account, PROTOCOL))) == sorted(map(repr, trust))


@pytest.mark.parametrize("account", LINE_NAMES)
def test_instance_tag_file_when_either_wrote_it_then_the_other_reads_it(
    process: LibotrProcess, path: Path, tmp_path: Path, account: str
) -> None:
    written = LibotrPeer(process, account, "bob", instance_tag=0xFEDCBA98)
    written.write_file("instags", path)
    written.free()
    assert load_instance_tag(path, account, PROTOCOL) == 0xFEDCBA98
    save_instance_tag(path, "another", PROTOCOL, 0x100)
    save_instance_tag(path, account, PROTOCOL, 0x12345678)
    peer = LibotrPeer(process, account, "bob")
    peer.read_file("instags", path)
    copy = tmp_path / "copy"
    peer.write_file("instags", copy)
    peer.free()
    assert load_instance_tag(copy, account, PROTOCOL) == 0x12345678
    assert load_instance_tag(copy, "another", PROTOCOL) == 0x100
