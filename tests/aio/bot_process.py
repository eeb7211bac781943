"""A bot in a process of its own, for the tests that kill it: an echo on a gateway with its store.

It reads `line PEER NUMBER HEX`, a line of a peer with a number to acknowledge it by, which is its
id. It writes `emit PEER HEX`, `ack NUMBER`, `text PEER REDELIVERED HEX` and `unknown PEER`. Before
step number KILL_AT it ends as kill -9 would have it; steps are each side of a commit, each line
out, each acknowledgement, each text delivered.

With CONTROL=1 lines are emitted before the commit, counters are those of the saved state, and the
end comes right after text number KILL_AT went out: what the tests have to catch.
"""

from __future__ import annotations

import asyncio
import os
import sys

from otrfast import Account, Limits, Policy
from otrfast.aio import Gateway
from otrfast.aio.journal_store import DeliveryUnknown, JournalStore
from otrfast.journal import SqliteJournal
from otrfast.protocol.keyring import Keyring

_KILL_AT = int(os.environ.get("KILL_AT", "0"))
_CONTROL = os.environ.get("CONTROL") == "1"
_steps = 0
_emitted: list[bytes] = []


def step(*, of_control: bool = False) -> None:
    """One more step: perhaps the last. Only those of the control count there."""
    global _steps  # noqa: PLW0603 - one process, one counter
    if of_control is not _CONTROL:
        return
    _steps += 1
    if _steps == _KILL_AT:
        os._exit(9)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def emit(peer: str, line: bytes) -> None:
    step()
    say("emit", peer, line.hex())
    if line.startswith(b"?OTR:AAMD"):
        step(of_control=True)


def emit_once(peer: str, line: bytes) -> None:
    """Emit what was not emitted before its commit."""
    if line in _emitted:
        _emitted.remove(line)
    else:
        emit(peer, line)


class Watched(JournalStore):
    """A store whose commits are steps."""

    async def commit(self, batch):
        if _CONTROL:
            for peer, line in batch.lines:
                _emitted.append(line)
                emit(peer, line)
        step()
        ids = await super().commit(batch)
        step()
        return ids


def count_as_saved() -> None:
    """Have data keys go on from the counter that was saved."""

    def install(self, pair, ours, theirs, secret):
        return self._pairs.setdefault(pair, secret.data_keys(ours.public > theirs))

    Keyring._install = install  # type: ignore[method-assign]
    Keyring.follow_counters = lambda self: None  # type: ignore[method-assign]


async def main(path: str) -> None:
    if _CONTROL:
        count_as_saved()
    journal = SqliteJournal(path, bytes(range(32)))
    await journal.open()
    found = await journal.identity("bot", "test")
    account = Account(
        "bot", "test", found.private_key, policy=Policy.ALLOW_V3 | Policy.ERROR_START_AKE,
        instance_tag=found.instance_tag, trust=found.trust, limits=Limits(error_interval=0.0),
    )  # fmt: skip

    def on_event(peer: str, event: object) -> None:
        if isinstance(event, DeliveryUnknown):
            say("unknown", peer)

    async with Gateway(account, emit_once, Watched(account, journal)) as gateway:
        gateway.on_event = on_event
        reader = asyncio.create_task(read(gateway))
        async for message in gateway:
            step()
            say("text", message.peer, int(message.redelivered), message.text.hex())
            await message.reply(b"echo " + message.text)
        await reader
    await journal.close()


async def read(gateway: Gateway) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        _, peer, number, data = line.split()

        def acknowledge(number: str = number) -> None:
            step()
            say("ack", number)

        # few wait at a time
        assert gateway.feed(peer, bytes.fromhex(data), acknowledge, id=number)
    await gateway.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
