"""A bounded run of the stateful targets; `python3 tests/fuzz receive` runs them for as long as
asked."""

from __future__ import annotations

import pytest
from adversarial.states import STATES

from .receiving import SMP_STATES, receive_from_a_dishonest_peer, receive_from_strangers


@pytest.mark.parametrize("state", STATES)
def test_lines_of_strangers_when_changed_by_chance_then_only_the_genuine_counts(
    quick, version: int, state: str
):
    receive_from_strangers(quick, version, state, 300)


@pytest.mark.parametrize("state", SMP_STATES)
def test_records_of_a_dishonest_peer_when_changed_by_chance_then_the_session_goes_on(
    quick, version: int, state: str
):
    receive_from_a_dishonest_peer(quick, version, state, 40)
