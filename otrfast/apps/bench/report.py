"""The figures as tables, as JSON and as Markdown: all from the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otrfast._records import record
from otrfast.apps.bench.metrics import (
    BY_NAME,
    COLUMNS,
    GATEWAYS,
    KILOBYTES,
    MICROSECONDS,
    MILLISECONDS,
    NATIVE,
    RATE,
    TARGETS,
    TIMES,
    Metric,
    stand_in,
)
from otrfast.apps.bench.rounds import Figures
from otrfast.errors import LocalError

NOTHING = "-"


@record
class Grid:
    """A table before it has a form: the first column to the left, the others to the right."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def significant(value: float) -> str:
    """Return a number with three digits that say something, two below 1."""
    value = float(f"{value:.3g}")
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def shown(metric: Metric, value: float | None) -> str:
    """Return a figure of a metric in its unit."""
    if value is None:
        return NOTHING
    scaled = {
        RATE: 1 / value,
        MILLISECONDS: value * 1e3,
        MICROSECONDS: value * 1e6,
        KILOBYTES: value / 1e3,
        TIMES: value,
    }
    return significant(scaled[metric.shown])


def times(value: float | None) -> str:
    """Return a ratio."""
    return NOTHING if value is None else f"{significant(value)}x"


def present(figures: Figures) -> list[str]:
    """Return the variants that have figures, in their order."""
    return [variant for variant in COLUMNS if variant in figures.samples]


def engines(figures: Figures) -> list[str]:
    """Return those that are engines, not ways to use this one."""
    return [variant for variant in present(figures) if variant not in GATEWAYS]


def _reference(figures: Figures, metric: Metric) -> tuple[str, Metric] | None:
    """Return the engine that all others are compared with in a metric, and what it was measured
    with; None where no such engine took part."""
    for variant in ("libotr", "python-potr"):
        there = stand_in(variant, metric)
        if there is not None and figures.rounds(variant, there):
            return variant, BY_NAME[there]
    return None


def ratio(figures: Figures, variant: str, metric: Metric, base: str) -> float | None:
    """Return how many times better than `base` a variant is.

    Both are compared with the reference of the metric, round by round, so that ratios, figures
    and chart cannot contradict one another.
    """
    reference, there = _reference(figures, metric), stand_in(base, metric)
    if reference is None or there is None:
        return None
    mine = _of_reference(figures, variant, metric, reference[0])
    theirs = _of_reference(figures, base, BY_NAME[there], reference[0])
    return None if mine is None or theirs is None else mine / theirs


def _of_reference(figures: Figures, variant: str, metric: Metric, reference: str) -> float | None:
    if variant == reference and figures.rounds(variant, metric.name):
        return 1.0
    return figures.ratio(variant, metric, reference)


def figure(figures: Figures, variant: str, metric: Metric) -> float | None:
    """Return the figure of a variant: the median of the reference, divided by the ratio
    to it.

    A slow minute of the machine falls on all engines of its round, so the ratio is steadier than
    the median of a variant's own samples. Those are taken where there is no reference.
    """
    reference = _reference(figures, metric)
    if reference is None or metric.shown == TIMES:
        return figures.median(variant, metric.name)
    base = figures.median(reference[0], reference[1].name)
    times_better = _of_reference(figures, variant, metric, reference[0])
    return None if base is None or times_better is None else base / times_better


def figures_grid(figures: Figures, metrics: Sequence[Metric]) -> Grid:
    """Return the figures in their units."""
    variants = engines(figures)
    rows = [
        [metric.title, metric.shown]
        + [shown(metric, figure(figures, variant, metric)) for variant in variants]
        for metric in metrics
        if not metric.trial
    ]
    return Grid("Both ends of each conversation", ["", "unit", *variants], rows)


def gateway_grid(figures: Figures, metrics: Sequence[Metric]) -> Grid:
    """Return the figures of gateways, and how many times as good the gateway is as the naive loop,
    and as it is itself with a store as without."""
    naive, gateway, stored = GATEWAYS
    rows = []
    for metric in metrics:
        if metric.trial and any(figures.rounds(variant, metric.name) for variant in GATEWAYS):
            values = [shown(metric, figures.median(each, metric.name)) for each in GATEWAYS]
            beside = [
                times(figures.ratio(mine, metric, base))
                for mine, base in ((gateway, naive), (stored, gateway))
            ]
            rows.append([metric.title, metric.shown, *values, *beside])
    return Grid("Gateway", ["", "unit", *GATEWAYS, "gateway / naive", "store / gateway"], rows)


