"""A bot whose memory another process reads: a gateway with its store, one conversation.

Each line of its input is a command, `line HEX`, `say HEX`, `wipe`, `close`, `open`; the answer is
`ok` and the lines that the bot has emitted, as HEX. Its random bytes follow from a seed that the
observer knows. Python cannot wipe those that exponents are made of, so `wipe` does: what is found
then was left by the engine.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import hashlib
import sys
from itertools import count

from otrfast import Account, Environment, Policy
from otrfast.aio import Gateway, JournalStore
from otrfast.crypto.backend import DH_EXPONENT_BYTES
from otrfast.journal import SqliteJournal

PEER = "alice"


def drawn(seed: bytes, number: int, size: int) -> bytes:
    """The random bytes of a draw."""
    return hashlib.shake_256(b"%b %d %d" % (seed, number, size)).digest(size)


class Bot:
    """One account in one store, which is opened and closed."""

    def __init__(self, path: str, seed: bytes) -> None:
        self.path, self.seed = path, seed
        self.draws: list[bytes] = []
        self.numbers = count()
        self.out: list[bytes] = []

    def random(self, size: int) -> bytes:
        data = drawn(self.seed, next(self.numbers), size)
        if size == DH_EXPONENT_BYTES:
            self.draws.append(data)
        return data

    def wipe(self) -> None:
        for data in self.draws:
            ctypes.memset(id(data) + bytes.__basicsize__ - 1, 0, len(data))
        self.draws.clear()

    async def open(self) -> None:
        environment = Environment(random=self.random)
        self.journal = SqliteJournal(self.path, bytes(range(32)), environment=environment)
        await self.journal.open()
        found = await self.journal.identity("bot", "test")
        account = Account(
            "bot", "test", found.private_key, policy=Policy.ALLOW_V3,
            instance_tag=found.instance_tag, trust=found.trust, environment=environment,
        )  # fmt: skip
        store = JournalStore(account, self.journal)
        self.gateway = Gateway(account, lambda _, line: self.out.append(line), store)
        await self.gateway.__aenter__()
        self.reader = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for _ in self.gateway:
            pass

    async def close(self) -> None:
        await self.gateway.close()
        await self.reader
        await self.journal.close()
        del self.gateway, self.journal, self.reader

    async def obey(self, command: str, *data: str) -> None:
        match command:
            case "line":
                await self.gateway.receive(PEER, bytes.fromhex(data[0]))
            case "say":
                await self.gateway.send(PEER, bytes.fromhex(data[0]))
            case "open":
                await self.open()
            case "close":
                await self.close()
            case "wipe":
                self.wipe()


async def main(path: str, seed: str) -> None:
    bot = Bot(path, seed.encode())
    await bot.open()
    while words := (await asyncio.to_thread(sys.stdin.readline)).split():
        await bot.obey(*words)
        gc.collect()
        sys.stdout.write(" ".join(["ok", *[line.hex() for line in bot.out]]) + "\n")
        sys.stdout.flush()
        bot.out.clear()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
