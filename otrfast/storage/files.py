"""Reading of whole files, and their replacement in one step.

A reader sees the old file or the new one, also after a power failure: the new content goes to
another file in the same directory, is synced, and takes the old file's name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from otrfast.errors import KeyFileError, KeyFileMissing

StrPath = str | os.PathLike[str]

MAX_FILE_BYTES: Final = 16 << 20
"""Longer files are refused."""

MODE: Final = 0o600

_UNFINISHED = ".otrfast-new"
_NO_LOCKS = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS})
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def about(path: StrPath) -> Iterator[None]:
    """Prefix the path to a `KeyFileError` about the content of a file."""
    try:
        yield
    except KeyFileError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None


@contextmanager
def _access(what: str, path: StrPath) -> Iterator[None]:
    """Raise a `KeyFileError` that says what could not be done with which file, and why; `what` is
    `read` or `write`."""
    try:
        _check_path(path)
        yield
    except KeyFileError as error:
        raise KeyFileError(f"cannot {what} {os.fspath(path)}: {error}") from None
    except FileNotFoundError as error:
        raise KeyFileMissing(f"cannot {what} {os.fspath(path)}: {error.strerror}") from None
    except OSError as error:
        raise KeyFileError(f"cannot {what} {os.fspath(path)}: {error.strerror or error}") from None


def _check_path(path: StrPath) -> None:
    if "\0" in os.fspath(path):
        raise KeyFileError("the path contains a zero byte")


def read_file(path: StrPath) -> bytes:
    """Return the content of a file. Raises `KeyFileMissing` if there is none, `KeyFileError` for
    any other failure."""
    with _access("read", path):
        return _content(path)


def is_empty(data: bytes) -> bool:
    """Whether a file has no content but blanks, as one from `mktemp`: it is nobody's, and may be
    written over."""
    return not data.strip()


def entries_of(directory: Path) -> list[Path]:
    """Return what a directory holds, by name. Raises what `read_file` raises."""
    with _access("read", directory):
        return sorted(directory.iterdir())


def _content(path: StrPath) -> bytes:
    # O_NONBLOCK: opening a FIFO must not wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise KeyFileError("expected a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE_BYTES:
        raise KeyFileError(f"it is longer than {MAX_FILE_BYTES} bytes")
    return data


def write_file(path: StrPath, data: bytes) -> None:
    """Replace a file, or make it: see `update_file`."""
    update_file(path, lambda _: data)


def update_file(path: StrPath, change: Callable[[bytes | None], bytes]) -> None:
    """Replace the content of a file by `change(content)`; None: there is no file yet.

    The new file has mode 0600 and the old one's owner; symbolic links are followed and stay. The
    directory is locked during the call, so that no other writer's change gets lost. Raises
    `KeyFileError` and what `change` raises, and leaves the file unchanged.
    """
    with _access("write", path):
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise KeyFileError("the symbolic link leads back to itself")
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _access("write", path):
            alone = _lock(directory)
        with _access("read", path):
            old = _old_content(target)
        with about(path):
            new = change(old)
        with _access("write", path):
            if alone:
                _remove_unfinished(directory, target.name)
            _replace(directory, target.name, new)
            _sync_directory(directory)
    finally:
        os.close(directory)  # this also releases the lock


def _lock(directory: int) -> bool:
    """Wait for other writers. Return False if the file system cannot lock directories."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def _old_content(target: Path) -> bytes | None:
    try:
        return _content(target)
    except FileNotFoundError:
        return None


def _remove_unfinished(directory: int, name: str) -> None:
    """Remove the files that killed writers have left: they may hold keys."""
    for entry in os.listdir(directory):
        if entry.startswith(f".{name}.") and entry.endswith(_UNFINISHED):
            with suppress(FileNotFoundError):
                os.unlink(entry, dir_fd=directory)


def _replace(directory: int, name: str, data: bytes) -> None:
    unfinished = f".{name}.{os.urandom(8).hex()}{_UNFINISHED}"
    descriptor = os.open(unfinished, _NEW, MODE, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _keep_owner(descriptor, directory, name)
            os.fchmod(descriptor, MODE)  # the umask may have cleared more bits
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=directory)
        raise


def _keep_owner(descriptor: int, directory: int, name: str) -> None:
    """Give the new file the owner of the old one: root may save files of other users."""
    with suppress(FileNotFoundError, PermissionError):
        old, new = os.stat(name, dir_fd=directory), os.fstat(descriptor)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            os.fchown(descriptor, old.st_uid, old.st_gid)


def _sync_directory(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # unsupported by some file systems
            raise