def ratios_grid(figures: Figures, metrics: Sequence[Metric], base: str) -> Grid:
    """Return how many times better than `base` each variant is."""
    variants = [variant for variant in engines(figures) if variant != base]
    rows = []
    for metric in metrics:
        if not metric.compared:
            continue
        ratios = [ratio(figures, variant, metric, base) for variant in variants]
        if any(each is not None for each in ratios):
            rows.append([metric.title, *map(times, ratios)])
    return Grid(f"How many times better than {base}", ["", *variants], rows)


@record
class Reached:
    """A target with what was measured, by native variant."""

    metric: str
    against: str
    wanted: dict[str, float | None]
    measured: dict[str, float | None]


def reached(figures: Figures) -> list[Reached]:
    """Return the targets for which there is a figure."""
    found = []
    for target in TARGETS:
        metric = BY_NAME[target.metric]
        measured = {
            variant: figures.median(variant, metric.name)
            if metric.shown == TIMES
            else ratio(figures, variant, metric, target.against)
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
    """Return the targets beside what was measured."""
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
    """Return all the tables that have rows."""
    made = [
        figures_grid(figures, metrics),
        ratios_grid(figures, metrics, "libotr"),
        ratios_grid(figures, metrics, "python-potr"),
        targets_grid(figures),
        gateway_grid(figures, metrics),
    ]
    return [grid for grid in made if grid.rows]


_CLAIMS: Final = (
    "ake", "first_contact", "ping_100", "burst_100", "burst_many_100", "at_random_1k", "smp",
    "memory",
)  # fmt: skip
_CLAIMANTS: Final = {
    "native-ifma": "with IFMA",
    "native-avx2": "with AVX2",
    "native-gmp": "with GMP",
    "python-potr": "python-potr",
}


def claims_grid(figures: Figures, metrics: Sequence[Metric]) -> Grid:
    """Return the short table of a start page: libotr's figure, and how many times better others
    are."""
    there = [variant for variant in _CLAIMANTS if variant in figures.samples]
    rows = []
    for metric in metrics:
        reference = _reference(figures, metric)
        if metric.name in _CLAIMS and reference is not None and reference[0] == "libotr":
            base = shown(metric, figures.median(reference[0], reference[1].name))
            ratios = [times(ratio(figures, variant, metric, "libotr")) for variant in there]
            rows.append([metric.title, f"{base} {metric.shown}", *ratios])
    return Grid("", ["", "libotr", *[_CLAIMANTS[variant] for variant in there]], rows)


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
    parts += [f"**{grid.title}**\n\n{markdown_table(grid)}" for grid in made]
    return "\n\n".join(parts)


def markdown_table(grid: Grid) -> str:
    """Return one table as Markdown."""
    lines = [grid.columns, ["---", *["---:"] * (len(grid.columns) - 1)], *grid.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(figures: Figures, metrics: Sequence[Metric], facts: dict[str, str]) -> dict[str, Any]:
    """Return everything: each sample, the medians, the ratios and the targets."""
    units = {KILOBYTES: "bytes", TIMES: "ratio"}
    return {
        "machine": facts,
        "absent": figures.absent,
        "metrics": {
            metric.name: {
                "title": metric.title,
                "unit": units.get(metric.shown, "s"),
                "engines": {
                    variant: {
                        "median": figures.median(variant, metric.name),
                        "times_libotr": ratio(figures, variant, metric, "libotr"),
                        "times_potr": ratio(figures, variant, metric, "python-potr"),
                        "rounds": figures.rounds(variant, metric.name),
                    }
                    for variant in present(figures)
                    if figures.rounds(variant, metric.name)
                },
            }
            for metric in metrics
        },
        "targets": [
            {
                "metric": target.metric,
                "against": target.against,
                "wanted": target.wanted,
                "measured": target.measured,
            }
            for target in reached(figures)
        ],
    }


def from_json(kept: dict[str, Any]) -> tuple[Figures, list[Metric], dict[str, str]]:
    """Return what `as_json` was given. Raises `LocalError` for anything else."""
    try:
        figures = Figures(absent=dict(kept["absent"]))
        for name, metric in kept["metrics"].items():
            for variant, engine in metric["engines"].items():
                figures.samples.setdefault(variant, {})[name] = engine["rounds"]
        return figures, [BY_NAME[name] for name in kept["metrics"]], dict(kept["machine"])
    except (AttributeError, KeyError, TypeError) as error:
        raise LocalError("the file holds no figures of `otrfast bench --json`") from error
