"""The file: modes, lock, schema, damage, a full disk; each error names the file and the remedy."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from otrfast.journal import (
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreMissing,
    Unsure,
    database,
)

from .conftest import claimed, contents, in_thread, opened, state, wait


def test_files_then_all_have_mode_0600_whatever_the_umask(stores):
    before = os.umask(0)
    try:
        journal = stores.open(anchor=stores.path.with_name("anchor"))
        wait(claimed(journal).commit([], {}, {"a": [b"x"]}, []))
        names = {path.name for path in stores.path.parent.iterdir()}
        assert names == {"bot.db", "bot.db-wal", "bot.db-shm", "bot.db-lock", "anchor"}
        for path in stores.path.parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    finally:
        os.umask(before)


def test_file_when_its_mode_is_wider_then_narrowed(stores):
    wait(stores.open().close())
    stores.path.chmod(0o644)
    journal = stores.open()
    wait(claimed(journal).commit([], {}, {"a": [b"x"]}, []))
    for path in stores.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_settings_then_full_and_secure_delete_unless_less_is_asked_for(stores):
    def settings(store):
        names = ("journal_mode", "synchronous", "secure_delete")
        return [store.database.rows(f"pragma {name}")[0][0] for name in names]

    journal = stores.open()
    assert in_thread(journal, settings) == ["wal", 2, 1]
    wait(journal.out(0))
    wait(claimed(journal).commit([], {}, {}, [], seen=[1]))  # not durable by itself
    assert in_thread(journal, settings) == ["wal", 2, 1]
    wait(journal.close())
    journal = stores.open(durable=False)
    wait(claimed(journal).commit([], {}, {}, []))
    assert in_thread(journal, settings) == ["wal", 1, 1]


OPEN = """
import sys
from otrfast.journal import SqliteJournal, StoreError
journal = SqliteJournal(sys.argv[1], bytes(range(32)))
try:
    journal.wait(journal.open())
except StoreError as error:
    print(type(error).__name__, error)
