"""What the shards do with a store: claims, lines from the network and to it, events, batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from otrfast._records import record
from otrfast.journal.errors import StoreError
from otrfast.journal.seam import Receipt, Saved, Stale, Unsure
from otrfast.journal.store import SAVE_KNOWN, Store, place
from otrfast.journal.vault import name_bytes, name_of

GIVEN_AT_ONCE = 256
_NAMES_AT_ONCE = 500  # parameters of one query

EPOCHS: Final = 1 << 32
"""Epochs are below this, as `Account.counter_epoch` is: seconds until 2106."""


@record
class Ownership:
    """What a shard's row says of its owner."""

    token: int
    owner: str
    epoch: int


@record
class Change:
    """A conversation in a batch: what it was loaded as, and what it becomes."""

    peer: str
    version: int
    """That which was loaded or written last; 0 for none ever."""
    stored: bool
    """Whether there is a row."""
    named: bool
    """Whether the peer's name in it is sealed under the keys of the batch already."""
    sealed: bytes | None
    """The new state, of version + 1; None deletes the row."""


@record
class Batch:
    """What one commit writes: see `seam.Shard.commit`."""

    receipts: Sequence[Receipt]
    changes: Sequence[Change]
    lines: Mapping[str, Sequence[bytes]]
    events: Sequence[tuple[str, bytes]]
    seen: Sequence[Receipt]
    known: Mapping[str, bytes]
    sent: Receipt
    """The last of the lines that are done; 0 for none."""

    @property
    def only_seen(self) -> bool:
        """Whether nothing that is sent or shown later depends on it."""
        return not (self.receipts or self.changes or self.lines or self.events or self.known)


def _shard(number: int) -> bytes:
    return number.to_bytes(4, "big")


def look(store: Store, number: int) -> Ownership:
    """Read who owns a shard. Raises `StoreError` for a number that the store has not."""
    found = store.database.rows("select token, owner, epoch from shard where number = ?", (number,))
    if not found:
        raise StoreError(f"{store.path}: there is no shard {number}")
    return Ownership(*found[0])


def claim(store: Store, number: int, token: int, owner: str, now: float) -> Ownership:
    """Take a shard whose token is still the one given, with a new epoch for the whole store: the
    last one plus 1, or `now` in whole seconds of the day's time if that is more."""
    database = store.database
    epoch = max(store.fact("epoch") + 1, int(now))
    if epoch >= EPOCHS:
        raise StoreError(
            f"{store.path}: epoch {epoch} is beyond 2106: set the clock of this machine, which says"
            f" {int(now)} seconds since 1970"
        )
    with database.transaction(durable=True):
        database.run("update store set epoch = ?", (epoch,))
        _fence(
            store,
            database.run(
                "update shard set token = token + 1, owner = ?, epoch = ?"
                " where number = ? and token = ?",
                (owner, epoch, number, token),
            ),
            number,
        )
    with _anchoring(store):
        store.write_anchor()
    return Ownership(token + 1, owner, epoch)


def release(store: Store, number: int, token: int) -> Ownership:
    """Give a shard up."""
    with store.database.transaction():
        _fence(
            store,
            store.database.run(
                "update shard set token = token + 1, owner = '' where number = ? and token = ?",
                (number, token),
            ),
            number,
        )
    return look(store, number)


def _fence(store: Store, changed: int, number: int) -> None:
    if changed != 1:
        raise Stale(f"{store.path}: another owner has claimed shard {number}")


def load(store: Store, number: int, peers: Sequence[str]) -> dict[str, Saved]:
    """Return the saved conversations of these peers."""
    vault = store.vault
    names = {vault.name(peer): peer for peer in peers}
    wanted, saved = list(names), {}
    for start in range(0, len(wanted), _NAMES_AT_ONCE):
        part = wanted[start : start + _NAMES_AT_ONCE]
        marks = ",".join("?" * len(part))
        for name, generation, version, sealed in store.database.rows(
            "select name, generation, version, sealed from conversation"  # noqa: S608  only marks
            f" where shard = ? and name in ({marks})",
            (number, *part),
        ):
            peer = names[name]
            associated = vault.associated(store.owner, peer, generation, version)
            key = vault.key(generation)
            saved[peer] = Saved(key, associated, sealed, version)
    return saved


def put(store: Store, number: int, rows: Sequence[tuple[str, bytes]]) -> None:
    """Add lines from the network."""
    look(store, number)
    sealed = _sealed(store, "inbox", number, [(peer, [line]) for peer, line in rows])
    with store.database.transaction():
        _insert(store, "inbox", number, sealed)


def fetch(
    store: Store, table: str, number: int, after: Receipt, count: int
) -> list[tuple[Receipt, str, list[bytes]]]:
    """Return at most `count` rows of a table after one of them, as (receipt, peer, parts)."""
    found = store.database.rows(
        f"select id, generation, sealed from {table}"  # noqa: S608  our own names
        " where shard = ? and id > ? order by id limit ?",
        (number, after, count),
    )
    rows = []
    for receipt, generation, sealed in found:
        peer, *parts = store.vault.open(place(table, _shard(number)), generation, sealed)
        rows.append((receipt, name_of(peer), parts))
    return rows


