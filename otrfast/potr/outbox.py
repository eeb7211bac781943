"""The queue of the lines that a context injects.

`inject` may call back into its context. Therefore nothing is injected while the application is
notified of events, and a call from inside `inject` first sends the lines that were queued before
its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Transport(Protocol):
    """The receiver of the lines: a context."""

    def inject(self, msg: bytes, appdata: Any = None) -> Any:
        """Send a line."""


class Outbox:
    """A queue of lines, each with the `appdata` of the call that caused it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lines: deque[tuple[bytes, Any]] = deque()
        self._holds = 0

    def put(self, lines: Iterable[bytes], appdata: Any) -> None:
        """Add lines, and send them unless the queue is held."""
        self._lines.extend((line, appdata) for line in lines)
        if not self._holds:
            self.flush()

    def flush(self) -> None:
        """Send everything. If the transport raises, the rest is dropped: later it would be out of
        order."""
        try:
            while self._lines:
                line, appdata = self._lines.popleft()
                self._transport.inject(line, appdata=appdata)
        except BaseException:
            self._lines.clear()
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold all lines until the end of the block, also if it raises."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self.flush()
