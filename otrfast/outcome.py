"""What every call returns: the events, and the lines to send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from otrfast.events import Event
from otrfast.wire.lines import LineKind, kinds, receiver

NEVER: Final = float("inf")
"""The deadline of what needs no `tick`."""


class Outcome(NamedTuple):
    """What happened and what to send, both in order. The lines are already cut to the
    transport's limit."""

    events: tuple[Event, ...] = ()
    wire: tuple[bytes, ...] = ()

    @property
    def receivers(self) -> tuple[int | None, ...]:
        """For each line, the instance tag of the peer's instance that it is for: 0 for all of
        them or for version 2, None for a line that is not an OTR message."""
        return tuple(receiver(line) for line in self.wire)

    @property
    def kinds(self) -> tuple[LineKind, ...]:
        """For each line, what it is: for transports that hint, pace or store by it."""
        return kinds(self.wire)


def note_outcomes(
    error: BaseException, outcomes: Sequence[Outcome], untried: Sequence[object]
) -> None:
    """Give an exception of any class the `outcomes` of what came before it, and the items from
    the one that it ended at."""
    vars(error).update(outcomes=outcomes, untried=untried)
