"""A small IRC server within the test's process, proxies before it, and clients that know no OTR."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

from helpers import key_pair

from otrfast import Account, Environment, Policy
from otrfast.irc.server import Server
from otrfast.proxy import Proxy

PATIENCE = 10
PASSWORD = "sesame"
HOST = "users.test.example"
GREETING = "CASEMAPPING=rfc1459 CHANTYPES=#& STATUSMSG=@+"


class Person:
    """One connection to the server."""

    def __init__(self, writer):
        self.writer, self.nick, self.user, self.registered = writer, "", "", False

    @property
    def mask(self):
        return f"{self.nick}!{self.user}@{HOST}"

    def write(self, line):
        self.writer.write(line.encode() + b"\r\n")


class Network:
    """The server: it relays, and remembers what it was sent. Lines are cut at 510 bytes, and their
    trailing spaces are gone, as with ngircd."""

    capabilities = "account-tag server-time echo-message draft/multiline sasl"

    def __init__(self):
        self.people, self.seen = [], []

    async def open(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self):
        self._server.close()
        for person in self.people:
            person.writer.close()

    def who(self, nick):
        return next((each for each in self.people if each.nick.lower() == nick.lower()), None)

    def private_lines(self):
        """What was sent to people, as (sender, command, target, text)."""
        found = []
        for sender, line in self.seen:
            command, _, rest = line.partition(" ")
            target, _, text = rest.partition(" :")
            if command in ("PRIVMSG", "NOTICE") and not target.startswith("#"):
                found.append((sender, command, target, text))
        return found

    async def _serve(self, reader, writer):
        me = Person(writer)
        self.people.append(me)
        try:
            while data := await reader.readline():
                line = data.rstrip(b"\r\n").decode()
                self.seen.append((me.nick, line))
                if line.startswith("QUIT"):
                    break
                self._obey(me, line)
        finally:
            self.people.remove(me)
            self.tell_all(f":{me.mask} QUIT :gone")
            writer.close()

    def _obey(self, me, line):
        command, _, rest = line.partition(" ")
        target, _, text = rest.partition(" :")
        match command:
            case "CAP" if rest.startswith("LS"):
                me.write(f":irc CAP * LS :{self.capabilities}")
            case "NICK" if me.registered:
                before, me.nick = me.mask, rest.lstrip(":")
                self.tell_all(f":{before} NICK :{me.nick}")
            case "NICK":
                me.nick = rest.lstrip(":")
            case "USER":
                me.user, me.registered = rest.split()[0], True
                me.write(f":irc 001 {me.nick} :Welcome {me.mask}")
                me.write(f":irc 005 {me.nick} {GREETING} :are supported")
                me.write(f":irc 422 {me.nick} :no MOTD")
            case "PING":
                me.write(f":irc PONG irc {rest.lstrip(':')}")
            case "PRIVMSG" | "NOTICE":
                self.relay(me, command, target, text)

    def relay(self, me, command, target, text, tags=""):
        line = f":{me.mask} {command} {target} :{text}".encode()[:510].decode(errors="ignore")
        who = self.who(target)
        if who is not None:
            who.write(tags + line.rstrip(" "))
        elif not target.startswith("#"):
            me.write(f":irc 401 {me.nick} {target} :No such nick")

    def tell_all(self, line):
        for each in self.people:
            each.write(line)


class Client:
    """A client without OTR, before a proxy (or the server itself)."""

    def __init__(self, nick):
        self.nick, self.lines = nick, []
        self._changed = asyncio.Event()

    async def connect(self, port, password=PASSWORD, first=()):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.task = asyncio.create_task(self._read())
        for line in (*first, f"PASS {password}", f"NICK {self.nick}", f"USER {self.nick} 0 * :x"):
            self.send(line)

    async def _read(self):
        while data := await self.reader.readline():
            self.lines.append(data.decode().rstrip("\r\n"))
            self._changed.set()
        self.lines.append("(closed)")
        self._changed.set()

    def send(self, line):
        self.writer.write(line.encode() + b"\r\n")

    def say(self, to, text):
        self.send(f"PRIVMSG {to} :{text}")

    async def until(self, part, times=1):
        """Wait for a line with `part` in it; return the last one."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = [line for line in self.lines if part in line]
                    if len(found) >= times:
                        return found[-1]
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{self.nick} never sees {part!r}: {self.lines}") from None

    def heard(self, nick):
        """The texts of a person, as the client shows them."""
        start = f":{nick}!"
        return [
            line.partition(" PRIVMSG ")[2].partition(" :")[2]
            for line in self.lines
            if start in line and " PRIVMSG " in line
        ]

    def told(self):
        """What the proxy has said."""
        return [line.partition(" :")[2] for line in self.lines if line.startswith(":*otr!")]

    async def close(self):
        self.writer.close()
        await self.task


class World:
    """The network, and proxies with the clients behind them."""

    def __init__(self, backend, stack):
        self.backend, self.stack = backend, stack
        self.network = Network()
        self.proxies = {}

    async def proxy(self, nick, policy=Policy.MANUAL, store=None, account=None):
        account = account or self.account(nick, policy)
        proxy = Proxy(
            account,
            Server("127.0.0.1", self.network.port, tls=False),
            PASSWORD,
            port=0,
            store=store,
        )
        self.proxies[nick] = await self.stack.enter_async_context(proxy)
        return proxy

    def account(self, nick, policy=Policy.MANUAL):
        environment = Environment(backend=self.backend)
        pair = key_pair(self.backend, nick)
        return Account(nick, "irc", pair, policy=policy, environment=environment, trailing_tab=True)

    async def client(self, nick, policy=Policy.MANUAL, first=()):
        """A client behind a proxy of its own, taken in by the server."""
        if nick not in self.proxies:
            await self.proxy(nick, policy)
        return await self.connect(nick, self.proxies[nick].port, first)

    async def connect(self, nick, port, first=()):
        client = Client(nick)
        await client.connect(port, first=first)
        self.stack.push_async_callback(client.close)
        await client.until(" 422 ")
        return client

    async def bare(self, nick):
        """A client without a proxy."""
        return await self.connect(nick, self.network.port)

    async def private(self, one, other):
        """Have two clients begin a private conversation."""
        one.say("*otr", f"start {other.nick}")
        for client, peer in ((one, other), (other, one)):
            await client.until(f"The conversation with {peer.nick} is private")


@asynccontextmanager
async def world(backend):
    async with AsyncExitStack() as stack:
        made = World(backend, stack)
        await made.network.open()
        stack.push_async_callback(made.network.close)
        yield made
