"""The client on a server that says what the test says."""

import asyncio
import base64
from contextlib import suppress

import pytest
from helpers import make_account

from irc.scripted import MASK, Scripted, Talk, converse
from otrfast import MessageState, Policy, events
from otrfast.aio import PeerRenamed, TransportFailed
from otrfast.irc import Client, LoginFailed, NotAPerson, Sasl, Server

LONG = ("ünïcode ✓ " * 400).encode()[:5000].decode(errors="ignore")


@pytest.fixture(autouse=True)
def quick_pace(monkeypatch):
    monkeypatch.setattr("otrfast.irc.pacing._LEAST", 0.001)
    monkeypatch.setattr("otrfast.irc.pacing._LONGEST", 0.001)
    monkeypatch.setattr("otrfast.irc.client._FIRST", 0.01)


async def begin(both):
    both.say(both.alice.start())
    await both.until(events.SecureStarted)
    await both.event(events.SecureStarted)


async def told(both):
    return await asyncio.wait_for(both.texts.get(), 5)


async def plain(both):
    """Return who has written in the clear."""
    return (await both.event(events.UnencryptedReceived))[0]


def test_private_texts_then_they_are_read_and_answered_within_the_line(quick):
    async def talk(both, server):
        await begin(both)
        for text in ("Grüße ✓", LONG, "/me waves"):
            both.say(both.alice.send(text.encode()))
            message = await told(both)
            assert (message.peer, message.body, message.encrypted) == ("alice", text.strip(), True)
            await message.reply(message.body)
            assert (await both.until(events.MessageReceived)).text.decode() == text.strip()
        sent = [line for line in server.seen if line.startswith("PRIVMSG")]
        longest = max(len(f":{MASK} {line}\r\n".encode()) for line in sent)
        assert 500 < longest <= 512

    converse(quick, talk)


def test_text_has_line_breaks_and_a_ctcp_then_the_body_is_one_line_without(quick):
    async def talk(both, server):
        await begin(both)
        both.say(both.alice.send(b"\x01VERSION\x01\r\nQUIT :bye"))
        message = await told(both)
        assert message.body == "VERSION\x01 QUIT :bye"
        assert message.text == b"\x01VERSION\x01\r\nQUIT :bye"
        await both.client.send("alice", "one\r\nQUIT :two")
        assert (await both.until(events.MessageReceived)).text == b"one\r\nQUIT :two"
        assert not [line for line in server.seen if line.startswith("QUIT")]

    converse(quick, talk)


def test_text_in_the_clear_has_line_breaks_then_one_line_is_sent(quick):
    async def talk(both, server):
        await both.client.send("alice", "one\r\nQUIT :two\0")
        assert await server.hear() == "PRIVMSG alice :one QUIT :two"
        await both.client.send("alice", "/me waves")
        assert await server.hear() == "PRIVMSG alice :\x01ACTION waves\x01"

    converse(quick, talk, policy=Policy.MANUAL)


def test_html_of_pidgin_then_the_words_are_read_and_answers_are_html(quick):
    async def talk(both, server):
        await begin(both)
        both.say(both.alice.send(b"<b>a &lt; b</b><br>c"))
        message = await told(both)
        assert message.body == "a < b c"
        await message.reply("x < y")
        assert (await both.until(events.MessageReceived)).text == b"x &lt; y"

    converse(quick, talk)


QUERY = "?OTRv23?"
IGNORED = [
    f":alice!u@h NOTICE bot :{QUERY}",
    ":alice!u@h PRIVMSG bot :\x01VERSION\x01",
    ":alice!u@h PRIVMSG bot :\x01DCC SEND x 1 1\x01",
    f":NickServ!s@services. PRIVMSG bot :{QUERY}",
    f":*status!znc@znc.in PRIVMSG bot :{QUERY}",
    f":irc.example.org PRIVMSG bot :{QUERY}",
    f":{MASK} PRIVMSG bot :{QUERY}",
    f":{MASK} PRIVMSG alice :{QUERY}",
    f":alice!u@h PRIVMSG #channel :{QUERY}",
    f":alice!u@h PRIVMSG @#channel :{QUERY}",
    f"@batch=1 :alice!u@h PRIVMSG bot :{QUERY}",
    f":alice!u@h TAGMSG bot :{QUERY}",
    "",
    ":",
    "@",
    ":x",
    ":s 354",
    ":alice!u@h PRIVMSG",
    ":alice!u@h NICK",
]