"""


def test_second_process_then_refused_at_once_with_the_file_and_the_first_process(stores):
    stores.open()
    link = stores.path.with_name("link")
    link.symlink_to(stores.path)
    for path in (stores.path, link):
        command = [sys.executable, "-c", OPEN, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.startswith(f"StoreInUse {stores.path} is open in process {os.getpid()}:")


def test_second_journal_of_a_process_then_refused_and_the_first_goes_on(stores):
    journal = stores.open()
    with pytest.raises(StoreInUse):
        stores.open()
    wait(claimed(journal).commit([], {}, {"a": [b"x"]}, []))


def test_forked_child_then_it_neither_uses_nor_holds_the_store(stores):
    journal = stores.open()
    ready, tell = os.pipe()
    end, release = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            wait(journal.out(0))
        except StoreError as error:
            os.write(tell, str(error).encode())
        os.close(release)
        os.read(end, 1)
        os._exit(0)
    try:
        assert b"before fork" in os.read(ready, 1000)
        wait(journal.close())
        wait(stores.open().close())  # while the child lives
    finally:
        for descriptor in (ready, tell, end, release):
            os.close(descriptor)
        os.waitpid(child, 0)


def test_schema_when_it_is_newer_then_refused_and_unchanged(stores):
    wait(stores.open().close())
    with sqlite3.connect(stores.path) as other:
        other.execute("pragma user_version=7")
    other.close()
    with pytest.raises(StoreError, match=r"schema 7, this one reads up to 1.*upgrade otrfast"):
        stores.open()


def test_schema_when_it_is_older_then_brought_up_to_date_in_one_transaction(stores, monkeypatch):
    journal = stores.open()
    wait(claimed(journal).commit([], {}, {"a": [b"x"]}, []))
    wait(journal.close())
    broken = ["alter table event add column extra blob", "this is no statement"]
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", [*database.MIGRATIONS, broken])
        with pytest.raises(StoreError):
            stores.open()
        patch.setattr(database, "MIGRATIONS", [database.MIGRATIONS[0], broken[:1]])
        journal = stores.open()
        assert wait(journal.out(0)) == [("a", [b"x"])]
        found = in_thread(journal, lambda store: store.database.rows("pragma user_version"))
        assert found == [(2,)]
        wait(journal.close())


def test_file_when_it_is_another_programs_database_then_refused_and_unchanged(stores):
    with sqlite3.connect(stores.path) as other:
        other.execute("create table mine (x)")
    other.close()
    stores.path.chmod(0o640)
    before = stores.path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        stores.open()
    assert stores.path.read_bytes() == before
    assert stat.S_IMODE(stores.path.stat().st_mode) == 0o640


def test_file_when_it_is_no_database_then_refused_and_unchanged(stores):
    stores.path.write_bytes(b"no database at all\n" * 100)
    with pytest.raises(StoreDamaged, match="no store, or its first page is damaged"):
        stores.open()
    assert stores.path.read_bytes() == b"no database at all\n" * 100


def test_file_when_it_is_empty_then_a_new_store(stores):
    stores.path.touch()
    wait(stores.open().close())


def test_file_when_it_is_missing_then_made_or_refused(stores):
    with pytest.raises(StoreMissing, match="no such file"):
        stores.open(create=False)
    assert list(stores.path.parent.iterdir()) == []
    with pytest.raises(StoreError, match="no such directory"):
        stores.open(path=stores.path / "below" / "bot.db")
    for path in ("a\0b", stores.path.parent):
        with pytest.raises(StoreError):
            stores.open(path=path)


def test_file_when_it_is_read_only_then_refused_with_the_remedy(stores):
    wait(stores.open().close())
    stores.path.chmod(0o400)
    before = stores.path.read_bytes()
    with pytest.raises(StoreError, match=r"read-only.*chmod 600"):
        stores.open()
    assert stores.path.read_bytes() == before


def test_database_when_it_becomes_read_only_then_unsure_and_nothing_lost(stores, idle_off):
    journal = stores.open()
    shard = claimed(journal)
    in_thread(journal, lambda store: store.database.run("pragma query_only=on"))
    with pytest.raises(Unsure, match="read-only: make it"):
        wait(shard.commit([], {}, {"a": [b"x"]}, []))
    in_thread(journal, lambda store: store.database.run("pragma query_only=off"))
    wait(shard.commit([], {}, {"a": [b"y"]}, []))
    assert wait(journal.out(0)) == [("a", [b"y"])]


def test_disk_when_it_is_full_then_unsure_nothing_lost_and_it_goes_on_with_space(stores, idle_off):
    journal = stores.open()
    shard = claimed(journal, "alice")
    wait(shard.commit([], {"alice": state(shard, "alice", b"1")}, {}, []))
    before = contents(journal)
    [(pages,)] = in_thread(journal, lambda store: store.database.rows("pragma page_count"))
    in_thread(journal, lambda store: store.database.rows(f"pragma max_page_count={pages + 2}"))
    big = state(shard, "alice", b"2" * 100_000)
    with pytest.raises(Unsure, match=f"{stores.path}: the disk is full: make space"):
        wait(shard.commit([], {"alice": big}, {"alice": [b"x"]}, [("alice", b"y")]))
    assert contents(journal) == before
    in_thread(journal, lambda store: store.database.rows("pragma max_page_count=100000"))
    wait(shard.commit([], {"alice": big}, {}, []))
    assert opened(wait(shard.load(["alice"]))["alice"]) == b"2" * 100_000


def test_page_when_it_is_damaged_then_store_damaged_and_check_names_it(stores, idle_off):
    journal = stores.open()
    shard = claimed(journal, *(f"peer {number}" for number in range(200)))
    wait(
        shard.commit([], {peer: state(shard, peer, b"x" * 1000) for peer in shard._loaded}, {}, [])
    )
    wait(journal.close())
    data = bytearray(stores.path.read_bytes())
    for page in range(len(data) // 4096 // 2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    stores.path.write_bytes(data)
    journal = stores.open()
    report = wait(journal.check())
    assert report.problems
    assert not any("peer" in problem for problem in report.problems)
    shard = journal.shard(0)
    wait(shard.claim())
    with pytest.raises(StoreDamaged, match=r"a page of the database is damaged: put a backup back"):
        wait(shard.load([f"peer {number}" for number in range(200)]))


def test_bytes_of_a_row_when_changed_then_its_conversation_is_refused_and_others_read(
    stores, idle_off
):
    journal = stores.open()
    shard = claimed(journal, "alice", "bob")
    states = {peer: state(shard, peer, peer.encode() * 100) for peer in ("alice", "bob")}
    wait(shard.commit([], states, {}, []))
    wait(journal.close())
    data = stores.path.read_bytes()
    assert data.count(states["alice"][20:60]) == 1
    stores.path.write_bytes(data.replace(states["alice"][20:60], bytes(40)))
    journal = stores.open()
    found = wait(claimed(journal).load(["alice", "bob"]))
    assert opened(found["bob"]) == b"bob" * 100
    with pytest.raises(Exception, match="damaged"):
        opened(found["alice"])
    assert wait(journal.check()).problems == (
        "conversation: 1 of its rows cannot be read with the store's keys",
    )


def test_database_when_another_program_holds_it_then_unsure(stores, monkeypatch, idle_off):
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.01)
    journal = stores.open()
    shard = claimed(journal)
    other = sqlite3.connect(stores.path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Unsure, match="another program holds the database"):
        wait(shard.commit([], {}, {"a": [b"x"]}, []))
    other.execute("rollback")
    other.close()
    wait(shard.commit([], {}, {"a": [b"x"]}, []))
