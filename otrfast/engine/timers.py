"""What ends by time: `tick` of one conversation, and the account's queue of deadlines."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from heapq import heappop, heappush
from itertools import count

from otrfast.engine.conversation import Conversation
from otrfast.engine.dispatch import do_waiting
from otrfast.engine.outgoing import end_idle, release
from otrfast.protocol.call import Call
from otrfast.protocol.instance import MessageState

_SPARE = 1024  # timers out of date that may be in the heap before it is cleared

Timer = tuple[float, int, Hashable]
"""When a conversation wants `tick`, a number that no other timer has, and whose it is.

Not the conversation itself: a flood of peers that come and are forgotten must not be kept by what
they wait for. And a plain tuple: the garbage collector soon stops looking at one that holds
nothing."""


class Timers:
    """The timers of an account, soonest first. A timer is out of date if its conversation is gone
    or has been scheduled again since; `live(timer)` says so."""

    __slots__ = ("_heap", "_limit", "_live", "_order")

    def __init__(self, live: Callable[[Timer], bool]) -> None:
        self._live = live
        self._heap: list[Timer] = []
        self._limit = _SPARE
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def soonest(self) -> float | None:
        """When the first timer expires, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def add(self, deadline: float, peer: Hashable) -> None:
        """Add a timer for a peer."""
        if len(self._heap) >= self._limit:
            self._clear()
        heappush(self._heap, (deadline, next(self._order), peer))

    def expired(self, now: float) -> list[Timer]:
        """Remove and return the timers that have expired."""
        expired = []
        while self._heap and self._heap[0][0] <= now:
            expired.append(heappop(self._heap))
        return expired

    def clear(self) -> None:
        """Drop all timers."""
        self._heap.clear()

    def _clear(self) -> None:
        """Drop the timers that are out of date; another thread may add one meanwhile."""
        live = []
        while self._heap:
            timer = heappop(self._heap)
            if self._live(timer):
                live.append(timer)
        for timer in live:
            heappush(self._heap, timer)
        self._limit = 2 * len(live) + _SPARE


def wake(conversation: Conversation, deadline: float) -> None:
    """Ask the account to call `tick` at `deadline`, which is sooner than it was asked for."""
    before, conversation.scheduled = conversation.scheduled, deadline
    try:
        conversation.context.schedule(deadline, conversation)
    except BaseException:
        conversation.scheduled = before
        raise


def tick(conversation: Conversation, call: Call) -> None:
    """Do what time asks for: expiries, the second try of an exchange, the end of idle sessions."""
    limits = conversation.context.limits
    instances, retry = conversation.instances, conversation.retry
    conversation.ticked = call.now
    instances.expire(call.now)
    conversation.expire_fragments(call.now)
    do_waiting(conversation, call)
    if conversation.queue is not None:
        conversation.queue.expire(call)
        current = conversation.current
        if current is not None and current.state is MessageState.ENCRYPTED:
            release(conversation, current, call)
    if not conversation.queue:
        conversation.queried = False
    if conversation.sent is not None and call.now > conversation.sent[1] + limits.held_age:
        conversation.sent = None  # too old to be sent again
    if retry is not None and call.now >= retry[0]:
        conversation.retry = None
        if instances.exchanging and retry[1] in conversation.versions:
            instances.start(retry[1], call)
    if limits.idle_session is not None and instances.encrypted:
        if call.now >= conversation.last_used + limits.idle_session:
            end_idle(conversation, call)
    call.wake(conversation.deadline())
