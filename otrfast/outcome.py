"""What every call returns: the events, and the lines to send."""

from __future__ import annotations

from typing import Final, NamedTuple

from otrfast.events import Event
from otrfast.wire import fragments

NEVER: Final = float("inf")
"""The deadline of what needs no `tick`."""


class Outcome(NamedTuple):
    """What happened and what to send, both in order. The lines are already cut to the
    transport's limit."""

    events: tuple[Event, ...] = ()
    wire: tuple[bytes, ...] = ()


_new = tuple.__new__  # a named tuple's own is a function of Python around this


class Turn:
    """One call in the making: its time, the outcome so far, and when it wants to be woken."""

    __slots__ = ("_limit", "_sender", "events", "now", "wake_at", "wire")

    def __init__(self, now: float, limit: int, sender: int) -> None:
        self.now = now
        self.events: list[Event] = []
        self.wire: list[bytes] = []
        self.wake_at = NEVER
        self._limit = limit
        self._sender = sender

    def encoded(self, line: bytes, version: int, receiver: int) -> None:
        """Send an encoded message, in fragments where it is longer than the transport allows."""
        self.wire += fragments.split(line, self._limit, version, self._sender, receiver)

    def wake(self, deadline: float) -> None:
        """Have `tick` called at `deadline`: for whoever starts something that ends by time."""
        self.wake_at = min(self.wake_at, deadline)

    def outcome(self) -> Outcome:
        """Close the turn."""
        return _new(Outcome, (tuple(self.events), tuple(self.wire)))
