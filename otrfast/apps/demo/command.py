"""The command `otrfast demo`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from otrfast.apps.demo import rates
from otrfast.apps.demo.demonstration import Demonstration, Plan
from otrfast.apps.demo.observed import Observed
from otrfast.apps.demo.screen import show_rates, show_result, show_transcript
from otrfast.errors import LocalError

_DIALOGUE: Final = (
    b"Is anybody listening?",
    b"Only the two of us.",
    "Et pourtant, tout le monde aurait pu écrire cela.".encode(),
    b"That is what the revealed MAC keys are for.",
    b"Then let us forget the keys, and remember the conversation.",
)
_REPEATED: Final = 20  # times that each partner goes through it
_DIALOGUES: Final = 100  # of all partners, if there are many
_WIDTH: Final = 100  # where the output is no terminal


class _Ended(Exception):
    """A signal has asked for the end, and everything was cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number: int = number


class _Bars:
    """A progress bar for each stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done in a stage."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done)


def _read_texts(partners: int) -> list[bytes]:
    """Return the lines of standard input, or the built-in dialogue if there are none."""
    lines = [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().splitlines()
    repeated = max(1, min(_REPEATED, _DIALOGUES // partners))
    return [line for line in lines if line] or list(_DIALOGUE * repeated)


async def _demonstrate(demonstration: Demonstration) -> Observed:
    """Run it; the signals that end a process leave no bot and no store behind either. asyncio does
    the same for Ctrl-C."""
    loop, came = asyncio.get_running_loop(), list[int]()
    task = asyncio.ensure_future(demonstration.run())

    def end(number: int) -> None:
        came.append(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # else somebody has chosen, as nohup does
            with suppress(ValueError, RuntimeError):  # in another thread than the main one
                loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            raise _Ended(came[0]) from None
        raise


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; return 0 if nothing was lost, doubled or begun anew."""
    try:
        return _run(arguments)
    except _Ended as ended:
        return 128 + ended.number  # as a shell reports it


def _run(arguments: argparse.Namespace) -> int:
    if find_spec("Crypto") is None:
        raise LocalError("the store needs pycryptodome: python3 -m pip install pycryptodome")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    plan = Plan(
        _read_texts(arguments.partners), arguments.partners, keep_store=not arguments.without_store
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    measured: list[rates.Rates] = []
    with Progress(*columns, console=console) as progress:
        bars = _Bars(progress)
        demonstration = Demonstration(plan, bars.show, console.print)
        observed = asyncio.run(_demonstrate(demonstration))
        if not arguments.no_rates:
            engines = [backend.name for backend in rates.backends()]
            seconds = rates.SECONDS * len(rates.ROWS) * len(engines)
            console.print(
                f"Measuring rates of {' and '.join(engines)}, for about {seconds:.0f} seconds"
            )
            measured = rates.measure(lambda done, total: bars.show("rates", done, total))
    show_result(console, observed)
    show_transcript(console, observed)
    if measured:
        show_rates(console, measured)
    faults = observed.faults()
    for fault in faults:
        console.print(f"[red]{escape(fault)}")
    if faults:
        for complaint in observed.complaints:
            console.print(f"[red]the bot has said: {escape(complaint)}")
        if plan.keep_store:
            console.print("That is a fault of otrfast: please report it, with this screen.")
    else:
        console.print(f"[green]all {observed.answered:,} texts came back, under the same keys")
    return 1 if faults else 0


def _count(value: str) -> int:
    number = int(value)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"expected 1 to 1000, not {number}")
    return number


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program."""
    parser = subparsers.add_parser(
        "demo",
        help="a bot is killed in the middle of its conversations, and goes on with them",
        description="Start a bot with a store, and partners, which talk with it over loopback TCP: "
        "keys, key exchanges, an SMP with a question, then the lines of standard input (or a "
        "dialogue) to the bot and back. In the middle the bot is killed by SIGKILL and started "
        "again on its store. What was lost, doubled or begun anew is counted; the exit status is 0 "
        "if there was nothing of that.",
    )
    parser.add_argument(
        "--partners", type=_count, default=5, metavar="N", help="how many (default: 5)"
    )
    parser.add_argument(
        "--no-rates", action="store_true", help="leave out the closing table of rates"
    )
    parser.add_argument(
        "--without-store",
        action="store_true",
        help="start the bot again with an empty store, to see what is lost then",
    )
    parser.set_defaults(run=run)
