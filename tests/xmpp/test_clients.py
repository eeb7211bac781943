"""Debian's profanity and mcabber, each with its own OTR support, against the bot and the plugin on
a live prosody."""

import asyncio
import re
import time

import pytest
from helpers import make_account

from otrfast import Policy, events
from xmpp.clients import ALICE, BOT, CLIENTS
from xmpp.prosody import Bot, Prosody, needs_prosody, slixmpp
from xmpp.stream import otrfast  # noqa: F401 - registers the plugin

pytestmark = [
    needs_prosody,
    pytest.mark.long,
    pytest.mark.parametrize("kind", CLIENTS),
]
LONG = ("ünïcode✓" * 700).encode()[:5000].decode(errors="ignore")
TEXTS = [*(f"Grüße {number} ✓" for number in range(9)), LONG]


@pytest.fixture
def server(tmp_path):
    with Prosody(tmp_path) as server:
        yield server


@pytest.fixture
def client(server, kind, tmp_path):
    with kind(server, tmp_path / "home") as client:
        yield client


def lines_of(client, text):
    """In how many lines of its log a text is."""
    return len(re.findall(re.escape(text) + r"$", client.heard(), re.MULTILINE))


def wait_for_echo(client, *texts):
    client.wait_to_hear(*texts)
    for text in texts:
        client.wait_until(lambda text=text: lines_of(client, text) >= 2, text)


def test_client_begins_talks_checks_a_secret_and_ends(client, server, tmp_path):
    (tmp_path / "secrets").write_text(f"{ALICE} sea\n")
    with Bot(server, "--smp-secrets", tmp_path / "secrets") as bot:
        client.greet(bot)
        for text in TEXTS:
            client.say(text)
            wait_for_echo(client, text)
        for number, question in enumerate((None, "where?"), 1):
            at = client.mark()
            client.check("sea", question)
            bot.wait_for("knows the shared secret", number)
            client.wait_for(client.KNOWN, after=at)
        at = client.mark()
        client.check("mountain")
        bot.wait_for("does not know the shared secret")
        client.wait_for(client.NOT_KNOWN, after=at)
        client.end()
        bot.wait_for("ended the private conversation")
        at = client.mark()
        client.begin()
        bot.wait_for("private, version", 2)
        client.wait_for(client.STARTED, after=at)
        client.say("once more")
        wait_for_echo(client, "once more")
        at = client.mark()
        assert bot.stop() == 0
        client.wait_for(client.ENDED, "has ended", "Disconnected", after=at)
    assert all(lines_of(client, text) == 2 for text in TEXTS)


def test_bot_restarts_with_a_store_and_is_killed_then_the_conversation_goes_on(
    client, server, tmp_path
):
    store = "--store", tmp_path / "bot.db", "--key-env", "BOT_KEY"
    bot = Bot(server, *store)
    try:
        client.greet(bot)
        client.say("before")
        wait_for_echo(client, "before")
        for number in range(3):
            for text in range(4):
                client.say(f"middle {number} {text}")
            bot.kill()  # in the middle
            for text in range(4):
                client.say(f"away {number} {text}")
            bot = Bot(server, *store, online="the stream goes on")
        wait_for_echo(client, *(f"away {a} {b}" for a in range(3) for b in range(4)))
        client.wait_to_hear(*(f"middle {a} {b}" for a in range(3) for b in range(4)))
        assert bot.stop() == 0
    finally:
        bot.__exit__()
    assert not any("private, version" in line for line in bot.told)
    with Bot(server, *store) as bot:
        client.say("after")
        wait_for_echo(client, "after")
        assert not any("private, version" in line for line in bot.told)
    heard = [line for line in client.heard().splitlines() if "away" in line]
    # each said and heard; what was answered, but not noted as answered, is answered again: at most
    # one text of a peer for each kill
    assert 2 * 12 <= len(heard) <= 2 * 12 + 3


def test_bot_without_a_store_is_killed_then_a_text_begins_a_new_conversation(client, server):
    with Bot(server) as bot:
        client.greet(bot)
        client.say("before")
        wait_for_echo(client, "before")
        bot.kill()
    with Bot(server) as bot:
        client.say("lost")
        bot.wait_for("private, version")
        for number in range(20):  # the client's side of the exchange may end after ours
            client.say(text := f"after {number}")
            time.sleep(0.5)
            if lines_of(client, text) == 2:
                break
        else:
            raise AssertionError(client.heard())


def test_plugin_begins_talks_checks_secrets_and_ends(client, server, quick):
    account = make_account(quick, "bot", policy=Policy.ALWAYS)

    async def main():
        xmpp = slixmpp.ClientXMPP(f"{BOT}/two", "a word")
        xmpp.enable_direct_tls = False
        xmpp.ca_certs = server.certificate
        xmpp.register_plugin("xep_0364", {"account": account})
        otr, told, texts = xmpp.plugin["xep_0364"], asyncio.Queue(), asyncio.Queue()
        xmpp.add_event_handler("otr_event", lambda each: told.put_nowait(each.event))
        xmpp.add_event_handler("otr_message", texts.put)
        online = asyncio.ensure_future(xmpp.wait_until("session_start", 30))
        await otr.open()
        xmpp.connect("127.0.0.1", server.port)
        await online
        xmpp.send_presence()

        async def hear(*kinds):
            while not isinstance(event := await told.get(), kinds):
                pass
            return event

        await otr.peer(ALICE).start()
        await hear(events.SecureStarted)
        await asyncio.to_thread(client.wait_for, client.STARTED)
        for text in TEXTS:
            await otr.send(ALICE, text)
            await asyncio.to_thread(client.wait_to_hear, text)
        await asyncio.to_thread(client.say, "from me")
        assert (await texts.get()).body == "from me"
        for question, answer in ((None, "sea"), ("where?", "sea"), (None, "mountain")):
            at = client.mark()
            given = None if question is None else question.encode()
            await otr.peer(ALICE).smp_start(b"sea", given)
            await asyncio.to_thread(client.wait_for, *client.ASKED, after=at)
            await asyncio.to_thread(client.answer, answer, question)
            done = await hear(events.SmpSucceeded, events.SmpFailed, events.SmpAborted)
            right = answer == "sea"
            assert isinstance(done, events.SmpSucceeded if right else events.SmpFailed)
        await otr.peer(ALICE).end()
        await asyncio.to_thread(client.wait_for, client.ENDED, "has ended", "Disconnected")
        await otr.close()
        await xmpp.disconnect()

    asyncio.run(asyncio.wait_for(main(), 120))
