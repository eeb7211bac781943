"""The order of things: keys, key exchanges, texts; the kill and the restart in the middle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from random import uniform
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from otrfast.account import Account
from otrfast.apps.demo.agreed import LIMITS, PROTOCOL
from otrfast.apps.demo.bot_process import BotProcess
from otrfast.apps.demo.observed import Kill, Observed
from otrfast.apps.demo.partner import Partner
from otrfast.apps.demo.relay import Relay
from otrfast.apps.demo.wire import Wire
from otrfast.apps.workloads import new_key
from otrfast.environment import Environment
from otrfast.errors import LocalError

_PATIENCE = 10.0  # seconds in which nothing changes, after which nothing will
_LOOK = 0.1  # seconds between two looks whether something has changed
_SPREAD = 0.003  # seconds: the kill comes at some moment of what the bot does for a text
_KEY_BYTES = 32

Progress = Callable[[str, int, int], object]
"""Called with a stage, how much of it is done, and of how much."""

Tell = Callable[[str], object]
"""Called with a line for the user."""


class Plan(NamedTuple):
    """What is to be shown."""

    texts: Sequence[bytes]
    partners: int
    keep_store: bool = True


class Demonstration:
    """One demonstration."""

    def __init__(self, plan: Plan, progress: Progress, tell: Tell) -> None:
        self._plan, self._progress, self._tell = plan, progress, tell
        self._environment = Environment()
        self._key = self._environment.random(_KEY_BYTES)  # of the store
        self._wire = Wire()
        self._relay = Relay(self._wire)
        self._partners: list[Partner] = []
        self._observed = Observed(self._partners, self._wire, self._relay)
        self._observed.planned = plan.partners * len(plan.texts)
        self._bot: BotProcess | None = None  # the last one
        self._bots: list[BotProcess] = []
        self._due = asyncio.Event()  # the kill
        self._last_change = 0.0
        self._sent = self._answered = 0

    async def run(self) -> Observed:
        """Run it. Raises `BotFailed` if the bot ends by itself; no process and no file is left."""
        await self._make_partners()
        try:
            directory = TemporaryDirectory(prefix="otrfast-demo-")  # of mode 0700
        except OSError as error:
            raise LocalError(
                f"cannot make a directory for the store: {error.strerror}: name one in TMPDIR"
            ) from None
        with directory as path:
            try:
                await self._relay.start()
                await self._converse(Path(path))
            finally:
                if self._bot is not None:
                    self._bot.kill()
                    await self._bot.ended()
                await self._relay.close()
        return self._observed

    async def _make_partners(self) -> None:
        for number in range(1, self._plan.partners + 1):
            self._progress("keys", number - 1, self._plan.partners)
            key = await asyncio.to_thread(new_key, self._environment.backend)
            account = Account(
                f"partner-{number}", PROTOCOL, key, limits=LIMITS, environment=self._environment
            )
            self._partners.append(Partner(account, self._plan.texts, self._changed))
        self._progress("keys", self._plan.partners, self._plan.partners)

    async def _converse(self, directory: Path) -> None:
        await self._start_bot(directory / "bot.db")
        if not await self._watched(self._meet()):
            raise LocalError(f"no key exchange has ended for {_PATIENCE:.0f} seconds")
        self._observed.began = time.monotonic()
        talks = [each.talk() for each in self._partners]
        await self._watched(*talks, self._restart(directory))
        self._observed.ended = self._last_change
        leaving = asyncio.gather(*(each.leave() for each in self._partners))
        assert self._bot is not None
        await self._relay.stop_bot()
        await self._bot.ended()
        await self._relay.bot_is_gone.wait()
        await self._relay.close()
        await leaving
        self._observed.complaints = [bot.complaints for bot in self._bots if bot.complaints]

    async def _start_bot(self, store: Path) -> None:
        self._bot = await BotProcess.start(self._relay.port, store, self._key)
        self._bots.append(self._bot)
        if not await self._watched(self._relay.bot_is_there.wait()):
            raise LocalError(f"the bot has not come for {_PATIENCE:.0f} seconds")

    async def _meet(self) -> None:
        done = 0

        async def meet(partner: Partner) -> None:
            nonlocal done
            await partner.meet()
            done += 1
            self._last_change = time.monotonic()
            self._progress("key exchanges, SMP", done, len(self._partners))

        for partner in self._partners:  # all at once they would not fit the queue of the socket
            await partner.connect(self._relay.port)
        await asyncio.gather(*map(meet, self._partners))

    def _changed(self, sent: int, answered: int) -> None:
        """So many texts more were sent, and answered."""
        self._last_change = time.monotonic()
        self._sent += sent
        self._answered += answered
        planned, kill = self._observed.planned, self._observed.kill
        if sent and self._sent == planned // 2 + 1:
            asyncio.get_running_loop().call_later(uniform(0, _SPREAD), self._due.set)
        if answered and kill is not None and kill.silence is None and self._relay.bots > 1:
            kill.silence = self._last_change - kill.time
        self._progress("texts answered", self._answered, planned)

    async def _restart(self, directory: Path) -> None:
        """Kill the bot when it is time, and start it again."""
        await self._due.wait()
        assert self._bot is not None
        old = self._bot
        kill = Kill(time.monotonic(), old.number, self._partners, self._relay)
        old.kill()
        self._wire.restarted = True
        self._observed.kill = kill
        kill.status = await old.ended()
        keep = self._plan.keep_store
        await self._start_bot(directory / ("bot.db" if keep else "another.db"))
        kill.next_process = self._bot.number
        self._tell(
            f"kill -9 of the bot (process {kill.process}) after {kill.answered:,} answers; started "
            f"again (process {kill.next_process}) " + ("on its store" if keep else "without store")
        )

    async def _watched(self, *work: Coroutine[Any, Any, object]) -> bool:
        """Do work; return False if nothing has changed for so long that it was given up. Raises
        what the work raises, and `BotFailed` if the bot ends by itself."""
        self._last_change = time.monotonic()
        working = asyncio.gather(*work)
        try:
            while not working.done() and time.monotonic() - self._last_change < _PATIENCE:
                await asyncio.wait([working], timeout=_LOOK)
                if self._bot is not None:
                    self._bot.check()
        finally:
            given_up = not working.done()
            if given_up:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
        if not given_up:
            working.result()
        return not given_up
