"""The journal of one process: one SQLite file, with all that a bot has to keep."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.secret import Secret
from otrfast.environment import Environment
from otrfast.journal import rows, upkeep
from otrfast.journal.identity import Identity
from otrfast.journal.keys import UserKey, check_key
from otrfast.journal.seam import Receipt
from otrfast.journal.sqlite_shard import SqliteShard
from otrfast.journal.store import Settings
from otrfast.journal.store_thread import StoreThread
from otrfast.journal.writer import pause, wait_for
from otrfast.storage.files import StrPath
from otrfast.storage.sealed import DEFAULT_COST, Cost
from otrfast.trust import Trust

T = TypeVar("T")


class SqliteJournal(Secret):
    """A `seam.Journal` in one file, for one process; it also keeps who the account is.

    All SQLite work is done in one thread of the journal's own. The calls are coroutines: await them
    in any event loop, or give them to `wait` in a thread that has none.
    """

    def __init__(
        self,
        path: StrPath,
        key: UserKey | Callable[[], UserKey],
        *,
        anchor: StrPath | None = None,
        durable: bool = True,
        create: bool = True,
        scrypt_cost: Cost = DEFAULT_COST,
        environment: Environment | None = None,
    ) -> None:
        """Name a store; `open` opens it.

        `key` is 32 bytes, a passphrase (`str`), or a function that returns one of them. `anchor` is
        a file outside the reach of whoever could put an old copy of the store back. `durable=False`
        leaves the last transactions to the operating system: a killed process loses nothing, but a
        power failure or a crash of the system may take back what was committed in the last
        seconds, after its lines were sent. The peers then see key exchanges begin anew, and lines
        that were handled may come again; counters never repeat. `scrypt_cost` is that of a new
        store. Raises `WrongKey` for a key that no store has.
        """
        if not callable(key):
            check_key(key)
        self._path = os.fspath(path)
        self._environment = environment or Environment()
        self._access = StoreThread(
            Settings(
                self._path,
                None if anchor is None else os.fspath(anchor),
                durable,
                create,
                scrypt_cost,
                self._environment,
            ),
            key,
        )
        self._me = self._environment.random(8).hex()
        self._given: dict[int, Receipt] = {}

    # The store

    async def open(self, shards: int = 1) -> None:
        """Open the store, and make it if there is none. A second call with the same number of
        shards changes nothing.

        Raises `StoreError`: `StoreInUse` at once if another process has it, `WrongKey`,
        `StoreDamaged`, and for another number of shards than it was made with.
        """
        await self._access.open(shards)

    async def close(self) -> None:
        """Let the store go; a second call does nothing."""
        await self._access.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        self.wait(self.open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wait(self.close())

    @staticmethod
    def wait(call: Coroutine[Any, Any, T]) -> T:
        """Run one of the calls to its end in a thread without an event loop; return its result."""
        return wait_for(call)

    @property
    def rolled_back(self) -> bool:
        """Whether the store was older than its anchor when it was opened: the conversations that
        it held were dropped; keys and trust stay."""
        return self._access.store.rolled_back

    @property
    def dropped(self) -> tuple[str, ...]:
        """The peers whose conversations were dropped then."""
        return self._access.store.dropped

    # The account

    async def identity(
        self,
        account: str,
        protocol: str,
        *,
        private_key: KeyPair | None = None,
        instance_tag: int | None = None,
    ) -> Identity:
        """Return private key, instance tag and trust of the account, which are made at the first
        call, or taken from the arguments. Raises `StoreError` if the store is that of another
        account, or has another key or tag than the arguments."""
        return await self._access.run(
            lambda store: store.identity(account, protocol, private_key, instance_tag)
        )

    async def save_trust(self, trust: Trust, peers: Iterable[str]) -> None:
        """Write what is known of the keys of these peers; a gateway does it within its commits."""
        names = list(peers)
        await self._access.run(lambda store: store.save_trust(trust, names))

    async def forget_sessions(self) -> int:
        """Delete all conversations, and the data keys of what remains of them in the file; return
        how many there were. Owners are fenced. Keys, trust, and texts that were not shown stay."""
        return await self._access.run(upkeep.forget_sessions)

    async def rekey(self, key: UserKey, scrypt_cost: Cost = DEFAULT_COST) -> None:
        """Have another key open the store: every row is sealed again. Owners are fenced."""
        check_key(key)
        await self._access.run(lambda store: upkeep.rekey(store, key, scrypt_cost))

    async def check(self) -> upkeep.Report:
        """Read every page and open every row; return what was found."""
        return await self._access.run(upkeep.check)

    # The seam

    @property
    def alone(self) -> bool:
        return True  # the file is locked while it is open

    async def beat(self) -> set[str]:
        """Return ourselves: nobody else can have the store open."""
        return {self._me}

    def shard(self, number: int) -> SqliteShard:
        """Return a view of a shard (0 .. shards-1)."""
        return SqliteShard(self._access, self._me, number)

    async def put(self, number: int, lines: Iterable[tuple[str, bytes]]) -> None:
        """Add lines from the network to a shard, as (peer, line)."""
        taken = list(lines)
        await self._access.run(lambda store: rows.put(store, number, taken))

    async def out(self, number: int) -> list[tuple[str, Sequence[bytes]]]:
        """Return committed lines of a shard; asking again says that those before are done. Without
        any it returns [] after a hundredth of a second."""
        done = self._given.get(number, 0)
        found = await self._access.run(lambda store: rows.out(store, number, done))
        # only now: a cancelled call has given nothing
        self._given[number] = found[-1][0] if found else 0
        if not found:
            await pause()
        return [(peer, parts) for _, peer, parts in found]
