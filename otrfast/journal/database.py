"""The SQLite database of a store: one connection, its settings, transactions, schema and errors."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from otrfast.journal.errors import StoreDamaged, StoreError, StoreMissing
from otrfast.journal.seam import Stale, Unsure

APPLICATION: Final = 0x4F545246
"""`OTRF`: SQLite's mark of whose database a file is."""

_CREATE = (
    "create table store (only_row integer primary key check (only_row = 1), id blob not null,"
    " derivation blob not null, names blob not null, shards integer not null,"
    " epoch integer not null, mark integer not null, anchored integer not null)",
    "create table key (generation integer primary key autoincrement, wrapped blob not null)",
    "create table record (name text primary key, generation integer not null,"
    " sealed blob not null)",
    "create table shard (number integer primary key, token integer not null,"
    " owner text not null, epoch integer not null)",
    "create table conversation (id integer primary key, shard integer not null,"
    " name blob not null, generation integer not null, version integer not null,"
    " peer blob not null, sealed blob not null, unique (shard, name))",
    "create table known (id integer primary key, name blob not null unique,"
    " generation integer not null, sealed blob not null)",
    *(
        f"create table {table} (id integer primary key autoincrement, shard integer not null,"
        " generation integer not null, sealed blob not null)"
        for table in ("inbox", "outbox", "event")
    ),
    *(
        f"create index {table}_of_shard on {table} (shard, id)"
        for table in ("inbox", "outbox", "event")
    ),
    *(
        f"create index {table}_by_generation on {table} (generation)"
        for table in ("conversation", "known")
    ),
)
MIGRATIONS: Final[list[Sequence[str]]] = [_CREATE]
"""The statements that lead from each version of the schema to the next, from an empty database."""

_BUSY_SECONDS: Final = 5.0
_MODE = 0o600
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_CODES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make space",
    sqlite3.SQLITE_READONLY: "the database is read-only: make it and its directory writable",
    sqlite3.SQLITE_BUSY: "another program holds the database: wait until it has ended",
    sqlite3.SQLITE_LOCKED: "another program holds the database: wait until it has ended",
    sqlite3.SQLITE_IOERR: "the disk reported an error",
    sqlite3.SQLITE_CANTOPEN: "the database, or a file beside it, cannot be opened: see the rights"
    " of its directory",
}
_DAMAGED: Final = {
    sqlite3.SQLITE_CORRUPT: "a page of the database is damaged",
    sqlite3.SQLITE_NOTADB: "this is no store, or its first page is damaged",
}


@contextmanager
def about(path: str) -> Iterator[None]:
    """Give SQLite's errors the seam's classes: `Stale` for a row that is there already,
    `StoreDamaged`, and `Unsure` for any other."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise Stale(f"{path}: the row is there already: another owner wrote it") from None
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise StoreDamaged(
                f"{path}: {_DAMAGED[code]}: put a backup back, or move the file away and begin a"
                " new store"
            ) from None
        raise Unsure(f"{path}: {_CODES.get(code, str(error))}") from None


@contextmanager
def opening() -> Iterator[None]:
    """Have what cannot be done while a store is opened or kept be a `StoreError`."""
    try:
        yield
    except (Unsure, Stale) as error:
        raise StoreError(str(error)) from None


def prepare_file(path: str, *, create: bool) -> None:
    """See that the database is a file that can be written; make it, with mode 0600, if `create`.
    Raises `StoreError`."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        if not create:
            raise StoreMissing(f"cannot open {path}: there is no such file") from None
        with _access(path):
            os.close(os.open(path, _NEW, _MODE))
            narrow(path)  # the umask may have cleared more bits
            _sync_directory(Path(path).parent)
        return
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"cannot open {path}: expected a regular file")
    if not found.st_mode & stat.S_IWUSR or not os.access(path, os.R_OK | os.W_OK):
        raise StoreError(f"cannot open {path}: it is read-only: make it writable (chmod 600)")


def narrow(path: str) -> None:
    """Give the database and the files beside it mode 0600. Raises `StoreError`."""
    with _access(path):
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(path + suffix).chmod(_MODE)


@contextmanager
def _access(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from None


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Database:
    """One connection, for one thread at a time. Errors are those of `about`."""

    __slots__ = ("_connection", "_durable", "_path")

    def __init__(self, path: str, *, durable: bool = True) -> None:
        self._path = path
        self._durable = durable
        with about(path):
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._check_owner()
                narrow(path)
                self._settings()
            except BaseException:
                self._connection.close()
                raise

    def _check_owner(self) -> None:
        """Raise `StoreError` for another program's database, before anything of it is changed."""
        [(application,)] = self.rows("pragma application_id")
        if application != APPLICATION and self.rows("select 1 from sqlite_master limit 1"):
            raise StoreError(f"{self._path}: this is the database of another program")

    def _settings(self) -> None:
        for setting in ("secure_delete=on", "temp_store=memory", "cell_size_check=on"):
            self.run(f"pragma {setting}")
        [(mode,)] = self.rows("pragma journal_mode=wal")
        if mode != "wal":
            raise StoreError(f"cannot open {self._path}: its file system has no shared memory")
        self._synchronous(self._durable)

    def _synchronous(self, durable: bool) -> None:
        self.run(f"pragma synchronous={'full' if durable else 'normal'}")

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; return how many rows it changed."""
        with about(self._path):
            return self._connection.execute(statement, parameters).rowcount

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of parameters; return how many rows all changed."""
        with about(self._path):
            return max(0, self._connection.executemany(statement, rows).rowcount)

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query; return its rows."""
        with about(self._path):
            return self._connection.execute(statement, parameters).fetchall()

    @contextmanager
    def transaction(self, *, durable: bool | None = None) -> Iterator[None]:
        """Run statements that stand together or not at all. A raise means that none stands, unless
        the process ends. `durable` is by default that of the connection; what is not durable
        survives the process, and may be lost by a power failure."""
        changed = durable is not None and durable != self._durable
        if changed:
            self._synchronous(not self._durable)
        try:
            try:
                self.run("begin immediate")
                yield
                self.run("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("rollback")
                raise
        finally:
            if changed:
                self._synchronous(self._durable)

    def open_schema(self) -> None:
        """Bring the schema up to date. Raises `StoreError` for a newer one."""
        [(version,)] = self.rows("pragma user_version")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{self._path}: a newer otrfast made this store (schema {version}, this one"
                f" reads up to {len(MIGRATIONS)}): upgrade otrfast, or use a backup"
            )
        if version == len(MIGRATIONS):
            return
        with self.transaction(durable=True):
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self.run(statement)
            self.run(f"pragma application_id={APPLICATION}")
            self.run(f"pragma user_version={len(MIGRATIONS)}")

    def checkpoint(self) -> None:
        """Write the log into the database and cut it to nothing: what it held is gone from it."""
        self.rows("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        """Close the connection. Nothing is lost by a failure."""
        with suppress(sqlite3.Error):
            self._connection.close()