def test_what_is_no_text_of_a_person_then_it_is_not_fed(quick):
    async def talk(both, server):
        server.say(":s BATCH +1 chathistory alice", *IGNORED, ":s BATCH -1", b"\xff\xfe \x00\r\n")
        server.say("PING after")
        assert await server.hear() == "PONG after"
        assert not both.account.sessions
        assert both.texts.empty()

    converse(quick, talk, {"capabilities": "batch account-tag"})


def test_capabilities_then_those_that_bring_back_our_lines_are_not_asked_for(quick):
    offered = "account-tag batch echo-message draft/multiline draft/chathistory server-time"

    async def talk(both, server):
        asked = {line for line in server.seen if line.startswith("CAP REQ")}
        assert asked == {"CAP REQ :account-tag", "CAP REQ :batch"}

    converse(quick, talk, {"capabilities": offered})


def test_plain_text_is_not_utf_8_then_it_is_replaced(quick):
    async def talk(both, server):
        server.say(b":alice!u@h PRIVMSG bot :caf\xe9\r\n")
        assert (await both.event(events.UnencryptedReceived))[1].text == "caf\ufffd".encode()
        server.say(":alice!u@h PRIVMSG bot :\x01ACTION waves\x01")
        assert (await both.event(events.UnencryptedReceived))[1].text == b"/me waves"

    converse(quick, talk, policy=Policy.ALWAYS | Policy.REQUIRE_ENCRYPTION)


def test_nick_changes_then_the_conversation_goes_on_and_the_old_nick_is_nobody(quick):
    async def talk(both, server):
        await begin(both)
        both.say(both.alice.send(b"before"))
        await told(both)
        server.say(":alice!u@h NICK [Dora]")
        both.mask = "[Dora]!u@h"
        both.say(both.alice.send(b"after"))
        message = await told(both)
        assert (message.peer, message.body) == ("{dora}", "after")
        assert (await both.event(PeerRenamed)) == ("{dora}", PeerRenamed("alice"))
        await message.reply("yes")
        assert (await both.until(events.MessageReceived)).text == b"yes"
        server.say(":alice!mallory@elsewhere PRIVMSG bot :hello")
        assert await plain(both) == "alice"
        assert both.account.sessions["alice"].state is MessageState.PLAINTEXT
        assert both.account.trust.of("alice") == {}
        assert len(both.account.trust.of("{dora}")) == 1

    converse(quick, talk)


def test_nick_changes_to_one_with_a_conversation_then_both_stay_apart(quick):
    async def talk(both, server):
        server.say(":dora!u@elsewhere PRIVMSG bot :hello")
        await plain(both)
        await begin(both)
        server.say(":dora!u@elsewhere QUIT :bye", ":alice!u@h NICK dora")
        both.mask = "dora!u@h"
        assert (await both.until(events.SecureEnded)).by_peer
        assert both.account.sessions["dora"].state is MessageState.PLAINTEXT

    converse(quick, talk)


def test_account_comes_with_each_line_then_it_is_the_name_whatever_the_nick(quick):
    async def talk(both, server):
        both.tags = "@account=Alice_W "
        await begin(both)
        both.mask = "other!u@h"
        both.say(both.alice.send(b"hello"))
        message = await told(both)
        assert (message.peer, message.body) == ("$a:alice_w", "hello")
        await message.reply("yes")
        assert (await both.until(events.MessageReceived)).text == b"yes"
        server.say(":other!u@h PRIVMSG bot :not logged in")
        assert await plain(both) == "other"

    converse(quick, talk, {"capabilities": "account-tag message-tags"})


def test_accounts_are_told_of_those_in_a_channel_then_they_are_the_names(quick):
    async def talk(both, server):
        assert await server.hear() == "JOIN #c"
        assert await server.hear() == "WHO #c %tna,364"
        server.say(":s 354 bot 364 alice alice_w", ":s 354 bot 364 carol 0")
        server.say(":dora!u@h JOIN #c dora_w :Dora", ":carol!u@h ACCOUNT carol_w")
        for nick in ("alice", "carol", "dora"):
            server.say(f":{nick}!u@h PRIVMSG bot :hello")
            assert await plain(both) == f"$a:{nick}_w"
        server.say(":alice!u@h QUIT :bye", ":alice!mallory@elsewhere PRIVMSG bot :hello")
        assert await plain(both) == "alice"

    features = {"capabilities": "extended-join account-notify", "isupport": "WHOX"}
    converse(quick, talk, features, channels=["#c"])


def test_nobody_has_the_nick_then_the_query_is_not_repeated_and_texts_come_back(quick):
    async def talk(both, server):
        await both.client.send("alice", "secret")
        assert (await server.hear()).startswith("PRIVMSG alice :?OTR")
        server.say(":s 401 bot alice :No such nick")
        assert (await both.event(events.MessageUndelivered))[1].text == b"secret"
        session = both.account.sessions["alice"]
        assert session.conversation.retry is None
        assert server.lines.empty()

    converse(quick, talk, policy=Policy.ALWAYS | Policy.REQUIRE_ENCRYPTION)


