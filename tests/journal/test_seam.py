"""The seam: claims fence, versions are compared, lines are given until they are done, a batch
stands whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading

import pytest

from otrfast import Environment, Trust
from otrfast.errors import LocalError
from otrfast.journal import Journal, Shard, Stale, StoreError, Unsure, dumps_known, shard_of
from otrfast.journal.database import Database

from .conftest import claimed, contents, in_thread, opened, state, wait

FINGERPRINT = b"f" * 20


def conforms(journal: Journal, shard: Shard) -> None:
    """Read by mypy where tests are checked; run, it says that the names are there."""
    for protocol, made in ((Journal, journal), (Shard, shard)):
        for name in vars(protocol):
            assert name.startswith("_") or hasattr(type(made), name), name


def test_sqlite_journal_then_it_has_all_of_the_seam(stores):
    journal = stores.open()
    conforms(journal, journal.shard(0))


def test_errors_then_they_are_local_errors():
    assert issubclass(Stale, LocalError)
    assert issubclass(Unsure, LocalError)


def test_beat_then_only_we_live(stores):
    journal = stores.open()
    shard = claimed(journal)
    assert wait(journal.beat()) == {shard.owner}


def test_batch_when_committed_then_all_of_it_stands_after_opening_again(stores):
    journal = stores.open()
    shard = claimed(journal, "alice", "bob")
    wait(journal.put(0, [("alice", b"one"), ("bob", b"two")]))
    (first, *_), (second, *_) = wait(shard.fetch(10))
    trust = Trust()
    trust.set("alice", FINGERPRINT, "verified")
    trust.saw_version(FINGERPRINT, 3)
    wait(
        shard.commit(
            [first],
            {"alice": state(shard, "alice", b"A1"), "bob": state(shard, "bob", b"B1")},
            {"alice": [b"line 1", b"line 2"]},
            [("alice", b"text")],
            known={"alice": dumps_known(trust, "alice")},
        )
    )
    wait(journal.close())

    journal = stores.open()
    shard = claimed(journal)
    found = wait(shard.load(["alice", "bob", "carol"]))
    assert {peer: (opened(saved), saved.version) for peer, saved in found.items()} == {
        "alice": (b"A1", 1),
        "bob": (b"B1", 1),
    }
    assert wait(shard.peers()) == ["alice", "bob"]
    assert wait(journal.out(0)) == [("alice", [b"line 1", b"line 2"])]
    assert [row[1:] for row in wait(shard.events(10))] == [("alice", b"text")]
    assert wait(shard.fetch(10)) == [(second, "bob", b"two")]
    identity = wait(journal.identity("bot", "irc"))
    assert list(identity.trust) == [("alice", FINGERPRINT, "verified")]
    assert identity.trust.versions == {FINGERPRINT: 3}


def test_claim_when_another_claims_then_the_older_owner_commits_nothing_and_knows(stores):
    journal = stores.open()
    old = claimed(journal, "alice")
    wait(old.commit([], {"alice": state(old, "alice", b"1")}, {}, []))
    new = claimed(journal, "alice")
    assert new.epoch > old.epoch
    before = contents(journal)
    with pytest.raises(Stale, match="another owner has claimed shard 0"):
        wait(old.commit([], {"alice": state(old, "alice", b"2")}, {"alice": [b"x"]}, []))
    with pytest.raises(Stale):
        wait(old.release())
    with pytest.raises(Stale):
        wait(old.claim())  # without a look
    assert contents(journal) == before
    wait(old.look())
    wait(old.claim())
    found = wait(old.load(["alice"]))["alice"]
    assert opened(found) == b"1"
    with pytest.raises(Stale):
        wait(new.commit([], {}, {}, [("alice", b"x")]))


def test_release_then_nobody_owns_the_shard(stores):
    journal = stores.open()
    shard = claimed(journal)
    wait(shard.release())
    assert shard.owner == ""
    with pytest.raises(Stale):
        wait(shard.commit([], {}, {}, []))
    with pytest.raises(Stale):
        shard.key  # noqa: B018
    wait(shard.claim())
    assert {shard.owner} == wait(journal.beat())


def test_epoch_then_it_rises_with_each_claim_of_any_shard_and_follows_the_clock(stores):
    now = 1_000_000_000.7
    stores.environment = Environment(
        backend=stores.backend, random=stores.environment.random, wall_clock=lambda: now
    )
    journal = stores.open(shards=2)
    first, second = claimed(journal), claimed(journal, number=1)
    assert (first.epoch, second.epoch) == (1_000_000_000, 1_000_000_001)
    now -= 5000  # the clock is set back
    wait(first.claim())
    assert first.epoch == 1_000_000_002
    wait(journal.close())
    journal = stores.open(shards=2)
    assert claimed(journal).epoch == 1_000_000_003
    now = 1_100_000_000
    assert claimed(journal).epoch == 1_100_000_000


def test_commit_when_the_state_is_not_the_one_that_was_loaded_then_stale(stores):
    journal = stores.open()
    shard = claimed(journal, "alice", "bob")
    wait(shard.commit([], {"alice": state(shard, "alice", b"1")}, {}, []))
    in_thread(
        journal, lambda store: store.database.run("update conversation set version = version + 1")
    )
    before = contents(journal)
    batch = {"bob": state(shard, "bob", b"1"), "alice": state(shard, "alice", b"2")}
    with pytest.raises(Stale, match="not the one that was loaded"):
        wait(shard.commit([], batch, {}, []))
    assert contents(journal) == before


def test_commit_when_the_row_is_there_already_then_stale(stores):
    journal = stores.open()
    shard = claimed(journal, "alice")
    sealed = state(shard, "alice", b"1")
    wait(shard.commit([], {"alice": sealed}, {}, []))
    shard._loaded["alice"] = (0, False, False)
    with pytest.raises(Stale, match="there already"):
        wait(shard.commit([], {"alice": sealed}, {}, []))


def test_commit_when_a_peer_was_not_loaded_then_stale(stores):
    shard = claimed(stores.open())
    with pytest.raises(Stale, match="'alice' was not loaded"):
        shard.associated("alice")
    with pytest.raises(Stale, match="'alice' was not loaded"):
        wait(shard.commit([], {"alice": b""}, {}, []))


def test_commit_when_a_line_was_answered_before_then_stale(stores):
    journal = stores.open()
    shard = claimed(journal)
    wait(journal.put(0, [("alice", b"one")]))
    [(receipt, *_)] = wait(shard.fetch(10))
    wait(shard.commit([receipt], {}, {}, []))
    with pytest.raises(Stale, match="answered before"):
        wait(shard.commit([receipt], {}, {}, []))


def test_conversation_when_deleted_then_gone_and_a_new_one_has_a_version_of_its_own(stores):
    journal = stores.open()
    shard = claimed(journal, "alice")
    wait(shard.commit([], {"alice": state(shard, "alice", b"1")}, {}, []))
    wait(shard.commit([], {"alice": None}, {}, []))
    assert wait(shard.load(["alice"])) == {}
    wait(shard.commit([], {"alice": None}, {}, []))  # nothing to delete
    wait(shard.load(["alice"]))
    wait(shard.commit([], {"alice": state(shard, "alice", b"2")}, {}, []))
    found = wait(shard.load(["alice"]))["alice"]
    assert (opened(found), found.version) == (b"2", 4)


def test_out_then_it_gives_again_what_was_not_asked_past(stores):
    journal = stores.open()
    shard = claimed(journal)
    for number in range(3):
        wait(shard.commit([], {}, {"alice": [b"%d" % number]}, []))
    assert len(wait(journal.out(0))) == 3  # and the process ends
    wait(journal.close())
    journal = stores.open()
    shard = claimed(journal)
    assert [lines for _, lines in wait(journal.out(0))] == [[b"0"], [b"1"], [b"2"]]
    wait(shard.commit([], {}, {"bob": [b"3"]}, []))
    assert wait(journal.out(0)) == [("bob", [b"3"])]
    wait(journal.close())
    journal = stores.open()
    assert wait(journal.out(0)) == [("bob", [b"3"])]
    assert wait(journal.out(0)) == []
    assert contents(journal)["outbox"] == []


def test_out_when_cancelled_then_nothing_is_taken_for_done(stores):
    journal = stores.open()
    shard = claimed(journal)
    wait(shard.commit([], {}, {"alice": [b"line"]}, []))

    async def cancelled():
        task = asyncio.create_task(journal.out(0))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return await journal.out(0)

    assert asyncio.run(cancelled()) == [("alice", [b"line"])]


def test_events_then_each_once_to_a_claim_until_they_were_seen(stores):
    journal = stores.open()
    shard = claimed(journal)
    wait(shard.commit([], {}, {}, [("alice", b"1"), ("bob", b"2"), ("alice", b"3")]))
    first = wait(shard.events(2))
    assert [text for *_, text in first] == [b"1", b"2"]
    assert [text for *_, text in wait(shard.events(2))] == [b"3"]
    assert wait(shard.events(2)) == []
    wait(shard.commit([], {}, {}, [], seen=[first[0][0]]))
    wait(shard.claim())
    assert [text for *_, text in wait(shard.events(9))] == [b"2", b"3"]


def whole_batch(journal, shard):
    """A batch that has every kind of change; call it to commit."""
    wait(journal.put(0, [("alice", b"one"), ("bob", b"two")]))
    receipts = [receipt for receipt, *_ in wait(shard.fetch(10))]
    wait(shard.commit([], {"old": state(shard, "old", b"1"), "end": state(shard, "end", b"1")}, {},
                      [("alice", b"shown")]))  # fmt: skip
    [(seen, *_)] = wait(shard.events(1))
    trust = Trust()
    trust.set("alice", FINGERPRINT, "verified")
    states = {
        "alice": state(shard, "alice", b"A1"),
        "old": state(shard, "old", b"2"),
        "end": None,
    }
    known = {"alice": dumps_known(trust, "alice")}

    def commit():
        lines = {"alice": [b"a"], "bob": [b"b"]}
        wait(shard.commit(receipts, states, lines, [("bob", b"t")], seen=[seen], known=known))

    return commit


def test_commit_when_told_that_lines_are_sent_then_those_before_it_are_done(stores):
    journal = stores.open()
    shard = claimed(journal)
    wait(shard.commit([], {}, {"alice": [b"1"], "bob": [b"2"]}, []))
    wait(shard.commit([], {}, {"alice": [b"3"]}, []))
    wait(shard.commit([], {}, {"alice": [b"4"]}, [], sent=True))
    assert wait(journal.out(0)) == [("alice", [b"4"])]


def test_commit_then_the_receipts_of_its_events_are_those_of_events(stores):
    journal = stores.open()
    shard = claimed(journal)
    made = [
        receipt
        for texts in ([("alice", b"1")], [], [("bob", b"2"), ("alice", b"3")])
        for receipt in wait(shard.commit([], {}, {}, texts))
    ]
    assert [receipt for receipt, _, _ in wait(shard.events(9))] == made
    wait(shard.commit([], {}, {}, [], seen=made))
    assert wait(claimed(journal).events(9)) == []


@pytest.mark.parametrize("after", [False, True], ids=["instead", "after"])
@pytest.mark.usefixtures("idle_off")
def test_commit_when_any_statement_fails_then_nothing_of_it_stands(stores, monkeypatch, after):
    journal = stores.open()
    shard = claimed(journal, "alice", "old", "end")
    commit = whole_batch(journal, shard)
    before = contents(journal)
    plain = {name: getattr(Database, name) for name in ("run", "many")}
    failing = 0
    done = False
    while not done:
        failing += 1
        assert failing < 50
        count = 0

        def faulty(name, failing=failing):
            def call(self, statement, parameters=()):
                nonlocal count
                if statement == "rollback" or statement.startswith("pragma"):
                    return plain[name](self, statement, parameters)
                count += 1
                if count == failing and not (after and statement == "commit"):
                    if after:
                        plain[name](self, statement, parameters)
                    raise Unsure("injected")
                return plain[name](self, statement, parameters)

            return call

        with monkeypatch.context() as patch:
            for name in plain:
                patch.setattr(Database, name, faulty(name))
            try:
                commit()
                done = True
            except Unsure:
                pass
        if not done:
            assert contents(journal) == before, failing
    assert failing > 10  # begin, fence, inbox, event, 3 states, out, event, known, commit
    after_it = contents(journal)
    assert len(after_it["inbox"]) == 0
    assert [len(after_it[t]) for t in ("conversation", "outbox", "event", "known")] == [2, 2, 1, 1]


def test_shard_of_then_the_same_number_in_every_release():
    assert [shard_of("bot", peer, 16) for peer in ("alice", "bob", "\udc80", "")] == [9, 1, 15, 12]
    assert shard_of("a", "bc", 1 << 30) != shard_of("ab", "c", 1 << 30)


def test_open_when_the_number_of_shards_is_another_then_refused(stores):
    journal = stores.open(shards=2)
    with pytest.raises(StoreError, match="made with 2 shards, not 3"):
        wait(journal.open(3))
    wait(journal.open(2))
    wait(journal.close())
    with pytest.raises(StoreError, match="made with 2 shards, not 1"):
        stores.open()
    journal = stores.open(shards=2)  # the refused one let go
    for number in (-1, 2):
        with pytest.raises(StoreError, match="no shard"):
            wait(journal.shard(number).look())
        with pytest.raises(StoreError, match="no shard"):
            wait(journal.put(number, [("a", b"b")]))


def test_call_when_the_store_is_not_open_then_store_error(stores):
    journal = stores.named()
    with pytest.raises(StoreError, match="not open"):
        wait(journal.out(0))
    with journal:
        assert wait(journal.out(0)) == []
    with pytest.raises(StoreError, match="not open"):
        wait(journal.out(0))
    with pytest.raises(StoreError, match="make a new one"):
        wait(journal.open())


def test_identity_when_it_is_another_then_refused(stores):
    journal = stores.open()
    tag = wait(journal.identity("bot", "irc")).instance_tag
    for refused in (
        journal.identity("other", "irc"),
        journal.identity("bot", "xmpp"),
        journal.identity("bot", "irc", instance_tag=tag ^ 0x1000),
    ):
        with pytest.raises(StoreError):
            wait(refused)
    assert wait(journal.identity("bot", "irc", instance_tag=tag)).instance_tag == tag


def test_load_when_there_is_no_account_yet_then_store_error(stores):
    with stores.named() as journal:
        shard = journal.shard(0)
        wait(shard.claim())
        with pytest.raises(StoreError, match="no account yet"):
            wait(shard.load(["alice"]))


def test_calls_from_threads_and_loops_then_each_is_done(stores):
    journal = stores.open()
    claimed(journal)

    def from_thread(name):
        for number in range(20):
            wait(journal.put(0, [(name, b"%d" % number)]))

    async def from_loop(name):
        for number in range(20):
            await journal.put(0, [(name, b"%d" % number)])

    threads = [threading.Thread(target=from_thread, args=(name,)) for name in ("a", "b")]
    threads.append(threading.Thread(target=lambda: asyncio.run(from_loop("c"))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = wait(journal.shard(0).fetch(100))
    for name in ("a", "b", "c"):
        lines = [line for _, peer, line in found if peer == name]
        assert lines == [b"%d" % number for number in range(20)]


def test_wait_when_given_another_coroutine_then_type_error():
    with pytest.raises(TypeError, match="a call of a journal"):
        wait(asyncio.sleep(0))


def test_journal_and_shard_then_they_print_nothing_and_stay_here(stores):
    journal = stores.open()
    for secret in (journal, claimed(journal), in_thread(journal, lambda store: store.vault)):
        assert "redacted" in repr(secret)
        with pytest.raises(TypeError):
            pickle.dumps(secret)
