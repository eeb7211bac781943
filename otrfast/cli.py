"""The program `otrfast` and its sub-commands."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from otrfast import __version__
from otrfast.apps import bench, bot, info, keys, proxy, store
from otrfast.apps.demo import command as demo
from otrfast.errors import LocalError
from otrfast.toolkit import commands as toolkit

_INTERRUPTED: Final = 130  # as a shell reports the signal
_OUTPUT_ERRORS: Final = frozenset(
    {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EINVAL}
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otrfast",
        description="Off-the-Record messaging for programs that hold many conversations: a "
        "demonstration, bots, a proxy, keys and stores and their files, the forgery toolkit, and "
        "measurements.",
        epilog="`otrfast COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"otrfast {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (demo, info, bench, keys, store, bot, proxy, toolkit):
        command.register(subparsers)
    return parser


def _run(arguments: Sequence[str] | None) -> int:
    try:
        chosen = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = chosen.run
        return run(chosen)
    finally:
        sys.stdout.flush()  # here, where an error can be reported, and not at exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    _prepare_output()
    try:
        return _run(arguments)
    except LocalError as error:
        _tell(str(error))
    except BrokenPipeError:  # the reader of our output has closed the pipe
        _discard_output()
        return 0
    except OSError as error:
        if error.filename is not None:
            _tell(f"cannot read {os.fsdecode(error.filename)}: {error.strerror}")
        elif error.errno in _OUTPUT_ERRORS:
            _discard_output()
            _tell(f"cannot write the output: {error.strerror}")
        else:
            _tell(error.strerror or str(error))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


def _prepare_output() -> None:
    """Have characters that the terminal's encoding lacks escaped, and output go nowhere if there
    is none."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is still buffered nowhere: Python would write it at exit, and fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"otrfast: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
