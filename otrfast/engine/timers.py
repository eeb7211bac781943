"""What ends by time: `tick` of one conversation, and the account's queue of deadlines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count

from otrfast.engine.conversation import Conversation
from otrfast.engine.outgoing import end_idle, release
from otrfast.outcome import NEVER
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
    or has been scheduled again since; `live(timer)` says so.

    Most deadlines are one of a few delays away, so they come in the order in which they expire and
    wait in one queue for each of these; whatever comes between goes into a heap.
    """

    __slots__ = ("_heap", "_limit", "_live", "_order", "_queues")

    def __init__(self, live: Callable[[Timer], bool]) -> None:
        self._live = live
        self._queues: tuple[deque[Timer], ...] = deque(), deque(), deque()
        self._heap: list[Timer] = []
        self._limit = _SPARE
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap) + sum(map(len, self._queues))

    @property
    def soonest(self) -> float | None:
        """When the first timer expires, None if there is none."""
        heads = [line[0][0] for line in (*self._queues, self._heap) if line]
        return min(heads, default=None)

    def add(self, deadline: float, peer: Hashable) -> None:
        """Add a timer for a peer."""
        if len(self) >= self._limit:
            self._clear()
        timer = deadline, next(self._order), peer
        for queue in self._queues:
            if not queue or queue[-1][0] <= deadline:
                queue.append(timer)
                return
        heappush(self._heap, timer)

    def expired(self, now: float) -> Iterator[Timer]:
        """Remove the timers that have expired, one after another as they are asked for."""
        while True:
            first: deque[Timer] | None = None
            soonest = now
            for queue in self._queues:
                if queue and queue[0][0] <= soonest:
                    first, soonest = queue, queue[0][0]
            if self._heap and self._heap[0][0] <= soonest:
                yield heappop(self._heap)
            elif first is not None:
                yield first.popleft()
            else:
                return

    def clear(self) -> None:
        """Drop all timers."""
        self._heap.clear()
        for queue in self._queues:
            queue.clear()

    def _clear(self) -> None:
        """Drop the timers that are out of date."""
        for queue in self._queues:
            for _ in range(len(queue)):
                timer = queue.popleft()
                if self._live(timer):
                    queue.append(timer)
        self._heap = [timer for timer in self._heap if self._live(timer)]
        heapify(self._heap)
        self._limit = 2 * len(self) + _SPARE


def wake(conversation: Conversation, deadline: float) -> None:
    """Ask the account to call `tick` at `deadline`, which is sooner than it was asked for."""
    before, conversation.scheduled = conversation.scheduled, deadline
    try:
        conversation.context.schedule(deadline, conversation)
    except BaseException:
        conversation.scheduled = before
        raise


def wake_again(conversation: Conversation) -> None:
    """After an exception in `tick`: what was not done is still due."""
    deadline = conversation.deadline()
    if deadline != NEVER and not conversation.forked:
        wake(conversation, deadline)


def pass_over(conversation: Conversation, now: float) -> bool:
    """Whether time asks for nothing yet of a conversation whose timer has expired; then it waits
    for its next deadline. Most timers are those of key exchanges that have long finished."""
    deadline = conversation.deadline()
    if deadline <= now:
        return False
    conversation.scheduled = NEVER
    if deadline != NEVER:
        wake(conversation, deadline)
    sent = conversation.sent
    if sent is not None and now > sent[1] + conversation.context.limits.held_age:
        conversation.sent = None
    return True


def tick(conversation: Conversation, call: Call) -> None:
    """Do what time asks for: expiries, the second try of an exchange, the end of idle sessions."""
    limits = conversation.context.limits
    instances, retry = conversation.instances, conversation.retry
    conversation.ticked = call.now
    instances.expire(call.now)
    conversation.expire_fragments(call.now)
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
