"""The program `otrfast` and its sub-commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from otrfast.apps import bench, demo, info, keys
from otrfast.errors import LocalError
from otrfast.toolkit import commands as toolkit


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otrfast",
        description="Off-the-Record messaging for programs that hold many conversations: a "
        "demonstration, keys and their files, the forgery toolkit, and measurements.",
        epilog="`otrfast COMMAND --help` explains a command.",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (demo, info, bench, keys, toolkit):
        command.register(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except LocalError as error:
        sys.stderr.write(f"otrfast: {error}\n")
        return 1
    except BrokenPipeError:  # the reader of our output has closed the pipe
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
