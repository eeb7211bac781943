"""A partner of the bot: it checks the bot's secret, then sends texts and waits for each answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from otrfast import events
from otrfast.account import Account
from otrfast.apps.demo.agreed import ANSWER, ANSWER_AGAIN, BOT, QUESTION, SECRET
from otrfast.apps.line_transport import Line, connect
from otrfast.errors import LocalError


class PartnerFailed(LocalError):
    """A partner could not check the bot's secret."""


class Said(NamedTuple):
    """A text, and the line that carried it."""

    time: float
    by_bot: bool
    text: bytes
    line: bytes


class Partner:
    """One partner, and what it has seen."""

    def __init__(
        self, account: Account, texts: Sequence[bytes], changed: Callable[[int, int], object]
    ) -> None:
        """`changed(sent, answered)` is called with what is added to the numbers of texts."""
        self.name: str = account.name
        self.sent: set[bytes] = set()
        self.answers: Counter[bytes] = Counter()
        self.marked: Counter[bytes] = Counter()
        """Answers that the bot has marked: it may have given them before it was killed."""
        self.under_way: bytes | None = None
        """The text that was sent and is not answered."""
        self.said: list[Said] = []
        self.started: list[events.SecureStarted] = []
        self.same_secret: bool = False
        self._session = account.session(BOT)
        self._texts = texts
        self._changed = changed
        self._line: Line | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the session is the one of the first key exchange."""
        return len(self.started) == 1 and self._session.ssid == self.started[0].ssid

    async def connect(self, port: int) -> None:
        """Connect to the relay."""
        self._line = await connect(port, self.name.encode())

    async def meet(self) -> None:
        """Exchange keys with the bot, and check that it knows the secret."""
        assert self._line is not None
        await self._line.send(*self._session.start().wire)
        while not self.started:
            await self._hear()
        await self._line.send(*self._session.smp_start(SECRET, QUESTION).wire)
        while not self.same_secret:
            await self._hear()

    async def talk(self) -> None:
        """Send each text when the one before it is answered."""
        assert self._line is not None
        for number, words in enumerate(self._texts, 1):
            text = b"%d: %b" % (number, words)  # no two are the same, so each answer is to one
            [line] = self._session.send(text).wire
            self.sent.add(text)
            self.said.append(Said(time.monotonic(), False, text, line))
            self.under_way = text
            self._changed(1, 0)
            await self._line.send(line)
            while self.under_way is not None:
                await self._hear()

    async def leave(self) -> None:
        """Hear what still comes, until the relay closes."""
        assert self._line is not None
        try:
            while True:
                await self._hear()
        except ConnectionError:
            await self._line.close()

    async def _hear(self) -> None:
        """Take a line. Raises `ConnectionError` if there are no more."""
        assert self._line is not None
        line = await self._line.receive()
        if line is None:
            raise ConnectionError(f"the relay has closed the connection of {self.name}")
        outcome = self._session.receive(line)
        if outcome.wire:
            await self._line.send(*outcome.wire)
        for event in outcome.events:
            match event:
                case events.MessageReceived(text=text, encrypted=True):
                    self._answered(text, line)
                case events.SecureStarted():
                    self.started.append(event)
                case events.SmpSucceeded():
                    self.same_secret = True
                case events.SmpFailed() | events.SmpCheated() | events.SmpAborted():
                    raise PartnerFailed(f"{self.name} could not check the bot's secret: {event}")

    def _answered(self, answer: bytes, line: bytes) -> None:
        marked = answer.startswith(ANSWER_AGAIN)
        text = answer.removeprefix(ANSWER_AGAIN if marked else ANSWER)
        (self.marked if marked else self.answers)[text] += 1
        self.said.append(Said(time.monotonic(), True, answer, line))
        if text == self.under_way:
            self.under_way = None
            self._changed(0, 1)
