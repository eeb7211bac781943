"""The fast path decides nothing that the general path would decide otherwise, and a batch does what
its lines and texts would do one by one: the same conversation is run all three ways."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import Pair, digest, examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otrfast import Outcome, Padding, Policy, errors, events
from otrfast.engine.fast_path import FastPath
from otrfast.protocol.channel import Channel
from otrfast.wire.tlv import Tlv

TEXTS = st.one_of(
    st.sampled_from(
        [b"", b"x", b"?", b"?OTR", b"a ?OTR:b. c", b"text " * 30, b"\xff\xfe", b"why? no"]
    ),
    st.binary(min_size=1, max_size=60).map(lambda text: text.replace(b"\0", b"0")),
)
SIDES = st.sampled_from(["alice", "bob"])
DAMAGE = st.sampled_from(
    ["none"] * 6
    + ["flip", "cut", "twice", "swap", "junk", "front", "after", "break", "long", "empty", "dot"]
)
STEPS = st.one_of(
    st.tuples(st.just("send"), SIDES, st.lists(TEXTS, min_size=1, max_size=4)),
    st.tuples(st.just("send"), SIDES, st.lists(TEXTS, min_size=1, max_size=4)),
    st.tuples(st.just("deliver"), SIDES, st.lists(st.tuples(DAMAGE, st.integers(0, 400)))),
    st.tuples(st.just("deliver"), SIDES, st.lists(st.tuples(DAMAGE, st.integers(0, 400)))),
    st.tuples(st.just("tlv"), SIDES, TEXTS),
    st.tuples(st.just("flag"), SIDES, TEXTS),
    st.tuples(st.just("clock"), st.integers(1, 70), st.none()),
    st.tuples(st.just("fragment"), SIDES, st.none()),
    st.tuples(st.just("padding"), SIDES, st.booleans()),
    st.tuples(st.just("limit"), SIDES, st.sampled_from([0, 400, 3000])),
    st.tuples(st.just("refresh"), SIDES, st.none()),
)


def plain(value: Any) -> Any:
    """An outcome as values that can be compared: errors by class and words."""
    if isinstance(value, Exception):
        return type(value).__name__, str(value)
    if hasattr(value, "__record__"):
        return type(value).__name__, *(plain(getattr(value, each)) for each in value.__match_args__)
    if isinstance(value, events.MessageReceived):
        return "MessageReceived", *value
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value


class Run:
    """One way through a conversation."""

    def __init__(self, backend, version: int, batched: bool) -> None:
        self.pair = Pair(backend, version, 4)
        self.pair.establish()
        self.pair.converse(2)
        self.batched = batched
        self.log: list[Any] = []

    def note(self, side, outcomes: list[Outcome]) -> None:
        happened = [event for outcome in outcomes for event in outcome.events]
        lines = [line for outcome in outcomes for line in outcome.wire]
        side.out += lines
        self.log.append((side.account.name, plain(happened), tuple(lines)))

    def run(self, steps: list) -> None:
        for action, who, what in steps:
            if action == "clock":
                self.pair.clock.turn(who)
                continue
            side = getattr(self.pair, who)
            getattr(self, action)(side, what)
            self.log.append((digest_of(side), side.session.state))
        for name in ("alice", "bob"):
            side = getattr(self.pair, name)
            self.deliver(self.pair.other(side), [("none", 0)] * len(side.out))

    def send(self, side, texts: list[bytes]) -> None:
        if self.batched:
            self.note(side, [side.session.send_many(texts)])
        else:
            self.note(side, [side.session.send(text) for text in texts])

    def deliver(self, side, damages: list) -> None:
        lines = []
        queue = self.pair.other(side).out
        for how, number in damages:
            if not queue:
                break
            line = queue.popleft()
            at = number % max(1, len(line))
            match how:
                case "none":
                    lines.append(line)
                case "flip":
                    lines += [line[:at] + bytes((line[at] ^ 1,)) + line[at + 1 :], line]
                case "cut":
                    lines += [line[:at], line]
                case "twice":
                    lines += [line, line]
                case "swap":
                    lines += [queue.popleft(), line] if queue else [line]
                case "junk":
                    lines += [b"?OTR:" + b"A" * at + b".", b"hello", line]
                case "front":
                    lines += [b"in front " + line]
                case "after":
                    lines += [line + b" after"]
                case "break":
                    lines += [line[:at] + b"\n" + line[at:]]
                case "long":
                    lines += [b"?OTR:" + b"A" * 70_000 + b".", line]
                case "empty":
                    lines += [b"", line]
                case "dot":
                    lines += [line[:-1], line]
        if self.batched:
            self.note(side, [side.session.receive_many(lines)])
        else:
            self.note(side, [side.session.receive(line) for line in lines])

    def tlv(self, side, text: bytes) -> None:
        self.note(side, [side.session.send(text, tlvs=[Tlv(0x100, b"record")])])

    def flag(self, side, text: bytes) -> None:
        line = side.instance.channel.seal(text, b"", 1)
        side.out.append(line)

    def fragment(self, side, _: None) -> None:
        tags = self.pair.other(side).account.instance_tag, side.account.instance_tag
        head = b"?OTR|%08x|%08x" % tags if self.pair.version == 3 else b"?OTR"
        self.note(side, [side.session.receive(head + b",00001,00002,?OTR:,")])

    def padding(self, side, on: bool) -> None:
        side.session.padding = Padding(64) if on else None

    def limit(self, side, limit: int) -> None:
        side.session.max_fragment = limit

    def refresh(self, side, _: None) -> None:
        self.note(side, [side.session.start()])


def digest_of(side) -> tuple:
    """What a step leaves behind, without the handles of this run."""
    ring = side.instance.channel.keyring
    return (
        ring.our_keyid,
        ring.their_keyid,
        tuple(sorted((pair, keys.send_counter, keys.receive_counter, keys.verified)
              for pair, keys in ring._pairs.items())),
        side.session._conversation.offer,
        side.session._conversation.sent,
        side.instance.last_sent,
        side.instance.last_received,
        side.session._conversation.last_sent,
        side.session._conversation.last_received,
    )  # fmt: skip


@settings(
    max_examples=examples(15),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, max_size=25))
@pytest.mark.parametrize("number", [2, 3])
def test_conversation_when_run_three_ways_then_the_same(backend, number: int, steps: list):
    fast = Run(backend, number, batched=False)
    fast.run(steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastPath, "settle", lambda path, conversation: setattr(path, "channel", None))
        general = Run(backend, number, batched=False)
        general.run(steps)
    batched = Run(backend, number, batched=True)
    batched.run(steps)
    assert fast.log == general.log
    assert fast.log == batched.log


def test_fast_path_then_it_is_taken_where_it_can_be(backend, version: int, monkeypatch):
    """Else the property above would say little."""
    pair = Pair(backend, version)
    pair.establish()
    pair.converse(2)
    pair.say(pair.alice, b"opens the fast path")
    general = []
    monkeypatch.setattr(
        "otrfast.engine.dispatch.receive", lambda conversation, line, call: general.append(line)
    )
    lines = pair.alice.session.send_many([b"one", b"two"]).wire
    assert pair.bob.session.receive(lines[0]).events[0].text == b"one"
    assert pair.bob.session.receive_many(lines[1:]).events[0].text == b"two"
    if backend.name == "native":  # a line with new keys is read by the core as well
        answer = pair.bob.session.send(b"three").wire[0]
        assert pair.alice.session.receive(answer).events[0].text == b"three"
    assert general == []


def test_receive_many_when_a_line_is_too_long_then_only_that_one_is_refused(secured: Pair):
    secured.converse(2)
    secured.say(secured.alice, b"opens the fast path")
    good = secured.alice.session.send_many([b"one", b"two"]).wire
    outcome = secured.bob.session.receive_many([good[0], b"?OTR:" + b"A" * 70_000 + b".", good[1]])
    kinds = [type(event).__name__ for event in outcome.events]
    assert kinds == ["MessageReceived", "Limited", "MessageRejected", "MessageReceived"]
    assert not outcome.wire


def test_receive_many_of_nothing_then_nothing(secured: Pair):
    assert secured.alice.session.receive_many([]) == ((), ())
    assert secured.alice.session.send_many([]) == ((), ())
    assert secured.alice.account.receive_many([]) == []
    assert secured.alice.account.send_many([]) == []


def test_send_many_when_one_can_not_be_sent_then_those_before_it_are_not_lost(secured: Pair):
    secured.converse()
    with pytest.raises(errors.TextHasNul) as caught:
        secured.alice.session.send_many([b"one", b"two", b"a\0b", b"three"])
    (outcome,) = caught.value.outcomes
    got = secured.bob.session.receive_many(outcome.wire)
    assert [event.text for event in got.events if isinstance(event, events.MessageReceived)] == [
        b"one",
        b"two",
    ]
    secured.converse()


def test_receive_many_of_much_junk_then_the_fast_path_is_not_tried_on_all_of_it_each_time(
    secured: Pair, monkeypatch
):
    """Its cost stays in proportion to the lines."""
    secured.converse(2)
    secured.say(secured.alice, b"opens the fast path")
    looked_at = []
    true = Channel.open_many
    monkeypatch.setattr(
        Channel,
        "open_many",
        lambda self, lines, *rest: looked_at.append(len(lines)) or true(self, lines, *rest),
    )
    junk = [b"?OTR:AAMDjunk."] * 2000
    secured.bob.session.receive_many(junk)
    assert sum(looked_at) <= len(junk) * 20


def test_session_when_the_policy_forbids_its_version_then_both_directions_go_on(
    quick, version: int
):
    from helpers import ONLY

    pair = Pair(quick, version)
    pair.establish()
    pair.converse(2)
    pair.say(pair.alice, b"opens the fast path")
    for policy in (ONLY[5 - version], Policy.NEVER):
        pair.bob.session.policy = policy
        pair.converse(2)
        pair.bob.session.max_fragment = pair.alice.session.max_fragment = 300
        pair.converse(1)
        pair.bob.session.max_fragment = pair.alice.session.max_fragment = 0
    pair.alice.start()  # a new session of the forbidden version does not start
    pair.deliver()
    assert len(pair.bob.seen(events.SecureStarted)) == 1
    pair.converse()


def test_digest_then_it_sees_what_a_fast_path_message_changes(secured: Pair):
    """The oracle of the other tests must not be blind."""
    secured.converse(2)
    secured.say(secured.alice, b"opens the fast path")
    before = digest(secured.bob.session)
    assert digest(secured.bob.session) == before
    secured.say(secured.alice, b"on the fast path")
    assert digest(secured.bob.session) != before


@pytest.mark.parametrize("at", [0, 700, 999])
def test_send_many_when_one_text_is_not_for_the_fast_path_then_none_is_looked_at_often(
    secured: Pair, monkeypatch, at: int
):
    """Whoever can put a text into a batch must not make it cost the square of its length."""
    secured.converse(2)
    texts = [b"%d" % number for number in range(1000)]
    texts[at] = b"what does ?OTR mean"
    looked_at = []
    seal_run = FastPath.seal_run

    def counted(path: FastPath, conversation, run: list[bytes]) -> list[bytes]:
        looked_at.append(len(run))
        return seal_run(path, conversation, run)

    monkeypatch.setattr(FastPath, "seal_run", counted)
    lines = secured.alice.session.send_many(texts).wire
    assert [event.text for event in secured.bob.session.receive_many(lines).events] == texts
    assert sum(looked_at) < 5 * len(texts)
