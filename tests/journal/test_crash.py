"""A store after its process was killed, at each step and at random: a batch whole or not at all,
nothing lost that was told to stand; and a control that must be caught."""

from __future__ import annotations

import random
import time

import pytest

from otrfast.journal import WrongKey

from .conftest import claimed, contents, opened, state, wait
from .killed import NEW_KEY, Child, count_on, make, rekey, turn

RANDOM_KILLS = 20


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


def each_step(stores, tmp_path, seed: int, control: bool = False):
    """Kill the process before each statement in turn; return how often its batch stood."""
    stood, step, killed = 0, 0, True
    while killed:
        step += 1
        assert step < 200
        prepared(stores, tmp_path / str(step))
        killed, told = Child(turn, stores, seed + step, step, control).ended()
        stood += judged(stores, told)
    return stood, step


@pytest.mark.long
@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_then_the_batch_stands_whole_or_not_at_all(stores, tmp_path, seed):
    stood, steps = each_step(stores, tmp_path, seed)
    assert 5 < stood < steps - 20


@pytest.mark.long
@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_when_a_commit_is_no_transaction_then_it_is_caught(
    stores, tmp_path, seed
):
    with pytest.raises(AssertionError):
        each_step(stores, tmp_path, seed, control=True)


@pytest.mark.long
def test_killed_at_random_then_nothing_that_was_told_is_lost_and_none_is_doubled(stores, seed):
    generator = random.Random(seed)
    last, epochs = 0, []
    for kill in range(RANDOM_KILLS):
        child = Child(count_on, stores, seed + kill)
        time.sleep(generator.uniform(0.01, 0.3))
        child.process.kill()
        killed, text = child.ended()
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


@pytest.mark.long
@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_of_making_a_store_then_it_is_made_the_next_time(
    stores, tmp_path, seed
):
    step, killed = 0, True
    while killed:
        step += 1
        assert step < 200
        stores.path = tmp_path / f"{step}.db"
        killed, _ = Child(make, stores, seed + step, step).ended()
        journal = stores.open()
        wait(claimed(journal, "a").commit([], {}, {"a": [b"x"]}, []))
        stores.close()
    assert step > 20


@pytest.mark.long
@pytest.mark.usefixtures("idle_off")
def test_killed_at_each_step_of_a_rekey_then_one_of_the_keys_opens_all(stores, tmp_path, seed):
    step, killed = 0, True
    while killed:
        step += 1
        assert step < 200
        prepared(stores, tmp_path / str(step))
        killed, _ = Child(rekey, stores, seed + step, step).ended()
        try:
            journal = stores.open()
        except WrongKey:
            journal = stores.open(key=NEW_KEY)
        assert opened(wait(claimed(journal).load(["alice"]))["alice"]) == b"1"
        assert wait(journal.check()).problems == ()
        stores.close()
    assert step > 10
