"""What a demonstration shows at its end: one screen, of what was counted."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otrfast.apps.demo.observed import Kill, Observed
from otrfast.apps.demo.partner import Partner, Said
from otrfast.apps.demo.rates import ROWS, Rates
from otrfast.wire.lines import ENCODED_PREFIX

_BEFORE, _AFTER = 3, 4  # texts shown of one conversation, on each side of the kill
_HEAD, _TAIL = 14, 8  # characters of a line: version and tags; the end of the revealed MAC keys
_TEXT = 43  # characters of a text


def show_result(console: Console, observed: Observed) -> None:
    """Show what was counted."""
    table = _table()
    table.show_header = False
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(observed):
        table.add_row(name, value)
    console.print(table)


def _rows(observed: Observed) -> list[tuple[str, str]]:
    wire, partners, size = observed.wire, observed.partners, len(observed.partners)
    marked = f", {observed.marked:,} twice with a mark" if observed.marked else ""
    rows = [
        (
            "texts",
            f"{observed.sent:,} sent, {observed.answered:,} answered, {observed.lost:,} lost, "
            f"{observed.doubled:,} doubled{marked}",
        ),
        (
            "key exchanges",
            f"{wire.exchanges[False]:,} before the kill, {wire.exchanges[True]:,} after it; "
            f"same secret (SMP): {sum(each.same_secret for each in partners):,} of {size:,}",
        ),
        (
            "sessions",
            f"that of the first key exchange: {observed.going_on:,} of {size:,}",
        ),
        (
            "counters",
            f"{wire.reused:,} used twice, in {wire.data_messages:,} data messages "
            f"({wire.lines:,} lines on the wire)",
        ),
    ]
    if observed.kill is not None:
        rows += _rows_of_kill(observed, observed.kill)
    return rows


def _rows_of_kill(observed: Observed, kill: Kill) -> list[tuple[str, str]]:
    relay = observed.relay
    new = relay.sent_again - relay.copies
    return [
        (
            "at the kill",
            f"texts without an answer: {len(kill.under_way):,}; "
            f"lines not acknowledged: {kill.unacknowledged:,}",
        ),
        (
            "at the restart",
            f"lines repeated by the relay: {relay.repeated:,}; by the bot: "
            f"{relay.sent_again:,}, of them not sent before: {new:,}",
        ),
        ("silence", _silence(observed, kill)),
    ]


def _silence(observed: Observed, kill: Kill) -> str:
    if kill.silence is None:
        return "nobody got an answer any more"
    seconds = observed.ended - observed.began - kill.silence
    return (
        f"{kill.silence:.2f} s from the kill to the next answer; "
        f"{observed.answered / seconds:,.0f} answers/s in the rest of the time"
    )


def show_transcript(console: Console, observed: Observed) -> None:
    """Show some texts of one conversation, and the lines that carried them."""
    kill = observed.kill
    at = observed.ended if kill is None else kill.time
    under_way = [] if kill is None else kill.under_way
    partner = (under_way or observed.partners)[0]
    table = _table()
    table.add_column("s", justify="right", no_wrap=True, min_width=5)
    table.add_column("who", no_wrap=True, min_width=len(partner.name))
    table.add_column("what was said", no_wrap=True, overflow="ellipsis", max_width=_TEXT)
    table.add_column("what crossed the wire", no_wrap=True, overflow="ellipsis")
    for said in [said for said in partner.said if said.time <= at][-_BEFORE:]:
        table.add_row(*_row(observed, partner, said))
    if kill is not None:
        table.add_row(f"{at - observed.began:.3f}", "", "[red]kill -9 of the bot")
    for said in [said for said in partner.said if said.time > at][:_AFTER]:
        table.add_row(*_row(observed, partner, said))
    console.print(table)


def _row(observed: Observed, partner: Partner, said: Said) -> Sequence[str]:
    line = said.line.removeprefix(ENCODED_PREFIX).decode(errors="replace")
    return (
        f"{said.time - observed.began:.3f}",
        "bot" if said.by_bot else partner.name,
        escape(said.text.decode(errors="replace")),
        f"?OTR:{escape(line[:_HEAD])} ... {escape(line[-_TAIL:])}",
    )


def show_rates(console: Console, rates: Sequence[Rates]) -> None:
    """Show the rates of the engine."""
    table = _table()
    table.add_column("Rates per second of one core, both ends of the conversation")
    for each in rates:
        table.add_column(each.backend, justify="right")
    if len(rates) > 1:
        table.add_column("ratio", justify="right")
    for name, row in zip(ROWS, zip(*(each.per_second for each in rates), strict=True), strict=True):
        ratio = [f"{row[0] / row[1]:,.1f}"] if len(row) > 1 else []
        table.add_row(name, *(f"{rate:,.0f}" for rate in row), *ratio)
    console.print(table)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)
