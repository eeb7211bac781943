"""The fast path: a text and its line one call of the backend apart.

It is open while a text would be sealed, or a line opened, for one instance without anything else
to decide. `FastPath.settle` alone says so. What it takes is decided as the general path would: a
message with other keys, with TLVs, or one that does not hold goes there, and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from otrfast.engine.conversation import Conversation
from otrfast.engine.outgoing import EXPANSION
from otrfast.events import Event, MessageReceived
from otrfast.policy import Policy
from otrfast.protocol.channel import Channel
from otrfast.protocol.context import Context
from otrfast.protocol.instance import Instance
from otrfast.protocol.instances import Recipient


class FastPath:
    """Whose channel texts and lines go through, None while the path is closed, and up to what
    length."""

    __slots__ = ("channel", "clock", "instance", "line_limit", "silence", "text_limit")

    def __init__(self, context: Context) -> None:
        self.channel: Channel | None = None
        self.instance: Instance  # while it is open
        self.clock: Callable[[], float] = context.clock
        self.line_limit: int = context.limits.message_size
        self.silence: float = context.limits.heartbeat_interval
        self.text_limit: int = max(0, self.line_limit * 3 // 4 - EXPANSION)

    def settle(self, conversation: Conversation) -> None:
        """Open or close the path, after whatever may have changed the answer."""
        self.channel = None
        if conversation.forked or conversation.reassembly is not None:
            return
        instances, recipient = conversation.instances, conversation.recipient
        instance = instances.choose(recipient)
        if instance is None or instance.channel is None or instance.unconfirmed:
            return
        if len(instances) > 1 and recipient is Recipient.BEST and instances.best_may_change:
            return
        self.channel, self.instance = instance.channel, instance

    def limit_texts(self, conversation: Conversation) -> None:
        """Set how long a text may be, after padding, policy or the transport's limit have
        changed."""
        if conversation.padding is not None or Policy.REQUIRE_TRUST in conversation.policy:
            self.text_limit = 0  # each text goes the general way
        else:
            longest = conversation.max_fragment or self.line_limit
            self.text_limit = max(0, min(longest, self.line_limit) * 3 // 4 - EXPANSION)

    def stays_open(self, events: list[Event]) -> bool:
        """Whether all that happened is a text through the open path's channel, with keys rotated
        at the most: it stays open, and no deadline has changed."""
        if self.channel is None or len(events) != 1:
            return False
        event = events[0]
        tag = self.instance.tag
        return type(event) is MessageReceived and event.encrypted and event.instance == tag

    def sent(self, conversation: Conversation, text: bytes) -> None:
        """Note that `text` was sent."""
        instance = self.instance
        conversation.last_sent = instance.last_sent = now = self.clock()
        conversation.sent = (text, now, instance.fingerprint)

    def sent_content(self, conversation: Conversation) -> None:
        """Note that content was sent: a text before it is no longer the last one."""
        conversation.last_sent = self.instance.last_sent = self.clock()
        conversation.sent = None

    def seal_run(self, conversation: Conversation, texts: Sequence[bytes]) -> list[bytes]:
        """Return the lines of the leading texts that need nothing but sealing."""
        lines = [] if self.channel is None else self.channel.seal_many(texts, self.text_limit)
        if lines:
            self.sent(conversation, texts[len(lines) - 1])
        return lines

    def open_run(self, conversation: Conversation, lines: Sequence[bytes]) -> list[MessageReceived]:
        """Open the leading lines that need nothing but opening; none if a heartbeat may be
        needed."""
        channel = self.channel
        now = self.clock()
        if channel is None or now - conversation.last_sent > self.silence:
            return []
        if max(map(len, lines)) > self.line_limit:
            return []
        received = channel.open_many(lines, MessageReceived, (True, self.instance.tag))
        if received:
            conversation.last_received = self.instance.last_received = now
        return received
