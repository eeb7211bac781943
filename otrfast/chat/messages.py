"""A text of a peer, as a connector hands it to a program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from otrfast.aio import Message
from otrfast.events import MessageReceived


class OtrMessage:
    """One text of a peer. When the program has handled it, it is acknowledged."""

    __slots__ = ("_message", "_written", "body", "peer")

    def __init__(
        self, message: Message, peer: str, body: str, written: Callable[[str, str], bytes]
    ) -> None:
        self._message, self._written = message, written
        self.peer: str = peer
        """The name of the conversation: on XMPP the bare JID."""
        self.body: str = body
        """The words, without the HTML of clients that write it."""

    @property
    def text(self) -> bytes:
        """The text as it came."""
        return self._message.text

    @property
    def encrypted(self) -> bool:
        """Whether it was encrypted, and so is the peer's."""
        return self._message.encrypted

    @property
    def event(self) -> MessageReceived:
        """The engine's event, with the instance that wrote."""
        return self._message.event

    @property
    def id(self) -> int:
        """The store's number of the text, the same when it comes again."""
        return self._message.id

    @property
    def redelivered(self) -> bool:
        """Whether it may have been delivered before a restart."""
        return self._message.redelivered

    def reply(self, body: str) -> Awaitable[None]:
        """Send a text to the instance that wrote, as HTML if its client takes texts for that.
        Raises what `Session.send` raises."""
        written = self._written(self.peer, body) if self.encrypted else body.encode()
        return self._message.reply(written)

    def __repr__(self) -> str:
        return f"<OtrMessage {self.id} of {self.peer!r}>"
