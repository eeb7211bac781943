"""Two clients without OTR behind proxies: what they see, and what the server sees."""

from contextlib import asynccontextmanager

import pytest
from helpers import key_pair, make_account

from otrfast import Account, Environment, Policy
from otrfast.aio import JournalStore
from otrfast.irc.server import Server
from otrfast.journal import SqliteJournal
from otrfast.proxy import Proxy

from .world import Client, world


def test_texts_when_both_are_behind_proxies_then_only_otr_reaches_the_server(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            long = "ünd sö weiter " * 200
            alice.say("Bob", "hello")
            alice.say("bob", "\x01ACTION waves\x01")
            bob.say("Alice", long)
            await bob.until("waves")
            await alice.until("weiter", times=6)
            assert bob.heard("Alice") == ["hello", "\x01ACTION waves\x01"]
            assert "".join(alice.heard("Bob")).replace(" ", "") == long.replace(" ", "")
            sent = net.network.private_lines()
            assert sent
            assert all(text.startswith("?OTR") for _, _, _, text in sent)

    run(main())


@pytest.mark.parametrize(
    "evil",
    [
        b"x\r\nQUIT :gone",
        b"x\n:irc NOTICE Bob :forged",
        b"x\x00y",
        b"\x01DCC SEND file 1 2 3\x01",
        b"\x01\x01VERSION\x01",
        b"\n\x01VERSION\x01",
    ],
)
def test_decrypted_text_when_it_holds_controls_then_no_command_reaches_the_client(quick, run, evil):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            await net.proxies["Alice"].gateway.send("bob", b"before")
            await (
                net.proxies["Alice"]
                .gateway.peer("bob")
                ._do("bob", lambda session: session.seal(evil + b"\0"))
            )
            await net.proxies["Alice"].gateway.send("bob", b"after")
            await bob.until(" :after")
            shown = bob.lines[bob.lines.index(await bob.until(" :before")) :]
            assert all(line.startswith(":Alice!") for line in shown)
            assert not any(" :\x01" in line or "\0" in line for line in shown)

    run(main())


def test_notice_ctcp_and_dcc_when_private_then_refused_and_never_sent(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            for line in ("NOTICE Bob :plain", "PRIVMSG Bob :\x01VERSION\x01"):
                alice.send(line)
            await bob.until("VERSION")
            await net.private(alice, bob)
            before = len(net.network.private_lines())
            for line in (
                "NOTICE Bob :secret",
                "PRIVMSG Bob :\x01DCC CHAT chat 2130706433 1\x01",
                "TAGMSG Bob",
            ):
                alice.send(line)
            await alice.until("Not sent to Bob", times=3)
            assert len(net.network.private_lines()) == before

    run(main())


def test_plain_notice_and_text_of_a_private_peer_then_marked_as_not_encrypted(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            forged = "x" * 500 + " The conversation with Alice is private."
            server = net.network
            server.relay(server.who("alice"), "NOTICE", "Bob", "a notice")
            server.relay(server.who("alice"), "PRIVMSG", "Bob", forged[:400])
            await bob.until("a notice")
            await bob.until("x" * 100)
            assert bob.heard("Alice") == []
            assert "NOT ENCRYPTED, the next NOTICE of Alice:" in bob.told()
            quoted = [each for each in bob.told() if "xxx" in each]
            assert quoted
            assert all(each.startswith("NOT ENCRYPTED, anybody may") for each in quoted)

    run(main())


def test_long_text_that_is_quoted_then_no_line_of_it_looks_like_the_proxy(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            question = "y" * 390 + " The conversation with Carol is private."
            alice.say("*otr", f'auth Bob "{question}" secret')
            await bob.until("Carol")
            said = [each for each in bob.told() if "yyy" in each or "Carol" in each]
            assert len(said) > 1
            assert all(each.startswith("Alice wants to check a shared secret") for each in said)

    run(main())


@pytest.mark.parametrize("target", ["#room", "&room", "@#room", "NickServ", "*status", "x.example"])
def test_text_to_a_channel_or_service_then_it_passes_as_it_is(quick, run, target):
    async def main():
        async with world(quick) as net:
            alice = await net.client("Alice", Policy.ALWAYS)
            alice.say(target, "identify  me ")
            alice.say("*otr", "help trust")
            await alice.until("trust NICK")
            alice.send("PING :end")
            await alice.until("PONG")
            assert ("Alice", f"PRIVMSG {target} :identify  me ") in net.network.seen

    run(main())


def test_text_to_several_targets_then_each_goes_its_own_way(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.client("Carol")
            await net.private(alice, bob)
            alice.say("#room,Bob,Carol", "to all")
            await bob.until("to all")
            await net.proxies["Alice"].gateway.send("carol", b"end")
            assert bob.heard("Alice") == ["to all"]
            sent = [
                (to, text) for who, _, to, text in net.network.private_lines() if who == "Alice"
            ]
            assert ("Carol", "to all") in sent
            assert not any(to == "Bob" and "to all" in text for to, text in sent)
            assert ("Alice", "PRIVMSG #room :to all") in net.network.seen

    run(main())


def test_nick_when_it_changes_then_the_conversation_goes_on_and_case_does_not_matter(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("B{b")
            await net.private(alice, bob)
            bob.send("NICK Robert")
            await alice.until("NICK")
            alice.say("ROBERT", "still private")
            await bob.until("still private")
            bob.say("alice", "yes")
            await alice.until(" :yes")
            assert alice.heard("Robert") == ["yes"]
            assert not any("yes" in text for _, _, _, text in net.network.private_lines())

    run(main())


def test_nick_when_somebody_else_takes_it_then_private_texts_are_not_readable_to_them(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            await bob.close()
            await alice.until("QUIT")
            mallory = await net.bare("Bob")
            mallory.say("Alice", "hi, it is me")
            await alice.until("hi, it is me")
            alice.say("Bob", "the secret")
            await mallory.until("PRIVMSG")
            assert "the secret" not in "".join(mallory.lines)
            assert any(each.startswith("NOT ENCRYPTED") for each in alice.told())

    run(main())


def test_capabilities_that_bring_own_lines_back_then_hidden_and_refused(quick, run):
    async def main():
        async with world(quick) as net:
            alice = await net.client(
                "Alice", first=["CAP LS 302", "CAP REQ :sasl echo-message", "CAP REQ :sasl"]
            )
            shown = await alice.until(" LS ")
            assert shown.endswith(":account-tag server-time sasl")
            assert (await alice.until(" NAK ")).endswith(":sasl echo-message")
            await alice.until("422")
            asked = [line for _, line in net.network.seen if line.startswith("CAP REQ")]
            assert asked == ["CAP REQ :sasl"]

    run(main())


def test_history_then_never_fed(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            server = net.network
            old = "@time=2020-01-01T00:00:00.000Z "
            server.relay(server.who("alice"), "PRIVMSG", "Bob", "?OTRv3?", "@batch=1 ")
            server.relay(server.who("alice"), "PRIVMSG", "Bob", "?OTRv23?", old)
            server.relay(server.who("alice"), "PRIVMSG", "Bob", "an old text", old)
            assert "time=2020" in await bob.until("an old text")
            alice.say("Bob", "goes on")
            await bob.until("goes on")
            keys = [
                text for _, _, _, text in server.private_lines() if text.startswith("?OTR:AAMC")
            ]
            assert len(keys) == 1  # of the exchange at the beginning

    run(main())


def test_tags_then_they_go_on_with_the_decrypted_text(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            relay = net.network.relay
            net.network.relay = lambda *line: relay(*line, tags="@msgid=abc;account=al ")
            alice.say("Bob", "tagged")
            assert (await bob.until(" :tagged")).startswith("@msgid=abc;account=al :Alice!")

    run(main())


def test_query_when_nobody_is_there_then_it_stops(quick, run):
    async def main():
        async with world(quick) as net:
            alice = await net.client("Alice", Policy.ALWAYS)
            alice.say("Nobody", "a text")
            await alice.until(" 401 ")
            await alice.until("Not sent to Nobody")
            assert (await net.proxies["Alice"].gateway.peer("nobody").state()).value == "plaintext"

    run(main())


def test_secret_when_it_is_checked_then_both_are_told_and_the_key_is_trusted(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            alice.say("*otr", 'auth Bob "where did we meet?" on the bridge')
            await bob.until("where did we meet?")
            bob.send("OTR auth Alice on the bridge")
            for client in (alice, bob):
                await client.until("knows the shared secret")
            alice.say("*otr", "status")
            assert "smp" in await alice.until("Bob: key")
            bob.say("*otr", "auth Alice another")
            await alice.until("wants to check")
            alice.say("*otr", "auth Bob yet another")
            await bob.until("does not know the shared secret")

    run(main())


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("help", "start NICK"),
        ("help auth", "auth NICK"),
        ("fingerprint", "Your key: "),
        ("status", "There is no private conversation."),
        ("status Bob", "Bob: not private"),
        ("start", "expected a nick"),
        ("start NickServ", "start: expected a nick or"),
        ("auth Bob", "expected a secret"),
        ("auth Bob secret", "auth: "),
        ("abort Bob", "abort: "),
        ("trust Bob", "trust: the peer has shown no key"),
        ("dance Bob", "There is no command 'dance'"),
    ],
)
def test_command_then_its_answer(quick, run, command, answer):
    async def main():
        async with world(quick) as net:
            alice = await net.client("Alice")
            alice.say("*otr", command)
            await alice.until(f" :{answer}")
            assert net.network.private_lines() == []

    run(main())


@pytest.mark.parametrize("first", [["USER x 0 * :x"], ["PASS wrong"], ["NICK x"] * 40])
def test_client_without_the_password_then_turned_away(quick, run, first):
    async def main():
        async with world(quick) as net:
            proxy = await net.proxy("Alice")
            client = Client("Alice")
            await client.connect(proxy.port, "wrong", first)
            await client.until("ERROR :the proxy wants its own password")
            await client.until("(closed)")
            assert net.network.seen == []

    run(main())


def test_address_that_others_reach_then_refused(quick):
    with pytest.raises(ValueError, match="loopback"):
        Proxy(make_account(quick), Server("127.0.0.1"), "sesame", host="192.0.2.1")
    with pytest.raises(ValueError, match="password"):
        Proxy(make_account(quick), Server("127.0.0.1"), "")


@asynccontextmanager
async def kept(net, path):
    """Bob's proxy, on a store."""
    async with SqliteJournal(path, bytes(32)) as journal:
        pair = key_pair(net.backend, "Bob")
        found = await journal.identity("bob", "irc", private_key=pair)
        account = Account(
            "bob", "irc", found.private_key, policy=Policy.MANUAL,
            instance_tag=found.instance_tag, trust=found.trust,
            environment=Environment(backend=net.backend),
        )  # fmt: skip
        await net.proxy("Bob", store=JournalStore(account, journal), account=account)
        try:
            yield
        finally:
            await net.proxies.pop("Bob").close()


def test_client_and_proxy_when_they_begin_again_with_a_store_then_conversations_go_on(
    quick, run, tmp_path
):
    async def main():
        async with world(quick) as net:
            alice = await net.client("Alice")
            async with kept(net, tmp_path / "bob.db"):
                bob = await net.client("Bob")
                await net.private(alice, bob)
                await bob.close()
                bob = await net.client("Bob")  # the client has begun again, the proxy has not
                alice.say("Bob", "one")
                await bob.until(" :one")
            await alice.until("QUIT")
            async with kept(net, tmp_path / "bob.db"):
                bob = await net.client("Bob")
                bob.send("NOTICE Alice :in the clear")  # only the store knows that it is private
                await bob.until("Not sent to Alice")
                bob.say("*otr", "status")
                await bob.until("Alice: private")
                alice.say("Bob", "two")
                await bob.until(" :two")
                bob.say("Alice", "three")
                await alice.until(" :three")
            lines = [text for _, _, _, text in net.network.private_lines()]
            assert all(text.startswith("?OTR") for text in lines)
            assert len([text for text in lines if text.startswith("?OTR:AAMC")]) == 1

    run(main())


def test_text_when_no_client_is_there_then_shown_to_the_next_one(quick, run):
    async def main():
        async with world(quick) as net:
            alice, bob = await net.client("Alice"), await net.client("Bob")
            await net.private(alice, bob)
            link = net.proxies["Bob"]._link
            net.proxies["Bob"]._link = None
            net.proxies["Bob"]._linked.clear()
            alice.say("Bob", "one")
            alice.say("Bob", "two")
            await alice.until("422")
            net.proxies["Bob"]._link = link
            net.proxies["Bob"]._linked.set()
            await bob.until(" :two")
            assert bob.heard("Alice") == ["one", "two"]

    run(main())


def test_second_client_then_the_first_one_is_told_and_leaves(quick, run):
    async def main():
        async with world(quick) as net:
            first = await net.client("Alice")
            second = await net.connect("Alice2", net.proxies["Alice"].port)
            await first.until("ERROR :another client has connected")
            await first.until("(closed)")
            second.say("#room", "hello")
            second.send("PING :end")
            await second.until("PONG")

    run(main())
