"""Java's `.properties` files: `key=value` lines with escapes and continuations, in Latin-1."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")
_KEY = re.compile(r"((?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(data: bytes) -> dict[str, str]:
    """Return the properties of a file; any bytes are valid."""
    found = {}
    for line in _logical_lines(data.decode("latin-1")):
        key = _KEY.match(line)
        assert key is not None
        found[_plain(key[1])] = _plain(line[key.end() :])
    return found


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines without comments; backslashes at the end, odd in number, continue one."""
    parts: list[str] = []
    for natural in _LINE_END.split(text):
        line = natural.lstrip(" \t\f")
        if not parts and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            parts.append(line[:-1])
            continue
        yield "".join([*parts, line])
        parts.clear()
    if parts:
        yield "".join(parts)


def _plain(escaped: str) -> str:
    def char(escape: re.Match[str]) -> str:
        digits, letter = escape.groups()
        return chr(int(digits, 16)) if digits else _LETTERS.get(letter, letter)

    return _ESCAPE.sub(char, escaped)
