"""`otrfast bot xmpp` on a live server, in a process of its own."""

import asyncio

import pytest
from apps.program import otrfast
from helpers import make_account

from otrfast import Policy, events, human_fingerprint
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
            for number in range(10):
                assert (await alice.hear()).text == b"away %d" % number
            await talk(alice, ["after"])
            assert await asyncio.to_thread(bot.stop) == 0
        alice.say(b"stopped")
        with Bot(server, *store):
            assert (await alice.hear()).text == b"stopped"
        assert alice.session.ssid == started.ssid
        assert alice.events.empty()

    live(conversation)


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


def test_bot_as_a_component_echoes(server, live):
    async def conversation(alice):
        bot = Bot(server, "--component", jid="bot@echo.localhost", port=server.component_port)
        with bot:
            await alice.begin()
            await talk(alice, [f"Grüße {number}" for number in range(10)])

    live(conversation, to="bot@echo.localhost")


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
