"""A store in the thread that it lives in, and what that thread does when nobody calls."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from otrfast.crypto.secret import Secret
from otrfast.errors import LocalError
from otrfast.journal import upkeep
from otrfast.journal.errors import StoreError
from otrfast.journal.keys import UserKey, check_key
from otrfast.journal.store import Settings, Store, attach
from otrfast.journal.writer import Writer

T = TypeVar("T")
_log = logging.getLogger("otrfast.journal")

QUIET_SECONDS = 5.0
"""After how long without a call the log is written into the database and cut to nothing."""

_SLICE = 64  # rows sealed again at a time: a commit waits for one slice at most


class StoreThread(Secret):
    """A store that is open or not, and its thread. The key is held until it is open."""

    def __init__(self, settings: Settings, key: UserKey | Callable[[], UserKey]) -> None:
        if not callable(key):
            check_key(key)
        self._settings = settings
        self._key: UserKey | Callable[[], UserKey] | None = key
        self._writer: Writer | None = None
        self._store: Store | None = None
        self._process = 0
        self._rested = self._clean = False

    async def open(self, shards: int) -> None:
        """Open the store unless it is open. Raises `StoreError`; it is closed then."""
        if self._store is not None:
            return await self.run(partial(self._check_shards, shards))
        writer = Writer(self._idle)
        try:
            self._store = await writer.run(partial(self._open, shards))
        except BaseException:
            writer.stop()
            raise
        self._writer, self._key, self._process = writer, None, os.getpid()
        return None

    def _open(self, shards: int) -> Store:
        if self._key is None:
            raise StoreError(f"{self._settings.path}: the journal was closed: make a new one")
        store = attach(self._settings, self._key, shards)
        try:
            self._check_shards(shards, store)
            store.begin()
        except BaseException:
            store.close()
            raise
        return store

    def _check_shards(self, shards: int, store: Store) -> None:
        made_with = store.fact("shards")
        if made_with != shards:
            raise StoreError(
                f"{self._settings.path}: the store was made with {made_with} shards, not {shards}"
            )

    async def close(self) -> None:
        """Close the store; a second call does nothing."""
        writer, store = self._writer, self._store
        self._writer = self._store = None
        if self._process != os.getpid():
            return  # a forked process has no thread of it; file and lock are the parent's
        if writer is not None and store is not None:
            try:
                await writer.run(store.close)
            finally:
                writer.stop()

    @property
    def store(self) -> Store:
        """The open store. Raises `StoreError` if there is none."""
        if self._store is None:
            raise StoreError(f"{self._settings.path}: the store is not open: call open() first")
        if self._process != os.getpid():
            raise StoreError(f"{self._settings.path}: the store belongs to the process before fork")
        return self._store

    async def run(self, call: Callable[[Store], T]) -> T:
        """Run a call on the store in its thread. Raises `StoreError` unless it is open."""
        store, writer = self.store, self._writer
        assert writer is not None

        def work() -> T:
            self._rested = self._clean = False
            return call(store)

        return await writer.run(work)

    def _idle(self) -> float | None:
        """Seal old rows again; after a while without a call, empty the log."""
        store = self._store
        if store is None or self._clean:
            return None
        try:
            if upkeep.reseal(store, _SLICE):
                return 0.0
            if not self._rested:
                self._rested = True
                return QUIET_SECONDS
            store.database.checkpoint()
        except LocalError:  # a full disk, say: the next call meets it too, and can tell somebody
            return None
        except Exception:  # noqa: BLE001 - the thread serves every call, so it does not end
            _log.exception("the store cannot be looked after")
            return None
        self._clean = True
        return None
