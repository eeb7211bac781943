"""What came of a demonstration, as it was counted by the partners and on the wire."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from otrfast.apps.demo.partner import Partner
from otrfast.apps.demo.relay import Relay
from otrfast.apps.demo.wire import Wire


class Kill:
    """One kill of the bot, and what was under way. Times are of the monotonic clock."""

    def __init__(self, now: float, process: int, partners: Sequence[Partner], relay: Relay) -> None:
        self.time: float = now
        self.process: int = process
        self.status: int = 0
        self.next_process: int = 0
        self.answered: int = _answered(partners)
        self.under_way: list[Partner] = [each for each in partners if each.under_way is not None]
        self.unacknowledged: int = len(relay.unacknowledged)
        self.silence: float | None = None
        """Seconds until a partner had an answer again; None: none had one."""


class Observed:
    """All that the screen shows of it."""

    def __init__(self, partners: Sequence[Partner], wire: Wire, relay: Relay) -> None:
        self.partners: Sequence[Partner] = partners
        self.wire: Wire = wire
        self.relay: Relay = relay
        self.kill: Kill | None = None
        self.began: float = 0.0
        self.ended: float = 0.0
        self.planned: int = 0
        self.complaints: list[str] = []
        """What the bots wrote on their standard error: nothing if all went well."""

    @property
    def sent(self) -> int:
        """Texts that the partners have sent."""
        return sum(len(each.sent) for each in self.partners)

    @property
    def answered(self) -> int:
        """Texts that were answered."""
        return _answered(self.partners)

    @property
    def lost(self) -> int:
        """Texts that were sent and not answered."""
        return self.sent - self.answered

    @property
    def unsent(self) -> int:
        """Texts that were not sent, since one before was not answered."""
        return self.planned - self.sent

    @property
    def doubled(self) -> int:
        """Answers that came twice, and without a mark."""
        return sum(count - 1 for each in self.partners for count in each.answers.values())

    @property
    def marked(self) -> int:
        """Answers that came twice, with the mark by which the partner knows that."""
        return (
            sum(
                (each.answers + each.marked).total() - len(each.answers | each.marked)
                for each in self.partners
            )
            - self.doubled
        )

    @property
    def changed(self) -> int:
        """Answers to what nobody has said."""
        return sum(len((each.answers | each.marked).keys() - each.sent) for each in self.partners)

    @property
    def going_on(self) -> int:
        """Conversations with the session of their first key exchange."""
        return sum(each.goes_on for each in self.partners)

    def faults(self) -> list[str]:
        """Return in words what should not have happened."""
        found = []
        if self.kill is None or self.kill.status != -signal.SIGKILL:
            found.append("the bot was not killed")
        for number, what in (
            (self.lost, "texts did not come back"),
            (self.unsent, "texts were not sent after that"),
            (self.doubled, "answers came twice, and without a mark"),
            (self.changed, "answers were to texts that nobody has sent"),
            (self.wire.exchanges[True], "key exchanges after the kill"),
            (self.wire.reused, "counters were used twice"),
            (len(self.partners) - self.going_on, "conversations have another session than before"),
        ):
            if number:
                found.append(f"{number:,} {what}")
        return found


def _answered(partners: Sequence[Partner]) -> int:
    return sum(len(each.sent) - (each.under_way is not None) for each in partners)
