"""The anchor: a copy of the store that is put back is found out."""

from __future__ import annotations

import shutil

import pytest

from otrfast import Environment
from otrfast.journal import StoreError, Unsure
from otrfast.journal.anchor import read_anchor

from .conftest import claimed, contents, opened, state, wait


@pytest.fixture
def anchored(stores, tmp_path):
    """Open the store with its anchor."""
    (tmp_path / "elsewhere").mkdir()

    def opened():
        return stores.open(anchor=tmp_path / "elsewhere" / "anchor")

    return opened


def saved(journal, text: bytes = b"1"):
    shard = claimed(journal, "alice")
    wait(shard.commit([], {"alice": state(shard, "alice", text)}, {"alice": [b"l"]}, [("a", b"e")]))
    return shard


def test_store_when_nothing_was_put_back_then_conversations_stay(anchored):
    for _ in range(3):
        journal = anchored()
        assert (journal.rolled_back, journal.dropped) == (False, ())
        saved(journal)
        wait(journal.close())


@pytest.mark.parametrize("copied", ["closed", "running"])
def test_copy_when_put_back_then_conversations_dropped_keys_and_trust_stay(
    anchored, stores, copied: str
):
    journal = anchored()
    shard = saved(journal)
    tag = wait(journal.identity("bot", "irc")).instance_tag
    copy = stores.path.with_name("copy")
    if copied == "running":
        wait(journal.close())
        shutil.copy(stores.path, copy)
        journal = anchored()
        shard = saved(journal, b"2")
    else:
        wait(journal.close())
        shutil.copy(stores.path, copy)
        wait(anchored().close())
    epoch = shard.epoch
    stores.close()
    shutil.copy(copy, stores.path)

    journal = anchored()
    assert (journal.rolled_back, journal.dropped) == (True, ("alice",))
    found = contents(journal)
    assert [found[t] for t in ("conversation", "inbox", "outbox", "event")] == [[], [], [], []]
    assert wait(journal.identity("bot", "irc")).instance_tag == tag
    assert claimed(journal).epoch > epoch
    saved(journal)
    wait(journal.close())
    journal = anchored()
    assert not journal.rolled_back
    assert opened(wait(claimed(journal).load(["alice"]))["alice"]) == b"1"


def test_anchor_when_it_is_gone_then_conversations_dropped(anchored, tmp_path):
    journal = anchored()
    saved(journal)
    wait(journal.close())
    (tmp_path / "elsewhere" / "anchor").unlink()
    assert anchored().rolled_back


def test_anchor_when_it_is_of_another_store_or_none_then_refused(anchored, stores, tmp_path):
    wait(anchored().close())
    stores.path = stores.path.with_name("other.db")
    with pytest.raises(StoreError, match="anchor of another store"):
        anchored()
    (tmp_path / "elsewhere" / "anchor").write_bytes(b"x")
    with pytest.raises(StoreError, match="expected the anchor of a store"):
        anchored()


def test_anchor_when_it_cannot_be_written_then_unsure(anchored, tmp_path):
    journal = anchored()
    shard = saved(journal)
    shutil.rmtree(tmp_path / "elsewhere")
    with pytest.raises(Unsure, match="anchor"):
        wait(shard.claim())
    (tmp_path / "elsewhere").mkdir()
    wait(shard.look())
    wait(shard.claim())


def test_commit_when_a_minute_has_passed_then_the_anchor_goes_on(stores, tmp_path):
    now = 100.0
    stores.environment = Environment(
        backend=stores.backend, random=stores.environment.random, clock=lambda: now
    )
    path = tmp_path / "anchor"
    journal = stores.open(anchor=path)
    shard = claimed(journal)
    first = read_anchor(path)
    wait(shard.commit([], {}, {}, []))
    assert read_anchor(path) == first
    now += 61
    wait(shard.commit([], {}, {}, []))
    assert read_anchor(path).mark == first.mark + 1
    wait(journal.close())
    assert read_anchor(path).mark == first.mark + 2
