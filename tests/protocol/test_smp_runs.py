"""SMP: whether two people find out, and nothing else, that they know the same secret."""

from __future__ import annotations

import pytest
from helpers import Pair, Side, digest, parsed

from otrfast import Limits, Session, errors, events, trust
from otrfast.crypto.group import P, Q
from otrfast.limits import FULL
from otrfast.protocol import smp
from otrfast.wire.fields import mpi_of
from otrfast.wire.tlv import Tlv, TlvType

VERDICTS = (events.SmpSucceeded, events.SmpFailed, events.SmpAborted, events.SmpCheated)
STATES = (smp.Expect1, smp.Asked, smp.Expect2, smp.Expect3, smp.Expect4)
INPUTS = (smp.Smp1, smp.Smp2, smp.Smp3, smp.Smp4)
TYPES = {smp.Smp1: 2, smp.Smp2: 3, smp.Smp3: 4, smp.Smp4: 5}


@pytest.fixture
def secured(fast_backend, version: int, seed: int) -> Pair:
    pair = Pair(fast_backend, version, seed)
    pair.establish()
    return pair


def run(pair: Pair, first: Side, ours: bytes, theirs: bytes, question: bytes | None = None) -> None:
    first.take(first.session.smp_start(ours, question))
    pair.deliver()
    other = pair.other(first)
    other.take(other.session.smp_answer(theirs))
    pair.deliver()


def verdicts(side: Side) -> list[type]:
    return [type(event) for event in side.seen(*VERDICTS)]


def level(side: Side) -> str | None:
    return side.account.trust.level(side.session.peer, side.session.fingerprint)


def state_of(side: Side) -> type:
    return type(side.instance.smp)


def test_table_then_every_cell_is_written():
    cells = {(row.state, row.input) for row in smp.TABLE.rows}
    assert cells == {(s, i) for s in STATES for i in (smp.Begin, smp.Answer, *INPUTS)}


def test_smp_on_each_backend_then_right_and_wrong_secrets_are_told_apart(backend):
    pair = Pair(backend, 3)
    pair.establish()
    run(pair, pair.alice, b"same", b"same")
    run(pair, pair.bob, b"same", b"other")
    assert verdicts(pair.alice) == verdicts(pair.bob) == [events.SmpSucceeded, events.SmpFailed]


@pytest.mark.parametrize("question", [None, b"", "wofür?".encode()])
@pytest.mark.parametrize("right", [True, False])
def test_smp_then_verdict_progress_and_trust(secured: Pair, question: bytes | None, right: bool):
    run(secured, secured.alice, b"secret", b"secret" if right else b"another", question)
    verdict = events.SmpSucceeded if right else events.SmpFailed
    assert verdicts(secured.alice) == verdicts(secured.bob) == [verdict]
    assert secured.bob.seen(events.SmpRequested)[0].question == question
    for side in (secured.alice, secured.bob):
        assert [event.percent for event in side.seen(events.SmpProgress)] == [25, 60, 100]
        assert state_of(side) is smp.Expect1
    expected = trust.SMP if right else ""
    assert level(secured.alice) == expected
    assert level(secured.bob) == (expected if question is None else "")
    secured.converse()


def test_smp_when_it_fails_then_earlier_trust_is_taken_back(secured: Pair):
    for side in (secured.alice, secured.bob):
        fingerprint = side.session.fingerprint
        side.account.trust.set(side.session.peer, fingerprint, trust.VERIFIED)
    run(secured, secured.alice, b"x", b"y", b"only Alice learns by a question")
    assert level(secured.alice) == ""
    assert level(secured.bob) == trust.VERIFIED


@pytest.mark.parametrize(
    "secret", [b"", b"\0", bytes(1000), b"\xff" * 64, "schön".encode(), b"x" * 100_000]
)
def test_smp_with_any_secret_then_it_works(quick, secret: bytes):
    pair = Pair(quick, 3)
    pair.establish()
    run(pair, pair.alice, secret, secret)
    assert verdicts(pair.alice) == [events.SmpSucceeded]