def out(store: Store, number: int, done: Receipt) -> list[tuple[Receipt, str, list[bytes]]]:
    """Delete the outgoing lines up to one of them; return the next."""
    if done:
        # what was sent and is given again after a power failure is a line of unknown fate
        with store.database.transaction(durable=False):
            store.database.run("delete from outbox where shard = ? and id <= ?", (number, done))
    return fetch(store, "outbox", number, done, GIVEN_AT_ONCE)


def commit(
    store: Store, number: int, token: int, generation: int, batch: Batch
) -> tuple[Receipt, Sequence[Receipt]]:
    """Write a batch for the owner with this token, whole or not at all; its states are sealed
    under the keys of `generation`. Return the last of the lines, 0 for none, and the events."""
    if generation != store.vault.current:
        raise Stale(f"{store.path}: the store has other keys since the claim of shard {number}")
    lines = _sealed(store, "outbox", number, list(batch.lines.items()))
    events = _sealed(store, "event", number, [(peer, [event]) for peer, event in batch.events])
    known = store.known_rows(batch.known.items())
    database = store.database
    with database.transaction(durable=False if batch.only_seen else None):
        _fence(
            store,
            database.run(
                "update shard set token = token where number = ? and token = ?", (number, token)
            ),
            number,
        )
        _take(store, number, batch)
        _write_states(store, number, batch.changes)
        written = _insert(store, "outbox", number, lines)
        shown = _insert(store, "event", number, events)
        if known:
            database.many(SAVE_KNOWN, known)
    with _anchoring(store):
        store.mark_if_due()
    return max(written, default=0), shown


@contextmanager
def _anchoring(store: Store) -> Iterator[None]:
    """What was committed stands, but nobody may go on whose anchor stays behind."""
    try:
        yield
    except StoreError as error:
        raise Unsure(f"{store.path}: committed, but {error}") from None


def _take(store: Store, number: int, batch: Batch) -> None:
    """Delete the lines that the batch answers, those that were sent, and the events that were
    shown."""
    database = store.database
    if batch.sent:
        database.run("delete from outbox where shard = ? and id <= ?", (number, batch.sent))
    if batch.receipts:
        taken = database.many(
            "delete from inbox where id = ? and shard = ?",
            [(receipt, number) for receipt in batch.receipts],
        )
        if taken != len(batch.receipts):
            raise Stale(f"{store.path}: a line of the batch was answered before")
    if batch.seen:
        database.many(
            "delete from event where id = ? and shard = ?",
            [(receipt, number) for receipt in batch.seen],
        )


def _write_states(store: Store, number: int, changes: Sequence[Change]) -> None:
    vault = store.vault
    added, updated, named, deleted = [], [], [], []
    for change in changes:
        name, version = vault.name(change.peer), change.version
        where = number, name, version
        if change.sealed is None:
            if change.stored:
                deleted.append(where)
            continue
        if change.named:
            named.append((version + 1, change.sealed, *where))
            continue
        peer = vault.seal(place("peer", name), name_bytes(change.peer))
        row = vault.current, version + 1, peer, change.sealed
        if change.stored:
            updated.append((*row, *where))
        else:
            added.append((*row, number, name))
    for statement, rows in (
        (_DELETE, deleted), (_UPDATE, updated), (_UPDATE_NAMED, named), (_INSERT, added),
    ):  # fmt: skip
        if rows and store.database.many(statement, rows) != len(rows):
            raise Stale(f"{store.path}: a conversation is not the one that was loaded")


_DELETE = "delete from conversation where shard = ? and name = ? and version = ?"
_UPDATE = (
    "update conversation set generation = ?, version = ?, peer = ?, sealed = ?"
    " where shard = ? and name = ? and version = ?"
)
_UPDATE_NAMED = (
    "update conversation set version = ?, sealed = ? where shard = ? and name = ? and version = ?"
)
_INSERT = (
    "insert into conversation (generation, version, peer, sealed, shard, name)"
    " values (?, ?, ?, ?, ?, ?)"
)


def _sealed(
    store: Store, table: str, number: int, rows: Sequence[tuple[str, Sequence[bytes]]]
) -> list[bytes]:
    where = place(table, _shard(number))
    return [store.vault.seal(where, name_bytes(peer), *parts) for peer, parts in rows]


def _insert(store: Store, table: str, number: int, sealed: Sequence[bytes]) -> Sequence[Receipt]:
    """Add rows; return their receipts, which follow each other: nobody else writes meanwhile."""
    if not sealed:
        return ()
    store.database.many(
        f"insert into {table} (shard, generation, sealed) values (?, ?, ?)",  # noqa: S608
        [(number, store.vault.current, row) for row in sealed],
    )
    [(last,)] = store.database.rows(f"select max(id) from {table}")  # noqa: S608
    return range(last - len(sealed) + 1, last + 1)
