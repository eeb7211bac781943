"""Many people of one domain, who talk with the bot over one connection of a component."""

import asyncio
import time
from base64 import b64encode
from itertools import count
from xml.sax.saxutils import escape

from helpers import make_account

from otrfast import Policy, events
from xmpp.prosody import PATIENCE, SECRET, slixmpp

DOMAIN = "echo.localhost"
BOT = "bot@localhost"
STRANGER = f"stranger@{DOMAIN}/one"


class Crowd:
    """`number` people in private conversations with the bot, and a stranger who floods it."""

    def __init__(self, server, backend, number):
        self.server = server
        self.people = {
            f"person{each}@{DOMAIN}": make_account(
                backend, "alice", each, clock=time.monotonic, policy=Policy.MANUAL
            ).session(BOT)
            for each in range(number)
        }
        self.echoes = {name: asyncio.Queue() for name in self.people}
        self.started = asyncio.Semaphore(0)
        self.to_stranger = []
        self.xmpp = slixmpp.ComponentXMPP(DOMAIN, SECRET)
        self.xmpp.add_filter("in", self._take)

    async def __aenter__(self):
        online = asyncio.ensure_future(self.xmpp.wait_until("session_start", PATIENCE))
        self.xmpp.connect("127.0.0.1", self.server.component_port)
        await online
        for name, session in self.people.items():
            self._send(name, session.start().wire)
        for _ in self.people:
            await asyncio.wait_for(self.started.acquire(), PATIENCE)
        return self

    async def __aexit__(self, *error):
        await self.xmpp.disconnect()

    def _take(self, stanza):
        if isinstance(stanza, slixmpp.Message):
            name = stanza["to"].bare
            if name not in self.people:
                self.to_stranger.append(stanza["type"])
            elif stanza["body"] and stanza["type"] != "error":
                self._received(name, stanza["body"].encode())
        return stanza

    def _received(self, name, line):
        outcome = self.people[name].receive(line)
        self._send(name, outcome.wire)
        for event in outcome.events:
            match event:
                case events.SecureStarted():
                    self.started.release()
                case events.MessageReceived(text=text):
                    self.echoes[name].put_nowait(text)

    def _send(self, name, lines):
        for line in lines:
            self._raw(f"{name}/one", line.decode())

    def _raw(self, sender, body):
        self.xmpp.send_raw(
            f"<message from='{sender}' to='{BOT}' type='chat'><body>{escape(body)}</body></message>"
        )

    async def talk(self, texts, pause):
        """Each person sends each text and waits for its echo, `pause` seconds apart; return how
        long each echo took, in seconds."""
        took = []

        async def one(name, session, first):
            await asyncio.sleep(first)
            for text in texts:
                at = time.perf_counter()
                self._send(name, session.send(text).wire)
                echo = await asyncio.wait_for(self.echoes[name].get(), PATIENCE)
                assert echo == text
                took.append(time.perf_counter() - at)
                await asyncio.sleep(pause)

        shift = pause / len(self.people)
        everybody = enumerate(self.people.items())
        await asyncio.gather(*[one(*person, number * shift) for number, person in everybody])
        return took

    async def flood(self, rate):
        """Send the bot `rate` lines a second from a stranger, until cancelled: texts in the clear,
        messages that nobody can read, queries, DH-Commits."""
        for number in count():
            body = number.to_bytes(4, "big")
            commit = b"\0\3\2" + (0x100 + number).to_bytes(4, "big") + bytes(4)
            commit += b"\0\0\0\xc4" + body * 49 + b"\0\0\0\x20" + body * 8
            data = b"\0\3\3" + (0x100 + number).to_bytes(4, "big") + bytes(200)
            self._raw(
                STRANGER,
                (
                    f"text {number}",
                    f"?OTR:{b64encode(data).decode()}.",
                    "?OTRv23?",
                    f"?OTR:{b64encode(commit).decode()}.",
                )[number % 4],
            )
            self.flooded = number + 1
            await asyncio.sleep(1 / rate)
