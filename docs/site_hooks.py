"""What the documentation site needs beside the pages in docs/: the pages of the root directory,
links that lead out of docs/, and state diagrams drawn without a script from elsewhere.

mkdocs calls the functions named `on_...` (mkdocs.yml, `hooks`).
"""

from __future__ import annotations

import posixpath
import re
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = "https://github.com/otrfast/otrfast/blob/main/"

ROOT_PAGES: Final = {
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Pages of the site that are files of the root directory, where people and forges look for them."""

_LINK: Final = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")
_OWN_LINK: Final = re.compile(rf"(?<=\]\(){re.escape(SOURCE)}([^)#\s]+)")
_MERMAID: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EDGE: Final = re.compile(r"^\s+(\w+) --> (\w+): (.*)$", re.MULTILINE)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root directory; one that does not exist yet is a link to it."""
    from mkdocs.structure.files import File

    for name, source in ROOT_PAGES.items():
        path = ROOT / source
        missing = f"# {source.removesuffix('.md').capitalize()}\n\n[{source}]({SOURCE}{source})\n"
        content = path.read_text(encoding="utf-8") if path.exists() else missing
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Have links lead to pages of the site or to the source, and draw the state diagrams."""
    here = page.file.src_uri
    lies_in = "" if here in ROOT_PAGES else f"docs/{posixpath.dirname(here)}"
    known = {f"docs/{file.src_uri}" for file in files} | set(ROOT_PAGES.values())
    return draw(relink(markdown, here, lies_in, known))


def relink(markdown: str, here: str, lies_in: str, known: set[str]) -> str:
    """Return a page with the links that it needs in the site.

    `here` is its path there, `lies_in` the directory of the repository that its relative links
    start from, `known` the files of the repository that are in the site.
    """

    def link(target: str) -> str:
        if target not in known:
            return SOURCE + target
        names = {source: name for name, source in ROOT_PAGES.items()}
        name = names.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(name, posixpath.dirname(here) or ".")

    def relative(found: re.Match[str]) -> str:
        return link(posixpath.normpath(posixpath.join(lies_in, found[1])))

    def absolute(found: re.Match[str]) -> str:
        return link(found[1]) if found[1] in known else found[0]

    return _OWN_LINK.sub(absolute, _LINK.sub(relative, markdown))


def draw(markdown: str) -> str:
    """Return a page with a drawing instead of each state diagram in Mermaid's language."""
    return _MERMAID.sub(lambda found: _picture(_EDGE.findall(found[1])), markdown)


class _Arc(NamedTuple):
    """All transitions from one state to another, by their places in the column."""

    before: int
    after: int
    labels: list[str]


_WIDTH, _HEAD, _LINE = 1000, 26, 15
_NARROW, _LETTER = 240, 5.8  # the least width of a box, and what a letter in it takes
_MIDDLE: Final = _WIDTH / 2


def _picture(edges: list[tuple[str, str, str]]) -> str:
    """Draw states in a column, arcs down at the right and up at the left."""
    states = list(dict.fromkeys([name for edge in edges for name in edge[:2]]))
    own: dict[str, list[str]] = {state: [] for state in states}
    arcs: dict[tuple[int, int], _Arc] = {}
    for before, after, label in edges:
        if before == after:
            own[before].append(label)
            continue
        ends = states.index(before), states.index(after)
        arcs.setdefault(ends, _Arc(*ends, [])).labels.append(label)
    longest = max(len(label) for labels in own.values() for label in [*labels, ""])
    box = max(_NARROW, longest * _LETTER + 24)
    tops, y = [], 12.0
    for state in states:
        tops.append(y)
        y += _HEAD + _LINE * len(own[state]) + 74
    heights = [_HEAD + _LINE * len(own[state]) for state in states]
    parts = []
    for arc in sorted(arcs.values(), key=lambda arc: -abs(arc.after - arc.before)):
        parts += _arc(arc, tops, heights, box)
    parts.sort(key=lambda part: part.startswith("<text"))  # no arc over a label
    for state, top, height in zip(states, tops, heights, strict=True):
        left = _MIDDLE - box / 2
        parts.append(
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{box:.0f}" height="{height}" rx="6"/>'
        )
        parts.append(
            f'<text class="state" x="{_MIDDLE:.0f}" y="{top + 18:.0f}">{escape(state)}</text>'
        )
        for number, label in enumerate(own[state]):
            line = top + _HEAD + _LINE * number + 8
            parts.append(
                f'<text class="own" x="{_MIDDLE:.0f}" y="{line:.0f}">{escape(label)}</text>'
            )
    size = f"0 0 {_WIDTH} {y - 62:.0f}"
    mark = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    body = "".join(parts)
    return f'<svg class="states" viewBox="{size}" role="img">{mark}{body}</svg>'


def _arc(arc: _Arc, tops: list[float], heights: list[int], box: float) -> list[str]:
    """Draw one arc with its labels beside the middle of it."""
    down = arc.after > arc.before
    side = 1 if down else -1
    span = abs(arc.after - arc.before)
    edge = _MIDDLE + side * box / 2
    reach = edge + side * (10 + 70 * span)
    # arcs leave in the lower half of a box and arrive in the upper half when they go down
    start = tops[arc.before] + heights[arc.before] * (0.75 if down else 0.25)
    end = tops[arc.after] + heights[arc.after] * (0.25 if down else 0.75)
    middle = (start + end) / 2
    apex = (edge + 3 * reach) / 4
    anchor = "start" if down else "end"
    parts = [
        f'<path class="arc" marker-end="url(#head)" d="M{edge:.0f} {start:.0f}'
        f'C{reach:.0f} {start:.0f} {reach:.0f} {end:.0f} {edge:.0f} {end:.0f}"/>'
    ]
    first = middle + 4 - _LINE * (len(arc.labels) - 1) / 2
    for number, label in enumerate(arc.labels):
        parts.append(
            f'<text class="{anchor}" x="{apex + side * 6:.0f}" y="{first + _LINE * number:.0f}">'
            f"{escape(label)}</text>"
        )
    return parts
