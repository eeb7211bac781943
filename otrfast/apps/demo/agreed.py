"""What the bot, its partners and the relay between them have agreed on."""

from __future__ import annotations

from typing import Final

from otrfast.limits import Limits

PROTOCOL: Final = "demo"
BOT: Final = "bot"

QUESTION: Final = b"Where did we first meet?"
SECRET: Final = b"on the loopback interface"

ANSWER: Final = b"received: "
ANSWER_AGAIN: Final = b"received again: "
"""Before the text in an answer; the second one if the text may have been answered by the process
that was killed, so that the partner does not take it for another answer."""

LINE: Final = b"line"
"""To the bot: `line PARTNER NUMBER LINE`, with the number that acknowledges it. From the bot:
`line PARTNER LINE`."""
AGAIN: Final = b"again"
"""From the bot: `again PARTNER LINE`, a line that may have been sent before the kill. The relay
drops it if it was, since a line that comes twice is refused."""
ACKNOWLEDGED: Final = b"acknowledged"
"""From the bot: `acknowledged NUMBER`. What the line has changed is in the store."""
STOP: Final = b"stop"
"""To the bot: there is no more to come."""

LIMITS: Final = Limits(account_ake_rate=1e9, examination_rate=1e9, message_size=64 * 1024 * 1024)
"""All partners come at once, and standard input may hold long lines."""
