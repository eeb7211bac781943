"""`otrfast info`: which backend, dispatch level and GMP are in use."""

from __future__ import annotations

import argparse
import platform

from rich.console import Console
from rich.table import Table

from otrfast.crypto.backends import load


def facts() -> dict[str, str]:
    """Return what `otrfast info` prints."""
    backend = load()
    found = {
        "backend": backend.name,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    if backend.name == "native":
        from otrfast.crypto import native

        found |= native.description()
    return found


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    table = Table(show_header=False, box=None)
    for name, value in facts().items():
        table.add_row(name, value)
    Console().print(table)
    return 0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program."""
    parser = subparsers.add_parser(
        "info",
        help="backend, dispatch level and GMP in use",
        description="Print which backend runs, which instructions of the processor it uses, and "
        "which GMP it found.",
    )
    parser.set_defaults(run=run)
