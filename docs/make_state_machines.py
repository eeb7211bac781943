"""Write docs/state-machines.md from the tables that run: python docs/make_state_machines.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

from otrfast.engine import dispatch, outgoing
from otrfast.protocol import ake, smp
from otrfast.protocol.table import Step, Table

PAGE = Path(__file__).with_name("state-machines.md")
NOT_DRAWN = ("_ignore", "_unexpected")


class Machine(NamedTuple):
    """A table with what stands before it on the page."""

    title: str
    intro: str
    table: Table[Any]


MACHINES = (
    Machine(
        "Message state: what the peer does",
        "The states that a program sees in `Session.state`, of one instance of the peer. The inputs"
        " are kinds of lines, a key exchange that has been completed (`Established`), and the"
        " peer's goodbye within a data message (`Disconnect`).",
        dispatch.LINES,
    ),
    Machine(
        "Message state: what the user does",
        "The same states. The inputs are calls: `send` with a text, `send` with a query that the"
        " user has typed, and `end`.",
        outgoing.TEXTS,
    ),
    Machine(
        "Key exchange",
        "The states of one instance of the peer while keys are exchanged. `Start` is a call or an"
        " offer of ours; the other inputs are the messages of OTRv2 and OTRv3. A refresh runs"
        " through the same states while the conversation stays encrypted.",
        ake.TABLE,
    ),
    Machine(
        "SMP",
        "The states of a check of a shared secret. `Begin` and `Answer` are calls of ours, `Smp1`"
        " to `Smp4` the messages of the peer.",
        smp.TABLE,
    ),
)


def diagram(table: Table[Step]) -> Iterator[str]:
    """Yield a state diagram in Mermaid's language: the rows that change state or send something."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state, received, guard, action, after in table.describe():
        if action not in NOT_DRAWN:
            condition = f" [{guard.removeprefix('_')}]" if guard else ""
            label = f"{received}{condition} / {action.removeprefix('_')}"
            yield f"    {state} --> {after}: {label}"
    yield "```"


def rows(table: Table[Step]) -> Iterator[str]:
    """Yield every row as a line of a Markdown table."""
    yield "| state | input | guard | action | next state |"
    yield "|---|---|---|---|---|"
    for row in table.describe():
        yield "| " + " | ".join(word.removeprefix("_") for word in row) + " |"


def page() -> str:
    """Return the whole page."""
    lines = [
        "# State machines",
        "",
        "The engine runs these tables. `docs/make_state_machines.py` prints the page from them;",
        "a test compares. Of the rows of a (state, input) cell, the first one whose guard holds is",
        "taken; no cell is missing. The pictures leave out the rows that only ignore or refuse.",
    ]
    for title, intro, table in MACHINES:
        lines += ["", f"## {title}", "", fill(intro, 100), "", *diagram(table), "", *rows(table)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
