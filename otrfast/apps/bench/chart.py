"""A bar chart of the ratios, on a logarithmic scale, as SVG: readable on light and on dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from otrfast._records import record
from otrfast.apps.bench.report import times
from otrfast.apps.text_files import write_text
from otrfast.errors import LocalError

_LEFT, _RIGHT, _TOP, _FOOT = 270, 70, 74, 46
_PLOT: Final = 620
_BAR, _GAP, _GROUP_GAP = 11, 2, 14
_COLOURS: Final = {
    "native-ifma": "#0072b2",
    "native-avx2": "#56b4e9",
    "native-gmp": "#f0e442",
    "gmpy2": "#009e73",
    "pure": "#999999",
    "potr-layer": "#cc79a7",
    "otr-layer": "#7a5aa6",
    "python-potr": "#d55e00",
    "python-otr": "#7a4a2b",
    "libotr": "#e69f00",
}  # distinct to colour-blind eyes too (Okabe and Ito; brown and violet by their darkness)
_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.small { font-size: 10px; }
.title { font-size: 15px; font-weight: 600; }
.grid { stroke: #8c959f; stroke-opacity: 0.35; }
.one { stroke: #8c959f; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de; } }
"""


_AXIS: Final = "logarithmic axis: from each line to the next is ten times as much"


@record
class Group:
    """One row of the chart: a ratio for each engine that has one."""

    title: str
    ratios: Mapping[str, float]


class _Scale:
    """Where a ratio lies; the bars grow from 1."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low = min(0, math.floor(math.log10(min(values))))
        self.high = max(1, math.ceil(math.log10(max(values))))

    def __call__(self, ratio: float) -> float:
        share = (math.log10(ratio) - self.low) / (self.high - self.low)
        return _LEFT + _PLOT * share

    @property
    def ticks(self) -> list[float]:
        """Every tenfold."""
        return [10.0**exponent for exponent in range(self.low, self.high + 1)]


def _text(x: float, y: float, text: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{escape(text)}</text>'


def _legend(variants: Sequence[str]) -> list[str]:
    parts, x = [], float(_LEFT)
    for variant in variants:
        parts.append(
            f'<rect x="{x:.1f}" y="36" width="11" height="11" rx="2" fill="{_COLOURS[variant]}"/>'
        )
        parts.append(_text(x + 16, 46, variant))
        x += 30 + 7 * len(variant)
    return parts


def _axis(scale: _Scale, bottom: float) -> list[str]:
    parts = []
    for tick in scale.ticks:
        x, kind = scale(tick), "one" if tick == 1 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{bottom:.1f}"/>'
        )
        parts.append(_text(x, bottom + 16, f"{tick:g}x", 'text-anchor="middle" class="small"'))
    middle = (scale(scale.ticks[0]) + scale(scale.ticks[-1])) / 2
    parts.append(_text(middle, bottom + 34, _AXIS, 'text-anchor="middle" class="small"'))
    return parts


def _bars(group: Group, scale: _Scale, top: float) -> list[str]:
    height = len(group.ratios) * (_BAR + _GAP)
    parts = [_text(_LEFT - 12, top + height / 2 + 3, group.title, 'text-anchor="end"')]
    for number, (variant, ratio) in enumerate(group.ratios.items()):
        y = top + number * (_BAR + _GAP)
        start, end = sorted((scale(1), scale(ratio)))
        width = max(end - start, 1)
        parts.append(
            f'<rect x="{start:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" rx="1.5"'
            f' fill="{_COLOURS[variant]}"/>'
        )
        place = max(end, scale(1)) + 4
        parts.append(_text(place, y + _BAR - 1.5, times(ratio), 'class="small"'))
    return parts


def svg(title: str, groups: Sequence[Group]) -> str:
    """Return the chart as SVG text. `groups` have at least one ratio, all above 0."""
    variants = [name for name in _COLOURS if any(name in group.ratios for group in groups)]
    scale = _Scale([ratio for group in groups for ratio in group.ratios.values()])
    heights = [len(group.ratios) * (_BAR + _GAP) + _GROUP_GAP for group in groups]
    bottom = _TOP + sum(heights)
    parts = [_text(_LEFT, 20, title, 'class="title"'), *_legend(variants), *_axis(scale, bottom)]
    top = float(_TOP)
    for group, height in zip(groups, heights, strict=True):
        parts += _bars(group, scale, top)
        top += height
    size = f"{_LEFT + _PLOT + _RIGHT} {bottom + _FOOT}"
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def check(path: Path) -> None:
    """Raise `LocalError` where a chart cannot be written to a file of this name."""
    if path.suffix == ".svg":
        return
    if path.suffix != ".png":
        raise LocalError(f"expected a .svg or .png file for the chart, not {path.name!r}")
    try:
        import_module("cairosvg")
    except (ImportError, OSError) as error:
        raise LocalError(
            f"a PNG chart needs CairoSVG (pip install cairosvg; {error}): or ask for a .svg file"
        ) from error


def write(path: Path, title: str, groups: Sequence[Group]) -> None:
    """Write the chart: SVG, or PNG where CairoSVG is installed. Raises `LocalError`."""
    check(path)
    drawn = svg(title, groups)
    if path.suffix == ".svg":
        write_text(path, drawn)
        return
    import_module("cairosvg").svg2png(
        bytestring=drawn.encode(), write_to=str(path), background_color="white"
    )
