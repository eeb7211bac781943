"""Answers of a bot by a command: `--exec`, on whatever network.

A text goes to the standard input of the command, never on its command line, which every user of the
machine can see.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from otrfast.apps.bot_rules import Answer, echo
from otrfast.errors import LocalError

PEER: Final = "OTRFAST_PEER"
"""The environment variable in which a command finds who wrote."""

_AT_ONCE = 16  # processes; texts of more peers wait
_SECONDS, _BYTES = 30.0, 65_536
_DIGITS = 10  # of a length, at most


class CommandFailed(LocalError):
    """A command gave no answer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what texts are answered with."""
    group = parser.add_argument_group("what it answers", "By default each text with itself.")
    group.add_argument(
        "--exec",
        metavar="COMMAND",
        help="give each text to the standard input of COMMAND, which no shell reads, and answer "
        f"with its output, if it has any; {PEER} in its environment is who wrote",
    )
    group.add_argument(
        "--exec-kept",
        action="store_true",
        help="start COMMAND once, and give it text after text: a line with the lengths of the "
        "peer's name and of the text in bytes, then both; it answers with a line with a length, "
        "then so many bytes",
    )
    group.add_argument(
        "--exec-timeout",
        metavar="SECONDS",
        type=float,
        default=_SECONDS,
        help="kill COMMAND if it takes longer for an answer (default: %(default)s)",
    )
    group.add_argument(
        "--exec-limit",
        metavar="BYTES",
        type=int,
        default=_BYTES,
        help="take no longer answers (default: %(default)s)",
    )


@asynccontextmanager
async def answering(arguments: argparse.Namespace) -> AsyncIterator[Answer]:
    """Return what answers texts. What is asked for by it raises `CommandFailed` if the command
    ends with another status than 0, takes too long or writes too much."""
    if arguments.exec is None:
        if arguments.exec_kept:
            raise CommandFailed("--exec-kept needs --exec COMMAND")
        yield echo
        return
    words = shlex.split(arguments.exec)
    if not words or shutil.which(words[0]) is None:
        raise CommandFailed(f"there is no such command: {words[0] if words else ''!r}")
    kind = _KeptCommand if arguments.exec_kept else _Command
    command = kind(words, arguments.exec_timeout, arguments.exec_limit, _environment(arguments))
    try:
        yield command.answer
    finally:
        await command.close()


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    """The bot's environment without what it takes its own secrets from."""
    secret = {value for name, value in vars(arguments).items() if name.endswith("_env")}
    return {name: value for name, value in os.environ.items() if name not in secret}


class _Command:
    """A process for each text."""

    def __init__(
        self, words: Sequence[str], seconds: float, limit: int, environment: dict[str, str]
    ) -> None:
        self._words, self._seconds, self._limit = words, seconds, limit
        self._environment = environment
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, peer: str, text: str) -> str:
        async with self._free:
            process = await self._start({PEER: peer})
            try:
                async with asyncio.timeout(self._seconds):
                    output = await self._ask(process, text.encode())
                    status = await process.wait()
            except TimeoutError:
                await _end(process)
                raise self._too_long() from None
            except BaseException:  # cancelled, too
                await _end(process)
                raise
        if status:
            raise CommandFailed(f"the command has ended with status {status}")
        return output.decode(errors="replace").removesuffix("\n")

    async def _start(self, more: dict[str, str]) -> Process:
        """Start the command in a session of its own, so that it can be killed with all that it has
        started, and a Ctrl-C at the terminal is for the bot alone."""
        environment = self._environment | more
        try:
            return await asyncio.create_subprocess_exec(
                *self._words, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True
            )
        except OSError as error:
            raise CommandFailed(f"the command cannot be started: {error.strerror}") from None

    async def _ask(self, process: Process, text: bytes) -> bytes:
        """Write the text and read the output at once: either could fill its pipe."""
        assert process.stdout is not None
        writing = asyncio.create_task(_write(process, text, end=True))
        try:
            output = b""
            while part := await process.stdout.read(self._limit + 1 - len(output)):
                output += part
                if len(output) > self._limit:
                    raise self._too_much()
        finally:
            writing.cancel()  # what is not read by now is not wanted
            await asyncio.wait([writing])
        return output

    def _too_long(self) -> CommandFailed:
        return CommandFailed(f"the command took longer than {self._seconds:g} s")

    def _too_much(self) -> CommandFailed:
        return CommandFailed(f"the command wrote more than {self._limit} bytes")

    async def close(self) -> None:
        """Nothing is kept."""


class _KeptCommand(_Command):
    """One process for all texts, one at a time. One that has failed is started again for the
    next text."""

    def __init__(
        self, words: Sequence[str], seconds: float, limit: int, environment: dict[str, str]
    ) -> None:
        super().__init__(words, seconds, limit, environment)
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def answer(self, peer: str, text: str) -> str:
        async with self._turn:
            if self._process is not None and self._process.returncode is not None:
                self._process = None
            if self._process is None:
                self._process = await self._start({})
            try:
                async with asyncio.timeout(self._seconds):
                    return (await self._exchange(self._process, peer, text)).decode(
                        errors="replace"
                    )
            except TimeoutError:
                await self._stop()
                raise self._too_long() from None
            except BaseException:  # cancelled, too: the answer would be taken for that of the next
                await self._stop()
                raise

    async def _exchange(self, process: Process, peer: str, text: str) -> bytes:
        assert process.stdout is not None
        name, words = peer.encode(), text.encode()
        await _write(process, b"%d %d\n" % (len(name), len(words)) + name + words)
        try:
            line = await process.stdout.readuntil(b"\n")
            length = line.strip()
            if not length.isdigit() or len(length) > _DIGITS:
                raise CommandFailed("the command wrote something else than the length of an answer")
            if int(length) > self._limit:
                raise self._too_much()
            return await process.stdout.readexactly(int(length))
        except asyncio.IncompleteReadError:
            status = await process.wait()
            raise CommandFailed(f"the command has ended with status {status}") from None
        except asyncio.LimitOverrunError:
            raise CommandFailed("the command wrote no line with a length") from None

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _end(process)

    async def close(self) -> None:
        """End the process."""
        await self._stop()


async def _write(process: Process, data: bytes, end: bool = False) -> None:
    """Write to a command, which may have ended or closed its input."""
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
        if end:
            process.stdin.close()


async def _end(process: Process) -> None:
    """Kill a command that has not answered, with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  else `wait` waits for
    await process.wait()  # the end of an output that nobody reads any more
