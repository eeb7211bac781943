"""What an outcome says of its lines: what each is, and which instance it is for."""

from __future__ import annotations

import pytest
from helpers import Pair, kind
from hypothesis import given
from hypothesis import strategies as st

from otrfast import LineKind, Outcome, Policy
from otrfast.wire.tlv import Tlv

EXCHANGE = {"DHCommit", "DHKey", "RevealSignature", "Signature"}
FRAGMENTS = (0, 40, 57, 61, 120, 400)


@pytest.fixture(params=[2, 3])
def version(request) -> int:
    return request.param


def the_kind(outcome: Outcome) -> LineKind:
    """The one kind of all lines of an outcome."""
    (found,) = set(outcome.kinds)
    assert len(outcome.kinds) == len(outcome.receivers) == len(outcome.wire)
    return found


@pytest.mark.parametrize("max_fragment", FRAGMENTS)
def test_kinds_of_a_conversation_then_each_line_has_its_own(quick, version, max_fragment):
    pair = Pair(quick, version, max_fragment=max_fragment)
    outcome = pair.alice.start()
    assert the_kind(outcome) is LineKind.QUERY
    assert set(outcome.receivers) == {None}
    while pair.alice.out or pair.bob.out:
        for side in (pair.alice, pair.bob):
            if side.out:
                other = pair.other(side)
                answer = other.receive(side.out.popleft())
                assert set(answer.kinds) <= {LineKind.EXCHANGE}
    session = pair.alice.session
    assert the_kind(pair.alice.send(b"text")) is LineKind.TEXT
    assert the_kind(pair.alice.send(b"t" * 3000)) is LineKind.TEXT
    assert the_kind(pair.alice.take(session.seal(b"\0"))) is LineKind.TEXT
    assert the_kind(pair.alice.send(b"text", tlvs=(Tlv(0, b"pad"),))) is LineKind.TEXT
    pair.deliver(10_000)
    tag = session.instance_tags[1]
    for call in (lambda: session.smp_start(b"secret"), session.smp_abort, session.end):
        outcome = pair.alice.take(call())
        assert the_kind(outcome) is LineKind.CONTROL
        assert set(outcome.receivers) == {tag if version == 3 else 0}
        pair.deliver()


def test_kinds_of_several_messages_in_one_outcome_then_in_order(quick, version):
    pair = Pair(quick, version, max_fragment=200)
    pair.establish()
    session = pair.alice.session
    outcomes = [session.send(b"t" * 900), session.smp_start(b"x"), session.send(b"u" * 500)]
    joined = Outcome((), tuple(line for each in outcomes for line in each.wire))
    assert joined.kinds == tuple(each for outcome in outcomes for each in outcome.kinds)
    assert list(dict.fromkeys(joined.kinds)) == [LineKind.TEXT, LineKind.CONTROL]


def test_kinds_of_plain_texts_and_errors(quick):
    pair = Pair(quick, 3, policies=(Policy.OPPORTUNISTIC, Policy.ALWAYS))
    assert the_kind(pair.alice.session.send(b"a text with a tag")) is LineKind.PLAIN
    pair.bob.start()
    pair.deliver()
    for side in (pair.alice, pair.bob):
        said = dict(zip(map(kind, side.sent), Outcome((), tuple(side.sent)).kinds, strict=True))
        assert all(
            (found is LineKind.EXCHANGE) == (name in EXCHANGE) for name, found in said.items()
        )
    other = Pair(quick, 3, seed=5)
    other.establish()
    (line,) = other.alice.session.send(b"for somebody else's keys").wire
    lost = Pair(quick, 3, seed=5)
    answer = lost.bob.receive(line)
    assert LineKind.ERROR in answer.kinds or LineKind.QUERY in answer.kinds


@given(line=st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"?OTR" + tail))
def test_kinds_of_any_text_of_the_user_then_nothing_is_raised(line):
    for text in (line, b"?OTR:" + line, b"?OTR|" + line, b"?OTR,1,2," + line + b","):
        outcome = Outcome((), (text, b"second"))
        assert len(outcome.kinds) == len(outcome.receivers) == 2
        assert outcome.kinds[1] is LineKind.PLAIN
