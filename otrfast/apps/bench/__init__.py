"""`otrfast bench`: measurements of this engine's backends, libotr and python-potr on the same
work."""

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
from otrfast.apps.bench.metrics import BY_NAME, METRICS, TIMES, VARIANTS, Metric, with_stand_ins
from otrfast.apps.bench.rounds import FULL, QUICK, Effort, Figures, Rounds
from otrfast.errors import LocalError

_BEGIN: Final = "<!-- figures: begin -->"
_END: Final = "<!-- figures: end -->"
_WIDTH: Final = 120  # if the output is no terminal


def measure(
    console: Console, variants: Sequence[str], metrics: Sequence[Metric], effort: Effort
) -> Figures:
    """Run all engines in alternating order, with a progress bar on `console`."""
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
        ratios = {
            variant: ratio
            for variant in report.present(figures)
            if variant != "libotr"
            and metric.shown != TIMES
            and (ratio := figures.ratio(variant, metric, "libotr")) is not None
        }
        if ratios:
            groups.append(chart.Group(metric.title, ratios))
    return groups


def replace_figures(page: str, figures: str) -> str:
    """Return a page with `figures` between its two marks. Raises `LocalError` if it has none."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise LocalError(f"expected the marks {_BEGIN} and {_END} in the page, found none")
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"


def _check(arguments: argparse.Namespace) -> None:
    """Raise `LocalError` for an output file that cannot be written, before the measurement."""
    if arguments.chart:
        chart.check(arguments.chart)
    if arguments.markdown and arguments.markdown.exists():
        replace_figures(arguments.markdown.read_text(encoding="utf-8"), "")


def _write(
    arguments: argparse.Namespace,
    figures: Figures,
    metrics: Sequence[Metric],
    facts: dict[str, str],
) -> None:
    """Write the requested files."""
    if arguments.json:
        text = json.dumps(report.as_json(figures, metrics, facts), indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    if arguments.markdown:
        text = report.markdown(report.grids(figures, metrics), facts)
        page = arguments.markdown
        old = page.read_text(encoding="utf-8") if page.exists() else f"{_BEGIN}{_END}\n"
        page.write_text(replace_figures(old, text), encoding="utf-8")
    if arguments.chart:
        groups = _groups(figures, metrics)
        if not groups:
            raise LocalError("expected ratios to libotr for the chart, there are none")
        chart.write(arguments.chart, "Times as fast (or as small) as libotr", groups)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write; return 0 unless no engine was available."""
    _check(arguments)
    chosen = [BY_NAME[name] for name in arguments.only or BY_NAME]
    metrics = with_stand_ins(chosen)
    variants = [name for name in VARIANTS if name in (arguments.engine or VARIANTS)]
    progress = Console(stderr=True)
    figures = measure(progress, variants, metrics, QUICK if arguments.quick else FULL)
    facts = describe(figures.about)
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
        help="measure this engine, libotr and python-potr",
        description="Measure this engine's backends, python-potr and libotr on the same work, in "
        "alternating order, and print medians and ratios. It takes some minutes; --quick takes "
        "less than one, with less precision.",
        epilog="Metrics: " + ", ".join(metric.name for metric in METRICS) + ".",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--only", action="append", choices=list(BY_NAME), metavar="METRIC",
        help="measure only this; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--engine", action="append", choices=VARIANTS, metavar="NAME",
        help=f"run only this; may be repeated: {', '.join(VARIANTS)}",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE", help="draw the ratios to libotr: .svg or .png"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="write the tables between the marks of a page"
    )
    parser.set_defaults(run=run)
