"""Random conversations with libotr on a faulty network: sends, refreshes, ends, losses.

`OTRFAST_MODEL_SESSIONS` sets how many are run; each is repeatable by its number.
"""

from __future__ import annotations

import os

import pytest

from otrfast import LocalError, Policy

from .duo import BOTH, Duo, MakeDuo
from .network import Faults
from .sides import ENCRYPTED

SESSIONS = int(os.environ.get("OTRFAST_MODEL_SESSIONS", "40"))
STEPS = 40


class Model:
    """One conversation: what was sent, and what must hold of what was shown."""

    def __init__(self, duo: Duo) -> None:
        self.duo = duo
        self.random = duo.network.random
        self.sent: dict[str, set[bytes]] = {"ours": set(), "theirs": set()}
        self.counter = 0

    def send(self, who: str) -> None:
        self.counter += 1
        text = b"%s says %d" % (who.encode(), self.counter)
        side = self.duo.side(who)
        try:
            lines = side.send(text)
        except LocalError:
            return
        self.sent[who].add(text)
        self.duo.network.post(side, lines)

    def act(self) -> None:
        who = self.random.choice(BOTH)
        side = self.duo.side(who)
        draw = self.random.random()
        if draw < 0.70:
            self.send(who)
        elif draw < 0.80:
            self.duo.network.post(side, side.start())
        elif draw < 0.85:
            self.duo.network.post(side, side.end())
        elif draw < 0.90:
            self.duo.workshop.pass_time(self.random.randrange(1, 40))
            self.duo.network.post(self.duo.ours, self.duo.ours.tick())
        else:
            self.duo.network.settle()
        for _ in range(self.random.randrange(5)):
            self.duo.network.step()

    def check(self) -> None:
        """No duplicate, no foreign text, no ciphertext shown as text."""
        for who in BOTH:
            diary = self.duo.other(who).diary
            private = diary.encrypted()
            assert len(private) == len(set(private))
            for text in diary.texts:
                assert text.data.removeprefix(b"[resent] ") in self.sent[who]
                assert b"?OTR" not in text.data
        assert self.duo.ours.silent == []

    def heal(self) -> None:
        """Once faults have stopped, two rounds of asking suffice."""
        self.duo.network.faults = Faults()
        self.duo.network.settle()
        for _ in range(2):
            self.duo.pass_time(120)
            self.duo.network.connect(self.duo.ours)
            if (self.duo.ours.state, self.duo.theirs.state) == (ENCRYPTED, ENCRYPTED):
                break
        self.duo.assert_secure()


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
    duo.network.faults = Faults(lose=0.05, duplicate=0.05, reorder=0.1)
    for _ in range(STEPS):
        model.act()
        model.check()
    model.heal()
    model.check()
    duo.assert_talks()
