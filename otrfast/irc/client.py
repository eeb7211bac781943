"""A bot on IRC: a gateway behind a connection that comes back by itself."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Final, Self

from irclib.parser import Message

from otrfast.account import Account
from otrfast.aio import Gateway, Peer, Store
from otrfast.aio import Message as Received
from otrfast.aio.closing import Closing
from otrfast.chat.bodies import Forms
from otrfast.chat.messages import OtrMessage
from otrfast.events import Event
from otrfast.irc.connection import Connection, LoginFailed
from otrfast.irc.conversations import NOBODY, Conversations, message_to
from otrfast.irc.lines import incoming, longest, one_line
from otrfast.irc.pacing import OF_A_PEER, Pacer
from otrfast.irc.people import People, is_service
from otrfast.irc.server import Sasl, Server

_CONNECT = 30.0  # seconds that a connection may take to open, and to register
_FIRST, _LAST = 2.0, 300.0  # seconds until the next try: they double
_STEADY = 60.0  # seconds after which a connection counts as a good one
_IDLE = 90.0  # seconds between PINGs to a server that has nothing to say
_SILENT = 60.0  # seconds that it may take to answer one
_GOODBYE = 30.0  # seconds for the lines that wait when the client is closed
_WHO_MARK: Final = "364"  # of our own WHO among the answers (WHOX)

_log = logging.getLogger("otrfast.irc")


class Client(Closing):
    """A bot on a server, for private texts: `async with`, then `wait`. All calls are made in the
    thread of the loop.

    A conversation has the name of the peer's account (`$a:` before it) where the server tells it
    with each line, else its nick in folded form.
    """

    def __init__(
        self,
        account: Account,
        server: Server,
        nick: str,
        *,
        sasl: Sasl | None = None,
        store: Store | None = None,
        channels: Sequence[str] = (),
    ) -> None:
        """Make a client; `async with` connects it. `channels` are joined in silence: the server
        tells of new nicks only to who shares one."""
        if sasl is not None:
            sasl.check()
        self.gateway: Gateway = Gateway(account, self._emit, store, max_fragment=self._longest)
        """What the lines go through: `snapshot`, and all that the client has no call for."""
        self.gateway.on_event = self._report
        self.on_text: Callable[[OtrMessage], Awaitable[object]] | None = None
        """An async callable for each text; when it returns, the text is acknowledged."""
        self.on_event: Callable[[str, Event], Any] | None = None
        """Called with a peer and what has happened that is no text; plain or async."""
        self.on_status: Callable[[str], object] = _log.info
        """Called with what has happened to the connection, for people to read."""
        self.refused: int = 0
        """Lines of peers that were not read, because too many of theirs, or for them, waited."""
        self._account, self._server, self._nick = account, server, nick
        self._sasl, self._channels = sasl, channels
        self._people, self._forms = People(), Forms()
        self._pacer = Pacer(lambda peer, text: message_to(self._people, peer, text))
        self._conversations = Conversations(account, self.gateway, self._people, self._pacer)
        self._connection: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._loose: set[asyncio.Task[None]] = set()
        self._closing = False
        self._ever_online = False

    # What the program calls

    async def __aenter__(self) -> Self:
        """Open the gateway and its store, deliver again what was not acknowledged, connect."""
        await self.gateway.__aenter__()
        self._tasks = [
            asyncio.create_task(self.gateway.serve(self._deliver)),
            asyncio.create_task(self._pacer.run(self._ready)),
            asyncio.create_task(self._stay_connected()),
        ]
        return self

    async def wait(self) -> None:
        """Return when the client is closed. Raises `LoginFailed`, an `ssl.SSLError` of the first
        connection, or what the store has raised."""
        serving, _, connected = self._tasks
        done, _ = await asyncio.wait([serving, connected], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def close(self, end: bool | None = None) -> None:
        """Close the gateway: end the conversations or save them, see `Gateway.close`; then send
        what waits, for 30 seconds at most, and leave."""
        self._closing = True
        if not self._ready():
            self._pacer.stop_waiting()
        try:
            await self.gateway.close(end)
            if self._ready():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._pacer.drained(), _GOODBYE)
            await self._leave()
        finally:
            for task in (*self._tasks, *self._loose):
                task.cancel()
            await asyncio.gather(*self._tasks, *self._loose, return_exceptions=True)

    async def send(self, peer: str, body: str) -> None:
        """Send a text to a peer; one that begins with `/me ` is an action. Raises `NotAPerson`,
        and what `Gateway.send` raises."""
        name = self._people.name(peer)
        await self.gateway.send(name, self._written(name, body))

    def peer(self, peer: str) -> Peer:
        """Return the calls on a peer's conversation: start, end, smp_*, trust. Raises
        `NotAPerson`."""
        return self.gateway.peer(self._people.name(peer))

    def name(self, peer: str) -> str:
        """Return the name of a conversation in its usual form. Raises `NotAPerson`."""
        return self._people.name(peer)

    def command(self, line: str) -> None:
        """Send a line of the protocol as it is, before the lines of peers: a NICK, or what
        services want to hear. It is dropped without a connection."""
        self._pacer.control(one_line(line))

    @property
    def nick(self) -> str:
        """The nick that the client has now, or asks for."""
        return self._nick if self._connection is None else self._connection.nick

    # The connection

    def _ready(self) -> bool:
        return self._connection is not None and self._connection.registered

    async def _stay_connected(self) -> None:
        delay = _FIRST
        loop = asyncio.get_running_loop()
        while not self._closing:
            since = loop.time()
            reason = await self._connect_once()
            if self._closing:
                return
            if not self._ever_online and isinstance(
                reason, (LoginFailed, ssl.SSLCertVerificationError)
            ):
                raise reason
            if loop.time() - since > _STEADY:
                delay = _FIRST
            self.on_status(f"disconnected: {reason or 'the server has closed the connection'}")
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(_LAST, 2 * delay)

    async def _connect_once(self) -> Exception | None:
        """Connect, and return why the connection has ended."""
        self._people.clear()
        connection = Connection(self._server, self._nick, self._sasl, self._pacer, self._on_message)
        self._connection = connection
        try:
            await connection.open(_CONNECT)
            await self._watch(connection)
            return await connection.lost
        except OSError as error:  # ssl's errors and TimeoutError among them
            return error
        finally:
            connection.end()
            connection.close()
            if self._closing:
                self._pacer.stop_waiting()

    async def _watch(self, connection: Connection) -> None:
        """Ask a silent server whether it is there; return when the connection has ended."""
        loop = asyncio.get_running_loop()
        until, asked = loop.time() + _CONNECT, loop.time()
        while not connection.lost.done():
            await asyncio.wait([connection.lost], timeout=1)
            now = loop.time()
            if not connection.registered:
                if now > until:
                    connection.end(TimeoutError("the server does not take us in"))
                continue
            if self._pacer.asked is not None and now - self._pacer.asked > _SILENT:
                connection.end(TimeoutError("the server does not answer"))
            elif now - asked > _IDLE:
                asked = now
                self._pacer.ping()
                if connection.nick != self._nick:
                    connection.send(f"NICK {self._nick}")  # it may be free by now

    async def _leave(self) -> None:
        connection = self._connection
        if connection is None or not connection.registered:
            return
        connection.send("QUIT :")
        await asyncio.wait([connection.lost], timeout=2)

    # From the server

    def _on_message(self, message: Message) -> None:
        connection, words = self._connection, message.parameters
        if connection is None or connection.server is None:
            return
        prefix = message.prefix
        nick = "" if prefix is None else prefix.nick
        ours = bool(nick) and self._people.fold(nick) == self._people.fold(connection.nick)
        match message.command, words:
            case "005", _:
                tokens = connection.server.isupport_tokens
                self._people.casemapping = tokens.get("CASEMAPPING") or "rfc1459"
            case "376" | "422", _:  # the end of the greeting, so after 005
                self._online(connection)
            case "PRIVMSG", [target, text] if not ours:
                if self._people.fold(target) == self._people.fold(connection.nick):
                    self._on_text(message, nick, text)
            case "NICK", [new, *_]:
                if ours:
                    connection.saw_own(str(prefix), new)
                else:
                    self._on_nick(nick, new)
            case "JOIN", [channel, *more]:
                if ours:
                    connection.saw_own(str(prefix), connection.nick)
                    self._look_around(channel)
                elif more:
                    self._people.logged_in(nick, None if more[0] == "*" else more[0])
            case "354", [_, mark, seen, account] if mark == _WHO_MARK:
                self._people.logged_in(seen, None if account == "0" else account)
            case "ACCOUNT", [account]:
                self._people.logged_in(nick, None if account == "*" else account)
            case "QUIT" | "PART" | "KILL", _ if not ours:
                self._on_quit(nick, gone=message.command == "QUIT")
            case command, [_, gone, *_] if command in NOBODY:
                for call in self._conversations.did_not_arrive(gone):
                    self._spawn(call)

    def _online(self, connection: Connection) -> None:
        self._ever_online = True
        self.on_status(f"{connection.nick}: online")
        for channel in self._channels:
            connection.send(f"JOIN {channel}")

    def _look_around(self, channel: str) -> None:
        """Learn the accounts of those who are in a channel already, where lines do not tell."""
        connection = self._connection
        if connection is None or connection.server is None or self._tells_accounts(connection):
            return
        if "WHOX" in connection.server.isupport_tokens:
            connection.send(f"WHO {channel} %tna,{_WHO_MARK}")

    def _on_text(self, message: Message, nick: str, text: str) -> None:
        """Feed what a person has written to us now: no history, services, servers, or CTCP."""
        user = "" if message.prefix is None else message.prefix.user
        if message.has_tag("batch") or not user or is_service(nick):
            return
        line = incoming(text)
        if line is None:
            return
        peer = self._people.peer_of(nick, self._account_of(message))
        if self._pacer.waiting(peer) >= OF_A_PEER or not self.gateway.feed(peer, line.encode()):
            self.refused += 1
            _log.warning("a line of a peer was not read: too many wait")

    def _account_of(self, message: Message) -> str | None:
        """Return what the server says of the sender's account: "" for none, None if it does not
        say it with each line."""
        if self._connection is None or not self._tells_accounts(self._connection):
            return None
        return message.get_tag_value("account") or ""

    @staticmethod
    def _tells_accounts(connection: Connection) -> bool:
        if connection.server is None:
            return False
        _, enabled = connection.server.caps.get("account-tag", (None, None))
        return bool(enabled)

    def _on_nick(self, old: str, new: str) -> None:
        """A conversation goes on under the new nick, with all that waits for it."""
        if self._closing:
            self._people.renamed(old, new)
        elif (renaming := self._conversations.renamed(old, new)) is not None:
            self._spawn(renaming)

    def _on_quit(self, nick: str, *, gone: bool) -> None:
        """Nobody is told what its nick is from now on. The session stays: whoever has its keys
        can go on with it, and nobody else."""
        for peer in self._people.left(nick):
            if gone:
                self._pacer.drop(peer)

    def _spawn(self, work: Awaitable[object]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

    # From the gateway

    def _longest(self, peer: Hashable) -> int:
        mask = None if self._connection is None else self._connection.mask
        return longest(mask, self._people.nick_of(str(peer)) or str(peer))

    async def _emit(self, peer: Hashable, line: bytes) -> None:
        name = str(peer)
        pieces = self._conversations.pieces(name, line, self._longest(name))
        if not self._closing or self._ready():
            await self._pacer.room()
        for piece in pieces:
            self._pacer.put(name, piece)

    async def _report(self, peer: Hashable, event: Event) -> None:
        if self.on_event is not None:
            result = self.on_event(str(peer), event)
            if inspect.isawaitable(result):
                await result

    async def _deliver(self, message: Received) -> None:
        peer, body = str(message.peer), message.text.decode(errors="replace")
        if message.encrypted:
            body = self._forms.read(peer, body)
        if self.on_text is not None:
            await self.on_text(OtrMessage(message, peer, one_line(body), self._written))

    def _written(self, peer: str, body: str) -> bytes:
        return self._forms.write(peer, body).encode()
