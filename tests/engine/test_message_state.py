"""The message state is two tables: every cell is written, and rows end where they say."""

from __future__ import annotations

import pytest
from helpers import Pair

from otrfast import MessageState, Policy, events
from otrfast.engine.dispatch import LINES, Disconnect
from otrfast.engine.outgoing import TEXTS, End, Idle
from otrfast.errors import ConversationFinished
from otrfast.protocol.ake import Established
from otrfast.wire.messages import DataMessage

PLAIN = (
    b"hello",
    b"hello \t  \t\t\t\t \t \t \t    \t\t  \t ",
    b"?OTRv23?",
    b"?OTR Error: what",
    b"?OTR!",
)


def bring(pair: Pair, state: MessageState) -> None:
    """Bring Alice's conversation into a state."""
    if state is MessageState.PLAINTEXT:
        return
    pair.establish()
    if state is MessageState.FINISHED:
        pair.bob.take(pair.bob.session.end())
        pair.deliver()
    assert pair.alice.session.state is state


@pytest.mark.parametrize("table", [LINES, TEXTS], ids=["lines", "texts"])
def test_table_then_every_cell_is_written_and_its_last_row_has_no_guard(table):
    for state in MessageState:
        for kind in table.inputs:
            cell = [row for row in table.rows if (row.state, row.input) == (state, kind)]
            assert cell, (state, kind)
            assert [row.guard for row in cell].count(None) == 1
            assert cell[-1].guard is None


def test_tables_then_only_these_inputs_change_the_state():
    """A key exchange leads to ENCRYPTED, the peer's end and silence from there to FINISHED, our
    end to PLAINTEXT; no line and no text leads out of ENCRYPTED."""
    moves = {
        (row.state.name, row.input, row.next_state.name)
        for table in (LINES, TEXTS)
        for row in table.rows
        if row.state is not row.next_state
    }
    assert moves == {
        ("PLAINTEXT", Established, "ENCRYPTED"),
        ("FINISHED", Established, "ENCRYPTED"),
        ("ENCRYPTED", Disconnect, "FINISHED"),
        ("ENCRYPTED", End, "PLAINTEXT"),
        ("ENCRYPTED", Idle, "FINISHED"),
        ("FINISHED", End, "PLAINTEXT"),
    }
    assert DataMessage in LINES.inputs


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("line", PLAIN)
def test_line_outside_of_otr_then_the_state_stays(quick, state, line):
    pair = Pair(quick, 3)
    bring(pair, state)
    before = len(pair.alice.events)
    pair.alice.receive(line)
    assert pair.alice.session.state is state
    kinds = {type(event) for event in pair.alice.events[before:]}
    shown = (
        events.MessageReceived if state is MessageState.PLAINTEXT else events.UnencryptedReceived
    )
    assert (shown in kinds) is line.startswith(b"hello")


@pytest.mark.parametrize(
    "policy", [Policy.NEVER, Policy.MANUAL, Policy.OPPORTUNISTIC, Policy.ALWAYS]
)
@pytest.mark.parametrize("state", MessageState)
def test_text_then_what_goes_out_is_what_state_and_policy_say(quick, state, policy):
    pair = Pair(quick, 3)
    bring(pair, state)
    pair.alice.out.clear()
    pair.alice.session.policy = policy
    if state is MessageState.FINISHED:
        with pytest.raises(ConversationFinished):
            pair.alice.send(b"secret")
        assert not pair.alice.out
        return
    pair.alice.send(b"secret")
    (line,) = pair.alice.out
    held = Policy.REQUIRE_ENCRYPTION in policy
    assert (b"secret" in line) is (state is MessageState.PLAINTEXT and not held)
    assert line.startswith(b"?OTR") is (state is MessageState.ENCRYPTED or held)
