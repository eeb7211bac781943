"""The OTR messages of a transcript: found in its lines, unwrapped, and reassembled.

A transcript is the log of a client or a network monitor: times and names may precede a message,
ordinary lines may separate messages, and the fragments of both ends may be mixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from otrfast._records import record
from otrfast.errors import DecodeError, OtrError, ToolkitError
from otrfast.wire import fragments
from otrfast.wire import lines as wire
from otrfast.wire.lines import (
    ENCODED_PREFIX,
    OTR_TAG,
    EncodedMessage,
    ErrorText,
    FragmentText,
    PlainText,
    Query,
    TaggedText,
    Unsupported,
)
from otrfast.wire.messages import DataMessage, Message, decode

_BASE64_ONLY: Final = re.compile(rb"\s*[A-Za-z0-9+/=]*\.?\s*")
_DIGITS: Final = re.compile(rb"[0-9]+")


@record
class Malformed:
    """An unreadable line of OTR."""

    error: OtrError


Content = Message | Query | TaggedText | ErrorText | Unsupported | Malformed


@record
class Row:
    """One line of a transcript, or the lines of one wrapped message."""

    first: int
    last: int
    text: bytes


@record
class Place:
    """The place of a message, or of a piece of one: bytes `start` to `end` of a row."""

    row: Row
    start: int
    end: int


@record
class Entry:
    """Message `number` of a transcript; it has several places if it is fragmented."""

    number: int
    places: tuple[Place, ...]
    content: Content


class _Gathering:
    """The received pieces of an incomplete message."""

    __slots__ = ("assembly", "places", "total")

    def __init__(self) -> None:
        self.assembly = fragments.Assembly()
        self.places: list[Place] = []
        self.total = 0


def read_log(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the OTR messages of a transcript, each when it is complete; ordinary lines are
    skipped.

    An unreadable message is a `Malformed`; nothing is raised.
    """
    for number, (places, content) in enumerate(_LogReader().contents(lines), 1):
        yield Entry(number, tuple(places), content)


def data_messages(entries: Iterable[Entry]) -> Iterator[tuple[Entry, DataMessage]]:
    """Yield the data messages alone."""
    for entry in entries:
        if isinstance(entry.content, DataMessage):
            yield entry, entry.content


def put(lines: Sequence[bytes], entry: Entry, message: DataMessage) -> bytes:
    """Return the transcript with `message` instead of `entry`, in pieces if `entry` was.

    All other bytes stay, those around the message included.
    """
    new = wire.encode_message(message.encode())
    *earlier, last = entry.places
    pieces = [new]
    if earlier:
        limit = max(place.end - place.start for place in entry.places)
        pieces = fragments.split(new, limit, message.version, message.sender, message.receiver)
    row = last.row
    before, after = row.text[: last.start], row.text[last.end :]
    gone = {number for place in earlier for number in _numbers(place.row)} | {*_numbers(row)}
    made = [
        line for number, line in enumerate(lines, 1) if number < row.last and number not in gone
    ]
    made += [before + piece + (after if piece is pieces[-1] else b"\n") for piece in pieces]
    return b"".join([*made, *lines[row.last :]])


def _numbers(row: Row) -> range:
    return range(row.first, row.last + 1)


def _rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """Yield the lines; those of a message that has been wrapped are joined."""
    held: list[bytes] = []
    first = number = 0
    for number, line in enumerate(lines, 1):
        if held and not _BASE64_ONLY.fullmatch(line):
            yield Row(first, number - 1, b"".join(held))
            held = []
        if not held:
            first = number
        wraps = b"." not in line if held else _is_cut_short(line)
        held.append(line)
        if not wraps:
            yield Row(first, number, b"".join(held))
            held = []
    if held:
        yield Row(first, number, b"".join(held))


def _is_cut_short(line: bytes) -> bool:
    """Whether the last message of a line lacks its final dot; a fragment needs none."""
    start = line.rfind(ENCODED_PREFIX)
    return (
        start >= 0
        and b"." not in line[start:]
        and not isinstance(wire.classify(line), FragmentText)
    )


class _LogReader:
    """The incomplete messages of a transcript, by version, tags, number of pieces and name."""

    def __init__(self) -> None:
        self._gatherings: dict[tuple[object, ...], _Gathering] = {}

    def contents(self, lines: Iterable[bytes]) -> Iterator[tuple[list[Place], Content]]:
        for row in _rows(lines):
            yield from self._row(row)
        for gathering in self._gatherings.values():
            if gathering.assembly:
                yield gathering.places, _incomplete(gathering)

    def _row(self, row: Row) -> Iterator[tuple[list[Place], Content]]:
        """Yield the messages of one row: a chat log may have several in one line."""
        start = 0
        while True:
            found = wire.classify(row.text[start:].rstrip(b"\r\n"))
            if isinstance(found, PlainText):
                return
            start = max(row.text.find(OTR_TAG, start), start)
            end = len(row.text.rstrip(b"\r\n"))
            if isinstance(found, EncodedMessage):
                end = row.text.find(b".", start) + 1 or end
            place = Place(row, start, end)
            if isinstance(found, FragmentText):
                yield from self._piece(found, place)
            else:
                yield [place], _content(found)
            start = end

    def _piece(self, found: FragmentText, place: Place) -> Iterator[tuple[list[Place], Content]]:
        try:
            fragment = fragments.parse(found.line, found.version)
        except DecodeError as error:
            yield [place], Malformed(error)
            return
        # version 2 has no tags: the name before the message, without the time, may tell
        who = _DIGITS.sub(b"", place.row.text[: place.start])
        key = (fragment.version, fragment.sender, fragment.receiver, fragment.total, who)
        gathering = self._gatherings.setdefault(key, _Gathering())
        if fragment.index == 1:
            if gathering.assembly:
                yield gathering.places, _incomplete(gathering)
            gathering.places = []
        gathering.total = fragment.total
        gathering.places.append(place)
        line = gathering.assembly.add(fragment, 0.0)
        if gathering.assembly:
            return
        del self._gatherings[key]
        if line is None:
            numbers = f"piece {fragment.index} of {fragment.total}"
            yield (
                gathering.places,
                Malformed(ToolkitError(f"expected the first piece, found {numbers}")),
            )
        else:
            yield gathering.places, _content(wire.classify(line))


def _incomplete(gathering: _Gathering) -> Malformed:
    came = len(gathering.places)
    return Malformed(ToolkitError(f"expected {gathering.total} pieces, found {came}"))


def _content(found: wire.Line) -> Content:
    """Return what a line holds, decoded."""
    if isinstance(found, EncodedMessage):
        try:
            return decode(found.decode())
        except OtrError as error:
            return Malformed(error)
    if isinstance(found, FragmentText | PlainText):
        return Malformed(ToolkitError("expected a message in the pieces, found a text"))
    return found
