"""The key exchange cell by cell: what each state does with each input (protocol, 5.1)."""

from __future__ import annotations

import pytest
from helpers import Pair, Side, digest, encoded, kinds, parsed

from otrfast import Limits, events
from otrfast._records import replace
from otrfast.errors import BadMac
from otrfast.protocol import ake
from otrfast.protocol.table import Row, Table
from otrfast.wire.messages import DHCommit, DHKey, RevealSignature, Signature

STATES = (ake.Idle, ake.AwaitingDHKey, ake.AwaitingRevealSignature, ake.AwaitingSignature)
MESSAGES = (DHCommit, DHKey, RevealSignature, Signature)

IGNORED = {
    (ake.Idle, DHKey),
    (ake.Idle, RevealSignature),
    (ake.Idle, Signature),
    (ake.AwaitingDHKey, RevealSignature),
    (ake.AwaitingDHKey, Signature),
    (ake.AwaitingRevealSignature, DHKey),
    (ake.AwaitingRevealSignature, Signature),
    (ake.AwaitingSignature, RevealSignature),
}
"""The cells of the protocol's table that say "ignore"; and AwaitingSignature with another g^y."""


def exchange_of(side: Side) -> ake.State:
    instance = side.instance
    if instance is None:
        return side.session._conversation.instances.pending or ake.Idle()
    return instance.exchange


def reach(pair: Pair, state: type) -> None:
    """Bring Alice into a state, with nothing left on the wire but what would go on from there."""
    if state is ake.AwaitingDHKey:
        pair.bob.start()
        pair.step(pair.bob)
    elif state is ake.AwaitingRevealSignature:
        pair.alice.start()
        pair.step(pair.alice)
        pair.step(pair.bob)
    elif state is ake.AwaitingSignature:
        pair.bob.start()
        pair.step(pair.bob)
        pair.step(pair.alice)
        pair.step(pair.bob)
    assert type(exchange_of(pair.alice)) is state


def messages_to_alice(pair: Pair) -> dict[type, bytes]:
    """A line of each kind, genuine but of another run of the exchange, from Bob's account."""
    lines = {}
    for start in ("alice", "bob"):
        run = Pair(pair.alice.account._identity.backend, pair.version, 77)
        run.alice.account._identity.instance_tag = pair.alice.account.instance_tag
        run.bob.account._identity.instance_tag = pair.bob.account.instance_tag
        getattr(run, start).start()
        run.deliver()
        for line in run.bob.sent:
            if line.startswith(b"?OTR:"):
                lines[type(parsed(line))] = line
    return lines


def test_table_then_every_cell_is_written():
    cells = {(row.state, row.input) for row in ake.TABLE.rows}
    assert cells == {(state, received) for state in STATES for received in (ake.Start, *MESSAGES)}


def test_table_then_ignored_cells_are_those_of_the_protocol():
    ignored = {
        (row.state, row.input)
        for row in ake.TABLE.rows
        if row.action.__name__ == "_ignore" and row.guard is None
    }
    assert ignored == IGNORED | {(ake.AwaitingSignature, DHKey)}


def test_table_with_a_cell_missing_then_refused():
    rows = [row for row in ake.TABLE.rows if (row.state, row.input) != (ake.Idle, DHKey)]
    with pytest.raises(ValueError, match="no row for DHKey in Idle"):
        Table(ake.TABLE.states, ake.TABLE.inputs, rows)


def test_table_with_a_guard_on_the_last_row_then_refused():
    row = Row(ake.Idle, ake.Start, lambda *_: True, ake._ignore, ake.Idle)
    with pytest.raises(ValueError, match="no row"):
        Table((ake.Idle,), (ake.Start,), [row])


def test_table_when_an_action_ends_elsewhere_then_assertion():
    row = Row(ake.Idle, ake.Start, None, ake._ignore, ake.AwaitingDHKey)
    with pytest.raises(AssertionError, match="did not end in"):
        Table((ake.Idle,), (ake.Start,), [row]).advance(None, ake.Idle(), ake.Start(3))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("received", MESSAGES)
