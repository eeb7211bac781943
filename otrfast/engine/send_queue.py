"""Texts that wait for encryption, each for the keys it was meant for; none is ever lost in
silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from otrfast.errors import QueueFull
from otrfast.events import MessageHeld, MessageUndelivered
from otrfast.outcome import Turn
from otrfast.protocol.context import Context


class QueuedText(NamedTuple):
    """A text, when it was handed in, and the fingerprints it may go to (none: whoever answers)."""

    text: bytes
    since: float
    fingerprints: frozenset[bytes]


class SendQueue:
    """The waiting texts of one peer, oldest first."""

    __slots__ = ("_local", "_texts", "size")

    def __init__(self, local: Context) -> None:
        self._local = local
        self._texts: tuple[
            QueuedText, ...
        ] = ()  # a few at most, and mostly none: that takes no room
        self.size = 0

    def __len__(self) -> int:
        return len(self._texts)

    def hold(self, text: bytes, levels: Mapping[bytes, str], turn: Turn) -> None:
        """Keep a text for the peer whose fingerprints have these levels: it is meant for the
        trusted ones, or for all where none is. Raises `QueueFull` where the limits leave no room.
        """
        limits, usage = self._local.limits, self._local.usage
        over_peer = (
            len(self._texts) >= limits.held_texts or self.size + len(text) > limits.held_bytes
        )
        if over_peer or usage.held + len(text) > limits.account_held_bytes:
            raise QueueFull(
                f"{len(self._texts)} texts already wait for the conversation to be encrypted"
            )
        trusted = frozenset(fingerprint for fingerprint, level in levels.items() if level)
        self._texts += (QueuedText(text, turn.now, trusted or frozenset(levels)),)
        self._grow(len(text))
        turn.wake(turn.now + limits.held_age)
        turn.events.append(MessageHeld(text))

    def release(self, fingerprint: bytes, turn: Turn) -> Iterator[bytes]:
        """Yield the texts that may go to the holder of `fingerprint`; hand the others back."""
        while self._texts:
            held = self._pop()
            if held.fingerprints and fingerprint not in held.fingerprints:
                turn.events.append(MessageUndelivered(held.text))
            else:
                yield held.text

    def expire(self, turn: Turn) -> None:
        """Hand back what has waited too long."""
        while self._texts and turn.now >= self.deadline():
            turn.events.append(MessageUndelivered(self._pop().text))

    def hand_back(self, turn: Turn) -> None:
        """Hand back everything."""
        while self._texts:
            turn.events.append(MessageUndelivered(self._pop().text))

    def deadline(self) -> float:
        """When the oldest text has waited too long."""
        return self._texts[0].since + self._local.limits.held_age

    def _pop(self) -> QueuedText:
        held, self._texts = self._texts[0], self._texts[1:]
        self._grow(-len(held.text))
        return held

    def _grow(self, change: int) -> None:
        self.size += change
        self._local.usage.held += change
