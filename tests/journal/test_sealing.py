"""What is in the file: nothing in the clear, fresh keys at each opening, old keys deleted, the same
bytes for every backend."""

from __future__ import annotations

import sys
import time

import pytest
from helpers import key_pair

from otrfast import Environment, PrivateKey, Trust
from otrfast.journal import (
    Stale,
    StoreDamaged,
    WrongKey,
    dumps_known,
    key_command,
    loads_known,
    upkeep,
)
from otrfast.journal.keys import Derivation, new_derivation
from otrfast.storage.sealed import Cost

from .conftest import KEY, claimed, contents, in_thread, opened, state, wait

QUICK = Cost(log_n=4)
SECRETS = [b"alice@example.org", b"a text to read", b"?OTR:a line", b"a state to restore", b"bot"]


def filled(stores, **settings):
    journal = stores.open(**settings)
    trust = Trust()
    trust.set("alice@example.org", b"f" * 20, "level of trust")
    peer = "alice@example.org"
    shard = claimed(journal, peer)
    wait(journal.put(0, [(peer, b"?OTR:a line")]))
    wait(
        shard.commit(
            [],
            {peer: state(shard, peer, b"a state to restore")},
            {peer: [b"?OTR:a line"]},
            [(peer, b"a text to read")],
            known={peer: dumps_known(trust, peer)},
        )
    )
    return journal, shard


def test_file_then_no_text_name_or_key_in_the_clear(stores):
    drawn = []
    random = stores.environment.random
    stores.environment = Environment(
        backend=stores.backend, random=lambda size: drawn.append(random(size)) or drawn[-1]
    )
    journal, _ = filled(stores)
    identity = key_pair(stores.backend, "bot")
    x = identity.signing.private_number()
    secrets = [*SECRETS, KEY, b"f" * 20, b"level of trust", b"66666666", b"irc"]
    secrets += [x.to_bytes(20, "big"), b"%X" % x, b"%x" % x]
    keys = [data for data in drawn if len(data) == 32]
    assert len(keys) == 2  # of the names, and of the data
    for _ in range(2):  # with the log, then without
        raw = stores.raw()
        assert len(raw) > 20_000
        for secret in secrets + keys:
            assert secret not in raw, secret
            assert secret.hex().encode() not in raw.lower(), secret
        wait(journal.close())


def test_opening_then_what_was_sealed_before_is_sealed_again_and_the_old_key_deleted(
    stores, idle_off
):
    journal, _ = filled(stores)
    wait(journal.close())
    journal = stores.open()
    assert len(contents(journal)["key"]) == 2
    before = claimed(journal)
    loaded = wait(before.load(["alice@example.org"]))["alice@example.org"]
    while in_thread(journal, lambda store: upkeep.reseal(store, 2)):
        assert len(contents(journal)["key"]) == 2
    [(generation, _)] = contents(journal)["key"]
    assert generation == 2
    for table, at in (("record", 1), ("known", 2), ("inbox", 2), ("outbox", 2), ("event", 2),
                      ("conversation", 3)):  # fmt: skip
        assert {row[at] for row in contents(journal)[table]} == {2}, table
    assert opened(loaded) == b"a state to restore"  # what was loaded stays readable
    wait(before.commit([], {"alice@example.org": state(before, "alice@example.org", b"2")}, {}, []))
    shard = claimed(journal)
    assert opened(wait(shard.load(["alice@example.org"]))["alice@example.org"]) == b"2"
    assert [text for *_, text in wait(shard.events(9))] == [b"a text to read"]
    assert wait(journal.check()).problems == ()


def test_opening_when_nobody_calls_then_sealed_again_by_itself(stores, monkeypatch):
    monkeypatch.setattr("otrfast.journal.store_thread.QUIET_SECONDS", 0.0)
    journal, _ = filled(stores)
    wait(journal.close())
    journal = stores.open()
    for _ in range(1000):
        if len(contents(journal)["key"]) == 1:
            break
        in_thread(journal, lambda store: None)
    assert len(contents(journal)["key"]) == 1
    log = stores.path.with_name("bot.db-wal")
    wait(claimed(journal).commit([], {}, {"a": [b"x"]}, []))
    for _ in range(1000):
        if not log.stat().st_size:
            break
        time.sleep(0.005)
    assert log.stat().st_size == 0