def test_cell_when_a_message_of_another_run_comes_then_as_the_table_says(
    backend, version: int, state: type, received: type
):
    pair = Pair(backend, version, 5)
    reach(pair, state)
    if state is ake.Idle:
        pair.establish()  # so that the peer's instance is known
    line = messages_to_alice(pair)[received]
    before, public = digest(pair.alice.session), getattr(exchange_of(pair.alice), "key", None)
    outcome = pair.alice.receive(line)
    after = type(exchange_of(pair.alice))
    if received is DHCommit:
        if state is ake.AwaitingDHKey and kinds(outcome.wire) == ["DHCommit"]:
            assert after is ake.AwaitingDHKey
            assert exchange_of(pair.alice).commit.hashed_gx > parsed(line).hashed_gx
        else:
            assert after is ake.AwaitingRevealSignature
            assert kinds(outcome.wire) == ["DHKey"]
        if state is ake.AwaitingRevealSignature:
            assert exchange_of(pair.alice).key is public
    elif (state, received) == (ake.AwaitingDHKey, DHKey):
        assert after is ake.AwaitingSignature
        assert kinds(outcome.wire) == ["RevealSignature"]
    else:
        assert digest(pair.alice.session) == before
        assert not outcome.wire
        refused = (state, received) in {
            (ake.AwaitingRevealSignature, RevealSignature),
            (ake.AwaitingSignature, Signature),
        }
        assert [type(event) for event in outcome.events] == [events.MessageRejected] * refused


@pytest.mark.parametrize("state", STATES)
def test_start_in_each_state_then_the_exchange_begins_anew(backend, version: int, state: type):
    pair = Pair(backend, version, 6)
    reach(pair, state)
    key = getattr(exchange_of(pair.alice), "key", None)
    query = pair.bob.session.start().wire[0]
    outcome = pair.alice.receive(query)
    assert kinds(outcome.wire) == ["DHCommit"]
    assert type(exchange_of(pair.alice)) is ake.AwaitingDHKey
    assert exchange_of(pair.alice).key is not key
    pair.bob.out.clear()
    pair.alice.out.clear()
    pair.alice.out += outcome.wire
    pair.deliver()
    pair.converse()


@pytest.mark.parametrize("state", STATES[1:])
def test_exchange_when_each_message_comes_twice_then_encrypted_once(
    backend, version: int, state: type
):
    pair = Pair(backend, version, 7)
    reach(pair, state)
    for _ in range(20):
        for side in (pair.alice, pair.bob):
            if side.out:
                line = side.out.popleft()
                pair.other(side).receive(line)
                pair.other(side).receive(line)
    for side in (pair.alice, pair.bob):
        assert len(side.seen(events.SecureStarted)) == 1
    pair.converse(2)


def test_dh_commit_when_repeated_then_the_same_dh_key_is_sent(pair: Pair):
    pair.alice.start()
    pair.step(pair.alice)
    commit = pair.bob.out[0]
    first = pair.alice.session.receive(commit).wire
    assert kinds(first) == ["DHKey"]
    for _ in range(20):
        assert pair.alice.session.receive(commit).wire == first
    pair.alice.out += first
    pair.bob.out.clear()
    pair.deliver()
    pair.converse()


def test_dh_key_when_repeated_then_the_same_reveal_signature_is_sent(pair: Pair):
    pair.alice.start()
    pair.step(pair.alice)
    pair.step(pair.bob)
    key = pair.alice.out[0]
    first = pair.bob.receive(key).wire
    assert kinds(first) == ["RevealSignature"]
    assert pair.bob.receive(key).wire == first


def test_dh_key_with_another_gy_when_awaiting_signature_then_ignored(pair: Pair):
    reach(pair, ake.AwaitingSignature)
    other = messages_to_alice(pair)[DHKey]
    before = digest(pair.alice.session)
    assert pair.alice.receive(other) == ((), ())
    assert digest(pair.alice.session) == before
    pair.deliver()
    pair.converse()


def test_old_messages_when_replayed_in_a_new_session_then_nothing_breaks(pair: Pair):
    pair.establish()
    old = [line for line in pair.bob.sent if line.startswith(b"?OTR:")]
    pair.alice.take(pair.alice.session.end())
    pair.deliver()
    pair.bob.take(pair.bob.session.end())
    for line in old:
        pair.alice.session.receive(line)
        assert not pair.alice.encrypted
    pair.clock.turn(60)
    pair.establish()
    ssid = pair.alice.session.ssid
    for line in old:
        pair.alice.session.receive(line)
    assert pair.alice.encrypted
    assert pair.alice.session.ssid == ssid
    pair.converse(2)


