"""`otrfast bot irc` on a live ngircd, with an irssi and its OTR module opposite."""

import asyncio
import time

import pytest
from helpers import make_account

from irc.irssi import Irssi, needs_irssi
from irc.ngircd import Bot, Ngircd, needs_ngircd
from otrfast import Policy, events
from otrfast.irc import Client, Server

pytestmark = [needs_ngircd, needs_irssi]
LONG = ("ünïcode ✓ " * 400).encode()[:5000].decode(errors="ignore").strip()
STORE_KEY = "--key-env", "BOT_KEY"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Ngircd(tmp_path_factory.mktemp("ngircd")) as server:
        yield server


@pytest.fixture
def alice(server, tmp_path):
    with Irssi(tmp_path / "alice", server) as irssi:
        irssi.talk_to("bot")
        yield irssi


def begin(alice):
    alice.type("/otr init")
    alice.wait_for("Session secured")


def talk(alice, texts, bot="bot"):
    for text in texts:
        alice.type(text)
        alice.hear(bot, text)


def is_private(told):
    return [line for line in told if ": private, version" in line]


@pytest.mark.long
def test_irssi_begins_a_conversation_then_texts_are_answered(server, alice):
    with Bot(server, tls=True):
        begin(alice)
        talk(alice, ["Grüße ✓"])


@pytest.mark.long
def test_irssi_begins_talks_long_checks_a_secret_and_ends(server, alice, tmp_path):
    (tmp_path / "secrets").write_text("ALICE sea\n")
    with Bot(server, "--smp-secrets", tmp_path / "secrets") as bot:
        begin(alice)
        talk(alice, [f"Grüße {number} ✓" for number in range(10)])
        alice.type(f"{LONG} end")  # irssi makes several texts of it
        shown = alice.lines_until("<bot>", "end")
        assert " ".join(shown).split() == [*LONG.split(), "end"]
        alice.type("/otr auth sea")
        alice.wait_for("successful")
        bot.wait_for("alice: knows the shared secret")
        alice.type("/otr authq [where?] mountains")
        alice.wait_for("failed")
        bot.wait_for("does not know the shared secret")
        alice.type("/me waves")
        alice.wait_for("* bot waves")
        alice.type("/otr finish")
        bot.wait_for("ended the private conversation")
        alice.type("are you there?")  # in the clear: the bot asks for a private conversation
        alice.wait_for("Session secured")
        talk(alice, ["once more"])
        assert bot.stop() == 0
        alice.wait_for("has finished the OTR session")


@pytest.mark.long
def test_bot_without_a_store_is_restarted_then_a_text_begins_a_new_conversation(server, alice):
    with Bot(server) as bot:
        begin(alice)
        talk(alice, ["one"])
        assert bot.stop() == 0
    alice.wait_for("has finished the OTR session")
    alice.type("/otr finish")
    with Bot(server):
        begin(alice)
        talk(alice, ["two"])
    with Bot(server) as bot:
        alice.type("lost")
        alice.wait_for("Session secured")
        talk(alice, ["three"])


@pytest.mark.long
def test_bot_with_a_store_is_stopped_and_killed_then_the_conversation_goes_on(
    server, alice, tmp_path
):
    store = "--store", tmp_path / "bot.db", *STORE_KEY
    with Bot(server, *store) as bot:
        begin(alice)
        talk(alice, ["one"])
        assert bot.stop() == 0
    with Bot(server, *store) as bot:
        talk(alice, ["two"])
        alice.type("in the middle " + "x" * 2000)
        time.sleep(0.3)
        bot.kill()
    with Bot(server, *store) as bot:
        alice.type("three")
        shown = alice.hear("bot", "three")
        talk(alice, ["four"])
        assert not is_private(bot.told)
    assert "Session secured" not in shown


@pytest.mark.long
def test_irssi_has_another_nick_then_the_conversation_goes_on_under_it(server, alice):
    with Bot(server, "--join", "#room") as bot:
        alice.type("/join #room")
        alice.wait_for("#room")
        alice.type("/query bot")
        begin(alice)
        talk(alice, ["before"])
        alice.type("/nick Al[ce]")
        alice.wait_for("Al[ce]")
        talk(alice, ["after"])
        assert len(is_private(bot.told)) == 1


@pytest.mark.long
def test_server_is_restarted_then_both_come_back_and_the_conversation_goes_on(
    tmp_path_factory, tmp_path
):
    directory = tmp_path_factory.mktemp("restarted")
    with Ngircd(directory) as server, Bot(server) as bot, Irssi(tmp_path / "a", server) as alice:
        alice.talk_to("bot")
        begin(alice)
        talk(alice, ["before"])
        server.stop()
        bot.wait_for("disconnected")
        server.start()
        bot.wait_for("bot: online", 2)
        alice.wait_for("End of MOTD")
        alice.type("/query bot")
        talk(alice, ["after"])
        assert len(is_private(bot.told)) == 1


@pytest.mark.long
def test_bot_begins_and_asks_for_a_secret_then_irssi_answers(server, alice, quick):
    async def main():
        account = make_account(quick, "bot", policy=Policy.ALWAYS)
        seen = asyncio.Queue()
        client = Client(account, Server("127.0.0.1", server.port, False), "bot")
        client.on_event = lambda peer, event: seen.put_nowait(event)

        async def until(kind):
            while not isinstance(await seen.get(), kind):
                pass

        client.on_status = seen.put_nowait
        async with client:
            await until(str)
            await client.peer("Alice").start()
            await until(events.SecureStarted)
            for number in range(10):
                await client.send("alice", f"Grüße {number} ✓")
            for number in range(10):
                await asyncio.to_thread(alice.hear, "bot", f"Grüße {number} ✓")
            await client.send("alice", LONG)
            await asyncio.to_thread(alice.hear, "bot", LONG)
            for secret, outcome in (("sea", events.SmpSucceeded), ("hill", events.SmpFailed)):
                await client.peer("alice").smp_start(b"sea", b"where?")
                await asyncio.to_thread(alice.wait_for, "Use /otr auth <answer> to complete")
                alice.type(f"/otr auth {secret}")
                await until(outcome)
            await client.peer("alice").end()
            await asyncio.to_thread(alice.wait_for, "has finished the OTR session")

    asyncio.run(asyncio.wait_for(main(), 200))
