"""A store as one thread works on it: the file, its lock, its keys, and who its account is.

`rows` holds what the shards do with it, `upkeep` what is done to the whole of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from otrfast._records import field, record
from otrfast.crypto.backend import Backend
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.secret import Secret
from otrfast.environment import Environment
from otrfast.errors import LocalError
from otrfast.journal.anchor import Anchor, read_anchor, write_anchor
from otrfast.journal.database import Database, opening, prepare_file
from otrfast.journal.errors import StoreDamaged, StoreError, StoreMissing, WrongKey
from otrfast.journal.identity import Identity, dumps_known, loads_identity, loads_known
from otrfast.journal.keys import (
    KEY_BYTES,
    Derivation,
    Random,
    UserKey,
    check_key,
    new_derivation,
)
from otrfast.journal.lock import Lock
from otrfast.journal.vault import STORE_ID_BYTES, Vault, name_of, purpose_of_names
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.storage.private_key import PrivateKey
from otrfast.storage.sealed import DEFAULT_COST, Cost
from otrfast.trust import Trust

IDENTITY: Final = "identity"
MARK_SECONDS: Final = 60.0
"""How often, at most, a commit writes the anchor."""
_TAG_VALUES = 0x1_0000_0000 - MIN_INSTANCE_TAG
_CONTENTS = ("conversation", "inbox", "outbox", "event")


@record
class Settings:
    """How a store is opened."""

    path: str
    anchor: str | None = None
    durable: bool = True
    create: bool = True
    cost: Cost = DEFAULT_COST
    environment: Environment = field(factory=Environment)


def place(table: str, key: bytes = b"") -> bytes:
    """Return the name of a row's place, which it is sealed together with."""
    return table.encode() + b"\0" + key


