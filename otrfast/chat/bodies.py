"""Texts of clients that write HTML within OTR, as Pidgin, Adium and BitlBee do: to text and back.

Nothing in OTR says which of the two a text is, so it is read off the text itself.
"""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from typing import Final

_TAGS = "a|b|big|blockquote|body|br|center|code|div|em|font|h[1-6]|hr|html|i|img|li|ol|p|pre|s"
_TAGS += "|small|span|strike|strong|sub|sup|table|tbody|td|tr|tt|u|ul"
_VALUE = r""""[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++"""
_ELEMENT = re.compile(
    rf"(?i)</?(?:{_TAGS})(?:\s++[a-z][\w:-]*+(?:\s*+=\s*+(?:{_VALUE}))?+)*+\s*+/?>"
)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_BREAK = re.compile(r"(?i)<br\s*+/?>|</(?:p|div|li|h[1-6]|tr)\s*+>(?=.)")
_PEERS: Final = 10_000


def is_html(text: str) -> bool | None:
    """Whether a text is HTML: True if it has markup and none but valid one, False if it has a `<`
    or `&` that HTML would have escaped, None if nothing in it tells."""
    rest = _ENTITY.sub("", _ELEMENT.sub("", text))
    if "<" in rest or "&" in rest:
        return False
    return True if rest != text else None


def to_text(markup: str) -> str:
    """Return the words of an HTML text."""
    words = _ELEMENT.sub("", _BREAK.sub("\n", markup))
    return html.unescape(words).replace("\xa0", " ")


def to_html(text: str) -> str:
    """Return a text as HTML that shows it as it is."""
    return html.escape(text, quote=False).replace("\n", "<br/>")


class Forms:
    """Which peers write HTML: the last of a peer's texts that tells decides."""

    def __init__(self) -> None:
        self._writes_html: OrderedDict[str, bool] = OrderedDict()

    def read(self, peer: str, text: str) -> str:
        """Return the words of a decrypted text, and remember its form."""
        found = is_html(text)
        if found is not None:
            self._writes_html[peer] = found
            self._writes_html.move_to_end(peer)
            if len(self._writes_html) > _PEERS:
                self._writes_html.popitem(last=False)
        return to_text(text) if found else text

    def write(self, peer: str, text: str) -> str:
        """Return a text in the form that the peer's client shows as it is."""
        return to_html(text) if self._writes_html.get(peer, False) else text