def test_smp_when_secrets_differ_by_a_byte_then_failure(secured: Pair):
    run(secured, secured.alice, b"secret", b"secret\0")
    assert verdicts(secured.alice) == verdicts(secured.bob) == [events.SmpFailed]


def test_smp_messages_then_in_tlvs_that_may_be_ignored(secured: Pair):
    run(secured, secured.alice, b"s", b"s", b"q")
    flagged = [parsed(line).flags for line in secured.alice.sent[-2:] + secured.bob.sent[-2:]]
    assert flagged == [1] * 4


def test_smp_over_short_fragments_then_it_works(quick, version: int):
    pair = Pair(quick, version, max_fragment=200)
    pair.establish()
    run(pair, pair.alice, b"s", b"s")
    assert verdicts(pair.bob) == [events.SmpSucceeded]


def test_smp_when_both_start_then_both_abort_and_a_new_one_works(secured: Pair):
    for side in (secured.alice, secured.bob):
        side.take(side.session.smp_start(b"s"))
    secured.deliver()
    for side in (secured.alice, secured.bob):
        assert verdicts(side) == [events.SmpAborted]
        assert state_of(side) is smp.Expect1
    run(secured, secured.bob, b"s", b"s")
    assert verdicts(secured.alice)[-1] is events.SmpSucceeded


def test_smp_when_started_again_then_the_first_is_aborted(secured: Pair):
    secured.alice.take(secured.alice.session.smp_start(b"one"))
    secured.alice.take(secured.alice.session.smp_start(b"two"))
    secured.deliver()
    assert verdicts(secured.alice) == [events.SmpAborted]
    assert verdicts(secured.bob) == [events.SmpAborted]
    secured.bob.take(secured.bob.session.smp_answer(b"two"))
    secured.deliver()
    assert verdicts(secured.alice)[-1] is verdicts(secured.bob)[-1] is events.SmpSucceeded


def test_smp1_when_two_come_then_the_second_is_answered(secured: Pair):
    secured.alice.take(secured.alice.session.smp_start(b"one"))
    secured.deliver()
    secured.alice.instance.smp = smp.Expect1()  # as a peer that forgets its own
    secured.alice.take(secured.alice.session.smp_start(b"two"))
    secured.deliver()
    assert len(secured.bob.seen(events.SmpRequested)) == 2
    secured.bob.take(secured.bob.session.smp_answer(b"two"))
    secured.deliver()
    assert verdicts(secured.alice) == [events.SmpSucceeded]


def reach(pair: Pair, state: type) -> None:
    """Bring Alice into an SMP state."""
    alice, bob = pair.alice, pair.bob
    if state is smp.Expect2:
        alice.take(alice.session.smp_start(b"s"))
    elif state in (smp.Asked, smp.Expect3):
        bob.take(bob.session.smp_start(b"s"))
        pair.step(bob)
        if state is smp.Expect3:
            alice.take(alice.session.smp_answer(b"s"))
    elif state is smp.Expect4:
        alice.take(alice.session.smp_start(b"s"))
        pair.step(alice)
        bob.take(bob.session.smp_answer(b"s"))
        pair.step(bob)
    assert state_of(alice) is state
    bob.out.clear()
    alice.out.clear()


def send_tlv(pair: Pair, record: Tlv) -> tuple[list[events.Event], list[int]]:
    """Have Bob's channel send one TLV to Alice: her events, and the types of her own TLVs."""
    bob, alice = pair.bob, pair.alice
    line = bob.session.send(b"", tlvs=[record]).wire[0]
    outcome = alice.take(alice.session.receive(line))
    alice.out.clear()
    answered = []
    for reply in outcome.wire:
        for event in bob.session.receive(reply).events:
            if isinstance(event, events.TlvsReceived):
                answered += [tlv.type for tlv in event.tlvs]
    bob.instance.smp = smp.Expect1()
    heard = [event for event in outcome.events if not isinstance(event, events.TlvsReceived)]
    return heard, answered