def test_replaced_state_then_gone_from_the_file_after_a_checkpoint(stores, idle_off):
    journal = stores.open()
    shard = claimed(journal, "alice")
    first = state(shard, "alice", b"x" * 500)
    wait(shard.commit([], {"alice": first}, {}, []))
    wait(shard.commit([], {"alice": state(shard, "alice", b"y" * 500)}, {}, []))
    assert first in stores.raw()  # in the log
    in_thread(journal, lambda store: store.database.checkpoint())
    assert first not in stores.raw()
    assert first[100:200] not in stores.raw()


def test_files_then_every_backend_reads_what_another_wrote(backend, quick, stores):
    for writer, reader in ((quick, backend), (backend, quick)):
        stores.path = stores.path.with_name(f"{writer.name}-{reader.name}.db")
        stores.environment = Environment(backend=writer, random=stores.environment.random)
        journal, _ = filled(stores)
        tag = wait(journal.identity("bot", "irc")).instance_tag
        wait(journal.close())
        stores.environment = Environment(backend=reader, random=stores.environment.random)
        journal = stores.open()
        identity = wait(journal.identity("bot", "irc"))
        assert identity.instance_tag == tag
        assert isinstance(identity.private_key, PrivateKey)
        assert identity.private_key.fingerprint == key_pair(reader, "bot").fingerprint
        shard = claimed(journal)
        [saved] = wait(shard.load(["alice@example.org"])).values()
        assert opened(saved) == b"a state to restore"
        assert wait(journal.check()).problems == ()
        wait(journal.close())


def test_passphrase_then_it_opens_with_the_stored_parameters_from_any_keyboard(stores):
    wait(stores.open(key="h\u00e4nsel", scrypt_cost=QUICK).close())
    wait(stores.open(key="ha\u0308nsel").close())
    for wrong, text in (("other", "the key is wrong"), (KEY, "expected a passphrase")):
        with pytest.raises(WrongKey, match=text):
            stores.open(key=wrong)


def test_key_when_it_is_wrong_then_refused_and_nothing_is_written(stores):
    wait(stores.open().close())
    before = stores.path.read_bytes()
    for wrong, text in ((bytes(32), "the key is wrong"), ("word", "expected a key of 32 bytes")):
        with pytest.raises(WrongKey, match=text) as caught:
            stores.open(key=wrong)
        assert str(stores.path) in str(caught.value)
    assert stores.path.read_bytes() == before
    wait(stores.open().close())


def test_key_when_no_store_has_it_then_refused_at_once(stores):
    for wrong in (b"", bytes(31), ""):
        with pytest.raises(WrongKey):
            stores.named(key=wrong)
    for wrong in (None, 5, bytearray(32)):
        with pytest.raises(TypeError):
            stores.named(key=wrong)


def test_key_when_it_is_a_function_then_asked_at_opening(stores):
    asked = []
    journal = stores.named(key=lambda: asked.append(1) or KEY)
    assert not asked
    with journal:
        assert asked == [1]


PRINT = f"{sys.executable} -c 'import sys; sys.stdout.buffer.write({{}})'"


@pytest.mark.parametrize("printed", [KEY, KEY.hex().encode() + b"\n", b"QUJD" * 10 + b"QUI=\n"])
def test_key_command_then_the_key_that_it_prints(printed):
    found = key_command(PRINT.format(repr(printed).replace("'", '"')))
    assert found == (KEY if printed[:1] != b"Q" else b"ABC" * 10 + b"AB")


@pytest.mark.parametrize(
    "command", ["false", "/nonexistent", "", "echo 'x", "true", "echo secret-password"]
)
def test_key_command_when_it_prints_no_key_then_refused_and_not_shown(command: str):
    with pytest.raises(WrongKey) as caught:
        key_command(command)
    assert "secret-password" not in str(caught.value)


