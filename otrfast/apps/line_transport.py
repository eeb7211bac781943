"""The transport of the demonstration: lines over loopback TCP, with one connection per partner.

The first line of a connection is the partner's name. A line break ends each line: an OTR line
contains none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

LOOPBACK = "127.0.0.1"
_LONGEST = 64 * 1024 * 1024  # bytes in a line


class _Reader(asyncio.StreamReader):
    """A reader that hands out what has come before the connection broke, as when the process at
    the other end was killed, and then ends."""

    def set_exception(self, exc: Exception) -> None:
        """End, as if the other side had closed."""
        self.feed_eof()


class Line:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=0)  # have `send` wait for the system

    async def receive(self) -> bytes | None:
        """Return the next line; None if the other end has closed, perhaps within a line."""
        line = await self._reader.readline()
        return line[:-1] if line.endswith(b"\n") else None

    async def send(self, *lines: bytes) -> None:
        """Send lines, in order and with nothing between them; return when the system has them."""
        self.write(*lines)
        await self._writer.drain()

    def write(self, *lines: bytes) -> None:
        """Have lines sent, in order; they are with the system soon, but not when this returns."""
        if self._writer.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._writer.writelines([line + b"\n" for line in lines])

    async def close(self) -> None:
        """Close this end."""
        self._writer.close()
        with suppress(OSError):  # the other end is gone already
            await self._writer.wait_closed()


async def connect(port: int, name: bytes) -> Line:
    """Connect to a server of this transport as `name`."""
    loop, reader = asyncio.get_running_loop(), _Reader(limit=_LONGEST)
    transport, protocol = await loop.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), LOOPBACK, port
    )
    line = Line(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
    await line.send(name)
    return line


async def serve(partner: Callable[[bytes, Line], Awaitable[None]]) -> tuple[asyncio.Server, int]:
    """Start a server on a free port; `partner(name, line)` serves each partner. Return the server
    and its port."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        name = await line.receive()
        try:
            if name is not None:
                await partner(name, line)
        finally:
            await line.close()

    def protocol() -> asyncio.Protocol:
        reader = _Reader(limit=_LONGEST)
        return asyncio.StreamReaderProtocol(reader, accept)

    server = await asyncio.get_running_loop().create_server(protocol, LOOPBACK, 0)
    return server, server.sockets[0].getsockname()[1]