def numbers(kind: type, value: int, good: list[int] | None = None, at: int | None = None) -> Tlv:
    """An SMP message with one number changed, or all of them this one."""
    values = [value] * len(kind.LAYOUT) if good is None else list(good)
    if at is not None:
        values[at] = value
    return Tlv(TYPES[kind], len(values).to_bytes(4, "big") + b"".join(map(mpi_of, values)))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", INPUTS)
def test_message_when_out_of_turn_then_aborted_and_the_session_goes_on(
    secured: Pair, state: type, kind: type
):
    if (state, kind) in {
        (smp.Expect1, smp.Smp1),
        (smp.Asked, smp.Smp1),
        (smp.Expect2, smp.Smp2),
        (smp.Expect3, smp.Smp3),
        (smp.Expect4, smp.Smp4),
    }:
        return  # these are in turn
    reach(secured, state)
    heard, answered = send_tlv(secured, numbers(kind, 2))
    assert state_of(secured.alice) is smp.Expect1
    assert answered == [TlvType.SMP_ABORT]
    aborted = [events.SmpAborted] if state is not smp.Expect1 else []
    assert [type(event) for event in heard] == aborted
    run(secured, secured.bob, b"s", b"s")
    assert verdicts(secured.alice)[-1] is events.SmpSucceeded


@pytest.mark.parametrize("state", STATES)
def test_abort_in_each_state_then_expect1_and_never_answered(secured: Pair, state: type):
    reach(secured, state)
    heard, answered = send_tlv(secured, Tlv(TlvType.SMP_ABORT, b""))
    assert state_of(secured.alice) is smp.Expect1
    assert answered == []
    expected = [] if state is smp.Expect1 else [events.SmpAborted]
    assert [type(event) for event in heard] == expected


@pytest.mark.parametrize("state", STATES)
def test_local_abort_in_each_state_then_the_peer_is_told_where_one_runs(secured: Pair, state: type):
    reach(secured, state)
    outcome = secured.alice.session.smp_abort()
    assert state_of(secured.alice) is smp.Expect1
    assert len(outcome.wire) == len(outcome.events) == (state is not smp.Expect1)


@pytest.mark.parametrize("state", STATES)
def test_end_in_each_state_then_the_check_is_over(secured: Pair, state: type):
    reach(secured, state)
    line = secured.bob.session.end().wire[0]
    secured.alice.receive(line)
    assert state_of(secured.alice) is smp.Expect1
    assert len(secured.alice.seen(events.SmpAborted)) == (state is not smp.Expect1)


def good_numbers(pair: Pair, kind: type) -> tuple[type, list[int]]:
    """A genuine message of Bob's to Alice, and the state of hers that awaits it."""
    alice, bob = pair.alice, pair.bob
    if kind in (smp.Smp1, smp.Smp3):
        line = bob.session.smp_start(b"s").wire[0]
        if kind is smp.Smp3:
            alice.session.receive(line)
            line = bob.session.receive(alice.session.smp_answer(b"s").wire[0]).wire[0]
    else:
        bob.session.receive(alice.session.smp_start(b"s").wire[0])
        line = bob.session.smp_answer(b"s").wire[0]
        if kind is smp.Smp4:
            line = bob.session.receive(alice.session.receive(line).wire[0]).wire[0]
    state = pair.alice.instance.smp
    tlvs = [
        tlv
        for event in pair.alice.session.receive(line).events
        if isinstance(event, events.TlvsReceived)
        for tlv in event.tlvs
    ]
    pair.alice.instance.smp = state
    pair.bob.instance.smp = smp.Expect1()
    decoded = smp.decode(tlvs[0], pair.alice.account._identity.backend)
    return type(state), [int.from_bytes(value, "big") for value in decoded.values]