def test_derivation_when_its_parameters_cost_too_much_then_refused(stores):
    derivation = new_derivation("word", stores.environment.random, QUICK)
    data = derivation.dumps()
    assert Derivation.loads(data) == derivation
    for changed in (b"\1\x1f\x08\1" + data[4:], b"\2" + data[1:], data[:-1], b""):
        with pytest.raises(StoreDamaged):
            Derivation.loads(changed)


# What is known of a peer's keys


def test_known_then_levels_and_versions_come_back_of_any_spelling():
    trust, again = Trust(), Trust()
    for number, level in enumerate(("", "verified", "a\tb\n\0", "\udc80\u2603")):
        trust.set("alice", bytes((number,)) * 20, level)
        trust.saw_version(bytes((number,)) * 20, number)
    trust.set("bob", b"b" * 20, "smp")
    data = dumps_known(trust, "alice")
    loads_known(data, "alice", again)
    assert again.of("alice") == trust.of("alice")
    assert {k: v for k, v in trust.versions.items() if v} == dict(again.versions)
    loads_known(b"", "carol", again)
    assert dumps_known(trust, "carol") == b""
    for cut in (1, 19, 24, len(data) - 1):
        with pytest.raises(StoreDamaged):
            loads_known(data[:cut], "alice", Trust())


# Another key


def test_rekey_then_only_the_new_key_opens_and_all_is_there(stores):
    journal, shard = filled(stores)
    names = {row[2] for row in contents(journal)["conversation"]}
    wait(journal.rekey("new passphrase", QUICK))
    with pytest.raises(Stale):
        wait(shard.commit([], {}, {}, []))
    assert names.isdisjoint(row[2] for row in contents(journal)["conversation"])
    wait(claimed(journal).commit([], {}, {"bob": [b"after"]}, []))
    wait(journal.close())
    with pytest.raises(WrongKey):
        stores.open()
    journal = stores.open(key="new passphrase")
    shard = claimed(journal)
    [saved] = wait(shard.load(["alice@example.org"])).values()
    assert opened(saved) == b"a state to restore"
    assert wait(journal.out(0)) == [
        ("alice@example.org", [b"?OTR:a line"]),
        ("bob", [b"after"]),
    ]
    assert list(wait(journal.identity("bot", "irc")).trust) == [
        ("alice@example.org", b"f" * 20, "level of trust")
    ]


def test_rekey_when_a_row_is_damaged_then_nothing_changes(stores, idle_off):
    journal, _ = filled(stores)
    in_thread(journal, lambda store: store.database.run("update event set sealed = x'00'"))
    before = contents(journal)
    with pytest.raises(StoreDamaged, match="event"):
        wait(journal.rekey(bytes(32)))
    assert contents(journal) == before
    wait(claimed(journal).commit([], {}, {"bob": [b"x"]}, []))


def test_forget_sessions_then_only_they_are_gone_and_their_keys(stores, idle_off):
    journal, shard = filled(stores)
    sealed = contents(journal)["conversation"][0][6]
    assert wait(journal.forget_sessions()) == 1
    assert sealed[8:] not in stores.raw()
    after = contents(journal)
    assert [len(after[t]) for t in ("conversation", "inbox", "outbox", "event", "known")] == [
        0, 0, 0, 1, 1,
    ]  # fmt: skip
    assert [row[0] for row in after["key"]] == [2]
    with pytest.raises(Stale):
        wait(shard.commit([], {}, {}, []))
    shard = claimed(journal)
    assert [text for *_, text in wait(shard.events(9))] == [b"a text to read"]


def test_rows_when_one_is_put_in_the_place_of_another_then_damaged(stores, idle_off):
    journal, _ = filled(stores)
    for change in (
        "update outbox set sealed = (select sealed from event)",
        "update outbox set sealed = (select sealed from inbox)",
        "update outbox set generation = 7",
    ):
        in_thread(journal, lambda store, change=change: store.database.run(change))
        with pytest.raises(StoreDamaged):
            wait(journal.out(0))
    assert wait(journal.check()).problems == (
        "outbox: 1 of its rows cannot be read with the store's keys",
    )
