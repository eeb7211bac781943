"""The kinds of lines: classification of incoming lines, and encoding of queries, tags, errors and
messages.

`classify` looks for the first `?OTR` anywhere in a line, as libotr does, and without one for the
whitespace tag; any other line is an ordinary text (OTRv3, "High level overview").
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from otrfast._records import record
from otrfast.errors import DecodeError
from otrfast.wire.messages import IGNORE_UNREADABLE, DataMessage

OTR_TAG: Final = b"?OTR"
ENCODED_PREFIX: Final = b"?OTR:"
DATA_MESSAGES: Final = (b"?OTR:AAID", b"?OTR:AAMD")
"""How a data message begins, by version: its head in base64."""
ERROR_MARK: Final = b"?OTR Error:"
WHITESPACE_BASE: Final = b" \t  \t\t\t\t \t \t \t  "
WHITESPACE_VERSIONS: Final = {1: b" \t \t  \t ", 2: b"  \t\t  \t ", 3: b"  \t\t  \t\t"}

_DECORATION = rb"(?:\s|<[^<>]*+>|&nbsp;)*+(?:b?['\"])?(?:\s|<[^<>]*+>|&nbsp;)*+"
_FRAGMENT_COMMAS = 4
_UNKNOWN_MARK = rb"\?OTR\S*"
_TRAILING_TAB = b"\t"
_GROUP = 8  # bytes of one version tag
_KNOWN = 21  # characters of an encoded message up to the flags of a data message
_ENCODED = re.compile(rb"\?OTR:[A-Za-z0-9+/]{16}")
_FRAGMENT = re.compile(
    rb"\?OTR(?:\|([0-9a-f]{8})\|([0-9a-f]{8}))?,[0-9]{5},([0-9]{5}),[A-Za-z0-9+/=?:.]+,"
)
_MOST_GROUPS = 16  # version tags that are read
_QUERY = re.compile(rb"\?OTR(\??)(?:v([^?]*)(?:\?|\Z))?", re.DOTALL)
_BLANKS = re.compile(rb"[ \t]*")
_LINE_BREAKS = bytes.maketrans(b"", b""), b"\r\n "


@record
class PlainText:
    """An ordinary text."""

    text: bytes


@record
class TaggedText:
    """A text with a whitespace tag; `text` is without the tag."""

    text: bytes
    versions: frozenset[int]


@record
class Query:
    """A query, which offers versions; `before` and `after` are the texts around it."""

    versions: frozenset[int]
    before: bytes
    after: bytes


@record
class ErrorText:
    """An error for a person to read; `before` is the text before its mark."""

    text: bytes
    before: bytes


@record
class EncodedMessage:
    """An encoded message in base64: `line` starts at `?OTR:`; `before` is the text before it."""

    line: bytes
    before: bytes

    @property
    def after(self) -> bytes:
        """The text after the final dot."""
        return self.line.partition(b".")[2]

    def decode(self) -> bytes:
        """Return the binary message.

        The final dot is required; line breaks and spaces before it are skipped. Raises
        `DecodeError` for any other character that is not base64.
        """
        end = self.line.find(b".", len(ENCODED_PREFIX))
        if end < 0:
            raise DecodeError("final dot", len(self.line))
        text = self.line[len(ENCODED_PREFIX) : end].translate(*_LINE_BREAKS)
        try:
            return a2b_base64(text, strict_mode=True)
        except ValueError:
            raise DecodeError("base64", len(ENCODED_PREFIX)) from None


@record
class FragmentText:
    """A fragment of a message: `line` starts at `?OTR,` or `?OTR|`; `before` is the text before
    it."""

    line: bytes
    version: int
    before: bytes

    @property
    def after(self) -> bytes:
        """The text after the comma that ends the fragment."""
        parts = self.line.split(b",", _FRAGMENT_COMMAS)
        return parts[_FRAGMENT_COMMAS] if len(parts) > _FRAGMENT_COMMAS else b""


@record
class Unsupported:
    """A message of version 1, or a mark that is none of OTR: `line` starts at `?OTR`; `before` is
    the text before it."""

    line: bytes
    version: int | None
    before: bytes = b""

    @property
    def after(self) -> bytes:
        """The text after the final dot of a message of version 1, or after an unknown mark."""
        if self.version is not None:
            return self.line.partition(b".")[2]
        mark = re.match(_UNKNOWN_MARK, self.line)
        return self.line if mark is None else self.line[mark.end() :]

    @property
    def stands_alone(self) -> bool:
        """Whether there is no text beside the mark."""
        return is_decoration(self.before) and is_decoration(self.after)


Line = PlainText | TaggedText | Query | ErrorText | EncodedMessage | FragmentText | Unsupported


def classify(line: bytes) -> Line:
    """Return the kind of an incoming line, with libotr's order of recognition."""
    start = line.find(OTR_TAG)
    if start < 0:
        return _tagged(line)
    before, otr = line[:start], line[start:]
    match otr[4:5]:
        case b"|":
            return FragmentText(otr, 3, before)
        case b",":
            return FragmentText(otr, 2, before)
        case b":":
            return (
                Unsupported(otr, 1, before)
                if otr.startswith((b"?OTR:AAEK", b"?OTR:AAED"))
                else EncodedMessage(otr, before)
            )
        case b"?" | b"v":
            return _query(otr, before)
    if otr.startswith(ERROR_MARK):
        return ErrorText(otr[len(ERROR_MARK) :].removeprefix(b" "), before)
    return Unsupported(otr, None, before)


