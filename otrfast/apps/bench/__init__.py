"""`otrfast bench`: this engine's backends beside libotr, python-potr and python-otr, and gateways
beside a naive loop, on the same work, in rounds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from otrfast.apps.bench import chart, report
from otrfast.apps.bench.engines import known_engines
from otrfast.apps.bench.machine import describe
from otrfast.apps.bench.metrics import (
    BY_NAME,
    COLUMNS,
    METRICS,
    TIMES,
    Metric,
    stand_in,
    with_stand_ins,
)
from otrfast.apps.bench.rounds import FULL, QUICK, Effort, Figures, Rounds
from otrfast.apps.text_files import check_writable, read_text, write_text
from otrfast.errors import LocalError

_EMPTY: Final = "<!-- figures: begin --><!-- figures: end -->\n"
_WIDTH: Final = 120  # where the output is no terminal


def measure(
    console: Console, variants: Sequence[str], metrics: Sequence[Metric], effort: Effort
) -> Figures:
    """Run all engines in turns, with a progress bar on `console`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with known_engines() as known, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")
        rounds = Rounds(
            known, effort, lambda what: progress.update(task, advance=1, description=what)
        )
        progress.update(task, total=rounds.steps(variants, metrics))
        return rounds.run(variants, metrics)


def _groups(figures: Figures, metrics: Sequence[Metric]) -> list[chart.Group]:
    groups = []
    for metric in metrics:
        if not metric.compared:
            continue
        ratios = {
            variant: ratio
            for variant in report.present(figures)
            if variant != "libotr"
            and metric.shown != TIMES
            and (ratio := report.ratio(figures, variant, metric, "libotr")) is not None
        }
        if ratios:
            groups.append(chart.Group(metric.title, ratios))
    return groups


def replace_figures(page: str, figures: str, name: str = "figures") -> str:
    """Return a page with `figures` between the two marks of this name. Raises `LocalError` if it
    has none."""
    marks = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise LocalError(f"expected the marks {marks[0]} and {marks[1]} in the page, found none")
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"


def _check(arguments: argparse.Namespace) -> None:
    """Raise `LocalError` for what could not be written in the end, before anything is measured."""
    if arguments.chart:
        chart.check(arguments.chart)
    if arguments.markdown and arguments.markdown.exists():
        replace_figures(read_text(arguments.markdown), "")
    if arguments.claims:
        replace_figures(read_text(arguments.claims), "", "claims")
    for path in (arguments.json, arguments.markdown, arguments.claims, arguments.chart):
        if path:
            check_writable(path)


def _write(
    arguments: argparse.Namespace,
    figures: Figures,
    metrics: Sequence[Metric],
    facts: dict[str, str],
) -> None:
    """Write the files that were asked for."""
    if arguments.json:
        text = json.dumps(report.as_json(figures, metrics, facts), indent=1)
        write_text(arguments.json, text + "\n")
    if arguments.markdown:
        text = report.markdown(report.grids(figures, metrics), facts)
        page = arguments.markdown
        old = read_text(page) if page.exists() else replace_figures(_EMPTY, "")
        write_text(page, replace_figures(old, text))
    if arguments.claims:
        text = report.markdown_table(report.claims_grid(figures, metrics))
        old = read_text(arguments.claims)
        write_text(arguments.claims, replace_figures(old, text, "claims"))
    if arguments.chart:
        groups = _groups(figures, metrics)
        if not groups:
            raise LocalError("there is nothing to draw: a chart shows ratios to libotr")
        chart.write(arguments.chart, "Times as fast (or as small) as libotr", groups)


def _measured(
    arguments: argparse.Namespace,
) -> tuple[Figures, Sequence[Metric], dict[str, str]]:
    """Return the figures, their metrics and the machine: of a run now, or of an earlier one."""
    if arguments.figures:
        text = read_text(arguments.figures)
        try:
            return report.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise LocalError(f"{arguments.figures} is no JSON: {error}") from error
        except LocalError as error:
            raise LocalError(f"{arguments.figures}: {error}") from None
    usual = [metric.name for metric in METRICS if not (arguments.quick and metric.long)]
    chosen = [BY_NAME[name] for name in arguments.only or usual]
    metrics = with_stand_ins(chosen)
    variants = [
        name
        for name in arguments.engine or COLUMNS
        if any(stand_in(name, metric) for metric in metrics)
    ]
    variants.sort(key=COLUMNS.index)
    progress = Console(stderr=True)
    figures = measure(progress, variants, metrics, QUICK if arguments.quick else FULL)
    return figures, metrics, describe(figures.about)


def run(arguments: argparse.Namespace) -> int:
    """Measure, or take what was measured, print and write; 0 unless no engine was there."""
    _check(arguments)
    figures, metrics, facts = _measured(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for name, value in facts.items():
        console.print(f"{name:>14}  {escape(value)}", highlight=False)
    report.print_grids(console, report.grids(figures, metrics))
    for variant, why in figures.absent.items():
        console.print(f"[yellow]{variant} is left out: {escape(why)}")
    _write(arguments, figures, metrics, facts)
    return 0 if figures.samples else 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program."""
    parser = subparsers.add_parser(
        "bench",
        help="this engine beside libotr, python-potr and python-otr",
        description="Measure this engine's backends, libotr, python-potr and python-otr on the "
        "same work, in turns, and print medians and ratios. It takes some minutes; --quick takes "
        "about four minutes, and says nearly the same.",
        epilog="Metrics: " + ", ".join(metric.name for metric in METRICS) + ".",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--only", action="append", choices=list(BY_NAME), metavar="METRIC",
        help="measure this alone; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--engine", action="append", choices=COLUMNS, metavar="NAME",
        help=f"run this one alone; may be given several times: {', '.join(COLUMNS)}",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="draw the ratios to libotr: .svg or .png"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the tables between a page's marks"
    )
    parser.add_argument(
        "--claims", type=Path, metavar="FILE",
        help="write the short table between the marks of a start page",
    )  # fmt: skip
    parser.add_argument(
        "--figures", type=Path, metavar="FILE",
        help="measure nothing: print and write what --json has kept",
    )  # fmt: skip
    parser.set_defaults(run=run)
