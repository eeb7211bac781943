"""Write docs/state-machines.md from the tables that run: python docs/make_state_machines.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from otrfast.engine import dispatch, outgoing
from otrfast.protocol import ake, smp
from otrfast.protocol.table import EnumStep, Step, Table

PAGE = Path(__file__).with_name("state-machines.md")
MACHINES: tuple[tuple[str, Table[ake.AkeStep] | Table[smp.SmpStep] | Table[EnumStep]], ...] = (
    ("Message state: what the peer does", dispatch.LINES),
    ("Message state: what the user does", outgoing.TEXTS),
    ("Key exchange", ake.TABLE),
    ("SMP", smp.TABLE),
)


def diagram(table: Table[Step]) -> Iterator[str]:
    """Yield a state diagram in Mermaid's language: the rows that change state or send something."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state, received, guard, action, after in table.describe():
        if action not in ("_ignore", "_unexpected"):
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
        "Printed from the tables that run by `docs/make_state_machines.py`; a test compares.",
        "A row is obeyed from top to bottom of its (state, input) cell; no cell is missing.",
    ]
    for title, table in MACHINES:
        lines += ["", f"## {title}", "", *diagram(table), "", *rows(table)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
