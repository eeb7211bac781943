"""What a listener on the wire counts: key exchanges and counters, before the kill and after it."""

from __future__ import annotations

from otrfast.errors import RemoteError
from otrfast.wire.lines import EncodedMessage, classify
from otrfast.wire.messages import DataMessage, DHCommit, decode


class Wire:
    """Counts of the lines that crossed the wire. A listener has no keys: all this is public."""

    def __init__(self) -> None:
        self.restarted: bool = False
        self.lines: int = 0
        self.data_messages: int = 0
        self.exchanges: dict[bool, int] = {False: 0, True: 0}
        """Key exchanges that were begun, by whether that was after the kill."""
        self.reused: int = 0
        """Lines under a counter that another line had under the same keys: the same key stream."""
        self._exchanges_of: dict[str, int] = {}
        self._counters: dict[tuple[object, ...], bytes] = {}

    def line(self, partner: str, by_bot: bool, line: bytes) -> None:
        """Count a line."""
        self.lines += 1
        found = classify(line)
        if not isinstance(found, EncodedMessage):
            return
        try:
            message = decode(found.decode())
        except RemoteError:
            return  # the other side refuses it
        if isinstance(message, DHCommit):
            self.exchanges[self.restarted] += 1
            self._exchanges_of[partner] = self._exchanges_of.get(partner, 0) + 1
        elif isinstance(message, DataMessage):
            self.data_messages += 1
            keys = message.sender_keyid, message.recipient_keyid  # numbered anew by an exchange
            exchange = self._exchanges_of.get(partner, 0)
            counter = partner, by_bot, exchange, *keys, message.counter
            self.reused += self._counters.setdefault(counter, line) != line
