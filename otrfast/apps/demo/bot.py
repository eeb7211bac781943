"""The bot of the demonstration, in a process of its own: a gateway with its store.

Its standard input holds one line of JSON: the port of the relay, the path of the store, and the
store's key, which does not belong in arguments or environment, where others can read it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Hashable

from otrfast.account import Account
from otrfast.aio import DeliveryUnknown, Gateway, JournalStore, Message
from otrfast.apps.demo.agreed import (
    ACKNOWLEDGED,
    AGAIN,
    ANSWER,
    ANSWER_AGAIN,
    BOT,
    LIMITS,
    LINE,
    PROTOCOL,
    SECRET,
    STOP,
)
from otrfast.apps.line_transport import Line, connect
from otrfast.errors import LocalError
from otrfast.events import Event, SmpRequested
from otrfast.journal import SqliteJournal

_PAUSE = 0.01  # seconds until a line that found no room is tried again


async def converse(port: int, path: str, key: bytes) -> None:
    """Serve the partners until the relay says that there is no more, or is gone."""
    async with SqliteJournal(path, key) as journal:
        me = await journal.identity(BOT, PROTOCOL)
        account = Account(
            BOT, PROTOCOL, me.private_key, instance_tag=me.instance_tag, trust=me.trust,
            limits=LIMITS,
        )  # fmt: skip
        relay = await connect(port, BOT.encode())

        async def send(partner: Hashable, line: bytes) -> None:
            await relay.send(b"%b %b %b" % (LINE, str(partner).encode(), line))

        async with Gateway(account, send, JournalStore(account, journal)) as gateway:
            await _serve(gateway, relay)
        await relay.close()


async def _serve(gateway: Gateway, relay: Line) -> None:
    again: list[bytes] = []

    async def on_event(partner: Hashable, event: Event) -> None:
        match event:
            case SmpRequested():
                await gateway.peer(partner).smp_answer(SECRET)
            case DeliveryUnknown(line=line):
                again.append(b"%b %b %b" % (AGAIN, str(partner).encode(), line))

    gateway.on_event = on_event
    # the events that the store has kept are reported by another task
    while gateway.snapshot()["waiting_events"]:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await relay.send(*again)  # before any line that is newer: their order is their counters'
    await asyncio.gather(gateway.serve(_answer), _read(gateway, relay))


async def _answer(message: Message) -> None:
    if message.encrypted:
        await message.reply((ANSWER_AGAIN if message.redelivered else ANSWER) + message.text)


async def _read(gateway: Gateway, relay: Line) -> None:
    """Feed what the relay brings; a line is acknowledged after the commit."""
    while (received := await relay.receive()) not in (None, STOP):
        assert received is not None
        _, partner, number, line = received.split(b" ", 3)

        def acknowledge(number: bytes = number) -> None:
            relay.write(b"%b %b" % (ACKNOWLEDGED, number))

        while not gateway.feed(partner.decode(), line, acknowledge):  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE)
    await gateway.close()


def main() -> int:
    """Run the bot as standard input says; return the exit status."""
    given = json.loads(sys.stdin.readline())
    try:
        asyncio.run(converse(given["port"], given["store"], bytes.fromhex(given["key"])))
    except (LocalError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
