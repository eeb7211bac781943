"""The transport of the demonstration: lines over loopback TCP, with one connection per partner.

The first line of a connection is the partner's name. A line break ends each line: an OTR line
contains none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LOOPBACK = "127.0.0.1"
_LONGEST = 64 * 1024 * 1024  # bytes in a line


class Line:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes | None:
        """Return the next line; None if the other end has closed."""
        line = await self._reader.readline()
        return line.removesuffix(b"\n") if line else None

    async def send(self, *lines: bytes) -> None:
        """Send lines, in order."""
        self._writer.writelines([line + b"\n" for line in lines])
        await self._writer.drain()

    async def close(self) -> None:
        """Close this end."""
        self._writer.close()
        await self._writer.wait_closed()


async def connect(port: int, name: bytes) -> Line:
    """Connect to a server of this transport as `name`."""
    line = Line(*await asyncio.open_connection(LOOPBACK, port, limit=_LONGEST))
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

    server = await asyncio.start_server(accept, LOOPBACK, 0, limit=_LONGEST)
    return server, server.sockets[0].getsockname()[1]
