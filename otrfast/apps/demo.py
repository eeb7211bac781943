"""`otrfast demo`: conversations of a bot with several partners over loopback TCP.

The printed lines are those that cross the socket, and the command fails if a text is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from otrfast import events
from otrfast.account import Account
from otrfast.apps.line_transport import Line, connect, serve
from otrfast.apps.workloads import Duo, per_second
from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import KeyPair, human_fingerprint
from otrfast.environment import Environment
from otrfast.errors import LocalError
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.session import Session
from otrfast.wire.lines import ENCODED_PREFIX

_DIALOGUE: Final = (
    b"Is anybody listening?",
    b"Only the two of us.",
    "Et pourtant, tout le monde aurait pu écrire cela.".encode(),
    b"That is what the revealed MAC keys are for.",
    b"Then let us forget the keys, and remember the conversation.",
)
_QUESTION: Final = b"Where did we first meet?"
_SECRET: Final = b"on the loopback interface"
_SHOWN_LINES: Final = 3
_PATIENCE: Final = 120.0  # seconds for one partner's whole conversation
_MEASURE: Final = 0.6  # seconds for each figure of the closing table
_LIMITS: Final = Limits(account_ake_rate=1e9, message_size=64 * 1024 * 1024)


class Report:
    """The results of one partner."""

    __slots__ = ("fingerprint", "name", "returned", "smp", "ssid", "version", "wire")

    def __init__(self, name: str, fingerprint: bytes) -> None:
        self.name: str = name
        self.fingerprint: bytes = fingerprint
        self.ssid: bytes = b""
        self.version: int = 0
        self.smp: str = "not run"
        self.returned: int = 0
        self.wire: list[tuple[bytes, bytes]] = []  # texts with the lines that carried them


class Bot:
    """A bot that answers the SMP with the secret, and sends each text back."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def serve(self, name: bytes, line: Line) -> None:
        """Serve one partner until it closes the connection."""
        session = self.account.session(name.decode())
        while (received := await line.receive()) is not None:
            await line.send(*self.answer(session, session.receive(received)))

    def answer(self, session: Session, outcome: Outcome) -> list[bytes]:
        """Return the lines to send after an outcome."""
        wire = list(outcome.wire)
        for event in outcome.events:
            match event:
                case events.MessageReceived(text=text, encrypted=True):
                    wire += session.send(text).wire
                case events.SmpRequested():
                    wire += session.smp_answer(_SECRET).wire
        return wire


class Partner:
    """A partner that starts a conversation, checks the bot's secret, and waits for the return of
    each of its texts."""

    def __init__(self, account: Account, texts: list[bytes], progress: Progress) -> None:
        self.report: Report = Report(account.name, account.fingerprint)
        self._session = account.session("bot")
        self._texts = texts
        self._progress = progress
        self._task = progress.add_task(account.name, total=len(texts) + 2)

    async def run(self, port: int) -> None:
        """Run the whole conversation."""
        line = await connect(port, self.report.name.encode())
        try:
            await line.send(*self._session.start().wire)
            started = await self._until(line, events.SecureStarted)
            assert isinstance(started, events.SecureStarted)
            self.report.ssid, self.report.version = started.ssid, started.version
            await line.send(*self._session.smp_start(_SECRET, _QUESTION).wire)
            await self._until(line, events.SmpSucceeded)
            self.report.smp = "same secret"
            for text in self._texts:
                await self._round_trip(line, text)
            await line.send(*self._session.end().wire)
        finally:
            await line.close()

    async def _round_trip(self, line: Line, text: bytes) -> None:
        sent = self._session.send(text).wire
        await line.send(*sent)
        returned = await self._until(line, events.MessageReceived)
        assert isinstance(returned, events.MessageReceived)
        if returned.text == text and returned.encrypted:
            self.report.returned += 1
            self.report.wire.append((text, sent[0]))

    async def _until(self, line: Line, wanted: type[events.Event]) -> events.Event:
        """Receive until an event of this class, and send the answers."""
        while (received := await line.receive()) is not None:
            outcome = self._session.receive(received)
            await line.send(*outcome.wire)
            for event in outcome.events:
                if isinstance(event, wanted):
                    self._progress.advance(self._task)
                    return event
                if isinstance(event, events.MessageRejected | events.SmpFailed | events.SmpCheated):
                    raise ConnectionError(f"{self.report.name} waited, got {event}")
        raise ConnectionError(f"the bot closed the connection of {self.report.name}")


def _account(name: str, environment: Environment) -> Account:
    backend = environment.backend
    key = KeyPair(backend.dsa_generate(environment.random(32)), backend)
    return Account(name, "demo", key, limits=_LIMITS, environment=environment)