class Store(Secret):
    """An attached store. Every call is made by one thread at a time."""

    __slots__ = (
        "_anchored_at",
        "_begun",
        "_identity",
        "_lock",
        "_vault",
        "anchor",
        "database",
        "dropped",
        "environment",
        "id",
        "path",
        "resealed_to",
        "rolled_back",
    )

    def __init__(self, settings: Settings) -> None:
        """Attach to a file: take its lock and read its schema. Raises `StoreError`, at once if
        another process has it."""
        if "\0" in settings.path:
            raise StoreError("cannot open a store: the path contains a zero byte")
        path = os.path.realpath(settings.path)  # two names of one file share its lock
        if not settings.create and not Path(path).exists():
            raise StoreMissing(f"cannot open {settings.path}: there is no such file")
        self.path: str = path
        self.anchor: str | None = settings.anchor
        self.environment: Environment = settings.environment
        self.id: bytes = b""
        self.rolled_back: bool = False
        self.dropped: tuple[str, ...] = ()
        self.resealed_to: dict[str, int] = {}
        self._vault: Vault | None = None
        self._identity: Identity | None = None
        self._anchored_at = 0.0
        self._begun = False
        if not Path(path).parent.is_dir():
            raise StoreError(f"cannot open {settings.path}: there is no such directory")
        self._lock = Lock(path)
        try:
            with opening():
                prepare_file(path, create=settings.create)
                self.database: Database = Database(path, durable=settings.durable)
                try:
                    self.database.open_schema()
                    self.id = self._read_id()
                except BaseException:
                    self.database.close()
                    raise
        except BaseException:
            self._lock.release()
            raise

    def _read_id(self) -> bytes:
        found = self.database.rows("select id from store")
        return bytes(found[0][0]) if found else b""

    @property
    def backend(self) -> Backend:
        """The backend that seals."""
        return self.environment.backend

    @property
    def random(self) -> Random:
        """The source of keys."""
        return self.environment.random

    @property
    def vault(self) -> Vault:
        """The unlocked keys. Raises `StoreError` before `unlock`."""
        if self._vault is None:
            raise StoreError(f"{self.path}: the store is not unlocked")
        return self._vault

    def fact(self, column: str) -> Any:
        """Return a column of the store's own row. Raises `StoreDamaged` if there is no such row."""
        found = self.database.rows(f"select {column} from store")  # noqa: S608  our own names
        if not found:
            raise StoreDamaged(f"{self.path}: this is no store yet, or its first row is gone")
        return found[0][0]

    def has_passphrase(self) -> bool:
        """Whether the store is opened by a passphrase, not by a key of 32 bytes."""
        return Derivation.loads(self.fact("derivation")).cost is not None

    # Keys

    def make(self, key: UserKey, shards: int, cost: Cost) -> None:
        """Write the first row, with the keys wrapped, unless there is one."""
        if self.id:
            return
        derivation = new_derivation(key, self.random, cost)
        store = self.random(STORE_ID_BYTES)
        wrapping = derivation.wrapping_key(key)
        wrapped = wrapping.wrap(purpose_of_names(store), self.random(KEY_BYTES), self.random)
        with opening(), self.database.transaction(durable=True):
            self.database.run(
                "insert into store values (1, ?, ?, ?, ?, 0, 0, 0)",
                (store, derivation.dumps(), wrapped, shards),
            )
            self.database.many(
                "insert into shard values (?, 0, '', 0)", [(number,) for number in range(shards)]
            )
        self.id = store

    def unlock(self, key: UserKey) -> None:
        """Unwrap the keys. Raises `WrongKey`; nothing is written."""
        check_key(key)
        derivation = Derivation.loads(self.fact("derivation"))
        try:
            wrapping = derivation.wrapping_key(key)
            names = wrapping.unwrap(purpose_of_names(self.id), self.fact("names"))
            vault = Vault(self.id, wrapping, names, self.backend, self.random)
            for generation, wrapped in self.database.rows("select generation, wrapped from key"):
                vault.add(generation, wrapped)
        except WrongKey as error:
            raise WrongKey(f"{self.path}: {error}") from None
        self._vault = vault

    def use(self, vault: Vault) -> None:
        """Go on with other keys, which have sealed every row."""
        self._vault = vault
        self.resealed_to = {"": vault.current}

    def begin(self) -> None:
        """Seal under a fresh data key from now on; drop the conversations of a store that is older
        than its anchor."""
        with opening():
            anchor = self._read_anchor()
            with self.database.transaction(durable=True):
                self._drop_if_rolled_back(anchor)
                self.start_generation()
                self.raise_mark()
            self.write_anchor()
        self._begun = True

    def start_generation(self) -> None:
        """Make a data key, within a transaction."""
        self.database.run("insert into key (wrapped) values (x'')")
        [(generation,)] = self.database.rows("select max(generation) from key")
        wrapped = self.vault.start(generation)
        self.database.run("update key set wrapped = ? where generation = ?", (wrapped, generation))
        self.resealed_to = {}

    # The anchor

    def _read_anchor(self) -> Anchor | None:
        if self.anchor is None:
            return None
        anchor = read_anchor(self.anchor)
        if anchor is not None and anchor.store != self.id:
            raise StoreError(
                f"{self.anchor} is the anchor of another store than {self.path}: give the right"
                " one, or remove it to begin a new one"
            )
        return anchor

    def _drop_if_rolled_back(self, anchor: Anchor | None) -> None:
        if self.anchor is None:
            return
        epoch, mark, anchored = self.fact("epoch"), self.fact("mark"), self.fact("anchored")
        older = anchored if anchor is None else anchor.is_ahead_of(epoch, mark)
        if older:
            self.rolled_back = True
            self.dropped = tuple(self.peers())
            self.drop_conversations((*_CONTENTS,))
        if anchor is not None:
            epoch, mark = max(epoch, anchor.epoch), max(mark, anchor.mark)
        self.database.run("update store set epoch = ?, mark = ?, anchored = 1", (epoch, mark))

    def drop_conversations(self, tables: Iterable[str]) -> None:
        """Delete what the tables hold, and fence every owner, within a transaction."""
        for table in tables:
            self.database.run(f"delete from {table}")  # noqa: S608  our own names
        self.database.run("update shard set token = token + 1, owner = ''")

    def raise_mark(self) -> None:
        """Count on, within a transaction: an older copy of the file has a lower mark."""
        self.database.run("update store set mark = mark + 1")

    def write_anchor(self) -> None:
        """Write the anchor, after what it tells of was committed."""
        if self.anchor is not None:
            anchor = Anchor(self.id, self.fact("epoch"), self.fact("mark"))
            write_anchor(self.anchor, anchor)
            self._anchored_at = self.environment.clock()

    def mark_if_due(self) -> None:
        """Raise the mark and write the anchor if that was long ago."""
        if self.anchor is None or self.environment.clock() < self._anchored_at + MARK_SECONDS:
            return
        with self.database.transaction(durable=True):
            self.raise_mark()
        self.write_anchor()

    # The account

    @property
    def owner(self) -> bytes:
        """Who the conversations belong to. Raises `StoreError` before there is an account."""
        if self._identity is None:
            self._identity = self.read_identity(Trust())
        if self._identity is None:
            raise StoreError(f"{self.path}: the store has no account yet: call identity() first")
        return self._identity.owner

    def read_identity(self, trust: Trust) -> Identity | None:
        """Return the account of the store, None if it has none yet."""
        found = self.database.rows(
            "select generation, sealed from record where name = ?", (IDENTITY,)
        )
        if not found:
            return None
        [(generation, sealed)] = found
        parts = self.vault.open(place("record", IDENTITY.encode()), generation, sealed)
        return loads_identity(parts, trust, self.backend)

    def identity(
        self, account: str, protocol: str, private_key: KeyPair | None, tag: int | None
    ) -> Identity:
        """Return the account of the store with its trust; make it at the first call. Raises
        `StoreError` for another account, key or tag than the store's."""
        identity = self.read_identity(self.read_trust())
        if identity is None:
            return self._new_identity(account, protocol, private_key, tag)
        if (identity.account, identity.protocol) != (account, protocol):
            raise StoreError(
                f"{self.path}: this is the store of {identity.account!r} on"
                f" {identity.protocol!r}, not of {account!r} on {protocol!r}"
            )
        if private_key is not None and private_key.fingerprint != identity.private_key.fingerprint:
            raise StoreError(f"{self.path}: the store has another private key than the one given")
        if tag is not None and tag != identity.instance_tag:
            raise StoreError(
                f"{self.path}: the store's instance tag is {identity.instance_tag:08x},"
                f" not {tag:08x}"
            )
        return identity

    def _new_identity(
        self, account: str, protocol: str, private_key: KeyPair | None, tag: int | None
    ) -> Identity:
        if private_key is None:
            private_key = PrivateKey.generate(self.backend, self.random)
        if tag is None:
            tag = MIN_INSTANCE_TAG + int.from_bytes(self.random(8), "big") % _TAG_VALUES
        identity = Identity(account, protocol, private_key, tag, Trust())
        parts = identity.dumps(self.backend)
        sealed = self.vault.seal(place("record", IDENTITY.encode()), *parts)
        with self.database.transaction(durable=True):
            self.database.run(
                "insert into record values (?, ?, ?)", (IDENTITY, self.vault.current, sealed)
            )
        self._identity = identity
        return identity

    def read_trust(self) -> Trust:
        """Return what the account knows of its peers' keys."""
        trust = Trust()
        for name, generation, sealed in self.database.rows(
            "select name, generation, sealed from known order by id"
        ):
            peer, known = self.vault.open(place("known", name), generation, sealed)
            loads_known(known, name_of(peer), trust)
        return trust

    def known_rows(self, known: Iterable[tuple[str, bytes]]) -> list[tuple[bytes, int, bytes]]:
        """Return the rows of `known` for what `dumps_known` wrote of each peer."""
        vault, found = self.vault, []
        for peer, data in known:
            name = vault.name(peer)
            sealed = vault.seal(place("known", name), peer.encode("utf-8", "surrogatepass"), data)
            found.append((name, vault.current, sealed))
        return found

    def save_trust(self, trust: Trust, peers: Iterable[str]) -> None:
        """Write what is known of the keys of these peers."""
        rows = self.known_rows([(peer, dumps_known(trust, peer)) for peer in peers])
        with self.database.transaction():
            self.database.many(SAVE_KNOWN, rows)

    def peers(self, shard: int | None = None) -> list[str]:
        """Return the peers that a conversation is saved of, of one shard or of all."""
        vault = self.vault
        return [
            name_of(vault.open(place("peer", name), generation, peer)[0])
            for name, generation, peer in self.database.rows(
                "select name, generation, peer from conversation where ?1 is null or shard = ?1"
                " order by id",
                (shard,),
            )
        ]

    def close(self) -> None:
        """Leave the file whole and let it go. A failure loses nothing."""
        try:
            if self._begun and self.anchor is not None:
                with suppress(LocalError):
                    with self.database.transaction(durable=True):
                        self.raise_mark()
                    self.write_anchor()
            if self._begun:
                with suppress(LocalError):
                    self.database.checkpoint()
        finally:
            self.database.close()
            self._lock.release()


SAVE_KNOWN: Final = (
    "insert into known (name, generation, sealed) values (?, ?, ?) on conflict (name)"
    " do update set generation = excluded.generation, sealed = excluded.sealed"
)


def attach(settings: Settings, key: UserKey | Callable[[], UserKey], shards: int = 1) -> Store:
    """Return an unlocked store, made if there is none and `settings` say so. `key` may be a
    function that asks for it. Raises `StoreError`."""
    store = Store(settings)
    try:
        secret = key() if callable(key) else key
        if settings.create:
            store.make(secret, shards, settings.cost)
        store.unlock(secret)
    except BaseException:
        store.close()
        raise
    return store
