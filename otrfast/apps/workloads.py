"""The measured workloads: key exchanges, texts and SMP between two accounts in one process.

Both ends run in the same thread, so a figure includes the work of both sides.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from random import Random

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

_UNLIMITED = Limits(
    ake_burst=1 << 40, account_ake_rate=1e9, smp_burst=1 << 40, heartbeat_interval=1e9
)
"""No limit, and no heartbeats: a conversation that waited for its turn would begin with one."""
_SECRET = b"the same on both sides"
_SEED = 5
_STEP = 0.1  # seconds by which the clock of a storm is turned
_LONGEST_STORM = 60.0  # seconds of that clock


def new_key(backend: Backend) -> KeyPair:
    """Return a new DSA key."""
    return KeyPair(backend.dsa_generate(Environment(backend=backend).random(32)), backend)


class Duo:
    """Two accounts, `alice` and `bob`, and the conversation between them."""

    alice: Session
    bob: Session

    def __init__(
        self, backend: Backend, version: int = 3, keys: Sequence[KeyPair] | None = None
    ) -> None:
        """Make the accounts, and connect them. With two `keys` of their own they are left new to
        each other: `connect` is their first contact."""
        environment = Environment(backend=backend)
        policy = Policy.ALLOW_V3 if version == 3 else Policy.ALLOW_V2
        owned = [new_key(backend) for _ in range(2)] if keys is None else keys
        self.accounts: list[Account] = [
            Account(name, "demo", key, policy=policy, limits=_UNLIMITED, environment=environment)
            for name, key in zip(("alice", "bob"), owned, strict=True)
        ]
        self._numbers = count()
        if keys is None:
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
            received = receive(send(text).wire[0]).events[0]
            if not (isinstance(received, MessageReceived) and received.text == text):
                raise RuntimeError("a text did not arrive unchanged")

    def burst_many(self, messages: int, text: bytes) -> None:
        """Send texts in one direction, one call for all."""
        texts = [text] * messages
        received = self.bob.receive_many(self.alice.send_many(texts).wire).events
        if [each.text for each in received if isinstance(each, MessageReceived)] != texts:
            raise RuntimeError("the texts did not arrive unchanged")

    def latencies(self, messages: int, text: bytes) -> tuple[list[float], list[float]]:
        """Send alternating texts; return the seconds of processor time of each `send`, and of each
        `receive`."""
        ends, now = (self.alice, self.bob), time.process_time
        sending, receiving = [], []
        for number in range(messages):
            sender, receiver = ends[number % 2], ends[1 - number % 2]
            start = now()
            line = sender.send(text).wire[0]
            sent = now()
            received = receiver.receive(line).events[0]
            receiving.append(now() - sent)
            sending.append(sent - start)
            if not (isinstance(received, MessageReceived) and received.text == text):
                raise RuntimeError("a text did not arrive unchanged")
        return sending, receiving

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
        self._peers = range(1)
        self._random = Random(_SEED)
        self.grow(size)

    def grow(self, size: int) -> range:
        """Have at least `size` conversations; return the new ones."""
        new = range(len(self._peers), size)
        for _ in new:
            self._duo.connect()
        self._peers = range(max(size, len(self._peers)))
        return new

    def draw(self, messages: int, size: int) -> list[int]:
        """Return the peers for `messages` texts, each drawn from the first `size`."""
        return self._random.choices(self._peers[:size], k=messages)

    def burst(self, peers: Sequence[int], text: bytes) -> None:
        """Send a text to each of these peers in turn, all in one direction, one call each."""
        sender, receiver = self._duo.accounts
        for peer in peers:
            line = sender.session(peer).send(text).wire[0]
            received = receiver.session(peer).receive(line).events[0]
            if not (isinstance(received, MessageReceived) and received.text == text):
                raise RuntimeError("a text did not arrive unchanged")

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


class HandClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Storm:
    """An account with the default limits, and strangers with keys of their own, of which it knows
    nothing, who all want to talk to it at once."""

    def __init__(self, backend: Backend, strangers: int) -> None:
        self._clock = HandClock()
        environment = Environment(clock=self._clock, backend=backend)
        self._account = Account(
            "bot", "demo", new_key(backend), policy=Policy.ALLOW_V3, environment=environment
        )
        self._ends = [
            Account(
                f"stranger{number}", "demo", new_key(backend),
                policy=Policy.ALLOW_V3, environment=environment,
            ).session("bot")
            for number in range(strangers)
        ]  # fmt: skip
        self._lines: deque[tuple[int, bytes]] = deque()

    def run(self) -> float:
        """Have everybody commit at once, and the account's clock turned until all conversations are
        encrypted; return the time that it shows then, in seconds."""
        for number, end in enumerate(self._ends):
            self._lines += [(number, line) for line in end.exchange_keys({3}).wire]
        self._deliver()
        while not self._all_encrypted():
            self._clock.now += _STEP
            if self._clock.now > _LONGEST_STORM:
                raise RuntimeError("the storm did not end with all conversations encrypted")
            for peer, outcome in self._account.tick():
                assert isinstance(peer, int)
                self._take(peer, outcome)
            self._deliver()
        return self._clock.now

    def _deliver(self) -> None:
        while self._lines:
            number, line = self._lines.popleft()
            self._take(number, self._account.session(number).receive(line))

    def _take(self, number: int, outcome: Outcome) -> None:
        for line in outcome.wire:
            answer = self._ends[number].receive(line)
            self._lines += [(number, each) for each in answer.wire]

    def _all_encrypted(self) -> bool:
        return all(
            end.state is MessageState.ENCRYPTED is self._account.session(number).state
            for number, end in enumerate(self._ends)
        )


class IdlePeers:
    """An account whose peers have said one thing in plain text long ago: it is time to forget
    them all."""

    def __init__(self, backend: Backend, peers: int) -> None:
        clock = HandClock()
        limits = Limits(peers=peers)
        environment = Environment(clock=clock, backend=backend)
        key = new_key(backend)
        self._account = Account("bot", "demo", key, limits=limits, environment=environment)
        for number in range(peers):
            self._account.session(number).receive(b"good morning")
        clock.now += 2 * limits.idle_peer

    def tick(self) -> None:
        """Forget them in one call."""
        self._account.tick()
        self._require_none()

    def tick_in_slices(self, limit: int) -> list[float]:
        """Forget them, up to `limit` in a call; return the seconds of processor time of each
        call."""
        calls = []
        while self._account.sessions:
            start = time.process_time()
            self._account.tick(limit=limit)
            calls.append(time.process_time() - start)
        self._require_none()
        return calls

    def _require_none(self) -> None:
        if self._account.sessions:
            raise RuntimeError("idle peers were not forgotten")


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
