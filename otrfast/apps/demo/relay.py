"""The network of the demonstration: it relays lines between partners and bot, and keeps those for
the bot until the bot has acknowledged them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from typing import Protocol

from otrfast.apps.demo.agreed import ACKNOWLEDGED, AGAIN, BOT, LINE, STOP
from otrfast.apps.line_transport import Line, serve


class Observer(Protocol):
    """Who listens on the wire."""

    def line(self, partner: str, by_bot: bool, line: bytes) -> None:
        """A line crosses the relay for the first time."""


class Relay:
    """A server on the loopback interface. Partners connect under their names, and so does the bot,
    again after each start."""

    def __init__(self, observer: Observer) -> None:
        self.port: int = 0
        self.bot_is_there: asyncio.Event = asyncio.Event()
        self.bot_is_gone: asyncio.Event = asyncio.Event()
        """Set when all that the bot has sent is relayed, and nothing more can come."""
        self.bots: int = 0
        """Bots that have come, one after the other."""
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}
        self.repeated: int = 0
        """Lines that a bot got since the one before it had not acknowledged them."""
        self.sent_again: int = 0
        """Lines that a bot sent again since it did not know whether the one before it had."""
        self.copies: int = 0
        """Those of them that had been sent."""
        self.bot_is_gone.set()
        self._observer = observer
        self._numbers = count(1)
        self._bot: Line | None = None
        self._partners: dict[str, Line] = {}
        self._relayed: set[tuple[str, bytes]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server, self.port = await serve(self._accept)

    async def close(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
        for line in (*self._partners.values(), *([self._bot] if self._bot else [])):
            await line.close()

    async def stop_bot(self) -> None:
        """Tell the bot that there is no more."""
        if self._bot is not None:
            await _send(self._bot, STOP)

    async def _accept(self, name: bytes, line: Line) -> None:
        if name == BOT.encode():
            await self._serve_bot(line)
        else:
            await self._serve_partner(name.decode(), line)

    async def _serve_partner(self, name: str, partner: Line) -> None:
        self._partners[name] = partner
        while (line := await partner.receive()) is not None:
            number = next(self._numbers)
            self.unacknowledged[number] = name, line
            self._observer.line(name, False, line)
            if self._bot is not None:
                await _send(self._bot, _numbered(number, name, line))

    async def _serve_bot(self, bot: Line) -> None:
        await self.bot_is_gone.wait()
        self.bot_is_gone.clear()
        self.bots += 1
        waiting = [_numbered(number, *each) for number, each in self.unacknowledged.items()]
        self.repeated += len(waiting)
        with suppress(OSError):  # it has ended meanwhile
            bot.write(*waiting)
        self._bot = bot
        self.bot_is_there.set()
        while (received := await bot.receive()) is not None:
            verb, _, rest = received.partition(b" ")
            if verb == ACKNOWLEDGED:
                self.unacknowledged.pop(int(rest), None)
            else:
                name, _, line = rest.partition(b" ")
                await self._to_partner(verb, name.decode(), line)
        self._bot = None
        self.bot_is_there.clear()
        self.bot_is_gone.set()

    async def _to_partner(self, verb: bytes, name: str, line: bytes) -> None:
        if verb == AGAIN:
            self.sent_again += 1
            if (name, line) in self._relayed:
                self.copies += 1
                return
        self._relayed.add((name, line))
        self._observer.line(name, True, line)
        if name in self._partners:
            await _send(self._partners[name], line)


def _numbered(number: int, name: str, line: bytes) -> bytes:
    return b"%b %b %d %b" % (LINE, name.encode(), number, line)


async def _send(to: Line, line: bytes) -> None:
    with suppress(OSError):  # a bot gets it after its next start
        await to.send(line)
