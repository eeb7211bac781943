"""Bring the line numbers in docs/design.md up to date: python docs/make_references.py

A reference is written as code, `path:line name`; the line is where the file defines the name, or
has it first if it defines no such thing.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("design.md")
REFERENCE = re.compile(r"`([\w./-]+):(\d+) ([^`]+)`")


def line_of(path: Path, name: str) -> int:
    """Return the number of the line that defines `name`. Raises `LookupError` if none has it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    word = rf"(?<!\w){re.escape(name)}(?!\w)"
    defines = rf"\s*(?:(?:async )?def |class |#define |\[){word}|{word}(?: =|:)"
    for pattern in (defines, word):
        for number, line in enumerate(lines, 1):
            if re.match(pattern, line) or (pattern is word and re.search(word, line)):
                return number
    raise LookupError(f"{path.name} has no {name}")


def refreshed(page: str) -> str:
    """Return a page with its references up to date."""
    return REFERENCE.sub(
        lambda found: f"`{found[1]}:{line_of(ROOT / found[1], found[3])} {found[3]}`", page
    )


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
