"""What is done to the whole of a store: sealing again, checks, forgetting, another key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from otrfast._records import record
from otrfast.errors import StateDamaged
from otrfast.journal.database import opening
from otrfast.journal.errors import StoreDamaged
from otrfast.journal.keys import KEY_BYTES, UserKey, new_derivation
from otrfast.journal.store import Store, place
from otrfast.journal.vault import Vault, name_of
from otrfast.storage.sealed import DEFAULT_COST, Cost

TABLES: Final = ("conversation", "known", "inbox", "outbox", "event", "record")
"""The account's own row comes last: conversations are opened with what it says."""
SESSION_TABLES: Final = ("conversation", "inbox", "outbox")
_ALL = 1 << 62
_SLICE = 1_000

Row = tuple[Any, ...]
_COLUMNS: Final = {
    "record": "rowid, generation, name, sealed",
    "known": "id, generation, name, sealed",
    "inbox": "id, generation, shard, sealed",
    "outbox": "id, generation, shard, sealed",
    "event": "id, generation, shard, sealed",
    "conversation": "id, generation, name, sealed, peer, version",
}


@record
class Report:
    """What a check has found."""

    rows: int
    """Rows that were opened, of all tables."""
    problems: tuple[str, ...]
    """What is wrong, without any text or name."""


@record
class Counts:
    """What a store holds, as anybody can see who has the file."""

    passphrase: bool
    shards: int
    epoch: int
    anchored: bool
    data_keys: int
    rows: dict[str, int]
    file_bytes: int


def counts(store: Store) -> Counts:
    """Count what a store holds; it need not be unlocked."""
    database = store.database
    with opening():
        rows = {
            table: database.rows(f"select count(*) from {table}")[0][0]  # noqa: S608  own names
            for table in TABLES
        }
        [(pages,)], [(size,)] = (
            database.rows("pragma page_count"),
            database.rows("pragma page_size"),
        )
        return Counts(
            store.has_passphrase(),
            store.fact("shards"),
            store.fact("epoch"),
            bool(store.fact("anchored")),
            database.rows("select count(*) from key")[0][0],
            rows,
            pages * size,
        )


def reseal(store: Store, count: int) -> bool:
    """Seal at most `count` rows of older generations again; when there are none left, delete
    their data keys and what the log holds. Return whether there is more to do.

    A damaged row stays as it is, and its data key with it.
    """
    if _is_done(store):
        return False
    left = count
    for table in TABLES:
        if left <= 0:
            return True
        left -= _reseal_table(store, table, left)
    if left <= 0:
        return True
    _delete_keys(store)
    return False


def _is_done(store: Store) -> bool:
    return store.resealed_to.get("", 0) == store.vault.current


def _reseal_table(store: Store, table: str, count: int) -> int:
    rows = store.database.rows(
        f"select {_COLUMNS[table]} from {table}"  # noqa: S608  our own names
        " where generation < ? and rowid > ? order by rowid limit ?",
        (store.vault.current, store.resealed_to.get(table, 0), count),
    )
    if not rows:
        return 0
    changed = []
    for row in rows:
        try:
            changed.append(_sealed_again(store, store.vault, table, row))
        except StoreDamaged:  # `check` names it; the others are not to wait for it
            continue
    with store.database.transaction(durable=False):  # the deletion of the keys is durable
        store.database.many(_update(table), changed)
    store.resealed_to[table] = rows[-1][0]
    return len(rows)


def _update(table: str) -> str:
    columns = "sealed = ?, name = ?, peer = ?" if table == "conversation" else "sealed = ?"
    if table == "known":
        columns = "sealed = ?, name = ?"
    return f"update {table} set generation = ?, {columns} where rowid = ?"  # noqa: S608  own names


def _sealed_again(store: Store, new: Vault, table: str, row: Row) -> Row:
    """Return the parameters of `_update` for a row, sealed by `new`. Raises `StoreDamaged`."""
    old = store.vault
    number, generation, key, sealed, *_ = row
    if table == "conversation":
        return _conversation_again(store, new, row)
    parts = old.open(_place(table, key), generation, sealed)
    if table != "known":
        return new.current, new.seal(_place(table, key), *parts), number
    name = new.name(name_of(parts[0]))
    return new.current, new.seal(_place(table, name), *parts), name, number


def _conversation_again(store: Store, new: Vault, row: Row) -> Row:
    old, owner = store.vault, store.owner
    number, generation, key, sealed, sealed_peer, version = row
    [peer_bytes] = old.open(place("peer", key), generation, sealed_peer)
    peer = name_of(peer_bytes)
    name = new.name(peer)
    try:
        parts = old.key(generation).open(old.associated(owner, peer, generation, version), sealed)
    except StateDamaged:
        raise StoreDamaged("a conversation in the store is damaged") from None
    state = new.key(new.current).seal(new.associated(owner, peer, new.current, version), parts)
    return new.current, state, name, new.seal(place("peer", name), peer_bytes), number