@pytest.mark.parametrize("kind", INPUTS)
def test_number_when_out_of_range_or_wrong_then_cheated_and_aborted(secured: Pair, kind: type):
    """Each element and each exponent in turn: 0, 1, p-1, p, q, 2^3000, and one too many."""
    _, good = good_numbers(secured, kind)
    state = secured.alice.instance.smp
    secured.alice.account.trust.set("bob", secured.alice.session.fingerprint, trust.VERIFIED)
    for at in range(len(good)):
        for value in (0, 1, P - 1, P, Q, 1 << 3000, good[at] ^ 1):
            secured.alice.instance.smp = state
            secured.alice.session._conversation.smps = FULL  # the bound on starts is not meant here
            heard, answered = send_tlv(secured, numbers(kind, value, good, at))
            assert [type(event) for event in heard] == [events.SmpCheated], (kind, at, value)
            assert isinstance(heard[0].error, errors.RemoteError)
            assert heard[0].error.__traceback__ is None
            assert answered == [TlvType.SMP_ABORT]
            assert state_of(secured.alice) is smp.Expect1
    assert level(secured.alice) == ("" if kind in (smp.Smp3, smp.Smp4) else trust.VERIFIED)


@pytest.mark.parametrize("kind", INPUTS)
def test_message_when_malformed_then_cheated(secured: Pair, kind: type):
    _, good = good_numbers(secured, kind)
    state = secured.alice.instance.smp
    value = numbers(kind, good[0], good, 0).value
    bodies = [b"", value[:3], value[:-1], value + b"\0", bytes(4), b"\xff" * 4 + value[4:]]
    bodies += [(len(good) + 1).to_bytes(4, "big") + value[4:], value[:4] + b"\x7f" + value[5:]]
    for body in bodies:
        secured.alice.instance.smp = state
        secured.alice.session._conversation.smps = FULL
        heard, answered = send_tlv(secured, Tlv(TYPES[kind], body))
        assert [type(event) for event in heard] == [events.SmpCheated]
        assert answered == [TlvType.SMP_ABORT]
    secured.converse()


def test_question_without_its_zero_byte_then_cheated(secured: Pair):
    heard, _ = send_tlv(secured, Tlv(TlvType.SMP1Q, b"no end"))
    assert [type(event) for event in heard] == [events.SmpCheated]


def test_own_smp2_when_reflected_then_cheated(secured: Pair):
    """Qa = Qb would make every pair of secrets look equal."""
    secured.bob.take(secured.bob.session.smp_start(b"s"))
    secured.deliver()
    reply = secured.alice.session.smp_answer(b"s").wire[0]
    expecting = secured.alice.instance.smp
    own = next(
        tlv
        for event in secured.bob.session.receive(reply).events
        if isinstance(event, events.TlvsReceived)
        for tlv in event.tlvs
    )
    values = smp.decode(own, secured.alice.account._identity.backend).values
    pb, qb = values[6], values[7]
    assert (pb, qb) == (expecting.pb, expecting.qb)
    good = [int.from_bytes(value, "big") for value in (pb, qb, *[values[2]] * 6)]
    heard, _ = send_tlv(secured, numbers(smp.Smp3, good[0], good, 0))
    assert [type(event) for event in heard] == [events.SmpCheated]


def test_smp_starts_when_too_many_then_limited_and_aborted(secured: Pair):
    for _ in range(Limits().smp_burst):
        secured.alice.take(secured.alice.session.smp_start(b"s"))
        secured.deliver()
        secured.alice.take(secured.alice.session.smp_abort())
        secured.deliver()
    secured.alice.take(secured.alice.session.smp_start(b"s"))
    secured.deliver()
    assert secured.bob.seen(events.Limited)[-1].limit == "smp_burst"
    assert verdicts(secured.alice)[-1] is events.SmpAborted
    secured.clock.turn(60)
    run(secured, secured.alice, b"s", b"s")
    assert verdicts(secured.bob)[-1] is events.SmpSucceeded


