"""Changes to lines, drawn from a seeded source: of bytes, of lengths, of base64, of fragments."""

from __future__ import annotations

import random
from base64 import b64encode
from binascii import Error, a2b_base64

ENCODED_PREFIX = b"?OTR:"
_BYTES = (0, 1, 2, 3, 0x0A, 0x11, 0x12, 0x7F, 0x80, 0xFF)
_LENGTHS = (0, 1, 19, 20, 40, 191, 192, 193, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MARKS = (
    b"?OTR",
    b"?OTR:",
    b"?OTR?",
    b"?OTRv23?",
    b"?OTR Error:",
    b"?OTR|",
    b"?OTR,",
    b"?OTR:AAED",
    b" \t  \t\t\t\t \t \t \t    \t\t  \t\t",
    b"\0",
    b".",
    b",",
    b"|",
    b"\n",
    b"\xff",
)


class Mutator:
    """Makes lines out of genuine ones; the same in each run with the same seed."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(str(seed))

    def lines(self, corpus: list[bytes]) -> list[bytes]:
        """One to a few lines that follow one another, made of the corpus."""
        draw = self._random
        line = draw.choice(corpus)
        match draw.randrange(12):
            case 0:
                return [self.junk()]
            case 1:
                return [self.text(line)]
            case 2 | 3:
                return self.fragments(line)
        raw = decode_message(line)
        if raw is None:
            return [self.text(line)]
        for _ in range(1 + draw.randrange(3)):
            raw = self.raw(raw, corpus)
        return [encode_message(raw)]

    def junk(self) -> bytes:
        """Marks and random bytes, one behind the other."""
        draw = self._random
        pieces = [
            draw.choice(_MARKS) if draw.random() < 0.5 else draw.randbytes(draw.randrange(40))
            for _ in range(draw.randrange(6))
        ]
        return b"".join(pieces)

    def text(self, line: bytes) -> bytes:
        """A line changed as text."""
        draw = self._random
        at = draw.randrange(len(line) + 1)
        match draw.randrange(5):
            case 0:
                return line[:at]
            case 1:
                return line[at:]
            case 2:
                return line[:at] + draw.choice(_MARKS) + line[at:]
            case 3:
                return line[:at] + draw.randbytes(1) + line[at + 1 :]
        return line + draw.choice(_MARKS) + line[at:]

    def raw(self, raw: bytes, corpus: list[bytes]) -> bytes:
        """A binary message changed in one place."""
        draw = self._random
        at = draw.randrange(len(raw) + 1)
        match draw.randrange(9):
            case 0 | 1:
                return raw[:at] + bytes((draw.randrange(256),)) + raw[at + 1 :]
            case 2:
                at = draw.randrange(min(len(raw), 24) + 1)  # version, type, tags, key ids
                return raw[:at] + bytes((draw.choice(_BYTES),)) + raw[at + 1 :]
            case 3:
                return raw[:at]
            case 4:
                return raw[:at] + draw.randbytes(draw.randrange(1, 8)) + raw[at:]
            case 5:
                return raw[:at] + raw[at + draw.randrange(1, 40) :]
            case 6:
                return raw[:at] + draw.choice(_LENGTHS).to_bytes(4, "big") + raw[at + 4 :]
            case 7:
                length = int.from_bytes(raw[at : at + 4], "big") + draw.choice((-1, 1))
                return raw[:at] + (length & 0xFFFFFFFF).to_bytes(4, "big") + raw[at + 4 :]
        other = (decode_message(draw.choice(corpus)) if corpus else raw) or b""
        return raw[:at] + other[draw.randrange(len(other) + 1) :]

    def fragments(self, line: bytes) -> list[bytes]:
        """A line in pieces, of which some may be lost, repeated, changed or out of order."""
        draw = self._random
        size = draw.randrange(1, len(line) // 2 + 2)
        pieces = [line[at : at + size] for at in range(0, len(line), size)][:6]
        head = b"?OTR"
        raw = decode_message(line)
        if raw is not None and raw[:2] == b"\0\x03" and len(raw) >= 11:
            head += b"|%x|%x" % (
                int.from_bytes(raw[3:7], "big"),
                int.from_bytes(raw[7:11], "big"),
            )
        made = [
            b"%b,%d,%d,%b," % (head, k, len(pieces), piece) for k, piece in enumerate(pieces, 1)
        ]
        for _ in range(draw.randrange(3)):
            at = draw.randrange(len(made))
            match draw.randrange(4):
                case 0:
                    made[at] = self.text(made[at])
                case 1:
                    made.insert(at, made[at])
                case 2 if len(made) > 1:
                    del made[at]
                case _:
                    draw.shuffle(made)
        return made


def decode_message(line: bytes) -> bytes | None:
    """The binary message in a line, None where it holds none."""
    if not line.startswith(ENCODED_PREFIX):
        return None
    try:
        return a2b_base64(line[len(ENCODED_PREFIX) : line.find(b".")])
    except Error:
        return None


def encode_message(raw: bytes) -> bytes:
    return ENCODED_PREFIX + b64encode(raw) + b"."
