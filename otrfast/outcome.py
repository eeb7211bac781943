"""What every call returns: the events, and the lines to send."""

from __future__ import annotations

from typing import Final, NamedTuple

from otrfast.events import Event

NEVER: Final = float("inf")
"""The deadline of what needs no `tick`."""


class Outcome(NamedTuple):
    """What happened and what to send, both in order. The lines are already cut to the
    transport's limit."""

    events: tuple[Event, ...] = ()
    wire: tuple[bytes, ...] = ()