def is_ordinary(text: object, limit: int) -> bool:
    """Whether a text can be sent in a data message without further checks: 1 to `limit` bytes,
    without a zero byte and without a mark of OTR."""
    return (
        isinstance(text, bytes)
        and 0 < len(text) <= limit
        and b"\0" not in text
        and OTR_TAG not in text
    )


def is_decoration(text: bytes) -> bool:
    """Whether a text around a mark of OTR is none: empty, white space, HTML tags of a client, or
    the quotes that a badly written bot leaves of a bytes literal."""
    # compiled at first use: compiling takes longer than loading most modules
    return not text or re.fullmatch(_DECORATION, text) is not None


def is_query(text: bytes) -> bool:
    """Whether a text of the user is a query, which is replaced by the query of the policy.

    A query starts with its mark; a text that contains the mark later is an ordinary text.
    """
    text = text.lstrip()
    return text.startswith(OTR_TAG) and isinstance(classify(text), Query)


def _query(otr: bytes, before: bytes) -> Query:
    found = _QUERY.match(otr)
    assert found is not None  # the character after ?OTR is "?" or "v": both match
    versions = {1} if found[1] else set()
    versions.update(version for version in (2, 3) if b"%d" % version in (found[2] or b""))
    return Query(frozenset(versions), before, otr[found.end() :])


def _tagged(line: bytes) -> Line:
    start = line.find(WHITESPACE_BASE)
    if start < 0:
        return PlainText(line)
    first = start + len(WHITESPACE_BASE)
    blanks = _BLANKS.match(line, first)
    assert blanks is not None  # it may be empty
    groups = (blanks.end() - first) // _GROUP
    shown = {
        line[at : at + _GROUP]
        for at in range(first, first + _GROUP * min(groups, _MOST_GROUPS), _GROUP)
    }
    versions = [version for version, tag in WHITESPACE_VERSIONS.items() if tag in shown]
    rest = line[first + _GROUP * groups :]
    text = line[:start] + (b"" if rest == _TRAILING_TAB else rest)
    # without the tag it may be a line of OTR, which must not be shown as a text
    return classify(text) if OTR_TAG in text else TaggedText(text, frozenset(versions))


def encode_message(raw: bytes) -> bytes:
    """Return the line with a binary message in base64."""
    return ENCODED_PREFIX + b2a_base64(raw, newline=False) + b"."


def binary_size(line: bytes) -> int:
    """Return how many bytes the message has in a line as `encode_message` makes it."""
    groups = (len(line) - len(ENCODED_PREFIX)) // 4
    return 3 * groups - line[-3:-1].count(b"=")


