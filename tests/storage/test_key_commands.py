"""`otrfast keys`, `keygen` and `fingerprint`."""

from __future__ import annotations

import argparse
import getpass
import os
import stat
from pathlib import Path

import pytest

from otrfast import PrivateKey, Trust
from otrfast.apps import key_files
from otrfast.apps import keys as commands
from otrfast.errors import KeyFileError
from otrfast.storage import load_instance_tag, load_trust, save_instance_tag, save_trust
from otrfast.storage.libotr_keys import write_keys
from otrfast.storage.potr_keys import write_key3
from otrfast.storage.sealed import Cost, is_sealed, seal

from .conftest import names_in, stored
from .test_other_programs import chatsecure_file, encrypted, jitsi_file


def human(key):
    return key.fingerprint.hex(" ", 4).upper()


@pytest.fixture
def otrfast(capsys, monkeypatch, tmp_path):
    """Run a command in an empty directory; return its lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(key_files, "seal", lambda *arguments: seal(*arguments, cost=Cost(log_n=4)))
    parser = argparse.ArgumentParser()
    commands.register(parser.add_subparsers())

    def run(*words):
        arguments = parser.parse_args(words)
        assert arguments.run(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def save_all(directory, key, account="alice", protocol="irc"):
    trust = Trust()
    trust.set("bob", bytes(20), "verified")
    directory.mkdir(exist_ok=True)
    key.save(directory / "otr.key", account, protocol)
    save_trust(directory / "otr.fp", account, protocol, trust)
    save_instance_tag(directory / "otr.instag", account, protocol, 0x1234)


def test_keygen_makes_a_key_and_prints_its_fingerprint(otrfast, tmp_path):
    (line,) = otrfast("keygen", "bot.key", "--account", "bot", "--protocol", "irc")
    loaded = PrivateKey.load(tmp_path / "bot.key", "bot", "irc")
    assert line == human(loaded)
    assert stat.S_IMODE((tmp_path / "bot.key").stat().st_mode) == 0o600
    assert otrfast("fingerprint", "bot.key") == [line]
    with pytest.raises(KeyFileError, match=line):
        otrfast("keygen", "bot.key", "--account", "bot", "--protocol", "irc")
    (other,) = otrfast("keygen", "bot.key", "--account", "other")
    assert otrfast("fingerprint", "bot.key") == [
        f"{line}  bot on irc",
        f"{other}  other on (no protocol)",
    ]
    assert otrfast("fingerprint", "bot.key", "--account", "other")[0].startswith(other)
    (new,) = otrfast("keygen", "bot.key", "--account", "other", "--replace")
    assert otrfast("fingerprint", "bot.key", "--account", "other")[0].startswith(new)


def test_fingerprint_of_a_missing_account_is_an_error(otrfast, key):
    key.save("bot.key", "bot", "irc")
    with pytest.raises(KeyFileError, match="holds no such key"):
        otrfast("fingerprint", "bot.key", "--account", "other")


def test_list_says_what_files_hold(otrfast, tmp_path, key):
    save_all(tmp_path, key, "al\x1bice\udcff")
    lines = otrfast("keys", "list", str(tmp_path))
    assert lines == [
        f"{tmp_path}/otr.fp",
        f"  fingerprint   {' '.join(['00000000'] * 5)}  bob, to al\\x1bice\\udcff on irc: verified",
        f"{tmp_path}/otr.instag",
        "  instance tag  00001234  al\\x1bice\\udcff on irc",
        f"{tmp_path}/otr.key",
        f"  key           {human(key)}  al\\x1bice\\udcff on irc",
    ]
    assert f"{key.signing.private_number():X}" not in "".join(lines)


def test_convert_goes_there_and_back(otrfast, tmp_path, key, quick):
    key.save("otr.key", "alice", "irc")
    otrfast("keys", "convert", "otr.key", "alice.key3")
    assert (tmp_path / "alice.key3").read_bytes() == write_key3(stored(key))
    otrfast("keys", "convert", "alice.key3", "back", "--new-protocol", "irc")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "otr.key").read_bytes()


def test_convert_writes_nothing_where_the_files_disagree(otrfast, tmp_path, keys):
    for form in ("target", "target.key3"):
        keys[0].save("source", "alice", "irc", replace=True)
        otrfast("keys", "convert", "source", form)
        before = (tmp_path / form).read_bytes()
        otrfast("keys", "convert", "source", form)
        assert (tmp_path / form).read_bytes() == before
        keys[1].save("source", "alice", "irc", replace=True)
        with pytest.raises(KeyFileError) as caught:
            otrfast("keys", "convert", "source", form)
        assert human(keys[0]) in str(caught.value)
        assert human(keys[1]) in str(caught.value)
        assert (tmp_path / form).read_bytes() == before
        otrfast("keys", "convert", "source", form, "--replace")
        assert otrfast("fingerprint", form) == [human(keys[1])]


def test_convert_of_what_is_not_there_is_an_error(otrfast, key):
    key.save("source", "alice", "irc")
    with pytest.raises(KeyFileError, match="no fingerprints"):
        otrfast("keys", "convert", "source", "target.fpr")
    with pytest.raises(KeyFileError, match="nothing of that account"):
        otrfast("keys", "convert", "source", "target", "--account", "bob")
    assert not Path("target").exists()


def test_several_keys_do_not_fit_a_key3(otrfast, keys, tmp_path):
    keys[0].save("source", "alice", "irc")
    keys[1].save("source", "bob", "irc")
    with pytest.raises(KeyFileError, match="several accounts"):
        otrfast("keys", "convert", "source", "target.key3")
    otrfast("keys", "convert", "source", "target.key3", "--account", "bob")
    assert (tmp_path / "target.key3").read_bytes() == write_key3(stored(keys[1]))


def test_import_adds_to_our_files(otrfast, tmp_path, keys, quick):
    save_all(tmp_path / "irssi", keys[0])
    keys[1].save("our.key", "bot", "irc")
    lines = otrfast("keys", "import", "irssi", "--keys", "our.key", "--fingerprints", "trust")
    assert lines == [
        "our.key: 1 keys",
        "trust: 1 fingerprints",
        "left out: 1 instance-tags (import them with --instance-tags FILE)",
    ]
    assert PrivateKey.load("our.key", "alice", backend=quick).fingerprint == keys[0].fingerprint
    assert PrivateKey.load("our.key", "bot", backend=quick).fingerprint == keys[1].fingerprint
    assert load_trust("trust", "alice", "irc").level("bob", bytes(20)) == "verified"


def test_import_writes_nothing_where_one_file_disagrees(otrfast, tmp_path, keys):
    save_all(tmp_path / "irssi", keys[0])
    save_instance_tag("tags", "alice", "irc", 0x9999)
    words = ("keys", "import", "irssi", "--keys", "our.key", "--instance-tags", "tags")
    with pytest.raises(KeyFileError, match=r"tags: .*00009999.*00001234"):
        otrfast(*words)
    assert not (tmp_path / "our.key").exists()
    otrfast(*words, "--replace")
    assert (tmp_path / "our.key").exists()
    assert load_instance_tag("tags", "alice", "irc") == 0x1234


def test_import_of_sources_that_disagree_names_both(otrfast, keys):
    keys[0].save("one", "alice", "irc")
    keys[1].save("two", "alice", "irc")
    with pytest.raises(KeyFileError) as caught:
        otrfast("keys", "import", "one", "two", "--keys", "our.key")
    assert human(keys[0]) in str(caught.value)
    assert human(keys[1]) in str(caught.value)
    assert not Path("our.key").exists()


def test_import_never_takes_trust_away(otrfast):
    for path, levels in (("ours", ("smp", "")), ("theirs", ("", "verified"))):
        trust = Trust()
        for peer, level in zip(("bob", "eve"), levels, strict=True):
            trust.set(peer, bytes(20), level)
        save_trust(path, "alice", "irc", trust)
    for option in ([], ["--replace"]):
        otrfast("keys", "import", "theirs", "--fingerprints", "ours", *option)
        trust = load_trust("ours", "alice", "irc")
        assert trust.level("bob", bytes(20)) == "smp"
        assert trust.level("eve", bytes(20)) == "verified"


def test_import_needs_somewhere_to_put_things(otrfast, key):
    key.save("source")
    with pytest.raises(KeyFileError, match="give --keys"):
        otrfast("keys", "import", "source")


def test_import_from_jitsi_finds_names_in_its_contact_list(otrfast, tmp_path, keys):
    (tmp_path / "sip-communicator.properties").write_bytes(jitsi_file(keys))
    (tmp_path / "contactlist.xml").write_bytes(b'<contact address="eve@example.org"/>')
    otrfast("keys", "import", ".", "--keys", "our.key", "--fingerprints", "trust")
    assert otrfast("fingerprint", "our.key") == [human(keys[0])]
    trust = load_trust("trust", "alice@example.org", "prpl-jabber")
    assert trust.level("eve@example.org", keys[2].fingerprint) == ""
    assert trust.level("bob_example_org", keys[1].fingerprint) == "verified"


def test_import_from_chatsecure_takes_the_passphrase_of_a_variable(
    otrfast, tmp_path, keys, monkeypatch
):
    data = encrypted(chatsecure_file(keys), b"pass word", "md5")
    (tmp_path / "otr_keystore.ofcaes").write_bytes(data)
    monkeypatch.setenv("OFCAES", "pass word")
    otrfast("keys", "import", ".", "--keys", "our.key", "--passphrase-env", "OFCAES")
    assert otrfast("fingerprint", "our.key") == [human(keys[0])]


@pytest.mark.parametrize("client", ["irssi", "pidgin", "adium", "profanity"])
def test_export_for_libotrs_clients_is_imported_back(otrfast, tmp_path, key, client):
    save_all(tmp_path / "ours", key)
    (tmp_path / "theirs").mkdir()
    otrfast("keys", "export", "ours", "theirs", "--for", client, "--new-protocol", "x")
    lines = otrfast("keys", "list", "theirs")
    assert f"  key           {human(key)}  alice on x" in lines


@pytest.mark.parametrize("client", ["weechat", "gajim", "potr"])
def test_export_for_potrs_programs_has_a_file_an_account(otrfast, tmp_path, keys, client):
    for key, account in zip(keys, ("me@here", "me@there"), strict=False):
        save_all(tmp_path / "ours", key, account)
    (tmp_path / "theirs").mkdir()
    otrfast("keys", "export", "ours", "theirs", "--for", client)
    assert names_in(tmp_path / "theirs") == [
        "me@here.fpr",
        "me@here.key3",
        "me@there.fpr",
        "me@there.key3",
    ]
    assert (tmp_path / "theirs" / "me@there.key3").read_bytes() == write_key3(stored(keys[1]))
    for line in (tmp_path / "theirs" / "me@here.fpr").read_text().splitlines():
        assert len(line.split("\t")) == 5


def test_encrypted_file_is_made_used_and_exported(otrfast, tmp_path, key, keys, monkeypatch):
    monkeypatch.setenv("PASSPHRASE", "secret")
    env = ("--passphrase-env", "PASSPHRASE")
    key.save("clear", "alice", "irc")
    otrfast("keys", "convert", "clear", "sealed", "--encrypt", *env)
    assert is_sealed((tmp_path / "sealed").read_bytes())
    assert otrfast("fingerprint", "sealed", *env) == [human(key)]
    keys[1].save("other", "bob", "irc")
    otrfast("keys", "import", "other", "--keys", "sealed", *env)
    assert is_sealed((tmp_path / "sealed").read_bytes())
    command = ("--passphrase-command", "printf 'secret\\r\\nnot this'")
    assert len(otrfast("fingerprint", "sealed", *command)) == 2
    (tmp_path / "pidgin").mkdir()
    otrfast("keys", "export", "sealed", "pidgin", *command)
    assert (tmp_path / "pidgin/otr.private_key").read_bytes() == write_keys(
        [stored(key, "alice", "irc"), stored(keys[1], "bob", "irc")]
    )


@pytest.mark.parametrize(
    "source",
    [
        ("--passphrase-env", "NOT_SET"),
        ("--passphrase-command", "false"),
        ("--passphrase-command", "true"),
        ("--passphrase-command", "/no/such/program"),
        ("--passphrase-command", "'"),
        ("--passphrase-command", ""),
        ("--passphrase-command", "echo other"),
    ],
)
def test_passphrase_that_does_not_come_is_an_error(otrfast, tmp_path, key, source):
    sealed = seal(write_keys([stored(key)]), "secret", os.urandom, Cost(log_n=4))
    (tmp_path / "sealed").write_bytes(sealed)
    with pytest.raises(KeyFileError):
        otrfast("fingerprint", "sealed", *source)
    assert (tmp_path / "sealed").read_bytes() == sealed


def test_new_passphrase_is_asked_for_twice(otrfast, tmp_path, key, monkeypatch):
    answers = iter(["secret", "secret", "secret", "one", "two"])
    prompts = []

    def answer(prompt):
        prompts.append(prompt)
        return next(answers)

    monkeypatch.setattr(getpass, "getpass", answer)
    key.save("clear")
    otrfast("keys", "convert", "clear", "sealed", "--encrypt")
    assert otrfast("fingerprint", "sealed") == [human(key)]
    with pytest.raises(KeyFileError, match="differ"):
        otrfast("keys", "convert", "clear", "second", "--encrypt")
    assert prompts[0] == "New passphrase for sealed: "
    assert prompts[2] == "Passphrase for sealed: "
    assert not (tmp_path / "second").exists()


def test_no_terminal_is_an_error_that_says_what_to_do(otrfast, tmp_path, key, monkeypatch):
    def refuse(prompt):
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", refuse)
    (tmp_path / "sealed").write_bytes(b"otrfseal" + bytes(80))
    with pytest.raises(KeyFileError, match="--passphrase-env"):
        otrfast("fingerprint", "sealed")


def test_every_command_has_help_worth_reading(otrfast, capsys):
    for words in (
        ["keygen"],
        ["fingerprint"],
        ["keys"],
        *(["keys", command] for command in ("list", "convert", "import", "export")),
    ):
        with pytest.raises(SystemExit) as ended:
            otrfast(*words, "--help")
        assert ended.value.code == 0
        assert len(capsys.readouterr().out) > 300
