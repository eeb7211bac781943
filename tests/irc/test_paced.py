"""A key exchange, 5 KB and an SMP under the penalties of ngircd: none lost, none held up."""

import asyncio

import pytest
from helpers import make_account

from irc.ngircd import Ngircd, needs_ngircd
from otrfast import Policy, events
from otrfast.irc import Client, Server

pytestmark = needs_ngircd
TEXT = b"x" * 5000


class Person:
    """A session behind a plain socket, which the server holds up as it likes."""

    def __init__(self, session):
        self.session, self.events, self.lines = session, asyncio.Queue(), []

    async def connect(self, port):
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(b"NICK alice\r\nUSER alice 0 * :x\r\n")
        self.reading = asyncio.ensure_future(self._read(reader))

    async def _read(self, reader):
        while line := await reader.readline():
            if line.startswith(b"PING"):
                self.writer.write(b"PONG" + line[4:])
            elif b" PRIVMSG alice :" in line:
                self.lines.append(line)
                text = line.partition(b" PRIVMSG alice :")[2].rstrip(b"\r\n")
                self.take(self.session.receive(text))

    def take(self, outcome):
        for line in outcome.wire:
            self.writer.write(b"PRIVMSG bot :" + line + b"\r\n")
        for event in outcome.events:
            self.events.put_nowait(event)

    async def hear(self, kind):
        while not isinstance(event := await self.events.get(), kind):
            pass
        return event


@pytest.mark.long
def test_lines_of_5_kb_and_an_smp_then_none_is_lost_and_no_penalty_is_met(
    quick, tmp_path, record_property
):
    async def main():
        loop = asyncio.get_running_loop()
        account = make_account(quick, "bot", policy=Policy.ALWAYS)
        client = Client(account, Server("127.0.0.1", server.port, False), "bot")
        online, secure, delays = asyncio.Event(), asyncio.Event(), []
        client.on_status = lambda _: online.set()
        client.on_event = lambda peer, event: (
            secure.set() if isinstance(event, events.SecureStarted) else None
        )
        pacer, pong = client._pacer, client._pacer.pong

        def timed(token):
            if pacer.asked is not None:
                delays.append(loop.time() - pacer.asked)
            pong(token)

        pacer.pong = timed
        session = make_account(quick, "alice", policy=Policy.ALWAYS).session("bot")
        session.max_fragment = 399
        alice = Person(session)
        async with client:
            await online.wait()
            await alice.connect(server.port)
            await asyncio.sleep(1)
            await client.peer("alice").start()
            await alice.hear(events.SecureStarted)
            await secure.wait()
            before, start = len(alice.lines), loop.time()
            await client.send("alice", TEXT.decode())
            assert (await alice.hear(events.MessageReceived)).text == TEXT
            record_property("lines of 5 KB", len(alice.lines) - before)
            record_property("seconds of 5 KB", round(loop.time() - start, 1))
            before, start = len(alice.lines), loop.time()
            await client.peer("alice").smp_start(b"sea")
            await alice.hear(events.SmpRequested)
            alice.take(session.smp_answer(b"sea"))
            await alice.hear(events.SmpSucceeded)
            record_property("lines of the SMP", len(alice.lines) - before)
            record_property("seconds of the SMP", round(loop.time() - start, 1))
        alice.reading.cancel()
        alice.writer.close()
        record_property("longest PONG", round(max(delays), 3))
        assert max(delays) < 0.5, "the server held a PING up"

    with Ngircd(tmp_path, penalty=-1) as server:
        asyncio.run(asyncio.wait_for(main(), 150))
