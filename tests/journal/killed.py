"""What the processes do that test_crash.py kills.

Each is forked from a server that has no thread: a child that is forked while a thread of its parent
holds a lock, as those of OpenSSL, never gets it.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from multiprocessing import connection, get_context
from pathlib import Path

from otrfast.crypto.backends import load
from otrfast.journal.database import Database
from otrfast.journal.store_thread import StoreThread

from .conftest import Stores, claimed, opened, state, wait

NEW_KEY = bytes(32)
STATEMENTS = ("run", "many", "rows")
_PATIENCE = 20
_context = get_context("forkserver")
_context.set_forkserver_preload(["pytest", "hypothesis", "otrfast.journal"])


class Child:
    """A process that runs `work(stores, tell, ...)` on a store, with other random bytes."""

    def __init__(self, work, stores: Stores, seed: int, *more) -> None:
        self._told, tell = _context.Pipe(duplex=False)
        where = stores.path, stores.backend.name, seed
        self.process = _context.Process(target=_run, args=(work, *where, tell, *more))
        self.process.start()
        tell.close()

    def ended(self) -> tuple[bool, bytes]:
        """Whether the process was killed, and all that it has told."""
        text = b""
        while data := os.read(self._told.fileno(), 4096):
            text += data
        self._told.close()
        self.process.join(_PATIENCE)
        killed = self.process.exitcode == -signal.SIGKILL
        assert killed or self.process.exitcode == 0
        self.process.close()
        return killed, text


def _run(work, path: Path, backend: str, seed: int, tell: connection.Connection, *more) -> None:
    signal.alarm(_PATIENCE)  # one that hangs is a failure
    work(Stores(path, load(backend), seed), lambda text: os.write(tell.fileno(), text), *more)
    tell.close()


def step_by_step(step: int) -> None:
    """Have this process killed before the statement of this number, and do nothing but what is
    asked for."""
    StoreThread._idle = lambda self: None  # type: ignore[method-assign]
    kill_at(step)


def kill_at(step: int) -> None:
    """Have this process killed before the statement of this number."""
    count = 0

    def counted(plain):
        def call(self, *arguments):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(self, *arguments)

        return call

    for name in STATEMENTS:
        setattr(Database, name, counted(getattr(Database, name)))


@contextmanager
def no_transaction(self, *, durable=None):
    yield


def turn(stores, tell, step: int, control: bool) -> None:
    """Open the store, answer the line that waits in it, give the answer out, end."""
    step_by_step(step)
    journal = stores.open()
    tell(b"o")
    shard = claimed(journal, "alice")
    if control:
        Database.transaction = no_transaction
    [(receipt, peer, line)] = wait(shard.fetch(10))
    wait(shard.commit([receipt], {peer: state(shard, peer, b"2")}, {peer: [b"answer"]},
                      [(peer, b"text " + line)]))  # fmt: skip
    tell(b"c")
    wait(journal.out(0))
    tell(b"g")
    wait(journal.out(0))
    tell(b"d")
    wait(journal.close())


def count_on(stores, tell) -> None:
    """Commit number after number, and tell each that stands."""
    journal = stores.open()
    shard = claimed(journal, "alice")
    found = wait(shard.load(["alice"]))
    number = int(opened(found["alice"])) if found else 0
    while True:
        number += 1
        text = b"%d" % number
        sealed = state(shard, "alice", text)
        wait(shard.commit([], {"alice": sealed}, {"alice": [text]}, [("alice", text)]))
        tell(text + b"\n")


def make(stores, tell, step: int) -> None:
    """Make a store."""
    step_by_step(step)
    stores.open()
    stores.close()


def rekey(stores, tell, step: int) -> None:
    """Give the store another key."""
    journal = stores.open()
    step_by_step(step)
    wait(journal.rekey(NEW_KEY))
    stores.close()