@pytest.mark.parametrize("state", STATES)
def test_own_message_when_reflected_then_refused_and_nothing_changes(
    backend, version: int, state: type
):
    pair = Pair(backend, version, 8)
    reach(pair, state)
    if state is ake.Idle:
        pair.establish()
        pair.converse(2)
        own = [line for line in pair.alice.sent if parsed_kind(line) == "DataMessage"]
    else:
        own = [line for line in pair.alice.sent if line.startswith(b"?OTR:")]
    for line in own:
        before = digest(pair.alice.session)
        outcome = pair.alice.session.receive(line)
        if (version, parsed_kind(line)) == (2, "DHCommit") and state is ake.AwaitingSignature:
            continue  # nothing in it says whose it is: it is answered like anyone's
        assert digest(pair.alice.session) == before
        assert kinds(outcome.wire) in ([], ["error"])
        if version == 3:
            assert "Reflected" in [type(event.error).__name__ for event in outcome.events]
    pair.deliver()
    if pair.alice.encrypted:
        pair.converse()


def parsed_kind(line: bytes) -> str:
    return kinds([line])[0]


def test_dh_key_that_is_our_own_then_reflected(pair: Pair):
    reach(pair, ake.AwaitingDHKey)
    state = exchange_of(pair.alice)
    tags = (pair.bob.account.instance_tag, pair.alice.account.instance_tag)
    line = encoded(DHKey(pair.version, *(tags if pair.version == 3 else (0, 0)), state.key.public))
    before = digest(pair.alice.session)
    outcome = pair.alice.receive(line)
    assert [type(event.error).__name__ for event in outcome.events] == ["Reflected"]
    assert digest(pair.alice.session) == before
    pair.deliver()
    pair.converse()


@pytest.mark.parametrize("steps", range(6))
@pytest.mark.parametrize("injected", ["query", "error", "commit", "data"])
def test_line_injected_after_each_step_then_they_still_end_encrypted(
    backend, version: int, steps: int, injected: str
):
    pair = Pair(backend, version, 9)
    pair.alice.start()
    for number in range(steps):
        pair.step((pair.alice, pair.bob)[number % 2])
    stranger = Pair(backend, version, 10)
    stranger.alice.start()
    stranger.step(stranger.alice)
    line = {
        "query": b"?OTRv23?",
        "error": b"?OTR Error: no",
        "commit": stranger.bob.out[0],
        "data": b"?OTR:AAMD" + b"A" * 60 + b".",
    }[injected]
    for side in (pair.alice, pair.bob):
        side.receive(line)
    pair.deliver()
    for _ in range(3):
        pair.clock.turn(20)
        for side in (pair.alice, pair.bob):
            side.tick()
        pair.deliver()
    if not (pair.alice.encrypted and pair.bob.encrypted):
        pair.alice.start()
        pair.deliver()
    pair.converse()


def test_data_before_signature_then_never(pair: Pair):
    """What waits for encryption leaves after the Signature message, or the peer can not read it."""
    from otrfast import Policy

    pair.alice.session.policy |= Policy.REQUIRE_ENCRYPTION
    pair.bob.session.policy |= Policy.REQUIRE_ENCRYPTION
    pair.alice.send(b"held by alice")
    pair.deliver()
    assert pair.bob.texts == [b"held by alice"]
    sent = kinds(pair.alice.sent)
    assert sent.index("Signature") < sent.index("DataMessage")


def test_reveal_signature_when_long_and_the_limits_wide_then_refused_as_any_other(
    backend, version: int
):
    """The core takes what the limits let through."""
    pair = Pair(backend, version, limits=Limits(message_size=1 << 20, signature_size=1 << 20))
    pair.alice.start()
    for side in (pair.alice, pair.bob, pair.alice):
        pair.step(side)
    reveal = parsed(pair.bob.out[0])
    assert isinstance(reveal, RevealSignature)
    long = encoded(replace(reveal, encrypted_signature=bytes(200_000)))
    (event,) = pair.alice.session.receive(long).events
    assert type(event.error) is BadMac
    pair.deliver()
    assert pair.alice.encrypted
