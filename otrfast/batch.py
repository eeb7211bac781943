"""What an exception must not lose in a call for many lines or texts."""

from __future__ import annotations

from collections.abc import Sequence

from otrfast.outcome import Outcome


def note_outcomes(
    error: BaseException, outcomes: Sequence[Outcome], untried: Sequence[object]
) -> None:
    """Give an exception of any class the `outcomes` of what came before it, and the items from
    the one that it ended at."""
    vars(error).update(outcomes=outcomes, untried=untried)
