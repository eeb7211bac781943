"""What all conversations of an account share: identity, limits, trust, clock, usage."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from otrfast._records import record
from otrfast.environment import Environment
from otrfast.limits import FULL, Bucket, Limits
from otrfast.protocol.identity import Identity
from otrfast.trust import Trust


class Tickable(Protocol):
    """What can ask to be called at a time: a conversation."""

    @property
    def peer(self) -> Hashable:
        """Who is at the other end."""

    @property
    def has_history(self) -> bool:
        """Whether forgetting the peer would lose something."""


class Usage:
    """What all peers together use of the account's limits; `limited` counts how often each was
    exceeded."""

    __slots__ = (
        "akes",
        "assembled",
        "errors",
        "examinations",
        "held",
        "known_akes",
        "limited",
        "pending_akes",
    )

    def __init__(self) -> None:
        self.pending_akes: int = 0
        self.assembled: int = 0
        self.held: int = 0
        self.akes: Bucket = FULL
        self.known_akes: Bucket = FULL
        self.errors: Bucket = FULL
        self.examinations: Bucket = FULL
        self.limited: dict[str, int] = {}


@record
class Context:
    """Handed to every conversation; nothing in it belongs to one peer."""

    identity: Identity
    limits: Limits
    trust: Trust
    usage: Usage
    environment: Environment
    clock: Callable[[], float]
    schedule: Callable[[float, Tickable], None]
    """`schedule(deadline, conversation)`: have `tick` called for it then."""
    remember: Callable[[Tickable], None]
    """`remember(conversation)`: have its settings outlive it."""
    query_text: bytes
    error_text: bytes
    trailing_tab: bool
    answer_unknown_v2: bool
