"""A store with very many conversations: how long a bot takes to be ready with it, and how long the
first message of a conversation takes that has to be restored."""

from __future__ import annotations

import time
from collections.abc import Hashable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from otrfast.account import Account
from otrfast.aio import Gateway, JournalStore
from otrfast.apps.bench.engine_work import percentile
from otrfast.apps.bench.gateway_peers import LIMITS, TEXT
from otrfast.journal import Identity, SqliteJournal, dumps_known
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.storage.private_key import PrivateKey

_REAL: Final = 300  # conversations that have a peer; the others are copies of them
_AT_ONCE: Final = 500  # conversations in one commit
_KEY: Final = bytes(32)  # of a store that holds nothing worth a key


def _bot(who: Identity) -> Account:
    return Account(
        "bot", "test", who.private_key, instance_tag=who.instance_tag, trust=who.trust,
        policy=Policy.MANUAL, limits=LIMITS,
    )  # fmt: skip


def _name(number: int) -> str:
    return f"peer{number}"


def _converse(bot: Account, peers: Account, real: int) -> None:
    """Have `real` peers exchange keys with the bot, and write once."""
    for number in range(real):
        name = _name(number)
        ours, theirs = bot.session(name), peers.session(name)
        lines = list(ours.start().wire)
        while lines:
            answers = [line for each in lines for line in theirs.receive(each).wire]
            lines = [line for each in answers for line in ours.receive(each).wire]
        assert theirs.state is MessageState.ENCRYPTED
        for line in theirs.send(TEXT).wire:
            ours.receive(line)


async def _fill(journal: SqliteJournal, bot: Account, real: int, count: int) -> None:
    """Save `count` conversations: the real ones, and copies of them under other names."""
    shard = journal.shard(0)
    await shard.look()
    await shard.claim()
    bot.counter_epoch = shard.epoch
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        await shard.load([_name(number) for number in numbers])
        states: dict[str, bytes | None] = {}
        known: dict[str, bytes] = {}
        for number in numbers:
            name, copied = _name(number), _name(number % real)
            states[name] = bot.session(copied).export(shard.key, shard.associated(name))
            known[name] = dumps_known(bot.trust, copied)
        await shard.commit((), states, {}, [], known=known)
    await shard.release()


async def restore(count: int) -> dict[str, float]:
    """Return the figures of a store of `count` conversations, by row."""
    with TemporaryDirectory(prefix="otrfast-bench-") as place:
        path = Path(place, "store")
        peers = Account("peers", "test", PrivateKey.generate(), policy=Policy.MANUAL, limits=LIMITS)
        real = min(_REAL, count)
        async with SqliteJournal(path, _KEY) as journal:
            bot = _bot(await journal.identity("bot", "test"))
            _converse(bot, peers, real)
            await _fill(journal, bot, real, count)
        size = path.stat().st_size / count  # noqa: ASYNC240 - nobody waits
        del bot
        took, waits = await _go_on(path, peers, real)
    return {
        "gateway_file": size,
        "gateway_open": took,
        "gateway_first_p50": percentile(waits, 0.5),
        "gateway_first_p99": percentile(waits, 0.99),
    }


async def _go_on(path: Path, peers: Account, real: int) -> tuple[float, list[float]]:
    """Open the store; return the seconds until lines are taken, and those from a line of a peer
    until its text is committed and delivered."""
    lines = [
        (_name(n), line) for n in range(real) for line in peers.session(_name(n)).send(TEXT).wire
    ]
    start = time.perf_counter()
    waits: list[float] = []
    async with SqliteJournal(path, _KEY) as journal:
        bot = _bot(await journal.identity("bot", "test"))
        async with Gateway(bot, _drop, JournalStore(bot, journal)) as gateway:
            took = time.perf_counter() - start
            texts = aiter(gateway)
            for peer, line in lines:
                start = time.perf_counter()
                gateway.feed(peer, line)
                message = await anext(texts)
                waits.append(time.perf_counter() - start)
                assert (message.peer, message.text) == (peer, TEXT)
    return took, waits


def _drop(peer: Hashable, line: bytes) -> None:
    """There is no network."""
