"""Lines that come again under the id that they had: acknowledged again, and not handled again."""

import asyncio
import shutil

import pytest
from helpers import HandClock, key_pair, kinds, make_account

from otrfast import Account, Environment, Limits, Policy, events
from otrfast.aio import Gateway, JournalStore
from otrfast.aio.handled import KEPT, HandledIds, StateAndIds
from otrfast.journal import SqliteJournal

KEY = bytes(range(32))


class Bot:
    """A bot that can be started again, and what it has emitted, acknowledged and shown."""

    def __init__(self, backend, path):
        self.backend, self.path = backend, path
        self.out, self.acks, self.seen = [], [], []
        self.account = None

    async def live(self, work):
        """Open the store and the gateway; do `work(gateway)`; close both."""
        environment = Environment(backend=self.backend)
        async with SqliteJournal(self.path, KEY, environment=environment) as journal:
            pair = key_pair(self.backend, "bot")
            found = await journal.identity("bot", "test", private_key=pair)
            self.account = Account(
                "bot", "test", found.private_key, policy=Policy.ALLOW_V3,
                instance_tag=found.instance_tag, trust=found.trust, environment=environment,
                limits=Limits(error_interval=0.0),
            )  # fmt: skip
            store = JournalStore(self.account, journal)
            gateway = Gateway(self.account, lambda _, line: self.out.append(line), store)
            async with gateway:
                gateway.on_event = lambda _, event: self.seen.append(event)
                await work(gateway)

    async def tell(self, gateway, line, name):
        await gateway.receive("alice", line, lambda: self.acks.append(name), id=name)
        out, self.out = self.out, []
        return out


@pytest.fixture
def bot(quick, tmp_path):
    return Bot(quick, tmp_path / "bot.db")


@pytest.fixture
def alice(quick):
    return make_account(quick, "alice", 1, HandClock(), Policy.ALLOW_V3).session("bot")


async def exchange_keys(bot, gateway, alice, lines=()):
    """Have alice's lines handled, each under a name of its own, until all is said."""
    told = []
    lines = list(lines or alice.start().wire)
    while lines:
        line = lines.pop(0)
        name = f"line {len(bot.acks)}"
        told.append((line, name))
        for answer in await bot.tell(gateway, line, name):
            lines += alice.receive(answer).wire
    assert alice.state.value == "encrypted"
    return told


@pytest.mark.parametrize("restart", [False, True])
def test_lines_when_they_come_again_under_their_ids_then_acknowledged_and_not_handled(
    bot, alice, run, restart
):
    told = []

    async def first(gateway):
        told.extend(await exchange_keys(bot, gateway, alice))
        told.append((alice.send(b"a text").wire[0], "the text"))
        await bot.tell(gateway, *told[-1])
        message = await anext(aiter(gateway))
        assert message.text == b"a text"
        if not restart:
            await second(gateway)

    async def second(gateway):
        bot.acks.clear()
        ssid = bot.account.session("alice").ssid if not restart else alice.ssid
        for line, name in told:
            assert await bot.tell(gateway, line, name) == []
        assert bot.acks == [name for _, name in told]
        assert bot.account.session("alice").ssid == ssid
        seen = [e for e in bot.seen if isinstance(e, events.QueryReceived | events.SecureStarted)]
        assert len(seen) == 2
        assert not any(isinstance(e, events.MessageRejected) for e in bot.seen)
        [line] = alice.send(b"the next").wire
        await bot.tell(gateway, line, "the next")

    async def main():
        await bot.live(first)
        if restart:
            await bot.live(second)

    run(main())


def test_query_when_it_comes_again_without_an_id_then_it_starts_a_key_exchange(bot, alice, run):
    """What an id is good for."""

    async def main():
        await bot.live(lambda gateway: exchange_keys(bot, gateway, alice))

        async def again(gateway):
            await gateway.receive("alice", b"?OTRv3?")

        await bot.live(again)
        assert kinds(bot.out) == ["DHCommit"]

    run(main())


