"""S-expressions of libgcrypt, with every form of an atom that it has ever written.

An atom is `token`, `"quoted"` with the escapes of C and any raw bytes, `#hex#` or `|base64|` with
optional blanks, or `length:bytes`; a length may also precede the other forms. An error gives the
offset, never the bytes there: they may be part of a key.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Final, TypeAlias

from otrfast.errors import KeyFileError

Node: TypeAlias = "bytes | list[Node]"
"""An atom, or a list of nodes."""

MAX_DEPTH: Final = 32

_BLANKS = re.compile(rb"[ \t\v\f\r\n]*")
_TOKEN = re.compile(rb"[A-Za-z\-./_:*+=][A-Za-z0-9\-./_:*+=]*")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_HEX = re.compile(rb"[0-9A-Fa-f \t\v\f\r\n]*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/= \t\v\f\r\n]*")
_UNESCAPED = re.compile(rb'[^"\\]*')
_ESCAPE = re.compile(rb"""\\(?:([btvnfr"'\\])|([0-3][0-7]{2})|x([0-9A-Fa-f]{2})|\r\n|\n\r|\r|\n)""")
_LETTERS = dict(zip(b"btvnfr\"'\\", b"\b\t\v\n\f\r\"'\\", strict=True))
_PRINTABLE = re.compile(rb"[ -~]*")


class _Scanner:
    """A reader of atoms; `offset` is its position."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = pattern.match(self.data, self.offset)
        if found:
            self.offset = found.end()
        return found

    def text(self, pattern: re.Pattern[bytes]) -> bytes:
        found = self.match(pattern)
        return found[0] if found else b""

    def byte(self) -> bytes:
        """Return the next byte without taking it; b"" at the end."""
        return self.data[self.offset : self.offset + 1]

    def expect(self, byte: bytes) -> None:
        if self.byte() != byte:
            raise self.error()
        self.offset += 1

    def end(self) -> None:
        self.text(_BLANKS)
        if self.byte():
            raise self.error()

    def error(self) -> KeyFileError:
        return KeyFileError(f"expected an S-expression; the file is damaged at byte {self.offset}")

    def atom(self) -> bytes:
        token = self.text(_TOKEN)
        if token:
            return token
        digits = self.text(_LENGTH)
        length = int(digits) if digits else None
        if length is not None and self.byte() == b":":
            return self.counted(length)
        value = self.delimited()
        if length is not None and length != len(value):
            raise self.error()
        return value

    def counted(self, length: int) -> bytes:
        self.offset += 1
        if length > len(self.data) - self.offset:
            raise self.error()
        self.offset += length
        return self.data[self.offset - length : self.offset]

    def delimited(self) -> bytes:
        opening = self.byte()
        if not opening or opening not in b'"#|':
            raise self.error()
        self.offset += 1
        value = self.quoted() if opening == b'"' else self.encoded(opening)
        self.expect(opening)
        return value

    def encoded(self, opening: bytes) -> bytes:
        start = self.offset
        try:
            if opening == b"#":
                return bytes.fromhex(b"".join(self.text(_HEX).split()).decode())
            return a2b_base64(b"".join(self.text(_BASE64).split()), strict_mode=True)
        except (Base64Error, ValueError):
            self.offset = start
            raise self.error() from None

    def quoted(self) -> bytes:
        parts = [self.text(_UNESCAPED)]
        while self.byte() == b"\\":
            escape = self.match(_ESCAPE)
            if escape is None:
                raise self.error()
            letter, octal, digits = escape.groups()
            if letter:
                parts.append(bytes((_LETTERS[letter[0]],)))
            elif octal:
                parts.append(bytes((int(octal, 8),)))
            elif digits:
                parts.append(bytes.fromhex(digits.decode()))
            parts.append(self.text(_UNESCAPED))  # an escaped line end adds nothing
        return b"".join(parts)


def parse(data: bytes) -> list[Node]:
    """Return the one list that `data` holds. Raises `KeyFileError`."""
    scanner = _Scanner(data)
    scanner.text(_BLANKS)
    top = _list(scanner, MAX_DEPTH)
    scanner.end()
    return top


def recover(data: bytes, start: re.Pattern[bytes]) -> list[Node | KeyFileError]:
    """Return the nodes of the one list that `data` holds, with an error for each that is damaged.
    After an error, reading goes on where `start` matches next. Raises `KeyFileError` if the list
    does not begin."""
    scanner = _Scanner(data)
    scanner.text(_BLANKS)
    scanner.expect(b"(")
    found: list[Node | KeyFileError] = []
    while True:
        scanner.text(_BLANKS)
        begin = scanner.offset
        try:
            if scanner.byte() == b")":
                scanner.offset += 1
                scanner.end()
                return found
            found.append(
                _list(scanner, MAX_DEPTH - 1) if scanner.byte() == b"(" else scanner.atom()
            )
        except KeyFileError as error:
            found.append(error)
            again = start.search(data, begin + 1)
            if again is None:
                return found
            scanner.offset = again.start()


def _list(scanner: _Scanner, depth: int) -> list[Node]:
    scanner.expect(b"(")
    top: list[Node] = []
    open_lists = [top]
    while open_lists:
        scanner.text(_BLANKS)
        byte = scanner.byte()
        if byte == b"(":
            if len(open_lists) == depth:
                raise scanner.error()
            inner: list[Node] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
            scanner.offset += 1
        elif byte == b")":
            open_lists.pop()
            scanner.offset += 1
        else:
            open_lists[-1].append(scanner.atom())
    return top


def atom(value: bytes) -> bytes:
    """Return the simplest form that libgcrypt reads: a token, quoted ASCII, or hexadecimal."""
    if _TOKEN.fullmatch(value):
        return value
    if _PRINTABLE.fullmatch(value):
        return b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'
    return b"#" + value.hex().upper().encode() + b"#"


def number(value: int) -> bytes:
    """Return a number >= 0 in hexadecimal, with a leading 00 if the top bit is set."""
    return b"#" + value.to_bytes(value.bit_length() // 8 + 1, "big").hex().upper().encode() + b"#"
