"""A store after its process was killed, at each step and at random: a batch whole or not at all,
nothing lost that was told to stand; and a control that must be caught."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import contextmanager

import pytest

from otrfast.journal import WrongKey
from otrfast.journal.database import Database

from .conftest import claimed, contents, opened, state, wait

RANDOM_KILLS = 20
STATEMENTS = ("run", "many", "rows")


def settle() -> None:
    """Wait until a thread that was joined has left the system too: OpenSSL frees what it kept for
    it under a lock, and a child that is forked meanwhile never gets that lock."""
    time.sleep(0.01)


def child(work) -> tuple[int, int]:
    """Start a process that runs work(tell); return it and what it tells through."""
    settle()
    told, tell = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            signal.alarm(20)  # one that hangs is a failure
            os.close(told)
            work(lambda text: os.write(tell, text))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    return process, told


def ended(process: int, told: int) -> tuple[bool, bytes]:
    """Whether a process was killed, and all that it has told."""
    text = b""
    while data := os.read(told, 4096):
        text += data
    os.close(told)
    _, status = os.waitpid(process, 0)
    killed = os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL if killed else os.WEXITSTATUS(status) == 0
    return killed, text


def kill_at(step: int) -> None:
    """Have this process killed before the statement of this number."""
    count = 0

    def counted(plain):
        def call(self, *arguments):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(self, *arguments)

        return call

    for name in STATEMENTS:
        setattr(Database, name, counted(getattr(Database, name)))


@contextmanager
def no_transaction(self, *, durable=None):
    yield


def turn(stores, tell, control: bool) -> None:
    """Open the store, answer the line that waits in it, give the answer out, end."""
    journal = stores.open()
    tell(b"o")
    shard = claimed(journal, "alice")
    if control:
        Database.transaction = no_transaction
    [(receipt, peer, line)] = wait(shard.fetch(10))
    wait(shard.commit([receipt], {peer: state(shard, peer, b"2")}, {peer: [b"answer"]},
                      [(peer, b"text " + line)]))  # fmt: skip
    tell(b"c")
    wait(journal.out(0))
    tell(b"g")
    wait(journal.out(0))
    tell(b"d")
    wait(journal.close())


def prepared(stores, directory) -> None:
    directory.mkdir()
    stores.path = directory / "bot.db"
    journal = stores.open()
    shard = claimed(journal, "alice")
    wait(shard.commit([], {"alice": state(shard, "alice", b"1")}, {}, []))
    wait(journal.put(0, [("alice", b"line")]))
    stores.close()


def judged(stores, told: bytes) -> bool:
    """Whether the batch stands, after it is seen to stand whole or not at all."""
    journal = stores.open()
    found = contents(journal)
    shard = claimed(journal)
    [(epoch,)] = [row[3:] for row in found["shard"]]
    assert shard.epoch > epoch
    text = opened(wait(shard.load(["alice"]))["alice"])
    given = wait(journal.out(0))
    stands = text == b"2"
    assert text in (b"1", b"2")
    assert len(found["inbox"]) == (0 if stands else 1)
    assert [row[1:] for row in wait(shard.events(9))] == [("alice", b"text line")] * stands
    assert given in ([], [("alice", [b"answer"])])
    assert stands or not given
    assert given or not stands or b"g" in told  # deleted only after it was given out
    assert stands or b"c" not in told
    assert wait(journal.check()).problems == ()
    stores.close()
    return stands


def each_step(stores, tmp_path, control: bool = False):
    """Kill the process before each statement in turn; return how often its batch stood."""
    stood, step, killed = 0, 0, True
    while killed:
        step += 1
        assert step < 200
        prepared(stores, tmp_path / str(step))
        killed, told = ended(
            *child(lambda tell, at=step: (kill_at(at), turn(stores, tell, control)))
        )
        stood += judged(stores, told)
    return stood, step


@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_then_the_batch_stands_whole_or_not_at_all(stores, tmp_path):
    stood, steps = each_step(stores, tmp_path)
    assert 5 < stood < steps - 20


@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_when_a_commit_is_no_transaction_then_it_is_caught(stores, tmp_path):
    with pytest.raises(AssertionError):
        each_step(stores, tmp_path, control=True)


def count_on(stores, tell) -> None:
    """Commit number after number, and tell each that stands."""
    journal = stores.open()
    shard = claimed(journal, "alice")
    found = wait(shard.load(["alice"]))
    number = int(opened(found["alice"])) if found else 0
    while True:
        number += 1
        text = b"%d" % number
        sealed = state(shard, "alice", text)
        wait(shard.commit([], {"alice": sealed}, {"alice": [text]}, [("alice", text)]))
        tell(text + b"\n")


def test_killed_at_random_then_nothing_that_was_told_is_lost_and_none_is_doubled(stores, seed):
    generator = random.Random(seed)
    last, epochs = 0, []
    for _ in range(RANDOM_KILLS):
        process, told = child(lambda tell: count_on(stores, tell))
        time.sleep(generator.uniform(0.01, 0.15))
        os.kill(process, signal.SIGKILL)
        killed, text = ended(process, told)
        assert killed
        last = int(text.split()[-1]) if text else last
        journal = stores.open()
        shard = claimed(journal)
        epochs.append(shard.epoch)
        found = wait(shard.load(["alice"]))
        number = int(opened(found["alice"])) if found else 0
        assert number in (last, last + 1)
        events = [int(text) for *_, text in wait(shard.events(100_000))]
        assert events == list(range(1, number + 1))
        last = number
        stores.close()
    assert last > RANDOM_KILLS
    assert epochs == sorted(set(epochs))


@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_of_making_a_store_then_it_is_made_the_next_time(stores, tmp_path):
    step, killed = 0, True
    while killed:
        step += 1
        assert step < 200
        stores.path = tmp_path / f"{step}.db"
        killed, _ = ended(*child(lambda tell, at=step: (kill_at(at), stores.open())))
        journal = stores.open()
        wait(claimed(journal, "a").commit([], {}, {"a": [b"x"]}, []))
        stores.close()
    assert step > 20


@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_of_a_rekey_then_one_of_the_keys_opens_all(stores, tmp_path):
    new = bytes(32)

    def rekeyed(tell):
        journal = stores.open()
        kill_at(step)
        wait(journal.rekey(new))

    step, killed = 0, True
    while killed:
        step += 1
        assert step < 200
        prepared(stores, tmp_path / str(step))
        killed, _ = ended(*child(rekeyed))
        try:
            journal = stores.open()
        except WrongKey:
            journal = stores.open(key=new)
        assert opened(wait(claimed(journal).load(["alice"]))["alice"]) == b"1"
        assert wait(journal.check()).problems == ()
        stores.close()
    assert step > 10