def test_question_when_too_long_then_refused_by_either_side(secured: Pair):
    limit = Limits().smp_question
    with pytest.raises(ValueError):
        secured.alice.session.smp_start(b"s", bytes(b"?" * (limit + 1)))
    with pytest.raises(ValueError):
        secured.alice.session.smp_start(b"s", b"a\0b")
    _, good = good_numbers(secured, smp.Smp1)
    body = b"?" * (limit + 1) + b"\0" + numbers(smp.Smp1, good[0], good, 0).value
    heard, answered = send_tlv(secured, Tlv(TlvType.SMP1Q, body))
    assert events.Limited("smp_question") in heard
    assert answered == [TlvType.SMP_ABORT]


def test_answer_when_nothing_was_asked_then_smp_not_running(secured: Pair):
    before = digest(secured.alice.session)
    with pytest.raises(errors.SmpNotRunning):
        secured.alice.session.smp_answer(b"s")
    assert digest(secured.alice.session) == before


def test_smp_unanswered_at_a_refresh_then_aborted_and_the_next_one_succeeds(secured: Pair):
    """libotr would bind the answer to the new ssid: equal secrets must not look different."""
    secured.alice.take(secured.alice.session.smp_start(b"s"))
    secured.deliver()
    secured.alice.start()
    secured.deliver()
    assert verdicts(secured.alice) == verdicts(secured.bob) == [events.SmpAborted]
    with pytest.raises(errors.SmpNotRunning):
        secured.bob.session.smp_answer(b"s")
    secured.alice.take(secured.alice.session.smp_start(b"s"))
    secured.deliver()
    secured.bob.take(secured.bob.session.smp_answer(b"s"))
    secured.deliver()
    assert verdicts(secured.alice)[1:] == verdicts(secured.bob)[1:] == [events.SmpSucceeded]


def test_smp_answered_before_a_refresh_then_it_still_ends(secured: Pair):
    secured.alice.take(secured.alice.session.smp_start(b"s"))
    secured.deliver()
    secured.bob.take(secured.bob.session.smp_answer(b"s"))
    secured.step(secured.alice)
    secured.alice.start()
    secured.deliver()
    assert verdicts(secured.alice) == verdicts(secured.bob) == [events.SmpSucceeded]


def test_smp_is_bound_to_the_session_then_a_message_of_another_one_fails(secured: Pair):
    """A man in the middle who passes SMP messages on between two sessions."""
    other = Pair(secured.alice.account._identity.backend, secured.version, 5)
    other.establish()
    run_across(secured.alice, secured.bob, other.alice, other.bob)
    assert events.SmpSucceeded not in verdicts(secured.alice) + verdicts(other.bob)


def run_across(alice: Side, near: Side, far: Side, bob: Side) -> None:
    """Alice talks to `near`, Bob to `far`: one person, who passes every TLV across."""

    def passed(sender: Session, taker: Side, giver: Side, line: bytes) -> bytes:
        tlvs = [
            tlv
            for event in taker.session.receive(line).events
            if isinstance(event, events.TlvsReceived)
            for tlv in event.tlvs
        ]
        return giver.session.send(b"", tlvs=tlvs).wire[0]

    line = alice.session.smp_start(b"s").wire[0]
    bob.take(bob.session.receive(passed(None, near, far, line)))
    line = bob.session.smp_answer(b"s").wire[0]
    outcome = alice.take(alice.session.receive(passed(None, far, near, line)))
    if outcome.wire:
        outcome = bob.take(bob.session.receive(passed(None, near, far, outcome.wire[0])))
    if outcome.wire:
        alice.take(alice.session.receive(passed(None, far, near, outcome.wire[0])))
