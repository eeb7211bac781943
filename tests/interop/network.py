"""A network between sides: ordered queues, a transcript, and faults drawn from a seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .sides import ENCRYPTED, Side

STEP_LIMIT = 20_000


class NotSettled(AssertionError):
    """The sides went on sending to each other past the limit."""


@dataclass(frozen=True)
class Faults:
    """What may happen to a line, each a probability.

    `damage` changes a byte in the second half of an OTR line; `reorder` swaps a line with the next.
    """

    lose: float = 0.0
    damage: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0


@dataclass(frozen=True)
class Line:
    """A line that was put on the wire."""

    sender: str
    data: bytes


class Network:
    """Carries lines: each side's go to every side whose account is the sender's peer.

    Lines from one side to another keep their order; which of these routes is served next is drawn.
    """

    def __init__(self, *sides: Side, seed: int = 0) -> None:
        self.sides: Sequence[Side] = sides
        self.random = random.Random(seed)
        self.faults = Faults()
        self.transcript: list[Line] = []
        self.drop: Callable[[Side, bytes], bool] = lambda sender, line: False
        self._queues: dict[tuple[int, int], deque[bytes]] = {}

    def post(self, sender: Side, lines: Sequence[bytes]) -> None:
        """Put a side's lines on the wire."""
        for line in lines:
            self.transcript.append(Line(sender.account, line))
            if not self.drop(sender, line):
                self._queue(sender, line)

    def _queue(self, sender: Side, line: bytes) -> None:
        draw = self.random.random
        if draw() < self.faults.damage:
            line = self._damaged(line)
        copies = 0 if draw() < self.faults.lose else 2 if draw() < self.faults.duplicate else 1
        for place, side in enumerate(self.sides):
            if side is sender or side.account != sender.peer or sender.account != side.peer:
                continue
            queue = self._queues.setdefault((self.sides.index(sender), place), deque())
            queue.extend([line] * copies)
            if copies and len(queue) > 1 and draw() < self.faults.reorder:
                queue[-1], queue[-2] = queue[-2], queue[-1]

    def _damaged(self, line: bytes) -> bytes:
        if not line.startswith((b"?OTR:", b"?OTR|", b"?OTR,")):
            return line
        place = self.random.randrange(len(line) // 2, len(line))
        letter = b"B" if line[place : place + 1] == b"A" else b"A"
        return line[:place] + letter + line[place + 1 :]

    def pending(self) -> int:
        """Return how many lines are on their way."""
        return sum(map(len, self._queues.values()))

    def step(self) -> bool:
        """Deliver one line; False where there was none."""
        busy = [route for route, queue in self._queues.items() if queue]
        if not busy:
            return False
        route = self.random.choice(busy)
        receiver = self.sides[route[1]]
        self.post(receiver, receiver.receive(self._queues[route].popleft()))
        return True

    def settle(self) -> None:
        """Deliver until nothing is on its way; raises `NotSettled` past `STEP_LIMIT` lines."""
        for _ in range(STEP_LIMIT):
            if not self.step():
                return
        raise NotSettled(f"still talking after {STEP_LIMIT} lines")

    def lines_of(self, side: Side) -> list[bytes]:
        """Return all that a side has put on the wire."""
        return [line.data for line in self.transcript if line.sender == side.account]

    def connect(self, starter: Side) -> None:
        """Let one side ask for a private conversation and carry it through."""
        self.post(starter, starter.start())
        self.settle()

    def tell(self, sender: Side, text: bytes) -> None:
        """Send a text and carry it through."""
        self.post(sender, sender.send(text))
        self.settle()


def assert_same_session(left: Side, right: Side, version: int) -> None:
    """Check that both sides are in one encrypted session and agree on all that they can compare."""
    assert (left.state, right.state) == (ENCRYPTED, ENCRYPTED)
    assert (left.version, right.version) == (version, version)
    assert left.ssid == right.ssid
    assert len(left.ssid) == 8
    assert {left.bold_half, right.bold_half} == {0, 1}