class LineKind(Enum):
    """What a line of ours is, for transports that treat them differently."""

    PLAIN = "plain"
    """A text in the clear, with a whitespace tag or without."""
    QUERY = "query"
    ERROR = "error"
    EXCHANGE = "exchange"
    """A message of a key exchange."""
    TEXT = "text"
    """A data message with a text or with content."""
    CONTROL = "control"
    """A data message that the peer may drop unread: SMP, a heartbeat, the end, an extra key."""


def kinds(lines: Sequence[bytes]) -> tuple[LineKind, ...]:
    """Return the kind of each of our lines, that of the message for its fragments, which are all
    there and in order."""
    found: list[LineKind] = []
    while len(found) < len(lines):
        start, count = _start_of_message(lines, len(found))
        found += [_kind(start)] * count
    return tuple(found)


def _start_of_message(lines: Sequence[bytes], at: int) -> tuple[bytes, int]:
    """Return the start of the message in the line at `at`, or in the fragments from there on, and
    in how many lines it comes."""
    first = _FRAGMENT.fullmatch(lines[at])
    if first is None:
        return lines[at][:_KNOWN], 1
    count = int(first[3])
    pieces = [line.rpartition(b",")[0].rpartition(b",")[2] for line in lines[at : at + _KNOWN]]
    return b"".join(pieces[:count])[:_KNOWN], count


def _kind(start: bytes) -> LineKind:
    if _ENCODED.match(start):
        raw = a2b_base64(start[len(ENCODED_PREFIX) :])
        if raw[2] != DataMessage.TYPE:
            return LineKind.EXCHANGE
        flags = raw[11 if raw[:2] == b"\0\3" else 3]
        return LineKind.CONTROL if flags & IGNORE_UNREADABLE else LineKind.TEXT
    if start.startswith(ERROR_MARK):
        return LineKind.ERROR
    return LineKind.QUERY if _QUERY.match(start) else LineKind.PLAIN


def receiver(line: bytes) -> int | None:
    """Return the receiver's instance tag in a message or fragment of ours, 0 in version 2; None
    for any other line."""
    tags = _tags(line)
    return None if tags is None else tags[1]


def sender(line: bytes) -> int | None:
    """Return the sender's instance tag in a message or fragment of a peer, as `receiver` does."""
    tags = _tags(line[max(0, line.find(OTR_TAG)) :])
    return None if tags is None else tags[0]


def _tags(line: bytes) -> tuple[int, int] | None:
    fragment = _FRAGMENT.fullmatch(line)
    if fragment is not None:
        return int(fragment[1] or b"0", 16), int(fragment[2] or b"0", 16)
    if not _ENCODED.match(line):
        return None
    header = a2b_base64(line[len(ENCODED_PREFIX) : _KNOWN])
    if header[:2] != b"\0\3":
        return 0, 0
    return int.from_bytes(header[3:7], "big"), int.from_bytes(header[7:11], "big")


def query(versions: Iterable[int], text: bytes = b"") -> bytes:
    """Return a query that offers `versions`, followed by a text for people whose program lacks
    OTR."""
    numbers = sorted(versions)
    first = b"?OTR?" if 1 in numbers else b"?OTR"  # version 1 has its own form
    later = b"".join([b"%d" % version for version in numbers if version > 1])
    return first + (b"v" + later + b"?" if later or not numbers else b"") + text


def tag(versions: Iterable[int], trailing_tab: bool = False) -> bytes:
    """Return the whitespace tag that offers `versions`.

    `trailing_tab` adds a tab, for transports that strip trailing spaces: the tag of version 2
    ends in a space.
    """
    return (
        WHITESPACE_BASE
        + b"".join([WHITESPACE_VERSIONS[version] for version in sorted(versions)])
        + (b"\t" if trailing_tab else b"")
    )


def error(text: bytes) -> bytes:
    """Return an error line."""
    return ERROR_MARK + b" " + text