async def _converse(
    texts: list[bytes], partners: int, progress: Progress
) -> tuple[bytes, list[Report]]:
    environment = Environment()
    names = ["bot", *(f"partner-{number}" for number in range(1, partners + 1))]
    keys = progress.add_task("making keys", total=len(names))
    accounts = []
    for name in names:
        accounts.append(await asyncio.to_thread(_account, name, environment))
        progress.advance(keys)
    server, port = await serve(Bot(accounts[0]).serve)
    running = [Partner(account, texts, progress) for account in accounts[1:]]
    async with server:
        results = await asyncio.gather(
            *(asyncio.wait_for(partner.run(port), _PATIENCE) for partner in running),
            return_exceptions=True,
        )
    for result in results:
        if isinstance(result, BaseException):
            progress.console.print(f"[red]{escape(str(result) or type(result).__name__)}")
    return accounts[0].fingerprint, [partner.report for partner in running]


def _read_texts() -> list[bytes]:
    """Return the lines of standard input, or the built-in dialogue if there are none."""
    lines = [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().splitlines()
    return [line for line in lines if line] or list(_DIALOGUE)


def _show_partners(console: Console, bot: bytes, reports: list[Report], texts: int) -> None:
    console.print(f"\nThe bot's fingerprint: [bold]{human_fingerprint(bot)}")
    table = Table(title="Conversations")
    for column in (
        "partner",
        "its fingerprint",
        "OTR",
        "ssid, the same on both sides",
        "SMP",
        "texts back",
    ):
        table.add_column(column, overflow="fold")
    for report in reports:
        table.add_row(
            f"{report.name} <-> bot",
            human_fingerprint(report.fingerprint),
            f"v{report.version}",
            report.ssid.hex(" ", 4),
            report.smp,
            f"{report.returned} of {texts}",
        )
    console.print(table)


def _show_wire(console: Console, report: Report) -> None:
    table = Table(title="Texts, and the lines that carried them")
    table.add_column("text", overflow="fold", min_width=20)
    table.add_column("line", overflow="ellipsis", no_wrap=True)
    for text, line in report.wire[:_SHOWN_LINES]:
        shown = line.removeprefix(ENCODED_PREFIX)
        start = shown[:16] + b" ... " + shown[-24:]  # version and tags; the end of the MACs
        table.add_row(escape(text.decode(errors="replace")), f"?OTR:{escape(start.decode())}")
    console.print(table)


def _rates(backend: Backend) -> list[float]:
    """Measure AKEs, ping-pong and burst messages per second, with the work of both sides."""
    duo = Duo(backend)
    text = b"x" * 100
    akes = per_second(duo.connect, 1, _MEASURE)
    ping_pong = per_second(lambda: duo.ping_pong(10, text), 10, _MEASURE)
    burst = per_second(lambda: duo.burst(100, text), 100, _MEASURE)
    return [akes, ping_pong, burst]


def _show_rates(console: Console) -> None:
    ours = load()
    backends = [ours] if ours.name == "pure" else [ours, load("pure")]
    seconds = 3 * _MEASURE * len(backends)
    engines = " and ".join(backend.name for backend in backends)
    console.print(
        f"\nMeasuring rates of {engines}, for about {seconds:.0f} seconds", highlight=False
    )
    with console.status("measuring", spinner="line"):
        rates = [_rates(backend) for backend in backends]
    table = Table(title="Rates per second of one core, both ends of the conversation")
    table.add_column("")
    for backend in backends:
        table.add_column(backend.name, justify="right")
    if len(backends) > 1:
        table.add_column("ratio", justify="right")
    names = ("key exchanges", "ping-pong messages, 100 bytes", "burst messages, 100 bytes")
    for name, row in zip(names, zip(*rates, strict=True), strict=True):
        ratio = [f"{row[0] / row[1]:,.1f}"] if len(row) > 1 else []
        table.add_row(name, *(f"{rate:,.0f}" for rate in row), *ratio)
    console.print(table)


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; return 0 if every text came back."""
    console = Console()
    texts = _read_texts()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        try:
            bot, reports = asyncio.run(_converse(texts, arguments.partners, progress))
        except LocalError as error:
            console.print(f"[red]{escape(str(error))}")
            return 1
    _show_partners(console, bot, reports, len(texts))
    _show_wire(console, reports[0])
    lost = sum(len(texts) - report.returned for report in reports)
    if not arguments.no_rates:
        _show_rates(console)
    if lost:
        console.print(f"[red]{lost} texts did not come back")
        return 1
    console.print(f"[green]all {len(texts) * len(reports)} texts came back")
    return 0


def _count(value: str) -> int:
    number = int(value)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"expected 1 to 1000, not {number}")
    return number


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program."""
    parser = subparsers.add_parser(
        "demo",
        help="encrypted conversations of a bot over loopback TCP",
        description="Start a bot and partners, with OTR over loopback TCP: keys, key "
        "exchanges, an SMP with a question, then the lines of standard input (or a short dialogue) "
        "to the bot and back. The exit status is 0 if every line came back.",
    )
    parser.add_argument(
        "--partners", type=_count, default=3, metavar="N", help="how many (default: 3)"
    )
    parser.add_argument(
        "--no-rates", action="store_true", help="leave out the closing table of rates"
    )
    parser.set_defaults(run=run)
