"""A shard of the journal in a SQLite file, as its owner sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from otrfast.crypto.backend import StateKey
from otrfast.crypto.secret import Secret
from otrfast.journal import rows
from otrfast.journal.rows import Batch, Change, Ownership
from otrfast.journal.seam import Receipt, Saved, Stale
from otrfast.journal.store import Store
from otrfast.journal.store_thread import StoreThread
from otrfast.journal.vault import Vault
from otrfast.journal.writer import pause


class SqliteShard(Secret):
    """A `seam.Shard` of a `SqliteJournal`."""

    def __init__(self, access: StoreThread, me: str, number: int) -> None:
        self._access = access
        self._me = me
        self._number = number
        self._is = Ownership(-1, "", 0)
        # version, whether there is a row, and whether it was written since the claim
        self._loaded: dict[str, tuple[int, bool, bool]] = {}
        self._floor = 0  # no version of a deleted conversation is above it: none comes twice
        self._written: Receipt = 0  # the last line of the commits since the claim
        self._fetched: dict[str, Receipt] = {"inbox": 0, "event": 0}
        self._vault: Vault | None = None
        self._generation = 0
        self._owner = b""

    @property
    def owner(self) -> str:
        return self._is.owner

    @property
    def epoch(self) -> int:
        return self._is.epoch

    @property
    def key(self) -> StateKey:
        return self._claimed().key(self._generation)

    def _claimed(self) -> Vault:
        if self._vault is None:
            raise Stale(f"claim shard {self._number} first")
        return self._vault

    async def look(self) -> None:
        number = self._number
        self._is = await self._access.run(lambda store: rows.look(store, number))

    async def claim(self) -> None:
        if self._is.token < 0:
            await self.look()
        number, token, me = self._number, self._is.token, self._me

        def call(store: Store) -> tuple[Ownership, Vault, int]:
            taken = rows.claim(store, number, token, me, store.environment.wall_clock())
            return taken, store.vault, store.vault.current

        self._is, self._vault, self._generation = await self._access.run(call)
        self._loaded = {}
        self._written = 0
        self._fetched = {"inbox": 0, "event": 0}

    async def release(self) -> None:
        number, token = self._number, self._is.token
        self._is = await self._access.run(lambda store: rows.release(store, number, token))
        self._loaded, self._vault = {}, None

    async def peers(self) -> list[str]:
        number = self._number
        return await self._access.run(lambda store: store.peers(number))

    async def fetch(self, count: int) -> list[tuple[Receipt, str, bytes]]:
        return await self._fetch("inbox", count)

    async def events(self, count: int) -> list[tuple[Receipt, str, bytes]]:
        return await self._fetch("event", count)

    async def _fetch(self, table: str, count: int) -> list[tuple[Receipt, str, bytes]]:
        number, after = self._number, self._fetched[table]
        found = await self._access.run(lambda store: rows.fetch(store, table, number, after, count))
        if found:
            self._fetched[table] = found[-1][0]
        else:
            await pause()
        return [(receipt, peer, parts[0]) for receipt, peer, parts in found]

    async def load(self, peers: Collection[str]) -> dict[str, Saved]:
        self._claimed()
        number, wanted = self._number, list(peers)

        def call(store: Store) -> tuple[bytes, dict[str, Saved]]:
            return store.owner, rows.load(store, number, wanted)

        self._owner, saved = await self._access.run(call)
        for peer in wanted:
            found = saved.get(peer)
            version = self._floor if found is None else found.version
            self._loaded[peer] = version, found is not None, False
        return saved

    def associated(self, peer: str) -> bytes:
        version, *_ = self._version(peer)
        return self._claimed().associated(self._owner, peer, self._generation, version + 1)

    def _version(self, peer: str) -> tuple[int, bool, bool]:
        found = self._loaded.get(peer)
        if found is None:
            raise Stale(f"{peer!r} was not loaded since the claim")
        return found

    async def commit(
        self,
        receipts: Sequence[Receipt],
        states: Mapping[str, bytes | None],
        lines: Mapping[str, Sequence[bytes]],
        events: Sequence[tuple[str, bytes]],
        *,
        seen: Sequence[Receipt] = (),
        known: Mapping[str, bytes] | None = None,
        sent: bool = False,
    ) -> Sequence[Receipt]:
        self._claimed()
        changes = [Change(peer, *self._version(peer), states[peer]) for peer in states]
        done = self._written if sent else 0
        batch = Batch(receipts, changes, lines, events, seen, known or {}, done)
        number, token, generation = self._number, self._is.token, self._generation

        written, shown = await self._access.run(
            lambda store: rows.commit(store, number, token, generation, batch)
        )
        # lines that are done are asked to be deleted once
        self._written = written or (0 if sent else self._written)
        for change in changes:
            version = change.version + 1
            if change.sealed is not None:
                self._loaded[change.peer] = version, True, True
            else:
                self._floor = max(self._floor, version)
                del self._loaded[change.peer]  # it is loaded again before it is saved again
        return shown
