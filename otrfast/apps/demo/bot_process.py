"""The process of the bot, seen from outside: started, killed, stopped."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

from otrfast.errors import LocalError

_PATIENCE = 10.0  # seconds for the end of a bot that was told to stop
_SHOWN = 2000  # bytes of what it said on its standard error


class BotFailed(LocalError):
    """The bot has ended by itself."""


class BotProcess:
    """A process of the bot."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._expected = False
        self._complaints = b""
        self._watch = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, port: int, store: Path, key: bytes) -> BotProcess:
        """Start a bot, which connects to the relay at `port`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "otrfast.apps.demo.bot",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # a process group of its own: Ctrl-C at the terminal is for us, and we end the process
            process_group=0,
        )
        assert process.stdin is not None
        given = {"port": port, "store": str(store), "key": key.hex()}
        process.stdin.write(json.dumps(given).encode() + b"\n")
        return cls(process)

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def complaints(self) -> str:
        """The end of what it wrote on its standard error."""
        return self._complaints.decode(errors="replace").strip()

    def check(self) -> None:
        """Raise `BotFailed` if the process has ended and nobody has asked for that."""
        if self._expected or not self._watch.done():
            return
        status = self._watch.result()
        how = f"signal {-status}" if status < 0 else f"status {status}"
        raise BotFailed(
            f"the bot (process {self.number}) has ended with {how}: "
            f"{self.complaints or 'it has said nothing'}\n"
            "The demonstration has nothing to show without it. Its store is in a temporary "
            "directory: see that there is space, or name another one in TMPDIR."
        )

    def kill(self) -> None:
        """Send SIGKILL to the process."""
        self._expected = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Wait for the end; return the exit status, below 0 for a signal."""
        self._expected = True
        try:
            return await asyncio.wait_for(asyncio.shield(self._watch), _PATIENCE)
        except TimeoutError:
            self.kill()
            return await self._watch

    async def _wait(self) -> int:
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(_SHOWN):
            self._complaints = (self._complaints + said)[-_SHOWN:]
        return await self._process.wait()
