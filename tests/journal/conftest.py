"""A store in a file, and batches for it, the same in every run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from helpers import key_pair

from otrfast import Environment
from otrfast.crypto.backend import Backend
from otrfast.journal import SqliteJournal
from otrfast.journal.store_thread import StoreThread

KEY = bytes(range(32))
wait = SqliteJournal.wait


class Stores:
    """Opens one file again and again."""

    def __init__(self, path: Path, backend: Backend, seed: int):
        self.path = path
        self.backend = backend
        self.environment = Environment(backend=backend, random=random.Random(seed).randbytes)
        self.opened: list[SqliteJournal] = []

    def named(self, **settings) -> SqliteJournal:
        settings = {"key": KEY, "environment": self.environment, **settings}
        path = settings.pop("path", self.path)
        return SqliteJournal(path, settings.pop("key"), **settings)

    def open(self, shards: int = 1, **settings) -> SqliteJournal:
        journal = self.named(**settings)
        wait(journal.open(shards))
        self.opened.append(journal)
        wait(journal.identity("bot", "irc", private_key=key_pair(self.backend, "bot")))
        return journal

    def close(self) -> None:
        for journal in self.opened:
            wait(journal.close())
        self.opened.clear()

    def raw(self) -> bytes:
        """All bytes of the files of the store."""
        beside = sorted(self.path.parent.glob(self.path.name + "*"))
        return b"".join(path.read_bytes() for path in beside)


@pytest.fixture
def stores(tmp_path, quick, seed):
    made = Stores(tmp_path / "bot.db", quick, seed)
    yield made
    made.close()


@pytest.fixture
def idle_off(monkeypatch):
    """Nothing happens but what the test calls."""
    monkeypatch.setattr(StoreThread, "_idle", lambda self: None)


def claimed(journal: SqliteJournal, *peers: str, number: int = 0):
    """A shard that is ours, with some peers loaded."""
    shard = journal.shard(number)
    wait(shard.claim())
    wait(shard.load(peers))
    return shard


def state(shard, peer: str, text: bytes) -> bytes:
    return shard.key.seal(shard.associated(peer), [text])


def opened(saved) -> bytes:
    [text] = saved.key.open(saved.associated, saved.sealed)
    return text


def in_thread(journal: SqliteJournal, call):
    """Run a function on the store in the journal's thread."""
    return wait(journal._access.run(call))


def contents(journal: SqliteJournal) -> dict[str, list[tuple]]:
    """All rows of all tables."""
    tables = ("store", "key", "record", "shard", "conversation", "known", "inbox", "outbox",
              "event")  # fmt: skip
    return in_thread(
        journal,
        lambda store: {
            table: store.database.rows(f"select * from {table} order by rowid") for table in tables
        },
    )
