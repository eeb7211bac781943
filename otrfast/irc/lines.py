"""Texts and lines: what may stand in a line of IRC, and how long it may be (RFC 2812, 2.3)."""

from __future__ import annotations

import re
from typing import Final

UNKNOWN: Final = 400
"""Bytes of a text while our own hostmask is not known; libotr's clients cut at 399."""

_LINE = 510  # bytes without CR LF
_LEAST = 100  # a server's limits leave more than that
_BREAKS = re.compile("[\r\n]+")
_ACTION = "\x01ACTION "
_ME = "/me "


def longest(own_mask: str | None, target: str) -> int:
    """Return how many bytes of text reach a target in one PRIVMSG: other clients get it with our
    `:nick!user@host` before it, and the server cuts what is too long."""
    if own_mask is None:
        return UNKNOWN
    return max(_LEAST, _LINE - len(f":{own_mask} PRIVMSG {target} :".encode()))


def one_line(text: str) -> str:
    """Return a text of a peer without what would end a line, or begin a CTCP: in a line that is
    made of it, the rest would be a command."""
    return _BREAKS.sub(" ", text.replace("\0", "")).strip(" ").lstrip("\x01")


def incoming(text: str) -> str | None:
    """Return the text of a PRIVMSG for the engine: an ACTION begins with `/me `, as with libotr's
    clients; None for any other CTCP, which is nobody's text."""
    if not text.startswith("\x01"):
        return text
    if text.startswith(_ACTION):
        return _ME + text.removeprefix(_ACTION).rstrip("\x01")
    return None


def outgoing(line: bytes, limit: int) -> list[str]:
    """Return a line in the clear as texts of at most `limit` bytes for PRIVMSG, cut between
    characters."""
    text = one_line(line.decode(errors="replace"))
    action = text.startswith(_ME)
    if action:
        text, limit = text.removeprefix(_ME), limit - len(_ACTION) - 1
    pieces = list(cut(text.encode(), limit)) or [""]
    return [f"{_ACTION}{piece}\x01" for piece in pieces] if action else pieces


def cut(data: bytes, limit: int) -> list[str]:
    """Return a text in pieces of at most `limit` bytes, cut between characters."""
    pieces = []
    while data:
        end = min(len(data), limit)
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[:end].decode(errors="replace"))
        data = data[end:]
    return pieces
