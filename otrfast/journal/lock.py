"""The lock that keeps a second process away from a store: a file beside it, locked by `flock`.

SQLite locks bytes of the database itself with another kind of lock, which is lost when any
descriptor of the file is closed; so the database is not opened for this. The lock goes with the
process; the file stays.
"""

from __future__ import annotations

import errno
import fcntl
import os
import weakref
from contextlib import suppress

from otrfast.journal.errors import StoreError, StoreInUse

SUFFIX = "-lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE = 0o600


class Lock:
    """A held lock. Raises `StoreInUse` at once if another holder has it."""

    __slots__ = ("__weakref__", "_descriptor")

    def __init__(self, path: str) -> None:
        try:
            self._descriptor: int = os.open(path + SUFFIX, _FLAGS, _MODE)
        except OSError as error:
            raise StoreError(f"cannot lock {path}: {path + SUFFIX}: {error.strerror}") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self.release()
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise StoreError(
                    f"cannot lock {path}: {error.strerror}: put the store on a local file system"
                ) from None
            raise StoreInUse(
                f"{path} is open{holder}: one process uses a store at a time; stop the other first"
            ) from None
        with suppress(OSError):  # on a full disk the lock is what matters
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)
        _locks.add(self)

    def _holder(self) -> str:
        with suppress(OSError, ValueError):
            return f" in process {int(os.pread(self._descriptor, 20, 0))}"
        return " elsewhere"

    def release(self) -> None:
        """Let the lock go; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _after_fork() -> None:
    """Close the child's copies: a child that lives on must not hold its parent's lock."""
    for lock in list(_locks):
        lock.release()


os.register_at_fork(after_in_child=_after_fork)
