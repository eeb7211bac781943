"""The queue of what a session has to say: lines for the transport and notifications for the
program, in one order.

Both call back into the session, and several threads may use it. One thread at a time delivers, with
no lock held; a call from inside a delivery adds to the queue and returns. Only lines cannot wait
for a notification before them: when a call from another thread returns, its lines have left, and
so have those that precede a line which the program sends itself (`flush_lines`). A thread that
comes out of the injection of another session leaves its lines to the thread that delivers: with
transports that deliver before they return, two threads would wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Condition, Lock, get_ident, local
from typing import Final

from otrfast.crypto.secret import Secret

Delivery = Callable[[], object]
"""The delivery of one thing."""

PATIENCE: Final = 1.0
"""Seconds to wait for a line that another thread is injecting. It may wait for a lock of the
program that this thread holds, so the wait must end."""


class _Depth(local):
    """How many injections this thread is inside of, in all sessions."""

    depth = 0


_injections = _Depth()


class Outbox(Secret):
    """The queue of one session."""

    __slots__ = ("_deliverer", "_injected", "_injector", "_items", "_lock", "_put", "_sent")

    def __init__(self) -> None:
        self._items: list[tuple[int, Delivery]] = []  # with its number among lines, or 0
        self._lock = Lock()
        self._injected: Condition | None = None  # once a thread has waited for another one
        self._deliverer: int | None = None  # the thread that delivers
        self._injector: int | None = None  # the thread that is injecting a line
        self._put = 0  # lines that were added so far
        self._sent = 0

    def __bool__(self) -> bool:
        """Whether something is to be done."""
        return bool(self._items)

    @property
    def unsent(self) -> bool:
        """Whether a line has not been injected yet, or is being injected."""
        return self._put != self._sent

    @property
    def last_line(self) -> int:
        """The number of the last line that was added."""
        return self._put

    def add(self, lines: Iterable[Delivery], notifications: Iterable[Delivery]) -> None:
        """Add lines, and notifications behind them."""
        with self._lock:
            for line in lines:
                self._put += 1
                self._items.append((self._put, line))
            self._items.extend((0, notification) for notification in notifications)

    def deliver(self) -> None:
        """Deliver everything. While another thread does that, only the lines; from inside a
        delivery or injection, nothing then. What a transport raises is raised after the rest has
        been delivered."""
        me = get_ident()
        with self._lock:
            last, deliverer = self._put, self._deliverer
            if deliverer is None:
                self._deliverer = me
        if deliverer is not None:
            if deliverer != me and not _injections.depth:
                self.flush_lines(last)
            return
        failure: BaseException | None = None
        line, outer = 0, None
        while True:
            with self._lock:
                if line:
                    self._note_injected(line, outer)
                if self._injector is not None:
                    self._wait_for_injector(me)
                if not self._items:
                    self._deliverer = None
                    break
                line, delivery = self._items.pop(0)
                if line:
                    outer = self._inject_as(me)
            _injections.depth += line > 0
            try:
                delivery()
            except BaseException as error:  # noqa: BLE001 - it is raised below
                failure = failure or error
            _injections.depth -= line > 0
        if failure is not None:
            raise failure

    def flush_lines(self, last: int) -> None:
        """Inject the lines up to the number `last`, before notifications that stand between them;
        wait for one that another thread is injecting."""
        me = get_ident()
        while True:
            with self._lock:
                self._wait_for_injector(me)
                found = next((each for each in self._items if 0 < each[0] <= last), None)
                if found is None:
                    return
                self._items.remove(found)
                outer = self._inject_as(me)
            _injections.depth += 1
            try:
                found[1]()
            finally:
                _injections.depth -= 1
                with self._lock:
                    self._note_injected(found[0], outer)

    def _wait_for_injector(self, me: int) -> None:
        """Wait until no other thread is injecting a line; the lock is held, but not meanwhile."""
        if self._injector not in (None, me):
            if self._injected is None:
                self._injected = Condition(self._lock)
            self._injected.wait_for(lambda: self._injector in (None, me), PATIENCE)

    def _inject_as(self, me: int) -> int | None:
        """Be the thread that injects; return who it is again afterwards: this one, if it is inside
        of an injection, or none. The lock is held."""
        outer = me if self._injector == me else None
        self._injector = me
        return outer

    def _note_injected(self, line: int, outer: int | None) -> None:
        """Note that the line of this number has left; `outer` is the injector before it. The lock
        is held."""
        self._sent = max(self._sent, line)
        self._injector = outer
        if self._injected is not None:
            self._injected.notify_all()
