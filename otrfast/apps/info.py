"""`otrfast info`: the backend, dispatch level and GMP in use."""

from __future__ import annotations

import argparse
import platform

from rich.console import Console
from rich.table import Table

from otrfast.crypto.backends import load


def facts() -> dict[str, str]:
    """Return the facts that `otrfast info` prints."""
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
        description="Print the backend, the instructions of the processor that it uses, and the "
        "GMP that it found.",
    )
    parser.set_defaults(run=run)