def test_account_without_a_known_nick_or_a_service_then_nothing_is_sent(quick):
    async def talk(both, server):
        await both.client.send("$a:nobody", "hello")
        await both.event(TransportFailed)
        for name in ("NickServ", "irc.example.org", "#channel"):
            with pytest.raises(NotAPerson):
                await both.client.send(name, "hello")
        both.client.command("PRIVMSG NickServ :HELP\r\nQUIT")
        assert await server.hear() == "PRIVMSG NickServ :HELP QUIT"

    converse(quick, talk, policy=Policy.MANUAL)


def test_connection_is_lost_then_it_comes_back_and_the_conversation_goes_on(quick):
    async def talk(both, server):
        await begin(both)
        server.writer.close()
        while "online" not in await asyncio.wait_for(both.status.get(), 5):
            pass
        assert server.registrations == 2
        both.say(both.alice.send(b"still there?"))
        await (await told(both)).reply("yes")
        assert (await both.until(events.MessageReceived)).text == b"yes"

    converse(quick, talk)


def test_peer_has_many_lines_waiting_then_more_of_its_are_not_read(quick, monkeypatch):
    async def talk(both, server):
        both.client._pacer.disconnect()
        for _ in range(65):
            both.client._pacer.put("alice", "x")
        server.say(":alice!u@h PRIVMSG bot :hello", ":bob!u@h PRIVMSG bot :hello")
        assert await plain(both) == "bob"
        assert both.client.refused == 1

    converse(quick, talk)


def test_nick_is_taken_then_another_one_is_asked_for(quick):
    async def main():
        async with Scripted() as server:
            server.taken = {"bot", "bot_"}
            async with Talk(quick, server) as both:
                assert both.client.nick == "bot__"
                server.say(":bot__!~bot@h NICK bot")
                server.say(":alice!u@h PRIVMSG bot :hello")
                await plain(both)
                assert both.client.nick == "bot"

    asyncio.run(asyncio.wait_for(main(), 20))


PLAIN = Sasl("PLAIN", "bot", "pässword")
ENCODED = base64.b64encode("bot\0bot\0pässword".encode()).decode()


@pytest.mark.parametrize(("sasl", "login"), [(PLAIN, ENCODED), (Sasl("EXTERNAL"), "+")])
def test_sasl_then_the_client_is_in(quick, sasl, login):
    async def talk(both, server):
        assert server.seen.index(f"AUTHENTICATE {login}") < server.seen.index("CAP END")

    converse(quick, talk, {"capabilities": "sasl=PLAIN,EXTERNAL", "login": login}, sasl=sasl)


@pytest.mark.parametrize(
    ("capabilities", "login"), [("sasl=PLAIN", "other"), ("batch", ""), ("sasl=SCRAM-SHA-256", "")]
)
def test_sasl_fails_then_the_client_does_not_go_on_without(quick, capabilities, login):
    async def main():
        async with Scripted(capabilities, login=login) as server:
            account = make_account(quick, "bot")
            where = Server("127.0.0.1", server.port, False)
            client = Client(account, where, "bot", sasl=PLAIN)
            async with client:
                with pytest.raises(LoginFailed):
                    await client.wait()
            assert not [line for line in server.seen if line.startswith(("JOIN", "PRIVMSG"))]

    asyncio.run(asyncio.wait_for(main(), 20))


def test_secrets_then_they_are_in_no_repr():
    assert "pässword" not in repr(PLAIN)
    assert "secret" not in repr(Server("h", password="secret"))
    with pytest.raises(ValueError, match="too long"):
        Sasl("PLAIN", "bot", "x" * 300).check()


def test_closed_without_a_store_then_the_conversation_ends_and_then_the_client_leaves(quick):
    async def main():
        async with Scripted() as server:
            async with Talk(quick, server) as both:
                await begin(both)
                closing = asyncio.ensure_future(both.client.close())
                assert (await both.until(events.SecureEnded)).by_peer
                await closing
            with suppress(asyncio.QueueEmpty):
                assert server.lines.get_nowait() == "QUIT :"

    asyncio.run(asyncio.wait_for(main(), 20))


def test_closed_without_a_connection_then_it_does_not_wait_for_one(quick):
    async def main():
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        client = Client(account, Server("127.0.0.1", 1, False), "bot")
        async with client:
            await client.send("alice", "never")
        assert client.nick == "bot"

    asyncio.run(asyncio.wait_for(main(), 20))
