"""A bot that is killed between any two of its steps, and at random under load, and started again:
no counter is used twice, no text is lost or comes twice without a mark, and no keys are exchanged
anew. What was not acknowledged is told again, queries and texts alike."""

from __future__ import annotations

import os
import queue
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import HandClock, kind, make_account, parsed

from otrfast import Limits, Policy, Session, events

PROGRAM = Path(__file__).with_name("bot_process.py")
PEERS = ("alice", "bob", "carol")
TEXTS = 4
QUIET = 0.4  # seconds without a word of the bot after which it has nothing to do
PATIENCE = 30
RANDOM_KILLS = 50
UNDER_WAY = 6  # lines that are not acknowledged, under load
RESENT = "[resent] "


class Life:
    """One process of the bot."""

    def __init__(self, store: Path, kill_at: int, control: bool) -> None:
        environment = os.environ | {"KILL_AT": str(kill_at), "CONTROL": str(int(control))}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(store)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip
        self.words: queue.Queue[list[str] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.words.put(line.split())
        self.words.put(None)

    def tell(self, peer: str, number: int, line: bytes) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it is told again
            self.process.stdin.write(f"line {peer} {number} {line.hex()}\n")
            self.process.stdin.flush()

    def close(self) -> int:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status


class World:
    """The peers of the bot, the network between them, and what was seen on it."""

    def __init__(self, backend, store: Path, *, control: bool = False) -> None:
        self.store, self.control = store, control
        clock, policy = HandClock(), Policy.ALLOW_V3 | Policy.ERROR_START_AKE
        limits = Limits(error_interval=0.0, ake_burst=1000)
        self.sessions: dict[str, Session] = {
            name: make_account(backend, name, 1, clock, policy, limits).session("bot")
            for name in PEERS
        }
        self.numbers = 0
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}
        self.said: Counter[tuple[str, str]] = Counter()
        self.delivered: Counter[tuple[str, str, int]] = Counter()
        self.counters: Counter[tuple[object, ...]] = Counter()
        self.exchanges: Counter[str] = Counter()
        self.unknown = 0
        self.plan = {name: [f"{name} {number}" for number in range(TEXTS)] for name in PEERS}
        self.life: Life

    def start(self, kill_at: int) -> None:
        self.life = Life(self.store, kill_at, self.control)
        for number, (peer, line) in list(self.unacknowledged.items()):
            self.life.tell(peer, number, line)  # what the network has not been acknowledged

    def tell(self, peer: str, lines) -> None:
        for line in lines:
            self.numbers += 1
            self.unacknowledged[self.numbers] = peer, line
            self.life.tell(peer, self.numbers, line)

    def speak(self) -> None:
        """Each peer says the next of its texts, or asks for a private conversation."""
        for peer, session in self.sessions.items():
            if session.state.value != "encrypted":
                self.tell(peer, session.start().wire)
            elif self.plan[peer]:
                text = self.plan[peer].pop(0)
                self.said[peer, text] += 1
                self.tell(peer, session.send(text.encode()).wire)

    def listen(self) -> bool:
        """Take what the bot says until it is quiet and has acknowledged everything; False if it has
        ended."""
        patience = time.monotonic() + PATIENCE
        while True:
            try:
                words = self.life.words.get(timeout=QUIET)
            except queue.Empty:
                if not self.unacknowledged:
                    return True
                assert time.monotonic() < patience, "a line is never acknowledged"
                continue
            if words is None:
                return False
            self._hear(*words)

    def _hear(self, word: str, *rest: str) -> None:
        match word:
            case "emit":
                self._emitted(rest[0], bytes.fromhex(rest[1]))
            case "ack":
                self.unacknowledged.pop(int(rest[0]), None)
            case "text":
                text = bytes.fromhex(rest[2]).decode()
                again = text.startswith(RESENT)  # a peer sends again what could not be read
                marked = int(rest[1]) or int(again)
                self.delivered[rest[0], text.removeprefix(RESENT), marked] += 1
            case "unknown":
                self.unknown += 1

    def _emitted(self, peer: str, line: bytes) -> None:
        if kind(line) == "DataMessage":
            message = parsed(line)
            keys = message.sender_keyid, message.recipient_keyid
            self.counters[peer, self.sessions[peer].ssid, *keys, message.counter] += 1
        outcome = self.sessions[peer].receive(line)
        self.exchanges[peer] += any(isinstance(e, events.SecureStarted) for e in outcome.events)
        self.tell(peer, outcome.wire)

    def run(self, kill_at: int) -> int:
        """Let everybody say everything; return how often the bot has died."""
        deaths = 0
        self.start(kill_at)
        for _ in range(40):
            if not self.listen():
                assert self.life.close() == 9
                deaths += 1
                self.start(0)
                continue
            if not any(self.plan.values()) and self.private:
                break
            self.speak()
        assert self.life.close() == 0
        return deaths

    @property
    def private(self) -> bool:
        """Whether every conversation is encrypted."""
        return all(each.state.value == "encrypted" for each in self.sessions.values())

    def run_under_fire(self, kills: int, generator: random.Random) -> None:
        """Exchange keys; then let everybody say as much as the bot acknowledges, and kill it so
        many times at random."""
        self.plan = {name: [] for name in PEERS}
        self.run(0)
        self.plan = {name: [f"{name} {n}" for n in range(100_000)] for name in PEERS}
        for _ in range(kills):
            self.start(0)
            self.speak()
            words = self.life.words.get(timeout=PATIENCE)  # it has begun
            end = time.monotonic() + generator.uniform(0, 0.3)
            while words is not None:
                self._hear(*words)
                if len(self.unacknowledged) < UNDER_WAY:
                    self.speak()
                try:
                    words = self.life.words.get(timeout=max(0, end - time.monotonic()))
                except queue.Empty:
                    break
                if time.monotonic() > end:
                    self._hear(*words)
                    break
            self.life.process.kill()
            while (words := self.life.words.get(timeout=PATIENCE)) is not None:
                self._hear(*words)
            assert self.life.close() == -9
        self.plan = {name: [f"{name} at last"] for name in PEERS}
        self.run(0)
        assert self.said.total() > kills