def _place(table: str, key: bytes | str | int) -> bytes:
    match key:
        case bytes():
            return place(table, key)
        case str():
            return place(table, key.encode())
    if not 0 <= key < 1 << 32:
        raise StoreDamaged("the number of a shard in the store is damaged")
    return place(table, key.to_bytes(4, "big"))


def _delete_keys(store: Store) -> None:
    used: set[int] = {store.vault.current}
    for table in TABLES:
        used.update(
            generation
            for (generation,) in store.database.rows(
                f"select distinct generation from {table}"  # noqa: S608  our own names
            )
        )
    unused = [
        generation
        for (generation,) in store.database.rows("select generation from key")
        if generation not in used
    ]
    if unused:
        with store.database.transaction(durable=True):
            store.database.many(
                "delete from key where generation = ?", [(number,) for number in unused]
            )
        store.vault.drop(unused)
        store.database.checkpoint()
    store.resealed_to[""] = store.vault.current


def check(store: Store, tell: Callable[[int], None] = lambda _: None) -> Report:
    """Read every page and open every row; `tell` gets the number of rows opened until now."""
    problems, opened = [], 0
    try:
        pages = store.database.rows("pragma integrity_check")
        problems += [f"SQLite: {text}" for (text,) in pages if text != "ok"]
    except StoreDamaged as error:
        problems.append(str(error))
    for table in TABLES:
        try:
            read, damaged = _check_table(store, table, lambda rows: tell(opened + rows))  # noqa: B023
        except StoreDamaged as error:
            problems.append(f"{table}: {error}")
            continue
        opened += read
        if damaged:
            problems.append(f"{table}: {damaged} of its rows cannot be read with the store's keys")
    return Report(opened, tuple(problems))


def _check_table(store: Store, table: str, tell: Callable[[int], None]) -> tuple[int, int]:
    """Return how many rows a table has, and how many of them are damaged."""
    read = damaged = after = 0
    while rows := store.database.rows(
        f"select {_COLUMNS[table]} from {table}"  # noqa: S608  our own names
        " where rowid > ? order by rowid limit ?",
        (after, _SLICE),
    ):
        damaged += sum(not _opens(store, table, row) for row in rows)
        after, read = rows[-1][0], read + len(rows)
        tell(read)
    return read, damaged


def _opens(store: Store, table: str, row: Row) -> bool:
    _, generation, key, sealed, *rest = row
    try:
        if table == "conversation":
            sealed_peer, version = rest
            [peer] = store.vault.open(place("peer", key), generation, sealed_peer)
            associated = store.vault.associated(store.owner, name_of(peer), generation, version)
            store.vault.key(generation).open(associated, sealed)
        else:
            store.vault.open(_place(table, key), generation, sealed)
    except (StoreDamaged, StateDamaged):
        return False
    return True


def forget_sessions(store: Store) -> int:
    """Delete the conversations, the lines from the network and those to it; return how many
    conversations there were. Keys, trust and texts that were not shown yet stay. Their data keys
    go too, so that no remains of the conversations can be read."""
    before = store.vault.current
    try:
        with opening(), store.database.transaction(durable=True):
            [(count,)] = store.database.rows("select count(*) from conversation")
            store.drop_conversations(SESSION_TABLES)
            store.start_generation()
    except BaseException:
        store.vault.current = before  # the key of the new generation does not stand
        raise
    while reseal(store, _ALL):
        pass
    store.database.checkpoint()
    return int(count)


def rekey(store: Store, key: UserKey, cost: Cost = DEFAULT_COST) -> None:
    """Have another user's key open the store, in one transaction: new keys of every kind, and
    every row sealed again. The old key and an older copy of the file say nothing of what comes.

    Raises `StoreDamaged`, and changes nothing, if a row cannot be read.
    """
    derivation = new_derivation(key, store.random, cost)
    names = store.random(KEY_BYTES)
    new = Vault(store.id, derivation.wrapping_key(key), names, store.backend, store.random)
    database = store.database
    with opening(), database.transaction(durable=True):
        database.run("insert into key (wrapped) values (x'')")
        [(generation,)] = database.rows("select max(generation) from key")
        wrapped = new.start(generation)
        for table in TABLES:
            _rekey_table(store, new, table)
        database.run("delete from key where generation < ?", (generation,))
        database.run("update key set wrapped = ?", (wrapped,))
        database.run(
            "update store set derivation = ?, names = ?", (derivation.dumps(), new.wrapped_names())
        )
        database.run("update shard set token = token + 1, owner = ''")
    store.use(new)
    database.checkpoint()


def _rekey_table(store: Store, new: Vault, table: str) -> None:
    after = 0
    while rows := store.database.rows(
        f"select {_COLUMNS[table]} from {table}"  # noqa: S608  our own names
        " where rowid > ? order by rowid limit ?",
        (after, _SLICE),
    ):
        changed: Sequence[Row] = [_sealed_again(store, new, table, row) for row in rows]
        store.database.many(_update(table), changed)
        after = rows[-1][0]
