"""The local end that all sessions of an account share: identity, limits, trust, and what is
counted account-wide."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Protocol

from otrfast.events import Limited
from otrfast.limits import Limits, TokenBucket
from otrfast.outcome import Outcome, Turn
from otrfast.protocol.identity import Identity
from otrfast.trust import Trust


class Tickable(Protocol):
    """What can be scheduled: a session."""

    def tick(self) -> Outcome:
        """Do what is due."""

    @property
    def scheduled(self) -> float:
        """For when it was scheduled last."""

    @property
    def forked(self) -> bool:
        """Whether it must not be called any more."""

    @property
    def peer(self) -> Hashable:
        """Whose it is."""

    def forgettable(self, now: float) -> bool:
        """Whether nothing would be lost without it."""


@dataclass(slots=True)
class Usage:
    """What all peers together take of the account's bounds."""

    pending_akes: int = 0
    assembled: int = 0
    held: int = 0
    akes: TokenBucket = field(default_factory=TokenBucket)
    errors: TokenBucket = field(default_factory=TokenBucket)
    limited: dict[str, int] = field(default_factory=dict)
    """How often each limit has bitten."""


@dataclass(frozen=True, slots=True)
class Local:
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

    def limited(self, limit: str, turn: Turn) -> None:
        """Report, and count, that a bound has bitten."""
        self.usage.limited[limit] = self.usage.limited.get(limit, 0) + 1
        turn.events.append(Limited(limit))