def check(world: World) -> None:
    for peer, text in world.said:
        unmarked = world.delivered[peer, text, 0]
        marked = world.delivered[peer, text, 1]
        assert unmarked <= 1, f"{text!r} came twice without a mark"
        assert unmarked + marked >= 1, f"{text!r} was lost"
    again = {key: count for key, count in world.counters.items() if count > 1}
    assert not again, f"counters were used twice: {again}"
    assert set(world.exchanges.values()) == {1}, f"keys exchanged anew: {world.exchanges}"


@pytest.mark.parametrize(
    "kill_at",
    [
        *(pytest.param(number) for number in (16,)),
        *(pytest.param(number, marks=pytest.mark.long) for number in range(1, 60)),
    ],
)
def test_bot_when_killed_at_a_step_then_nothing_is_lost_doubled_or_repeated(
    quick, tmp_path, kill_at: int
):
    world = World(quick, tmp_path / "bot.db")
    assert world.run(kill_at) == 1
    check(world)


def test_bot_when_it_is_not_killed_then_every_text_comes_once(quick, tmp_path):
    world = World(quick, tmp_path / "bot.db")
    assert world.run(0) == 0
    check(world)
    assert world.unknown == 0


@pytest.mark.long
def test_bot_when_killed_at_random_under_load_then_nothing_is_lost_doubled_or_repeated(
    quick, tmp_path, seed
):
    world = World(quick, tmp_path / "bot.db")
    world.run_under_fire(RANDOM_KILLS, random.Random(seed))
    check(world)


@pytest.mark.parametrize(
    "kill_at", [3, *(pytest.param(number, marks=pytest.mark.long) for number in (1, 6))]
)
def test_control_that_emits_before_it_commits_then_the_same_checks_catch_it(
    quick, tmp_path, kill_at: int
):
    """Else they would prove nothing."""
    world = World(quick, tmp_path / "bot.db", control=True)
    assert world.run(kill_at) == 1
    with pytest.raises(AssertionError, match="counters were used twice"):
        check(world)
