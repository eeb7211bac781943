"""Texts that wait for encryption, each for the keys that it was meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otrfast._records import field, record
from otrfast.errors import QueueFull
from otrfast.events import MessageHeld, MessageUndelivered
from otrfast.protocol.call import Call
from otrfast.protocol.context import Context
from otrfast.protocol.state import StateReader, StateWriter


@record
class QueuedText:
    """A text, when it was handed in, and the fingerprints it may go to (none: whoever answers)."""

    text: bytes = field(repr=False)
    since: float
    fingerprints: frozenset[bytes]


class SendQueue:
    """The waiting texts of one peer, oldest first; none is ever lost without an event."""

    __slots__ = ("_context", "_texts", "size")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._texts: tuple[QueuedText, ...] = ()
        self.size: int = 0

    def __len__(self) -> int:
        return len(self._texts)

    def hold(self, text: bytes, levels: Mapping[bytes, str], call: Call) -> None:
        """Keep a text for the peer whose fingerprints have these levels: it is meant for the
        trusted ones, or for all if none is trusted. Raises `QueueFull` if the limits leave no
        space.
        """
        limits, usage = self._context.limits, self._context.usage
        over_peer = (
            len(self._texts) >= limits.held_texts or self.size + len(text) > limits.held_bytes
        )
        if over_peer or usage.held + len(text) > limits.account_held_bytes:
            raise QueueFull(
                f"{len(self._texts)} texts already wait for the conversation to be encrypted"
            )
        trusted = frozenset(fingerprint for fingerprint, level in levels.items() if level)
        queued = QueuedText(text, call.now, trusted or frozenset(levels))
        self._set((*self._texts, queued), len(text))
        call.wake(call.now + limits.held_age)
        call.events.append(MessageHeld(text))

    def release(self, fingerprint: bytes, call: Call) -> Iterator[bytes]:
        """Yield the texts that may go to the holder of `fingerprint`; hand the others back."""
        while self._texts:
            queued = self._pop()
            if queued.fingerprints and fingerprint not in queued.fingerprints:
                call.events.append(MessageUndelivered(queued.text))
            else:
                yield queued.text

    def expire(self, call: Call) -> None:
        """Hand back what has waited too long."""
        while self._texts and call.now >= self.deadline():
            call.events.append(MessageUndelivered(self._pop().text))

    def hand_back(self, call: Call) -> None:
        """Hand back everything."""
        while self._texts:
            call.events.append(MessageUndelivered(self._pop().text))

    def deadline(self) -> float:
        """When the oldest text has waited too long; there is one."""
        return self._texts[0].since + self._context.limits.held_age

    def write(self, writer: StateWriter) -> None:
        """Write the texts into a state."""
        writer.number(len(self._texts))
        for queued in self._texts:
            writer.data(queued.text)
            writer.time(queued.since)
            writer.many(sorted(queued.fingerprints), writer.data)

    @classmethod
    def read(cls, reader: StateReader, context: Context) -> SendQueue:
        """Read what `write` has written. Raises `StateDamaged`."""
        queue = cls(context)
        for _ in range(reader.number()):
            text, since = reader.data(), reader.time()
            queued = QueuedText(text, since, frozenset(reader.many(reader.data)))
            queue._set((*queue._texts, queued), len(text))
        return queue

    def _pop(self) -> QueuedText:
        queued = self._texts[0]
        self._set(self._texts[1:], -len(queued.text))
        return queued

    def _set(self, texts: tuple[QueuedText, ...], change: int) -> None:
        usage = self._context.usage
        # the texts and their sizes in one line: nothing can come between
        self._texts, self.size, usage.held = texts, self.size + change, usage.held + change
