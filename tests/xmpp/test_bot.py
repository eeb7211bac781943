"""`otrfast bot xmpp` on a live server, in a process of its own."""

import asyncio
import shlex
import sys
from contextlib import suppress

import pytest
from apps.program import otrfast
from helpers import make_account

from otrfast import Policy, events, human_fingerprint
from xmpp.crowd import Crowd
from xmpp.prosody import Bot, Person, Prosody, needs_prosody

pytestmark = needs_prosody
LONG = ("ünïcode ✓ " * 400).encode()[:5000].decode(errors="ignore")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Prosody(tmp_path_factory.mktemp("prosody")) as server:
        yield server


@pytest.fixture
def live(quick, server):
    """Run a conversation: a coroutine that is given Alice's client."""

    def live(conversation, **options):
        async def main():
            session = make_account(quick, "alice", policy=Policy.ALWAYS).session("bot@localhost")
            async with Person(server, session, **options) as alice:
                await conversation(alice)

        asyncio.run(asyncio.wait_for(main(), 60))

    return live


async def talk(alice, texts):
    for text in texts:
        alice.say(text.encode())
        assert (await alice.hear()).text.decode() == text


def test_bot_echoes_answers_a_secret_and_ends(server, live, tmp_path):
    (tmp_path / "secrets").write_text("alice@localhost the sea\n")
    with Bot(server, "--smp-secrets", tmp_path / "secrets") as bot:

        async def conversation(alice):
            await alice.begin()
            await talk(alice, [*(f"Grüße {number}" for number in range(10)), LONG])
            alice.take(alice.session.smp_start(b"the sea"))
            await alice.hear(events.SmpSucceeded)
            alice.take(alice.session.smp_start(b"the mountains"))
            await alice.hear(events.SmpFailed)
            alice.take(alice.session.end())
            await asyncio.to_thread(bot.wait_for, "ended the private conversation")
            await alice.begin()
            await talk(alice, ["once more"])
            assert await asyncio.to_thread(bot.stop) == 0
            assert (await alice.hear(events.SecureEnded)).by_peer

        live(conversation)


@pytest.mark.long
def test_bot_with_a_store_is_killed_then_the_conversation_goes_on(server, live, tmp_path):
    store = "--store", tmp_path / "bot.db", "--key-env", "BOT_KEY"

    async def conversation(alice):
        bot = Bot(server, *store)
        started = await alice.begin()
        await talk(alice, ["before"])
        bot.kill()
        for number in range(10):
            alice.say(b"away %d" % number)
        with Bot(server, *store, online="the stream goes on") as bot:
            heard = []
            while len(heard) < 10:
                text = (await alice.hear()).text
                if text != b"before":  # it may have had no time to note that it has answered
                    heard.append(text)
            assert heard == [b"away %d" % number for number in range(10)]
            await talk(alice, ["after"])
            assert await asyncio.to_thread(bot.stop) == 0
        alice.say(b"stopped")
        with Bot(server, *store):
            assert (await alice.hear()).text == b"stopped"
        assert alice.session.ssid == started.ssid
        assert alice.events.empty()

    live(conversation)


