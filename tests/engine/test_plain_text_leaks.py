"""No path leads from ENCRYPTED to sending plain text that neither the user nor the account has
announced: the user by `end` or `forget`, the account by `ConversationForgotten`."""

from __future__ import annotations

from contextlib import suppress

import pytest
from helpers import ONLY, Pair, Side, make_account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otrfast import Limits, LocalError, Policy, events
from otrfast.wire.lines import tag

SECRET = b"the secret text"
LIMITS = Limits(
    peers=4, idle_session=200.0, idle_finished=900.0, ake_burst=1000, ake_rate=1000.0, instances=3
)
POLICIES = [
    Policy.NEVER,
    Policy.ALLOW_V2,
    Policy.ALLOW_V3,
    Policy.MANUAL,
    Policy.OPPORTUNISTIC,
    Policy.ALWAYS,
    Policy.MANUAL | Policy.REQUIRE_TRUST,
]
LINES = [
    b"hello",
    b"hello" + tag((2, 3)),
    b"?OTRv23?",
    b"?OTR Error: I could not read that",
    b"?OTR:AAMC.",
    b"?OTR|00000100|00000000,00001,00002,?OTR:,",
    b"what is ?OTR",
]
STEPS = st.one_of(
    st.tuples(st.just("line"), st.sampled_from(LINES)),
    st.tuples(st.just("clock"), st.sampled_from([1, 50, 150, 650, 1000])),
    st.tuples(st.just("policy"), st.sampled_from(POLICIES)),
    st.tuples(st.just("account_policy"), st.sampled_from(POLICIES)),
    st.tuples(st.just("peer_end"), st.none()),
    st.tuples(st.just("peer_text"), st.none()),
    st.tuples(st.just("refresh"), st.none()),
    st.tuples(st.just("other_instance"), st.sampled_from(["bob", "mallory"])),
    st.tuples(st.just("flood"), st.integers(1, 6)),
    st.tuples(st.just("verify"), st.sampled_from(["", "verified"])),
    st.tuples(st.just("send"), st.none()),
)


class Story:
    """A private conversation of Alice, and whatever happens to it."""

    def __init__(self, backend, version: int) -> None:
        self.backend = backend
        self.pair = Pair(backend, version, limits=LIMITS)
        self.pair.establish()
        self.account = self.pair.alice.account
        self.pair.alice.session = None  # nobody holds it
        self.announced = False
        self.number = 0

    def take(self, outcome) -> None:
        self.announced |= any(
            isinstance(event, events.ConversationForgotten) and event.peer == "bob"
            for event in outcome.events
        )
        for line in outcome.wire:
            assert SECRET not in line or self.announced

    def line(self, line: bytes) -> None:
        self.take(self.account.session("bob").receive(line))

    def clock(self, seconds: float) -> None:
        self.pair.clock.turn(seconds)
        self.tick()

    def tick(self) -> None:
        for peer, outcome in self.account.tick():
            if peer == "bob":
                self.take(outcome)

    def policy(self, policy: Policy) -> None:
        self.account.session("bob").policy = policy

    def account_policy(self, policy: Policy) -> None:
        self.account.policy = policy

    def deliver(self, side: Side) -> None:
        """Deliver what a side of Bob's sends, and what Alice answers."""
        for _ in range(20):
            if not side.out:
                return
            outcome = self.account.session("bob").receive(side.out.popleft())
            self.take(outcome)
            for answer in outcome.wire:
                side.receive(answer)

    def peer_end(self, _: None) -> None:
        self.pair.bob.take(self.pair.bob.session.end())
        self.deliver(self.pair.bob)

    def peer_text(self, _: None) -> None:
        self.pair.bob.send(b"a text of the peer")
        self.deliver(self.pair.bob)

    def refresh(self, _: None) -> None:
        self.pair.bob.start()
        self.deliver(self.pair.bob)

    def other_instance(self, name: str) -> None:
        self.number += 1
        account = make_account(
            self.backend, name, self.number, self.pair.clock, ONLY[self.pair.version], LIMITS
        )
        side = Side(account, "alice")
        side.start()
        self.deliver(side)
        side.take(side.session.end())
        self.deliver(side)

    def flood(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            with suppress(LocalError):
                self.account.session(("unknown", self.number)).receive(b"?OTRv23?")
        self.tick()

    def verify(self, level: str) -> None:
        for fingerprint in list(self.account.trust.of("bob")):
            self.account.trust.set("bob", fingerprint, level)

    def send(self, _: None) -> None:
        with suppress(LocalError):
            self.take(self.account.session("bob").send(SECRET))


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=150,
)
@given(steps=st.lists(STEPS, max_size=14))
@pytest.mark.parametrize("version", [2, 3])
def test_private_conversation_whatever_happens_then_no_text_leaves_in_the_clear(
    quick, version: int, steps: list
):
    story = Story(quick, version)
    for action, what in steps:
        with suppress(LocalError):  # a full account, above all
            getattr(story, action)(what)
        story.send(None)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("action", ["peer_end", "clock", "other_instance", "flood", "line"])
def test_text_after_each_event_under_each_policy_then_not_in_the_clear(quick, policy, action):
    """The table of all single steps, which the property above may miss."""
    values = {"clock": [150, 250, 700], "other_instance": ["mallory"], "flood": [3], "line": LINES}
    for value in values.get(action, [None]):
        story = Story(quick, 3)
        story.policy(policy)
        getattr(story, action)(value)
        story.send(None)
        story.clock(250)
        story.send(None)
