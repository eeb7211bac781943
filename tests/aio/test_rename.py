"""`Gateway.rename`: in the order of the lines, with all that waits, and in the store."""

import asyncio

import pytest
from helpers import make_account

from otrfast import Account, MessageState, Policy, events
from otrfast.aio import DeliveryUnknown, Gateway, JournalStore, MemoryStore, PeerRenamed
from otrfast.errors import PeerExists
from otrfast.journal import SqliteJournal

KEY = bytes(32)


async def opened(journal):
    me = await journal.identity("bot", "irc")
    tag, policy = me.instance_tag, Policy.MANUAL
    return Account("bot", "irc", me.private_key, policy=policy, instance_tag=tag, trust=me.trust)


class Slow(MemoryStore):
    async def load(self, peers):
        await asyncio.sleep(0.01)
        return ()


def test_rename_then_the_conversation_goes_on_and_is_reported(two, run):
    async def main():
        async with two() as both:
            await both.establish("carol")
            ssid = both.accounts[0].sessions["carol"].ssid
            await both.alice.rename("carol", "caroline")
            assert (await both.diaries[0].wait("caroline", PeerRenamed)).old == "carol"
            assert both.accounts[0].sessions["caroline"].ssid == ssid
            assert "carol" not in both.accounts[0].sessions
            await both.alice.send("caroline", b"hello")

    run(main())


def test_rename_then_lines_before_it_are_of_the_old_name_and_those_after_it_of_the_new(quick, run):
    async def main():
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        async with Gateway(account, lambda peer, line: None) as gateway:
            gateway.feed("carol", b"one")
            renaming = gateway.rename("carol", "dora")
            gateway.feed("dora", b"two")
            gateway.feed("carol", b"of somebody else")
            await renaming
            loop = aiter(gateway)
            seen = [await anext(loop) for _ in range(3)]
        assert [(each.peer, each.text) for each in seen] == [
            ("dora", b"one"), ("carol", b"of somebody else"), ("dora", b"two"),
        ]  # fmt: skip

    run(main())


def test_rename_then_a_text_in_the_program_is_replied_to_under_the_new_name(quick, run):
    async def main():
        sent = []
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        transport = lambda peer, line: sent.append((peer, line))  # noqa: E731
        async with Gateway(account, transport, Slow()) as gateway:
            gateway.feed("carol", b"hello")
            loop = aiter(gateway)
            message = await anext(loop)
            renaming = gateway.rename("carol", "dora")
            late = asyncio.ensure_future(gateway.send("carol", b"late"))
            await renaming
            await late
            await message.reply(b"you too")
            gateway.feed("dora", b"again")
            assert (await anext(loop)).text == b"again"
        assert sent == [("dora", b"late"), ("dora", b"you too")]

    run(main())


def test_several_renamings_in_a_circle_then_each_is_done_in_its_order(quick, run):
    async def main():
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        async with Gateway(account, lambda peer, line: None) as gateway:
            gateway.feed("a", b"of a")
            gateway.feed("b", b"of b")
            names = [("a", "c"), ("b", "a"), ("c", "b")]
            await asyncio.gather(*[gateway.rename(*pair) for pair in names])
            loop = aiter(gateway)
            seen = {(await anext(loop)).peer for _ in range(2)}
        assert seen == {"a", "b"}

    run(main())


def test_rename_to_a_peer_that_exists_or_of_nobody_then_it_raises_and_lines_go_on(quick, run):
    async def main():
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        async with Gateway(account, lambda peer, line: None) as gateway:
            gateway.feed("carol", b"one")
            gateway.feed("dora", b"two")
            refused = gateway.rename("carol", "dora")
            gateway.feed("carol", b"three")
            with pytest.raises(PeerExists):
                await refused
            with pytest.raises(LookupError):
                await gateway.rename("nobody", "somebody")
            loop = aiter(gateway)
            assert sorted([(await anext(loop)).text for _ in range(3)]) == [
                b"one", b"three", b"two",
            ]  # fmt: skip

    run(main())


def test_rename_when_the_gateway_is_closed_then_what_waits_is_renamed_first(quick, run):
    async def main():
        account = make_account(quick, "bot", policy=Policy.MANUAL)
        gateway = Gateway(account, lambda peer, line: None)
        async with gateway:
            gateway.feed("carol", b"one")
            gateway.rename("carol", "dora")
            gateway.feed("dora", b"two")
        assert [message.peer async for message in gateway] == ["dora", "dora"]

    run(main())


def test_rename_when_the_store_fails_then_it_raises_that_and_the_gateway_ends(run, tmp_path):
    class Broken(Exception):
        pass

    async def main():
        async with SqliteJournal(tmp_path / "bot.db", KEY) as journal:
            account = await opened(journal)
            store = JournalStore(account, journal)
            gateway = Gateway(account, lambda peer, line: None, store)
            await gateway.__aenter__()
            await gateway.receive("carol", b"one")

            async def commit(batch):
                raise Broken

            store.commit = commit
            with pytest.raises(Broken):
                await gateway.rename("carol", "dora")
            with pytest.raises(Broken):
                await gateway.close()

    run(main())


def test_max_fragment_is_a_call_then_each_peer_has_its_limit_and_a_new_one_later(two, run):
    limits = {"carol": 200, "dora": 300}

    async def main():
        async with two(max_fragment=lambda peer: limits[peer]) as both:
            await both.establish("carol", "dora")
            limits["carol"] = 250
            both.wire.clear()
            for peer in limits:
                await both.alice.send(peer, b"x" * 1000)
            longest = {
                peer: max(
                    len(line) for number, whom, line in both.wire if (number, whom) == (0, peer)
                )
                for peer in limits
            }
        assert longest == limits

    run(main())


def test_rename_with_a_store_then_a_restart_finds_state_trust_and_texts_under_it(
    quick, run, tmp_path
):
    path = tmp_path / "bot.db"
    carol = make_account(quick, "carol", policy=Policy.MANUAL).session("bot")
    heard = []

    def transport(peer, line):
        outcome = carol.receive(line)
        heard.extend(outcome.events)
        queue.extend(outcome.wire)

    queue = []

    async def deliver(gateway, peer):
        while queue:
            await gateway.receive(peer, queue.pop(0))

    async def main():
        async with SqliteJournal(path, KEY) as journal:
            account = await opened(journal)
            gateway = Gateway(account, transport, JournalStore(account, journal))
            async with gateway:
                queue.extend(carol.start().wire)
                await deliver(gateway, "carol")
                await gateway.peer("carol").trust("friend")
                queue.extend(carol.send(b"not answered yet").wire)
                await deliver(gateway, "carol")
                await gateway.rename("carol", "caroline")
                ssid = carol.ssid
        async with SqliteJournal(path, KEY) as journal:
            account = await opened(journal)
            assert not account.trust.of("carol")
            assert set(account.trust.of("caroline").values()) == {"friend"}
            told = []
            gateway = Gateway(account, transport, JournalStore(account, journal))
            gateway.on_event = lambda peer, event: told.append(event)
            async with gateway:
                loop = aiter(gateway)
                message = await anext(loop)
                assert (message.peer, message.text) == ("caroline", b"not answered yet")
                assert message.redelivered
                await message.reply(b"answered")
                assert account.sessions["caroline"].ssid == ssid
                assert "carol" not in account.sessions
                assert account.sessions["caroline"].state is MessageState.ENCRYPTED
        texts = [event.text for event in heard if isinstance(event, events.MessageReceived)]
        assert texts == [b"answered"]
        assert not [event for event in told if not isinstance(event, DeliveryUnknown)]

    run(main())
