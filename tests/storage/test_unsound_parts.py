"""One unsound part among many is named and left out; the rest is used (issue G, 25, 26, 27, 29)."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest
from Crypto.PublicKey import DSA

from otrfast import PrivateKey, Trust
from otrfast.cli import main
from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError
from otrfast.storage import (
    load_instance_tag,
    load_trust,
    save_instance_tag,
    save_trust,
)
from otrfast.storage.clients import CLIENTS
from otrfast.storage.java_keys import contact_addresses
from otrfast.storage.libotr_keys import read_keys, read_sound_keys, write_keys
from otrfast.storage.recognise import read_any
from otrfast.storage.stored_key import StoredKey

from .conftest import names_in, stored
from .test_other_programs import chatsecure_file, java, jitsi_file, no_passphrase

PREFIX = "net.java.sip.communicator.plugin.otr"
ACCOUNTS = "net.java.sip.communicator.impl.protocol"


def human(key):
    return key.fingerprint.hex(" ", 4).upper()


@pytest.fixture(scope="session")
def large():
    """A sound 2048/224 key, and a 3072/256 key."""
    return [DSA.generate(2048), DSA.generate(3072)]


def numbers_of(pair):
    return DsaNumbers(pair.p, pair.q, pair.g, pair.y), pair.x


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in an empty directory; return its status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def three(keys):
    """The file of three accounts, cut into its beginning, accounts and end."""
    head, *accounts = write_keys(
        [stored(key, name, "irc") for key, name in zip(keys, ("ann", "bob", "eve"), strict=True)]
    ).split(b" (account")
    accounts = [b" (account" + account for account in accounts]
    accounts[-1] = accounts[-1][: -len(b")\n")]
    return head, accounts


DAMAGES = {
    "hexadecimal": lambda account: account.replace(b"#", b"#G", 1),
    "no name": lambda account: account.replace(b"(name", b"(nome", 1),
    "no parenthesis": lambda account: account.replace(b")", b"", 1),
    "one too many": lambda account: account.replace(b"(dsa", b"(dsa)", 1),
    "quote": lambda account: account.replace(b"(name ", b'(name "', 1),
    "number": lambda account: account.replace(b"(y #00", b"(y #01", 1).replace(b"(x #", b"(x #1F"),
    "another type": lambda account: account.replace(b"(dsa", b"(rsa", 1),
    "no numbers": lambda account: account[:70] + b")))\n",
    "cut": lambda account: account[:200],
    "zero bytes": lambda account: account[:120] + bytes(40) + account[160:],
    "only its head": lambda account: b" (account",
    "words": lambda account: b" words (and lists)\n",
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_g25_damaged_account_among_three_is_named_and_the_others_are_used(
    run, three, keys, quick, damage, place
):
    head, accounts = three
    accounts[place] = damage(accounts[place])
    data = head + b"".join(accounts) + b")\n"
    Path("otr.key").write_bytes(data)
    sound = [key for number, key in enumerate(keys) if number != place]
    names = [name for number, name in enumerate(("ann", "bob", "eve")) if number != place]
    status, out, err = run("keys", "list", "otr.key")
    assert status == 1
    assert [human(key) in out for key in keys] == [key in sound for key in keys]
    assert "otrfast: otr.key: left out: " in err
    assert run("keys", "import", "otr.key", "--keys", "ours")[0] == 1
    assert run("keys", "convert", "otr.key", "converted")[0] == 1
    assert run("fingerprint", "otr.key")[0] == 1
    for path in ("ours", "converted"):
        assert [key.account for key in read_keys(Path(path).read_bytes())] == names
    for key, name in zip(sound, names, strict=True):
        assert PrivateKey.load("otr.key", name, "irc", backend=quick).fingerprint == key.fingerprint
    with pytest.raises(KeyFileError):
        PrivateKey.load("otr.key", backend=quick)
    if damage is not DAMAGES["number"]:  # numbers are checked when a key is used
        with pytest.raises(KeyFileError):
            keys[0].save("otr.key", "other")
        assert Path("otr.key").read_bytes() == data
    for key in keys:
        assert f"{key.signing.private_number():X}" not in out + err


def test_g25_any_byte_of_a_file_changed_or_cut_keeps_what_is_sound(three, keys, quick):
    head, accounts = three
    data = head + b"".join(accounts) + b")\n"
    for place in range(len(head), len(data), 7):
        for damaged in (data[:place] + b"(" + data[place + 1 :], data[:place]):
            found, problems = read_sound_keys(damaged)
            whole = [key for key in found if key.account in ("ann", "bob", "eve")]
            assert len(whole) >= 2 or damaged == data[:place]
            assert problems or len(found) == 3
            for key in whole:  # never the name of one with the numbers of another
                number = ("ann", "bob", "eve").index(key.account)
                if key.same_numbers(stored(keys[number])):
                    continue
                with pytest.raises(KeyFileError):
                    key.signing(quick)


def test_g25_key_of_another_size_is_named_by_its_size(run, keys, large):
    bad = [StoredKey("java", "xmpp", *numbers_of(pair)) for pair in large]
    Path("otr.key").write_bytes(write_keys([bad[0], stored(keys[0], "ann", "irc")]))
    status, out, err = run("keys", "list", "otr.key")
    assert status == 1
    assert human(keys[0]) in out
    assert "OTR takes 1024/160 keys, this one is 2048/" in err
    assert "damaged" not in err
    Path("alone").write_bytes(write_keys([bad[1]]))
    for words in (("fingerprint", "alone"), ("keys", "list", "alone")):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert "OTR takes 1024/160 keys, this one is 3072/256" in err


def test_g25_key_of_another_size_in_a_java_file_is_left_out(keys, large, quick):
    pair = large[0]
    public = b64encode(pair.publickey().export_key(format="DER")).decode()
    private = b64encode(pair.export_key(format="DER", pkcs8=True)).decode()
    data = (
        chatsecure_file(keys)
        + (
            f"big@example.org.privateKey={private}\nbig@example.org.publicKey={public}\n"
            f"bigpeer@example.org.publicKey={public}\nbad@example.org.publicKey=AAAA\n"
        ).encode()
    )
    contents = read_any(data, quick, no_passphrase)
    assert [key.account for key in contents.keys] == ["alice@example.org"]
    peers = {known.peer for known in contents.fingerprints}
    assert peers == {"bob@example.org/Phone 7", "eve@example.org"}
    assert sum("OTR takes 1024/160 keys" in problem for problem in contents.problems) == 2
    assert any("'bad@example.org'" in problem for problem in contents.problems)


def test_g25_one_bad_file_in_a_directory_does_not_stop_the_others(run, tmp_path, keys):
    keys[0].save("otr.key", "ann", "irc")
    keys[1].save("otr.private_key", "bob", "irc")
    (tmp_path / "otr.private_key").write_bytes(b"(privkeys (account")
    (tmp_path / "otr.fp").write_bytes(b"no fingerprints here\n")
    save_instance_tag("otr.instag", "ann", "irc", 0x1234)
    status, out, err = run("keys", "list", ".")
    assert status == 1
    assert human(keys[0]) in out
    assert "00001234" in out
    assert "otr.private_key" in err
    assert "otr.fp" in err
    status, out, _ = run("keys", "import", ".", "missing", "--keys", "ours")
    assert status == 1
    assert "ours: 1 keys" in out
    status, _, err = run("keys", "export", "missing", "otr.key", ".", "--for", "kopete")
    assert status == 1
    assert "otrfast: cannot read missing: No such file or directory\n" in err
    assert "privkeys" in names_in(tmp_path)


def test_g25_unreadable_lines_are_named_by_their_numbers(run, tmp_path, keys):
    trust = Trust()
    trust.set("bob", bytes(20), "verified")
    save_trust("otr.fp", "ann", "irc", trust)
    with Path("otr.fp").open("ab") as file:
        file.write(b"\nbob\tann\tirc\tnot hexadecimal\tverified\n")
    status, out, err = run("keys", "import", "otr.fp", "--fingerprints", "trust")
    assert status == 1
    assert out == "trust: 1 fingerprints\n"
    assert err == "otrfast: otr.fp: left out: line 3: expected a fingerprint\n"


def test_g25_nothing_left_out_ends_with_0(run, tmp_path, key):
    key.save("otr.key", "ann", "irc")
    for words in (
        ("keys", "list", "otr.key"),
        ("keys", "list", "."),
        ("keys", "import", "otr.key", "--keys", "ours"),
        ("keys", "convert", "otr.key", "ann.key3"),
        ("fingerprint", "otr.key"),
    ):
        status, _, err = run(*words)
        assert (status, "left out" in err) == (0, False)


def accounts_of(*uids):
    return "".join(
        f"{ACCOUNTS}.{protocol}.acc{number}.ACCOUNT_UID={uid}\n"
        f"{ACCOUNTS}.{protocol}.acc{number}.USER_ID={user}\n"
        for number, (protocol, uid, user) in enumerate(uids)
    )


def pair_of(name, key):
    public, private = java(key)
    return f"{PREFIX}.{name}_publicKey={public}\n{PREFIX}.{name}_privateKey={private}\n"


def read_jitsi(text, quick, addresses=()):
    return read_any(text.encode("latin-1"), quick, no_passphrase, addresses=addresses)


def test_g26_own_account_that_is_also_a_contact_stays_apart(keys, quick):
    text = (
        accounts_of(("jabber", "Jabber\\:ann@here@here", "ann@here"))
        + pair_of("Jabber_ann_here_here", keys[0])
        + f"{PREFIX}.ann_here_publicKey={java(keys[1])[0]}\n"
        + f"{PREFIX}.ann_here_publicKey_verified=true\n"
    )
    contents = read_jitsi(text, quick, ["ann@here"])
    (mine,) = contents.keys
    assert mine.same_numbers(stored(keys[0]))
    assert mine.owner == ("ann@here", "prpl-jabber")
    (known,) = contents.fingerprints
    assert (known.peer, known.fingerprint) == ("ann@here", keys[1].fingerprint)
    assert known.level == "verified"
    assert contents.problems == []


def test_g26_xmpp_and_sip_under_one_address_have_a_key_each(keys, quick):
    text = (
        accounts_of(
            ("jabber", "Jabber\\:ann@here", "ann@here"), ("sip", "SIP\\:ann@here", "ann@here")
        )
        + pair_of("Jabber_ann_here", keys[0])
        + pair_of("SIP_ann_here", keys[1])
    )
    contents = read_jitsi(text, quick)
    assert {key.owner: key.fingerprint(quick) for key in contents.keys} == {
        ("ann@here", "prpl-jabber"): keys[0].fingerprint,
        ("ann@here", "prpl-simple"): keys[1].fingerprint,
    }
    assert contents.problems == []


def test_g26_two_keys_of_one_owner_are_a_named_conflict(keys, quick):
    uids = accounts_of(
        ("jabber", "Jabber\\:ann@here@here", "ann@here"),
        ("jabber", "Jabber\\:ann@here", "ann@here"),
        ("jabber", "Jabber\\:bob@here", "bob@here"),
    )
    first, again = "Jabber_ann_here_here", "Jabber_ann_here"
    text = uids + pair_of(first, keys[0]) + pair_of(again, keys[1])
    contents = read_jitsi(text + pair_of("Jabber_bob_here", keys[2]), quick)
    assert [key.account for key in contents.keys] == ["bob@here"]
    (problem,) = contents.problems
    for word in ("'ann@here'", human(keys[0]), human(keys[1]), repr(first), repr(again)):
        assert word in problem
    same = read_jitsi(uids + pair_of(first, keys[0]) + pair_of(again, keys[0]), quick)
    assert [key.account for key in same.keys] == ["ann@here"]
    assert same.problems == []


@pytest.mark.parametrize("between", ["", "_"])
def test_g26_verified_marks_of_fingerprints_are_trust(keys, quick, between):
    digests = [key.fingerprint.hex() for key in keys]
    text = (
        accounts_of(("jabber", "Jabber\\:ann@here", "ann@here"))
        + pair_of("Jabber_ann_here", keys[0])
        + f"{PREFIX}.bob_here_fingerprints={digests[1]},{digests[2]}\n"
        + f"{PREFIX}.bob_here{between}{digests[1]}_fingerprint_verified=true\n"
        + f"{PREFIX}.bob_here{between}{digests[2]}_fingerprint_verified=false\n"
        + f"{PREFIX}.p1abc_here{between}{digests[1]}_fingerprint_verified=true\n"
    )
    contents = read_jitsi(text, quick, ["bob@here", "1abc@here"])
    assert {(each.peer, each.fingerprint.hex(), each.level) for each in contents.fingerprints} == {
        ("bob@here", digests[1], "verified"),
        ("bob@here", digests[2], ""),
        ("1abc@here", digests[1], "verified"),
    }


def test_g26_name_of_two_contacts_trusts_neither(keys, quick):
    text = (
        accounts_of(("jabber", "Jabber\\:ann@here", "ann@here"))
        + pair_of("Jabber_ann_here", keys[0])
        + f"{PREFIX}.b_b_here_publicKey={java(keys[1])[0]}\n"
    )
    contents = read_jitsi(text, quick, ["b.b@here", "b_b@here"])
    assert contents.fingerprints == []
    assert contents.problems == ["'b_b_here': it may be the name of 'b.b@here' or 'b_b@here'"]


def test_g26_account_of_chatsecure_that_is_its_own_peer(keys, quick):
    digest = keys[1].fingerprint.hex()
    data = chatsecure_file(keys) + f"alice@example.org.{digest}.publicKey.verified=true\n".encode()
    contents = read_any(data, quick, no_passphrase)
    assert ("alice@example.org", keys[1].fingerprint, "verified") in {
        (known.peer, known.fingerprint, known.level) for known in contents.fingerprints
    }
    assert len(contents.keys) == 1


def test_g26_contact_list_is_read_as_before(keys, quick):
    addresses = contact_addresses(b'<contact address="bob@example.org"/>')
    contents = read_any(jitsi_file(keys), quick, no_passphrase, addresses=addresses)
    assert {(each.peer, each.level) for each in contents.fingerprints} == {
        ("bob@example.org", "verified"), ("eve_example_org", ""),
    }  # fmt: skip


DIRECTORIES = {
    "mcabber": ("me@here.key", "me@here.fpr", "me@here.tag"),
    "psi": ("otr.keys", "otr.fingerprints", "otr.instags"),
    "vacuum": ("otr.keys", "otr.fingerprints", "otr.instags"),
    "qutim": ("otr.keys", "otr.fingerprints", "otr.instags"),
    "kopete": ("privkeys", "fingerprints"),
    "bitlbee": ("nick.otr_keys", "nick.otr_fprints", "nick.otr_instags"),
}


def save_all(directory, names, key, account="me@here"):
    trust = Trust()
    trust.set("bob", bytes(20), "verified")
    directory.mkdir()
    key.save(directory / names[0], account, "prpl-jabber")
    save_trust(directory / names[1], account, "prpl-jabber", trust)
    if len(names) > 2:
        save_instance_tag(directory / names[2], account, "prpl-jabber", 0x1234)


@pytest.mark.parametrize("client", DIRECTORIES)
def test_g27_directory_of_a_program_is_known(run, tmp_path, key, quick, client):
    names = DIRECTORIES[client]
    save_all(tmp_path / "theirs", names, key)
    (tmp_path / "theirs" / "notes.txt").write_text("words")
    (tmp_path / "theirs" / "logs").mkdir()
    paths = ("--keys", "k", "--fingerprints", "f", "--instance-tags", "t")
    status, out, err = run("keys", "import", "theirs", *paths)
    assert status == 0
    assert "k: 1 keys" in out
    assert err == "otrfast: theirs: passed over: logs/, notes.txt\n"
    assert PrivateKey.load("k", "me@here", backend=quick).fingerprint == key.fingerprint
    assert load_trust("f", "me@here", "prpl-jabber").level("bob", bytes(20)) == "verified"
    expected = 0x1234 if len(names) > 2 else None
    assert load_instance_tag("t", "me@here", "prpl-jabber") == expected
    status, out, err = run("keys", "list", "theirs")
    assert status == 0
    assert "notes.txt" in err
    for name in names:
        assert f"theirs/{name}\n" in out


@pytest.mark.parametrize("client", DIRECTORIES)
def test_g27_export_for_a_program_has_its_names(run, tmp_path, key, client):
    save_all(tmp_path / "ours", DIRECTORIES["psi"], key)
    (tmp_path / "theirs").mkdir()
    nick = ("--nick", "nick") if client == "bitlbee" else ()
    assert run("keys", "export", "ours", "theirs", "--for", client, *nick)[0] == 0
    assert names_in(tmp_path / "theirs") == sorted(DIRECTORIES[client])
    assert human(key) in run("keys", "list", "theirs")[1]


def test_g27_bitlbees_files_need_a_nick(run, tmp_path, key):
    save_all(tmp_path / "ours", DIRECTORIES["psi"], key)
    status, _, err = run("keys", "export", "ours", ".", "--for", "bitlbee")
    assert status == 1
    assert "--nick" in err


def test_g27_mcabbers_accounts_have_a_file_each(run, tmp_path, keys):
    for number, account in enumerate(("me@here", "me@there")):
        save_all(tmp_path / account, DIRECTORIES["psi"], keys[number], account)
    (tmp_path / "theirs").mkdir()
    assert run("keys", "export", "me@here", "me@there", "theirs", "--for", "mcabber")[0] == 0
    assert names_in(tmp_path / "theirs") == sorted(
        f"{account}.{end}" for account in ("me@here", "me@there") for end in ("key", "fpr", "tag")
    )
    assert set(DIRECTORIES) < set(CLIENTS)


def test_g27_file_of_a_common_name_that_is_no_key_file_is_passed_over(run, tmp_path, key):
    key.save("me@here.key", "me@here", "jabber")
    (tmp_path / "server.key").write_text("-----BEGIN PRIVATE KEY-----\nMIIB\n")
    (tmp_path / "release.tag").write_text("v1.0\n")
    for words in (("keys", "list", "."), ("keys", "import", ".", "--keys", "ours")):
        status, out, err = run(*words)
        assert status == 0
        assert "passed over: release.tag, server.key" in err
        assert "server.key" not in out


def test_g27_broken_file_of_a_program_in_a_directory_is_an_error(run, tmp_path, key):
    key.save("me@here.key", "me@here", "jabber")
    (tmp_path / "you@here.key").write_bytes((tmp_path / "me@here.key").read_bytes()[:300])
    status, out, err = run("keys", "list", ".")
    assert status == 1
    assert human(key) in out
    assert "you@here.key" in err


def test_g29_keys_list_sees_any_key_file_in_the_directory(run, tmp_path, key):
    key.save("bot.secret", "bot", "xmpp")
    (tmp_path / "old").write_bytes((tmp_path / "bot.secret").read_bytes())
    save_trust("bot.trust", "bot", "xmpp", _trusting())
    save_instance_tag("bot.tags", "bot", "xmpp", 0x1234)
    (tmp_path / "README").write_text("words\nand more words\n")
    (tmp_path / "zeros").write_bytes(bytes(100))
    (tmp_path / "big").write_bytes(bytes(2000))
    os.mkfifo(tmp_path / "fifo")
    status, out, err = run("keys", "list", ".")
    assert status == 0
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "bot.secret", "bot.tags", "bot.trust", "old",
    ]  # fmt: skip
    assert err == "otrfast: .: passed over: README, big, fifo, zeros\n"
    assert run("keys", "import", ".", "--keys", "ours")[0] == 0


def test_g29_directory_without_a_key_file_says_so(run, tmp_path):
    (tmp_path / "notes").write_text("words")
    status, out, err = run("keys", "list", ".")
    assert (status, out) == (1, "")
    assert err == ("otrfast: .: expected key files, found none\notrfast: .: passed over: notes\n")


def _trusting(peer="bob", level="verified"):
    trust = Trust()
    trust.set(peer, bytes(range(20)), level)
    return trust


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t"])
def test_g29_empty_file_is_written_by_keygen_and_by_the_api(run, tmp_path, key, quick, content):
    for name in ("keygen", "save", "trust", "tags", "convert.key3"):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644)
    status, out, err = run("keygen", "keygen", "--account", "bot", "--protocol", "irc")
    assert (status, err) == (0, "")
    loaded = PrivateKey.load("keygen", "bot", "irc", backend=quick)
    assert out == human(loaded) + "\n"
    key.save("save", "bot", "irc")
    save_trust("trust", "bot", "irc", _trusting())
    save_instance_tag("tags", "bot", "irc", 0x1234)
    assert run("keys", "convert", "save", "convert.key3")[0] == 0
    for name in ("keygen", "save", "trust", "tags", "convert.key3"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert (tmp_path / name).stat().st_size > 20


def test_g29_loading_an_empty_file_says_that_it_is_empty(tmp_path, quick):
    path = tmp_path / "key"
    path.write_bytes(b"")
    with pytest.raises(KeyFileError, match="the file is empty"):
        PrivateKey.load(path, backend=quick)


@pytest.mark.parametrize("level", ["", "verified", "smp", "any word"])
def test_g29_only_line_without_its_end_is_read(run, tmp_path, level):
    digest = bytes(range(20))
    line = f"bob\tann\tirc\t{digest.hex()}\t{level}".encode()
    (tmp_path / "otr.fp").write_bytes(line)
    assert load_trust("otr.fp", "ann", "irc").level("bob", digest) == level
    status, out, _ = run("keys", "list", "otr.fp")
    assert status == 0
    assert "bob, to ann on irc" in out
    trust = load_trust("otr.fp", "ann", "irc")
    save_trust("otr.fp", "ann", "irc", trust)
    assert (tmp_path / "otr.fp").read_bytes() == line + b"\n"
    (tmp_path / "tags").write_bytes(b"ann\tirc\t00001234")
    assert load_instance_tag("tags", "ann", "irc") == 0x1234
