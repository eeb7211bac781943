"""The lines that a context has to inject, in order.

`inject` may call straight back into the context that it belongs to. So nothing is injected while
the application is told of what has happened, and a call that comes in from inside `inject` sends
what was queued before its own lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Transport(Protocol):
    """Where the lines go: a context."""

    def inject(self, msg: bytes, appdata: Any = None) -> Any:
        """Send a line."""


class Outbox:
    """A queue of lines, each with the `appdata` of the call that it is due to."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lines: deque[tuple[bytes, Any]] = deque()
        self._holds = 0

    def put(self, lines: Iterable[bytes], appdata: Any) -> None:
        """Add lines, and send what may be sent now."""
        self._lines.extend((line, appdata) for line in lines)
        if not self._holds:
            self.flush()

    def flush(self) -> None:
        """Send everything. Where the transport fails, the rest is dropped: it would come out of
        place later."""
        try:
            while self._lines:
                line, appdata = self._lines.popleft()
                self._transport.inject(line, appdata=appdata)
        except BaseException:
            self._lines.clear()
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep lines back until the end of the block, whichever way it ends."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self.flush()
