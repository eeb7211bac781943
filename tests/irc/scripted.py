"""A server that says what the test says, and a client on it; both in one loop."""

import asyncio

import pytest
from helpers import make_account

from otrfast import Policy

pytest.importorskip("asyncirc", reason="async-irc is not installed")

from otrfast.irc import Client, Server

MASK = "bot!~bot@bot.example.org"


class Scripted:
    """It registers whoever comes, notes each line, and answers PING and CAP."""

    def __init__(self, capabilities="", isupport="CASEMAPPING=rfc1459", login=None):
        self.capabilities, self.isupport, self.login = capabilities, isupport, login
        self.lines = asyncio.Queue()
        self.seen = []
        self.writer = None
        self.registrations = 0
        self.welcomed = asyncio.Event()
        self.taken = {"taken"}

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self.server.close()
        if self.writer is not None:
            self.writer.close()
        await self.server.wait_closed()

    def say(self, *lines):
        for line in lines:
            self.writer.write(line.encode() + b"\r\n" if isinstance(line, str) else line)

    async def _serve(self, reader, writer):
        self.writer = writer
        self.nick = None
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.seen.append(line)
            self._answer(line)
        writer.close()

    def _answer(self, line):
        command, _, rest = line.partition(" ")
        match command:
            case "CAP" if rest.startswith("LS"):
                self.say(f":s CAP * LS :{self.capabilities}")
            case "CAP" if rest.startswith("REQ"):
                self.say(f":s CAP * ACK {rest.removeprefix('REQ ')}")
            case "AUTHENTICATE" if rest in ("PLAIN", "EXTERNAL"):
                self.say("AUTHENTICATE +")
            case "AUTHENTICATE":
                self.say(":s 903 * :in" if rest == self.login else ":s 904 * :no")
            case "NICK" if self.nick is None and rest in self.taken:
                self.say(f":s 433 * {rest} :in use")
            case "NICK" if self.nick is None:
                self.nick = rest
                if "CAP" not in self.capabilities and not self.capabilities:
                    self._welcome()
            case "CAP" if rest == "END" and self.capabilities:
                self._welcome()
            case "USERHOST":
                self.welcomed.set()
                self.say(f":s 302 {self.nick} :{self.nick}=+~bot@bot.example.org")
            case "PING":
                self.say(f":s PONG s {rest}")
            case "JOIN":
                self.say(f":{MASK} JOIN {rest}")
                self.lines.put_nowait(line)
            case "USER" | "CAP":
                pass
            case "QUIT":
                self.lines.put_nowait(line)
                self.writer.close()
            case _:
                self.lines.put_nowait(line)

    def _welcome(self):
        nick = self.nick
        self.registrations += 1
        self.say(
            f":s 001 {nick} :Welcome {nick}!~bot@bot.example.org",
            f":s 005 {nick} {self.isupport} :are supported",
            f":s 422 {nick} :no MOTD",
        )

    async def hear(self):
        return await asyncio.wait_for(self.lines.get(), 5)


class Talk:
    """A client on a scripted server, and what it has told; Alice's session on the other side."""

    def __init__(self, backend, server, policy=Policy.ALWAYS, account=None, **options):
        self.server = server
        self.account = account or make_account(backend, "bot", policy=policy)
        self.client = Client(
            self.account, Server("127.0.0.1", server.port, False), "bot", **options
        )
        self.alice = make_account(backend, "alice", policy=Policy.ALWAYS).session("bot")
        self.texts, self.events, self.status = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()
        self.mask, self.tags = "alice!u@h", ""

        async def on_text(message):
            self.texts.put_nowait(message)

        self.client.on_text = on_text
        self.client.on_event = lambda peer, event: self.events.put_nowait((peer, event))
        self.client.on_status = self.status.put_nowait

    async def __aenter__(self):
        await self.client.__aenter__()
        while "online" not in await asyncio.wait_for(self.status.get(), 5):
            pass
        return self

    async def __aexit__(self, *error):
        await self.client.__aexit__(*error)

    def say(self, outcome):
        """Have Alice send the lines of an outcome."""
        for line in outcome.wire:
            self.server.say(f"{self.tags}:{self.mask} PRIVMSG bot :{line.decode()}")
        return outcome.events

    async def hear(self):
        """Give Alice the next line of the bot; return her events."""
        line = await self.server.hear()
        nick, _, text = line.removeprefix("PRIVMSG ").partition(" :")
        assert nick == self.mask.partition("!")[0], line
        return self.say(self.alice.receive(text.encode()))

    async def until(self, kind):
        """Let both talk until Alice has an event of a kind."""
        while True:
            for event in await self.hear():
                if isinstance(event, kind):
                    return event

    async def event(self, kind):
        while True:
            peer, event = await asyncio.wait_for(self.events.get(), 5)
            if isinstance(event, kind):
                return peer, event


def converse(backend, talk, server=None, **options):
    """Run `talk(talk, server)` on a new server."""

    async def main():
        scripted = Scripted(**(server or {}))
        async with scripted, Talk(backend, scripted, **options) as both:
            await talk(both, scripted)

    asyncio.run(asyncio.wait_for(main(), 20))