class Relay:
    """Between the bot and the server: cuts the connection when told to."""

    def __init__(self, port):
        self._server_port, self._writers = port, []

    async def __aenter__(self):
        self._listener = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error):
        self._listener.close()
        self.cut()

    async def _join(self, reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._writers += [writer, far_writer]
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader, writer):
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    def cut(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@pytest.mark.long
@pytest.mark.sample(stored=True)
@pytest.mark.parametrize("stored", [False, True])
def test_connection_is_lost_then_the_stream_is_resumed_and_nothing_is_lost(
    server, live, tmp_path, stored
):
    store = ("--store", tmp_path / "bot.db", "--key-env", "BOT_KEY") if stored else ()

    async def conversation(alice):
        async with Relay(server.port) as relay:
            bot = await asyncio.to_thread(Bot, server, *store, through=relay.port)
            with bot:
                started = await alice.begin()
                for time in (1, 2):
                    texts = [b"%d %d" % (time, number) for number in range(20)]
                    for number, text in enumerate(texts):
                        alice.say(text)
                        if number == 10:
                            relay.cut()
                    for text in texts:
                        assert (await alice.hear()).text == text
                    await asyncio.to_thread(bot.wait_for, "the stream goes on", time)
                assert alice.session.ssid == started.ssid
                assert alice.events.empty()
                assert await asyncio.to_thread(bot.stop) == 0

    live(conversation)


@pytest.mark.long
@pytest.mark.parametrize("dies", [False, True])
def test_server_is_killed_then_a_new_stream_goes_on_with_the_conversation(quick, tmp_path, dies):
    store = "--store", tmp_path / "bot.db", "--key-env", "BOT_KEY"

    async def main(server, bot):
        session = make_account(quick, "alice", policy=Policy.ALWAYS).session("bot@localhost")
        async with Person(server, session) as alice:
            started = await alice.begin()
            await talk(alice, ["before"])
        if dies:
            bot.kill()
        server.kill()
        server.start()
        if dies:  # the stream that it has saved is unknown to the server
            bot = await asyncio.to_thread(Bot, server, *store)
        else:
            await asyncio.to_thread(bot.wait_for, "online", 2)
        with bot:
            async with Person(server, session) as alice:
                await talk(alice, ["after"])
                assert session.ssid == started.ssid

    with Prosody(tmp_path) as server, Bot(server, *store) as bot:
        asyncio.run(asyncio.wait_for(main(server, bot), 60))


def test_bot_answers_by_a_command_then_its_failures_are_told(server, live):
    code = "import sys; t = sys.stdin.read(); sys.exit(3) if t == 'crash' else print(t.upper())"

    async def conversation(alice):
        with Bot(server, "--exec", shlex.join([sys.executable, "-c", code])) as bot:
            await alice.begin()
            for text in (b"gr\xc3\xbc\xc3\x9fe\nline", b"crash", b"again"):
                alice.say(text)
            assert (await alice.hear()).text == "GRÜSSE\nLINE".encode()
            assert (await alice.hear()).text == b"AGAIN"
            told = "alice@localhost: not answered: the command has ended with status 3"
            await asyncio.to_thread(bot.wait_for, told)

    live(conversation)


@pytest.mark.long
def test_bot_without_a_store_is_killed_then_a_text_begins_a_new_conversation(server, live):
    async def conversation(alice):
        bot = Bot(server)
        await alice.begin()
        bot.kill()
        with Bot(server):
            alice.say(b"lost")
            while not (await alice.hear(events.NewFingerprint)).changed:
                pass  # the bot keeps no key: this is the second one
            await alice.hear(events.SecureStarted)
            await talk(alice, ["after"])

    live(conversation)


@pytest.mark.long
def test_bot_requires_trust_then_only_trusted_keys_are_answered(server, live):
    async def conversation(alice):
        key = human_fingerprint(alice.session.conversation.context.identity.key_pair.fingerprint)
        with Bot(server, "--require-trust") as bot:
            await alice.begin()
            alice.say(b"hello")
            await asyncio.to_thread(bot.wait_for, "not answered: its key is not trusted")
        flag = f"alice@localhost={key.replace(' ', '')}"
        for options in (["--trust", flag], ["--trust-first-use"]):
            with Bot(server, "--require-trust", *options):
                await alice.begin()
                await talk(alice, ["hello"])

    live(conversation)


def test_bot_is_written_to_in_the_clear_then_it_asks_for_a_private_conversation(server, live):
    async def conversation(alice):
        with Bot(server):
            alice.xmpp.send_message("bot@localhost", "hello", mtype="chat")
            alice.xmpp.send_message("bot@localhost", "are you there?", mtype="chat")
            await alice.hear(events.SecureStarted)
            await talk(alice, ["now"])

    live(conversation)


@pytest.mark.long
def test_bot_as_a_component_echoes(server, live):
    async def conversation(alice):
        bot = Bot(server, "--component", jid="bot@echo.localhost", port=server.component_port)
        with bot:
            await alice.begin()
            await talk(alice, [f"Grüße {number}" for number in range(10)])

    live(conversation, to="bot@echo.localhost")


@pytest.mark.long
def test_bot_is_not_let_in_then_it_says_why_and_ends(server, tmp_path):
    def refused(*arguments, password="not it"):
        words = "bot", "xmpp", "bot@localhost", "--server", f"127.0.0.1:{server.port}"
        environment = {"BOT_PASSWORD": password}
        done = otrfast(
            *words, "--password-env", "BOT_PASSWORD", *arguments, environment=environment
        )
        assert done.returncode == 1
        return done.stderr.decode()

    assert "does not take the password" in refused("--ca", server.certificate)
    assert "the server's certificate" in refused()
    assert "it is empty" in refused(password="")
    (tmp_path / "secrets").write_text("alice@localhost\n")
    assert "in line 1" in refused("--smp-secrets", tmp_path / "secrets")


@pytest.mark.long
def test_stranger_floods_the_bot_then_others_lose_nothing(server, quick):
    async def main():
        async with Crowd(server, quick, 5) as crowd:
            flooding = asyncio.create_task(crowd.flood(1000))
            await crowd.talk([b"text %d" % number for number in range(20)], 0.05)
            flooding.cancel()
            assert all(queue.empty() for queue in crowd.echoes.values())
            assert crowd.flooded > 100
            # an invitation a minute, and what the limits on exchanges and errors allow; the rest
            # is not answered, or refused as too much
            answers = [kind for kind in crowd.to_stranger if kind != "error"]
            assert len(answers) < crowd.flooded / 4

    with Bot(server, "--require-trust", "--trust-first-use"):
        asyncio.run(asyncio.wait_for(main(), 60))
