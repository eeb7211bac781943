"""The local end that all sessions of an account share: identity, limits, trust, and what is
counted account-wide."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from otrfast._records import record
from otrfast.events import Limited
from otrfast.limits import FULL, Limits
from otrfast.outcome import Outcome, Turn
from otrfast.protocol.identity import Identity
from otrfast.trust import Trust
from otrfast.wire.messages import Message


class Tickable(Protocol):
    """What can be scheduled: a session."""

    def tick(self) -> Outcome:
        """Do what is due."""

    @property
    def peer(self) -> Hashable:
        """Whose it is."""


class Usage:
    """What all peers together take of the account's bounds; `limited` counts how often each has
    bitten."""

    __slots__ = ("akes", "assembled", "errors", "held", "limited", "pending_akes")

    def __init__(self) -> None:
        self.pending_akes = 0
        self.assembled = 0
        self.held = 0
        self.akes = FULL
        self.errors = FULL
        self.limited: dict[str, int] = {}


@record
class Context:
    """Handed to every session and instance; nothing in it belongs to one peer."""

    identity: Identity
    limits: Limits
    trust: Trust
    usage: Usage
    clock: Callable[[], float]
    schedule: Callable[[float, Tickable], None]
    """`schedule(deadline, session)`: have the session's `tick` called then."""
    query_text: bytes
    error_text: bytes
    trailing_tab: bool

    def send(self, message: Message, turn: Turn) -> None:
        """Send a message of a key exchange."""
        line = self.identity.backend.encode_message(message.encode())
        turn.encoded(line, message.version, message.receiver)

    def limited(self, limit: str, turn: Turn) -> None:
        """Report, and count, that a bound has bitten."""
        self.usage.limited[limit] = self.usage.limited.get(limit, 0) + 1
        turn.events.append(Limited(limit))
