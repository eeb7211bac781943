"""XEP-0198 on a gateway: a stanza counts as handled when what it has changed is committed.

slixmpp counts a stanza when it is received. The server would then forget a line that a crash takes
from us before the commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from slixmpp import Iq, Message, Presence
from slixmpp.plugins.xep_0198.stream_management import MAX_SEQ


class _Stanza:
    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False


class Acknowledgements:
    """Keeps the count of handled stanzas in the place of the plugin `xep_0198`."""

    def __init__(self, xmpp: Any, management: Any) -> None:
        self._xmpp, self._management = xmpp, management
        self._waiting: deque[_Stanza] = deque()
        self._settled = asyncio.Event()
        self._settled.set()

    def begin(self) -> None:
        """Take the count over."""
        self._xmpp.del_filter("in", self._management._handle_incoming)  # noqa: SLF001  its only way
        self._xmpp.add_event_handler("sm_enabled", self._reset)
        self._xmpp.add_event_handler("session_end", self._reset)
        self._register(self._negotiate)

    def end(self) -> None:
        """Give the count back."""
        self._xmpp.add_filter("in", self._management._handle_incoming)  # noqa: SLF001  as above
        self._xmpp.del_event_handler("sm_enabled", self._reset)
        self._xmpp.del_event_handler("session_end", self._reset)
        self._register(self._management._handle_sm_feature)  # noqa: SLF001  as above

    def _register(self, handler: Callable[..., Any]) -> None:
        order = self._management.resume_order
        self._xmpp.register_feature("sm", handler, restart=True, order=order)

    def _reset(self, _: object) -> None:
        """A new stream counts from nothing; what is done of the old one counts no more."""
        self._waiting = deque()
        self._settled.set()

    async def _negotiate(self, features: Any) -> Any:
        """Resume or begin. The server sends again what does not count, so what is still in the
        gateway has to be done first: else it would come twice."""
        await self._settled.wait()
        return await self._management._handle_sm_feature(features)  # noqa: SLF001  as above

    def take(self, stanza: object) -> Callable[[], None]:
        """Note a stanza of the server; what is returned is called when it is handled."""
        counts = isinstance(stanza, (Message, Presence, Iq))
        if not counts or not self._management.enabled_in:
            return _uncounted
        taken = _Stanza()
        self._waiting.append(taken)
        self._settled.clear()
        return partial(self._done, taken)

    def _done(self, stanza: _Stanza) -> None:
        """Count all stanzas up to the first that is not handled."""
        stanza.done = True
        while self._waiting and self._waiting[0].done:
            self._waiting.popleft()
            self._management.handled = (self._management.handled + 1) % MAX_SEQ
        if not self._waiting:
            self._settled.set()

    def send(self) -> None:
        """Tell the server how many are handled; what it believes to be unhandled at the end of a
        stream comes again."""
        if self._management.enabled_in:
            self._management.send_ack()


def _uncounted() -> None:
    """A stanza that no count is kept of."""
