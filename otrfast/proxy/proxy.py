"""The proxy: a port for one client of one network, and the conversations behind it."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Hashable
from typing import Final, Self

from otrfast.account import Account
from otrfast.aio import Gateway, Message, Store
from otrfast.aio.closing import Closing
from otrfast.events import Event
from otrfast.irc.server import Server
from otrfast.proxy.link import Link
from otrfast.proxy.wire import LONGEST, Wire, parsed

_PATIENCE: Final = 30.0  # seconds that a client may take to give its password, a server to answer
_BEFORE_PASS: Final = 32  # lines


class Proxy(Closing):
    """One port for one client at a time, of one server: `async with`, then `wait`. The account and
    its conversations belong to the pair of them, and outlive both connections."""

    def __init__(
        self,
        account: Account,
        server: Server,
        password: str,
        *,
        host: str = "127.0.0.1",
        port: int = 6667,
        store: Store | None = None,
    ) -> None:
        """Make a proxy; `async with` opens the port. `password` is what the client gives with
        PASS. Raises `ValueError` for an empty password, and for a host that is no address of this
        machine alone: between client and proxy everything is in the clear."""
        if not password:
            raise ValueError("expected a password: any program of this machine can connect")
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"expected a loopback address such as 127.0.0.1, not {host}")
        self.gateway: Gateway = Gateway(account, self._emit, store, max_fragment=self._longest)
        """What the private messages go through."""
        self.gateway.on_event = self._report
        self.account: Account = account
        self.host: str = host
        self.port: int = port
        """The port; the one that was found, if it was 0, once it is open."""
        self._upstream, self._password = server, password.encode()
        self._link: Link | None = None
        self._linked = asyncio.Event()  # and the server has taken the client in
        self._listener: asyncio.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the gateway and its store, then the port. Raises `OSError`."""
        await self.gateway.__aenter__()
        try:
            self._listener = await asyncio.start_server(
                self._accept, self.host, self.port, limit=LONGEST
            )
        except OSError:
            await self.gateway.close()
            raise
        self.port = self._listener.sockets[0].getsockname()[1]
        self._serving = asyncio.create_task(self.gateway.serve(self._deliver))
        return self

    async def wait(self) -> None:
        """Return when the gateway is closed; raise what its store has raised."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def close(self) -> None:
        """Close the port, end or save the conversations, and end the connections."""
        listener, serving = self._listener, self._serving
        self._listener = self._serving = None
        if listener is not None:
            listener.close()
        try:
            await self.gateway.close()
        finally:
            if serving is not None:
                serving.cancel()  # texts may wait for a client
                await asyncio.wait([serving])
            if self._link is not None:
                await self._link.end("the proxy is closed")

    # The client

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Wire(reader, writer)
        try:
            lines = await asyncio.wait_for(self._login(client), _PATIENCE)
            if lines is not None:
                await self._connect(client, lines)
        except (OSError, TimeoutError) as error:  # ssl's errors among them
            client.write(f"ERROR :{error or 'it takes too long'}")
        finally:
            await client.close()

    async def _login(self, client: Wire) -> list[str] | None:
        """Return what the client has said beside the right password; None, and tell it, if it gives
        another one or none."""
        before: list[str] = []
        async for line in client.lines():
            message = parsed(line)
            if message is None:
                continue
            if message.command == "PASS" and message.parameters:
                given = message.parameters[0].encode("utf-8", "surrogateescape")
                if hmac.compare_digest(given, self._password):
                    return before
                break
            before.append(line)
            if len(before) > _BEFORE_PASS or message.command == "USER":
                break
        client.write("ERROR :the proxy wants its own password (PASS) before USER")
        return None

    async def _connect(self, client: Wire, lines: list[str]) -> None:
        """Connect to the server, and pass lines until one of the two has gone."""
        if self._link is not None:
            await self._link.end("another client has connected")
        where = self._upstream
        context = where.context()
        server = Wire(
            *await asyncio.wait_for(
                asyncio.open_connection(where.host, where.port, ssl=context, limit=LONGEST),
                _PATIENCE,
            )
        )
        link = Link(self.account, self.gateway, client, server, self._linked.set)
        self._link = link
        try:
            await link.run([f"PASS :{where.password}", *lines] if where.password else lines)
        finally:
            if self._link is link:
                self._link = None
                self._linked.clear()
            await server.close()

    # The gateway

    def _longest(self, peer: Hashable) -> int:
        return Link.longest_unknown if self._link is None else self._link.longest(str(peer))

    async def _emit(self, peer: Hashable, line: bytes) -> None:
        if self._link is None:
            raise LookupError("the client is not connected")
        await self._link.emit(str(peer), line)

    def _report(self, peer: Hashable, event: Event) -> None:
        if self._link is not None:
            self._link.report(str(peer), event)

    async def _deliver(self, message: Message) -> None:
        """Show a text as soon as a client is there."""
        await self._linked.wait()
        assert self._link is not None
        self._link.show(str(message.peer), message.text, encrypted=message.encrypted)
