"""The measured workloads: key exchanges, texts and SMP between two accounts in one process.

Both ends run in the same thread, so a figure includes the work of both sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from otrfast.account import Account
from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair
from otrfast.environment import Environment
from otrfast.events import MessageReceived, SmpSucceeded
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.session import Session

_UNLIMITED = Limits(ake_burst=1 << 40, account_ake_rate=1e9, smp_burst=1 << 40)
_SECRET = b"the same on both sides"


class Duo:
    """Two accounts, `alice` and `bob`, and the conversation between them."""

    alice: Session
    bob: Session

    def __init__(self, backend: Backend, version: int = 3) -> None:
        environment = Environment(backend=backend)
        policy = Policy.ALLOW_V3 if version == 3 else Policy.ALLOW_V2
        self.accounts: list[Account] = [
            Account(
                name,
                "demo",
                KeyPair(backend.dsa_generate(environment.random(32)), backend),
                policy=policy,
                limits=_UNLIMITED,
                environment=environment,
            )
            for name in ("alice", "bob")
        ]
        self._numbers = count()
        self.connect()

    def meet(self) -> tuple[Session, Session]:
        """Return the two ends of a new conversation."""
        number = next(self._numbers)
        alice, bob = (account.session(number) for account in self.accounts)
        return alice, bob

    def connect(self) -> None:
        """Start a new conversation with a key exchange."""
        self.alice, self.bob = self.meet()
        shuttle(self.alice, self.bob, self.alice.start())
        if (
            self.alice.state is not MessageState.ENCRYPTED
            or self.bob.state is not MessageState.ENCRYPTED
        ):
            raise RuntimeError("the key exchange did not end encrypted")

    def ping_pong(self, messages: int, text: bytes) -> None:
        """Send alternating texts, so that the keys rotate with each."""
        ends = (self.alice, self.bob)
        for number in range(messages):
            sender, receiver = ends[number % 2], ends[1 - number % 2]
            received = receiver.receive(sender.send(text).wire[0]).events[0]
            if not (isinstance(received, MessageReceived) and received.text == text):
                raise RuntimeError("a text did not arrive unchanged")

    def burst(self, messages: int, text: bytes) -> None:
        """Send texts in one direction, one call each."""
        send, receive = self.alice.send, self.bob.receive
        for _ in range(messages):
            receive(send(text).wire[0])

    def burst_many(self, messages: int, text: bytes) -> None:
        """Send texts in one direction, one call for all."""
        self.bob.receive_many(self.alice.send_many([text] * messages).wire)

    def smp(self) -> None:
        """Run a complete SMP."""
        shuttle(self.alice, self.bob, self.alice.smp_start(_SECRET))
        events = shuttle(self.bob, self.alice, self.bob.smp_answer(_SECRET))
        if not any(isinstance(event, SmpSucceeded) for event in events):
            raise RuntimeError("the check of a shared secret did not succeed")


class Crowd:
    """Two accounts with many conversations that are active at the same time, as in a gateway."""

    def __init__(self, backend: Backend, size: int) -> None:
        self._duo = Duo(backend)
        for _ in range(size - 1):
            self._duo.connect()
        self._peers = range(size)

    def ping_pong(self, rounds: int, text: bytes) -> None:
        """Send a text in every conversation, in alternating directions, with one call per end."""
        ends = self._duo.accounts
        for number in range(rounds):
            sender, receiver = ends[number % 2], ends[1 - number % 2]
            sent = sender.send_many([(peer, text) for peer in self._peers])
            lines = [(peer, out.wire[0]) for peer, out in zip(self._peers, sent, strict=True)]
            for outcome in receiver.receive_many(lines):
                received = outcome.events[0]
                if not (isinstance(received, MessageReceived) and received.text == text):
                    raise RuntimeError("a text did not arrive unchanged")


def shuttle(sender: Session, receiver: Session, outcome: Outcome) -> list[object]:
    """Deliver lines between two ends until there are none; return the events of both."""
    events: list[object] = list(outcome.events)
    lines = [(receiver, sender, line) for line in outcome.wire]
    while lines:
        here, there, line = lines.pop(0)
        answer = here.receive(line)
        events += answer.events
        lines += [(there, here, each) for each in answer.wire]
    return events


def per_second(work: Callable[[], None], units: int, seconds: float) -> float:
    """Repeat `work`, which does `units` operations, for about `seconds`; return operations per
    second."""
    done = 0
    start = now = time.perf_counter()
    while now - start < seconds:
        work()
        done += units
        now = time.perf_counter()
    return done / (now - start)
