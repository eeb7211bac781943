"""The two connections of a link: lines in, lines out, byte for byte.

A line is a `str`; bytes that are not UTF-8 are kept as Python keeps them in file names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from irclib.errors import ParseError
from irclib.parser import Message

LONGEST = 16_384  # bytes of a line: tags have up to 8,191, twice, and the rest 512
_UNSENT = 1 << 20  # bytes that wait for a client or server that does not read


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """`reader` was made with `limit=LONGEST`."""
        self._reader, self._writer = reader, writer

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines that come, without their ends, until the connection ends. Raises
        `ConnectionError` for a line that is too long."""
        while True:
            try:
                data = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                raise ConnectionError("a line has no end") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            line = data.strip(b"\r\n").replace(b"\0", b"").decode("utf-8", "surrogateescape")
            if line:
                yield line

    def write(self, line: str) -> None:
        """Send a line: one, whatever is in it. The connection ends if nobody reads."""
        if self._writer.is_closing():
            return
        clean = line.translate({0: None, 10: " ", 13: " "})
        self._writer.write(clean.encode("utf-8", "surrogateescape") + b"\r\n")
        if self._writer.transport.get_write_buffer_size() > _UNSENT:
            self._writer.transport.abort()

    async def close(self) -> None:
        """Send what waits, and end the connection."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 1)


def parsed(line: str) -> Message | None:
    """Return a line in its parts, None if it is none of the protocol."""
    try:
        return Message.parse(line)
    except (ParseError, ValueError, IndexError):
        return None
