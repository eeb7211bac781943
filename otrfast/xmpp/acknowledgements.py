"""XEP-0198 on a gateway: a stanza counts as handled when what it has changed is committed.

slixmpp counts a stanza when it is received. The server would then forget a line that a crash takes
from us before the commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from slixmpp import JID, Iq, Message, Presence
from slixmpp.plugins.xep_0198.stanza import Resumed
from slixmpp.plugins.xep_0198.stream_management import MAX_SEQ

from otrfast.xmpp.saved_stream import SavedStream


class Taken:
    """A stanza of the server until it is handled."""

    __slots__ = ("_settle", "finished", "id")

    def __init__(self, settle: Callable[[], None], id: str | None) -> None:  # noqa: A002  see feed
        self._settle = settle
        self.finished: bool = False
        self.id: str | None = id
        """What the server would bring it again by: the stream and its number in it. A stream that
        is resumed brings what was not acknowledged under the numbers that it had (XEP-0198, 5)."""

    def done(self) -> None:
        """What it has changed is committed, or it changes nothing."""
        self.finished = True
        self._settle()


class Acknowledgements:
    """Keeps the count of handled stanzas in the place of the plugin `xep_0198`."""

    def __init__(self, xmpp: Any, management: Any, saved: SavedStream) -> None:
        self._xmpp, self._management, self._saved = xmpp, management, saved
        self._waiting: deque[Taken] = deque()
        self._received = 0  # stanzas of the stream, handled or not
        self._continues = False  # the stream of a process before this one
        self._settled = asyncio.Event()
        self._settled.set()

    def begin(self) -> None:
        """Take the count over; go on with the stream of the last process if one is saved."""
        self._xmpp.del_filter("in", self._management._handle_incoming)  # noqa: SLF001  its only way
        self._xmpp.add_event_handler("sm_enabled", self._enabled)
        self._xmpp.add_event_handler("session_end", self._ended)
        self._register(self._negotiate)
        saved = self._saved.load()
        asked = self._xmpp.boundjid
        if saved is not None and JID(saved.jid).bare == asked.bare:
            if asked.resource in ("", JID(saved.jid).resource):
                self._management.sm_id, self._management.handled = saved.id, saved.handled
                self._xmpp.boundjid = JID(saved.jid)
                self._continues = True

    def end(self) -> None:
        """Give the count back."""
        self._xmpp.add_filter("in", self._management._handle_incoming)  # noqa: SLF001  as above
        self._xmpp.del_event_handler("sm_enabled", self._enabled)
        self._xmpp.del_event_handler("session_end", self._ended)
        self._register(self._management._handle_sm_feature)  # noqa: SLF001  as above
        self._saved.close()

    def _register(self, handler: Callable[..., Any]) -> None:
        order = self._management.resume_order
        self._xmpp.unregister_feature("sm", order)
        self._xmpp.register_feature("sm", handler, restart=True, order=order)

    def _enabled(self, _: object) -> None:
        """A new stream counts from nothing."""
        self._forget()
        self._save()

    def _ended(self, _: object) -> None:
        self._forget()
        self._saved.clear()

    def _forget(self) -> None:
        """What is done of the stream before counts no more."""
        self._waiting = deque()
        self._received = 0
        self._continues = False
        self._settled.set()

    async def _negotiate(self, features: Any) -> Any:
        """Resume or begin. The server sends again what does not count, so what is still in the
        gateway has to be done first: else it would come twice."""
        await self._settled.wait()
        return await self._management._handle_sm_feature(features)  # noqa: SLF001  as above

    def take(self, stanza: object) -> Taken:
        """Note a stanza of the server."""
        if isinstance(stanza, Resumed):
            self._resume(stanza)
        counts = isinstance(stanza, (Message, Presence, Iq))
        if not counts or not self._management.enabled_in:
            return Taken(_nothing, None)
        self._received = (self._received + 1) % MAX_SEQ
        known = self._management.sm_id  # none on a stream that cannot be resumed
        taken = Taken(self._count, known and f"{known} {self._received}")
        self._waiting.append(taken)
        self._settled.clear()
        return taken

    def _resume(self, resumed: Any) -> None:
        """The next stanza is the first that does not count."""
        self._waiting = deque()  # of these, too, each comes again
        self._received = self._management.handled
        self._settled.set()
        if self._continues:  # the plugin has counted none of those that this process did not send
            self._continues = False
            self._management.seq = self._management.last_ack = resumed["h"]

    def _count(self) -> None:
        """Count all stanzas up to the first that is not handled."""
        before = self._management.handled
        while self._waiting and self._waiting[0].finished:
            self._waiting.popleft()
            self._management.handled = (self._management.handled + 1) % MAX_SEQ
        if self._management.handled != before:
            self._save()
        if not self._waiting:
            self._settled.set()

    def leave(self) -> None:
        """Nothing is handled any more: what waits comes again on the next stream, and the end of
        this one waits for nothing."""
        self._settled.set()

    def _save(self) -> None:
        """Note how far the server may believe us to be, before it is told: it resumes no stream at
        a count below one that it has heard."""
        if self._management.sm_id:
            full = self._xmpp.boundjid.full
            self._saved.save(self._management.sm_id, full, self._management.handled)

    def send(self) -> None:
        """Tell the server how many are handled, as the last word of this stream; what it believes
        to be unhandled at the end of a stream comes again."""
        self._saved.clear()
        if self._management.enabled_in:
            self._management.send_ack()


def _nothing() -> None:
    """No count is kept."""


UNCOUNTED: Final = Taken(_nothing, None)
"""Any stanza of a stream without XEP-0198."""