def test_id_when_another_peer_has_it_then_the_line_is_handled(bot, alice, run):
    async def main():
        async def work(gateway):
            for peer in ("alice", "bob"):
                await gateway.receive(peer, b"?OTRv3?", id=b"1")
            assert kinds(bot.out) == ["DHCommit"] * 2
            assert not gateway.snapshot()["failures"]

        await bot.live(work)

    run(main())


def test_id_when_the_line_comes_twice_before_it_is_handled_then_handled_once(bot, run):
    async def main():
        async def work(gateway):
            both = [gateway.receive("alice", b"?OTRv3?", id="1") for _ in range(2)]
            await asyncio.gather(*both)
            assert kinds(bot.out) == ["DHCommit"]

        await bot.live(work)

    run(main())


def test_id_when_it_is_none_then_refused_with_a_clear_error(quick, run):
    async def main():
        async with Gateway(make_account(quick), lambda *_: None) as gateway:
            with pytest.raises(TypeError, match="bytes or a str, not a int"):
                gateway.feed("x", b"text", id=7)
            with pytest.raises(ValueError, match="is empty"):
                await gateway.receive("x", b"text", id="")
            assert gateway.feed("x", b"text", id=None)

    run(main())


def test_ids_then_the_last_64_are_known_in_512_bytes():
    ids = HandledIds()
    for number in range(KEPT + 10):
        ids.add(b"%d" % number)
    assert [b"%d" % number in ids for number in range(KEPT + 10)] == [False] * 10 + [True] * KEPT
    assert len(bytes(ids)) == 512


def test_ids_when_the_bytes_of_one_lie_across_two_then_it_is_not_known():
    ids = HandledIds()
    ids.add(b"wanted")
    digest = bytes(ids)
    for shift in range(1, 8):
        across = bytes(8 - shift) + digest + bytes(shift)
        assert b"wanted" not in HandledIds(across)
        assert b"wanted" in HandledIds(across + digest)


def test_state_of_before_there_were_ids_then_read_without_any(backend):
    key = backend.state_key(KEY)
    handle = backend.dh_key(bytes(range(1, 41)))
    sealed = key.seal(b"", [b"begin", handle, b"end"])
    opener = StateAndIds(key, HandledIds())
    parts = opener.open(b"", sealed)
    assert (parts[0], parts[1].public, parts[2]) == (b"begin", handle.public, b"end")
    assert bytes(opener.ids) == b""
    opener.ids.add(b"1")
    again = StateAndIds(key, HandledIds())
    assert len(again.open(b"", opener.seal(b"", parts))) == 3
    assert b"1" in again.ids


def test_trust_of_a_quiet_peer_when_it_is_set_then_it_is_in_the_store_at_once(
    bot, alice, run, tmp_path
):
    found = []

    async def main():
        await bot.live(lambda gateway: exchange_keys(bot, gateway, alice))
        await bot.live(trusted)

    async def trusted(gateway):
        await gateway.peer("alice").trust("verified")
        key = bot.account.session("alice").fingerprint
        for part in bot.path.parent.glob("bot.db*"):  # as a crash would leave them
            shutil.copy(part, tmp_path / "copies" / part.name)
        async with SqliteJournal(tmp_path / "copies" / "bot.db", KEY) as journal:
            found.append((await journal.identity("bot", "test")).trust.level("alice", key))

    (tmp_path / "copies").mkdir()
    run(main())
    assert found == ["verified"]


def test_text_when_its_answer_comes_after_the_gateway_has_closed_then_it_comes_again(
    bot, alice, run, caplog
):
    async def main():
        await bot.live(first)
        await bot.live(second)

    async def first(gateway):
        await exchange_keys(bot, gateway, alice)
        taken, shut = asyncio.Event(), asyncio.Event()

        async def answer(message):
            taken.set()
            await shut.wait()
            await message.reply(b"too late")

        serving = asyncio.create_task(gateway.serve(answer, tasks=2))
        [line] = alice.send(b"a text").wire
        await bot.tell(gateway, line, "the text")
        await taken.wait()
        await gateway.close()
        shut.set()
        await serving

    async def second(gateway):
        message = await anext(aiter(gateway))
        assert (message.text, message.redelivered) == (b"a text", True)

    run(main())
    assert not caplog.records
