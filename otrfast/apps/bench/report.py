"""Tables of the figures, for the terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otrfast._records import record
from otrfast.apps.bench.metrics import (
    BY_NAME,
    KILOBYTES,
    MILLISECONDS,
    NATIVE,
    RATE,
    TARGETS,
    TIMES,
    VARIANTS,
    Metric,
)
from otrfast.apps.bench.rounds import Figures

NOTHING = "-"


@record
class Grid:
    """A table without a format; the first column is aligned left, the others right."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def significant(value: float) -> str:
    """Return a number with about three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def shown(metric: Metric, value: float | None) -> str:
    """Return a figure of a metric in its unit."""
    if value is None:
        return NOTHING
    scaled = {RATE: 1 / value, MILLISECONDS: value * 1e3, KILOBYTES: value / 1e3, TIMES: value}
    return significant(scaled[metric.shown])


def times(value: float | None) -> str:
    """Return a ratio."""
    return NOTHING if value is None else f"{significant(value)}x"


def present(figures: Figures) -> list[str]:
    """Return the variants that have figures, in order."""
    return [variant for variant in VARIANTS if variant in figures.samples]


def figures_grid(figures: Figures, metrics: Sequence[Metric]) -> Grid:
    """Return the medians."""
    variants = present(figures)
    rows = [
        [metric.title, metric.shown]
        + [shown(metric, figures.median(variant, metric.name)) for variant in variants]
        for metric in metrics
    ]
    return Grid("Both ends of each conversation, medians", ["", "unit", *variants], rows)


def ratios_grid(figures: Figures, metrics: Sequence[Metric], base: str) -> Grid:
    """Return the ratio of each variant to `base`."""
    variants = [variant for variant in present(figures) if variant != base]
    rows = []
    for metric in metrics:
        ratios = [figures.ratio(variant, metric, base) for variant in variants]
        if any(ratio is not None for ratio in ratios):
            rows.append([metric.title, *map(times, ratios)])
    return Grid(f"Times better than {base}", ["", *variants], rows)


@record
class Reached:
    """A target and the measured ratios, by native variant."""

    metric: str
    against: str
    wanted: dict[str, float | None]
    measured: dict[str, float | None]


def reached(figures: Figures) -> list[Reached]:
    """Return the targets that have a figure."""
    found = []
    for target in TARGETS:
        metric = BY_NAME[target.metric]
        measured = {
            variant: figures.median(variant, metric.name)
            if metric.shown == TIMES
            else figures.ratio(variant, metric, target.against)
            for variant in NATIVE
        }
        if any(value is not None for value in measured.values()):
            wanted = {
                "native-gmp": target.on_gmp,
                "native-avx2": target.on_gmp,
                "native-ifma": target.on_ifma,
            }
            found.append(Reached(target.metric, target.against, wanted, measured))
    return found


def targets_grid(figures: Figures) -> Grid:
    """Return the targets and the measured ratios."""
    rows = []
    for target in reached(figures):
        row = [BY_NAME[target.metric].title, target.against]
        for variant in ("native-gmp", "native-avx2", "native-ifma"):
            wanted, measured = target.wanted[variant], target.measured[variant]
            if variant != "native-avx2":  # its target is that of GMP
                row.append(NOTHING if wanted is None else f"{wanted:g}x")
            short = wanted is not None and measured is not None and measured < wanted
            row.append(times(measured) + (" short" if short else ""))
        rows.append(row)
    columns = ["", "against", "GMP: wanted", "measured", "AVX2", "IFMA: wanted", "measured"]
    return Grid("Targets", columns, rows)


def grids(figures: Figures, metrics: Sequence[Metric]) -> list[Grid]:
    """Return the tables that have rows."""
    made = [
        figures_grid(figures, metrics),
        ratios_grid(figures, metrics, "libotr"),
        ratios_grid(figures, metrics, "python-potr"),
        targets_grid(figures),
    ]
    return [grid for grid in made if grid.rows]


def print_grids(console: Console, made: Sequence[Grid]) -> None:
    """Print the tables."""
    for grid in made:
        table = Table(title=grid.title, title_justify="left", pad_edge=False)
        for number, column in enumerate(grid.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
        for row in grid.rows:
            table.add_row(*map(escape, row))
        console.print(table)


def markdown(made: Sequence[Grid], facts: dict[str, str]) -> str:
    """Return the machine and the tables as Markdown."""
    parts = ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    for grid in made:
        lines = [grid.columns, ["---", *["---:"] * (len(grid.columns) - 1)], *grid.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"**{grid.title}**\n\n{table}")
    return "\n\n".join(parts)


def as_json(figures: Figures, metrics: Sequence[Metric], facts: dict[str, str]) -> dict[str, Any]:
    """Return everything: each sample, the medians, the ratios and the targets."""
    units = {RATE: "s", MILLISECONDS: "s", KILOBYTES: "bytes", TIMES: "ratio"}
    return {
        "machine": facts,
        "absent": figures.absent,
        "metrics": {
            metric.name: {
                "title": metric.title,
                "unit": units[metric.shown],
                "engines": {
                    variant: {
                        "median": figures.median(variant, metric.name),
                        "times_libotr": figures.ratio(variant, metric, "libotr"),
                        "times_potr": figures.ratio(variant, metric, "python-potr"),
                        "rounds": figures.rounds(variant, metric.name),
                    }
                    for variant in present(figures)
                    if figures.rounds(variant, metric.name)
                },
            }
            for metric in metrics
        },
        "targets": [
            {name: getattr(target, name) for name in Reached.__match_args__}
            for target in reached(figures)
        ],
    }
