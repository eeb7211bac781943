"""Random conversations with libotr on a faulty network: sends, refreshes, ends, losses.

`OTRFAST_MODEL_SESSIONS` sets how many are run; each is repeatable by its number.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import pytest

from otrfast import LocalError, Policy

from .duo import BOTH, Duo, MakeDuo
from .libotr import LibotrError
from .network import Faults
from .sides import ENCRYPTED

SESSIONS = int(os.environ.get("OTRFAST_MODEL_SESSIONS", "40"))
STEPS = 40
RESENT = b"[resent] "
SECRET = b"the same on both sides"


def resent_text(shown: bytes) -> bytes:
    """Return a text without libotr's prefixes for what it sends once more, perhaps several."""
    while shown.startswith(RESENT):
        shown = shown.removeprefix(RESENT)
    return shown


class Model:
    """One conversation: what was sent, and what must hold of what was shown."""

    def __init__(self, duo: Duo) -> None:
        self.duo = duo
        self.random = duo.network.random
        # libotr overwrites the text that it keeps with heartbeats, and may send nothing once more
        self.sent: dict[str, set[bytes]] = {"ours": set(), "theirs": {b""}}
        self.counter = 0

    def send(self, who: str) -> list[bytes]:
        text = b"%s says %d" % (who.encode(), self.counter)
        lines = self.duo.side(who).send(text)
        self.sent[who].add(text)
        return lines

    def act(self) -> None:
        """Do one thing on one side; what its state does not allow is left undone."""
        who = self.random.choice(BOTH)
        side = self.duo.side(who)
        actions: list[tuple[int, Callable[[], list[bytes]]]] = [
            (60, lambda: self.send(who)),
            (8, side.start),
            (4, side.end),
            (5, self.pass_time),
            (3, lambda: side.smp_start(SECRET)),
            (4, lambda: side.smp_answer(SECRET)),
            (1, side.smp_abort),
            (4, lambda: side.extra_key(self.counter)),
            (11, self.settle),
        ]
        weights, choices = zip(*actions, strict=True)
        self.counter += 1
        [action] = self.random.choices(choices, weights)
        with contextlib.suppress(LocalError, LibotrError):
            self.duo.network.post(side, action())
        for _ in range(self.random.randrange(5)):
            self.duo.network.step()

    def pass_time(self) -> list[bytes]:
        self.duo.pass_time(self.random.randrange(1, 40))
        return []

    def settle(self) -> list[bytes]:
        self.duo.network.settle()
        return []

    def check(self) -> None:
        """No duplicate, no foreign text, no ciphertext shown as text, no two values of a key."""
        for who in BOTH:
            diary = self.duo.other(who).diary
            private = diary.encrypted()
            assert len(private) == len(set(private))
            for text in diary.texts:
                assert resent_text(text.data) in self.sent[who]
                assert b"?OTR" not in text.data
        keys = self.duo.ours.diary.keys + self.duo.theirs.diary.keys
        assert len({key.use for key in keys}) == len(set(keys))
        assert self.duo.ours.silent == []

    def heal(self) -> None:
        """Once faults have stopped, two rounds of asking suffice.

        A damaged D-H Key leaves a version 3 libotr with a commit of before, which it answers from
        until that has failed once (docs/interop.md): then it may take more.
        """
        stuck = "setup_error" in self.duo.theirs.diary.problems
        self.duo.network.faults = Faults()
        self.duo.network.settle()
        for _ in range(8 if stuck else 2):
            self.duo.pass_time(120)
            self.duo.network.connect(self.duo.ours)
            if (self.duo.ours.state, self.duo.theirs.state) == (ENCRYPTED, ENCRYPTED):
                break
        self.duo.assert_secure()

    def prove(self) -> None:
        """All that a session can do works once more."""
        ours, theirs, network = self.duo.ours, self.duo.theirs, self.duo.network
        self.duo.assert_talks()
        network.post(theirs, theirs.smp_abort())
        network.settle()
        network.post(ours, ours.extra_key(0xFFFFFFFF))
        network.post(ours, ours.smp_start(SECRET))
        network.settle()
        network.post(theirs, theirs.smp_answer(SECRET))
        network.settle()
        assert ours.diary.keys[-1] == theirs.diary.keys[-1]
        assert ours.diary.smp_names()[-1] == theirs.diary.smp_names()[-1] == "success"


@pytest.mark.sample(number=[*range(12)])  # each version, policy and limit
@pytest.mark.parametrize("number", range(SESSIONS))
def test_conversation_when_the_network_is_faulty_then_no_text_is_doubled_and_it_heals(
    make_duo: MakeDuo, number: int
) -> None:
    version = 2 + number % 2
    policy = Policy.ALLOW_V3 if version == 3 else Policy.ALLOW_V2
    extra = (Policy.NEVER, Policy.ERROR_START_AKE, Policy.SEND_WHITESPACE_TAG)[number % 3]
    limit = (0, 0, 250)[number // 2 % 3]
    duo = make_duo(
        version,
        ours=policy | extra,
        theirs=policy | extra,
        our_limit=limit,
        their_limit=limit,
        case=number,
    )
    model = Model(duo)
    duo.network.faults = Faults(lose=0.05, damage=0.05, duplicate=0.05, reorder=0.1)
    for _ in range(STEPS):
        model.act()
        model.check()
    model.heal()
    model.check()
    model.prove()
