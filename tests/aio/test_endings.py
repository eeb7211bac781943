"""Conversations that the account drops, answers that come too late, failures of what the program
gives to a gateway: nothing is forged, sent in the clear, lost in silence, or stuck."""

import asyncio

import pytest
from helpers import HandClock, Pair, key_pair, make_account

from otrfast import Account, Environment, Limits, Policy, errors, events
from otrfast.aio import DeliveryUnknown, Gateway, JournalStore
from otrfast.journal import SqliteJournal, StoreError

KEY = bytes(range(32))


class Bot:
    """A bot that can be started again on its store."""

    def __init__(self, backend, path, **limits):
        self.backend, self.path, self.limits = backend, path, Limits(**limits)
        self.clock = HandClock()
        self.out, self.seen = [], []
        self.account = None

    async def opened(self, journal):
        found = await journal.identity("bot", "test", private_key=key_pair(self.backend, "bot"))
        self.account = Account(
            "bot", "test", found.private_key, policy=Policy.MANUAL, trust=found.trust,
            instance_tag=found.instance_tag, limits=self.limits,
            environment=Environment(backend=self.backend, clock=self.clock),
        )  # fmt: skip
        return JournalStore(self.account, journal)

    async def live(self, work, *, transport=None, before=None):
        """Open the store and the gateway; do `work(gateway)`; close both."""
        async with SqliteJournal(self.path, KEY) as journal:
            store = await self.opened(journal)
            if before is not None:
                before(self.account)
            emit = transport or (lambda peer, line: self.out.append((peer, line)))
            gateway = Gateway(self.account, emit, store, clock=self.clock)
            gateway.on_event = lambda peer, event: self.seen.append((peer, event))
            async with gateway:
                await work(gateway)

    def texts_of(self, kind):
        return [event for _, event in self.seen if isinstance(event, kind)]

    async def meet(self, gateway, peer, session):
        """Exchange keys, and have the peer write."""
        lines = list(session.start().wire)
        while lines:
            for line in lines:
                await gateway.receive(peer, line)
            out, self.out = self.out, []
            lines = [each for _, line in out for each in session.receive(line).wire]
        assert session.state.value == "encrypted"
        await gateway.receive(peer, session.send(b"hello").wire[0])


@pytest.fixture
def bot(quick, tmp_path):
    return Bot(quick, tmp_path / "bot.db")


@pytest.fixture
def alice(quick):
    return make_account(quick, "alice", 1, HandClock(), Policy.MANUAL).session("bot")


async def until(reached):
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def rows(path):
    """The peers with a saved conversation."""
    async with SqliteJournal(path, KEY) as journal:
        shard = journal.shard(0)
        await shard.look()
        return await shard.peers()


def test_private_conversation_when_it_is_dropped_then_its_state_goes_before_its_last_line(
    quick, run, tmp_path, alice
):
    """Else a restart would trust MAC keys that this line has published."""
    bot = Bot(quick, tmp_path / "bot.db", idle_session=600.0, idle_finished=600.0)
    kept = []

    async def work(gateway):
        await bot.meet(gateway, "alice", alice)
        await gateway.send("alice", b"hi")
        bot.out.clear()

        def transport(peer, line):
            kept.append((alice.receive(line), "alice" in bot.account.sessions))

        gateway._pump._transport = transport
        bot.clock.turn(100_000.0)
        gateway._pump.wake()
        await until(lambda: kept)

    async def main():
        await bot.live(work)
        assert await rows(bot.path) == []
        assert any(isinstance(e, events.SecureEnded) for e in kept[0][0].events)
        await bot.live(talk)

    async def talk(gateway):
        assert (await gateway.peer("alice").state()).value == "plaintext"

    run(main())


def test_strangers_when_they_are_forgotten_then_nothing_of_them_is_kept(quick, run, tmp_path):
    bot = Bot(quick, tmp_path / "bot.db", idle_peer=10.0, idle_session=10.0)

    async def work(gateway):
        store = gateway._store
        for number in range(20):
            await gateway.receive(f"stranger {number}", b"hello")
        bot.clock.turn(100_000.0)
        await gateway.receive("last", b"hello")
        await gateway.receive("last", b"hello")
        await until(lambda: len(bot.account.sessions) == len(gateway._pump._loaded) == 1)
        assert set(store._shard._loaded) == {"last"}
        assert set(store._known) <= {"last"}

    async def main():
        await bot.live(work)
        assert await rows(bot.path) == ["last"]

    run(main())


def test_settings_of_a_forgotten_peer_then_they_are_saved_without_a_session(quick, run, tmp_path):
    bot = Bot(quick, tmp_path / "bot.db", idle_peer=10.0)

    async def work(gateway):
        await gateway.receive("alice", b"hello")
        bot.account.session("alice").policy = Policy.ALWAYS
        bot.clock.turn(100_000.0)
        gateway._pump.wake()
        await until(lambda: "alice" not in bot.account.sessions)

    async def again(gateway):
        await gateway.peer("alice").state()
        assert bot.account.session("alice").policy == Policy.ALWAYS

    async def main():
        await bot.live(work)
        await bot.live(again)

    run(main())


def test_transports_limit_then_it_is_no_setting_and_holds_for_restored_sessions(
    quick, run, bot, alice
):
    async def main():
        async with SqliteJournal(bot.path, KEY) as journal:
            store = await bot.opened(journal)
            out = []
            options = {"clock": bot.clock}
            async with Gateway(
                bot.account, lambda _, line: out.append(line), store, **options
            ) as g:
                bot.out = []
                g._pump._transport = lambda peer, line: bot.out.append((peer, line))
                await bot.meet(g, "alice", alice)
        async with SqliteJournal(bot.path, KEY) as journal:
            store = await bot.opened(journal)
            out = []
            async with Gateway(
                bot.account, lambda _, line: out.append(line), store, max_fragment=400, **options
            ) as g:
                await g.send("alice", bytes(1000).replace(b"\0", b"x"))
                assert len(out) > 1
                assert max(map(len, out)) <= 400
                assert not bot.account.session("alice").conversation.has_settings

    run(main())


@pytest.mark.parametrize("forgotten", [False, True])
def test_reply_to_an_encrypted_text_when_the_conversation_is_over_then_never_in_the_clear(
    quick, version, forgotten
):
    pair = Pair(quick, version)
    pair.establish()
    pair.say(pair.bob, b"what is my balance?")
    received = [e for e in pair.alice.events if isinstance(e, events.MessageReceived)][-1]
    pair.alice.session.end()
    if forgotten:
        pair.alice.account.forget("bob")
    session = pair.alice.account.session("bob")
    with pytest.raises((errors.NotEncrypted, errors.UnknownInstance)):
        session.reply(received, b"your balance is 100")


def test_committed_line_when_it_was_never_emitted_then_closing_keeps_it(quick, run, bot, alice):
    async def work(gateway):
        stopped = asyncio.Event()

        async def transport(peer, line):
            stopped.set()
            await asyncio.sleep(60)

        gateway._pump._transport = transport
        receiving = asyncio.create_task(gateway.receive("alice", alice.start().wire[0]))
        await stopped.wait()
        gateway._running.cancel()
        with pytest.raises(errors.LocalError):
            await receiving

    async def nothing(gateway):
        await until(lambda: not gateway.snapshot()["waiting_events"])

    async def main():
        with pytest.raises(errors.LocalError):
            await bot.live(work)
        bot.seen.clear()
        await bot.live(nothing)
        assert len(bot.texts_of(DeliveryUnknown)) == 1

    run(main())


def test_many_lines_of_a_close_then_none_is_in_doubt_at_the_next_opening(quick, run, bot):
    peers = [f"peer {number}" for number in range(300)]

    async def work(gateway):
        await asyncio.gather(*[gateway.peer(peer).start() for peer in peers])

    async def nothing(gateway):
        assert not gateway.snapshot()["waiting_events"]

    async def main():
        await bot.live(work)
        await bot.live(nothing)
        assert not bot.texts_of(DeliveryUnknown)

    run(main())


def test_ids_of_texts_then_none_comes_twice_over_restarts(run, bot):
    ids = []

    def life(count):
        async def work(gateway):
            for number in range(count):
                await gateway.receive("alice", b"text %d" % number)
                texts = aiter(gateway)
                message = await anext(texts)
                ids.append(message.id)
                texts._texts.done(message, acknowledged=True)
                texts._last = None

        return work

    async def main():
        for count in (3, 1, 2):
            await bot.live(life(count))
        assert len(set(ids)) == 6

    run(main())


@pytest.mark.parametrize("stored", [False, True])
def test_serve_when_another_text_of_the_peer_waits_at_close_then_it_ends(quick, run, bot, stored):
    async def serve(gateway):
        taken, shut = asyncio.Event(), asyncio.Event()

        async def answer(message):
            taken.set()
            await shut.wait()
            await message.reply(b"too late")

        serving = asyncio.create_task(gateway.serve(answer, tasks=3))
        for text in (b"one", b"two"):
            await gateway.receive("alice", text)
        await taken.wait()
        await gateway.close()
        shut.set()
        await asyncio.wait_for(serving, 5)

    async def main():
        if stored:
            await bot.live(serve)
        else:
            async with Gateway(make_account(quick, "bot"), lambda *_: None) as gateway:
                await serve(gateway)

    run(main())


def test_session_that_the_program_made_before_opening_then_its_policy_holds_and_nobody_fails(
    run, bot, alice
):
    async def first(gateway):
        await bot.meet(gateway, "alice", alice)

    async def second(gateway):
        await gateway.receive("alice", alice.send(b"go on").wire[0])
        session = bot.account.session("alice")
        assert session.policy == Policy.ALWAYS
        assert session.state.value == "encrypted"
        await gateway.receive("nobody", b"hello")

    def preset(account):
        account.session("alice", policy=Policy.ALWAYS)
        account.session("never used", policy=Policy.ALWAYS)

    async def main():
        await bot.live(first)
        await bot.live(second, before=preset)

    run(main())


def test_gateway_when_a_second_one_is_opened_on_the_account_then_conversations_go_on(
    run, bot, alice
):
    async def main():
        async with SqliteJournal(bot.path, KEY) as journal:
            store = await bot.opened(journal)
            emit = lambda peer, line: bot.out.append((peer, line))  # noqa: E731
            async with Gateway(bot.account, emit, store, clock=bot.clock) as gateway:
                await bot.meet(gateway, "alice", alice)
            again = JournalStore(bot.account, journal)
            async with Gateway(bot.account, emit, again, clock=bot.clock) as gateway:
                await gateway.receive("alice", alice.send(b"more").wire[0])
                await gateway.send("alice", b"back")

    run(main())


def test_callables_when_what_they_wait_for_is_cancelled_then_only_that_fails(quick, run):
    async def cancelled(*_):
        task = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    async def main():
        answered, reported, sent = [], [], []

        async def transport(peer, line):
            sent.append(line)
            if line == b"first":
                await cancelled()

        async def on_event(peer, event):
            reported.append(type(event).__name__)
            if len(reported) == 1:
                await cancelled()

        async def answer(message):
            answered.append(message.text)
            if message.text == b"bad":
                await cancelled()

        async with Gateway(make_account(quick), transport) as gateway:
            gateway.on_event = on_event
            serving = asyncio.create_task(gateway.serve(answer, tasks=2))
            await gateway.send("x", b"first")
            await gateway.send("x", b"second")
            for text in (b"bad", b"good"):
                await gateway.receive("x", text)
            await gateway.close()
            await asyncio.wait_for(serving, 5)
        assert sent == [b"first", b"second"]
        assert answered == [b"bad", b"good"]
        assert reported.count("CallbackFailed") == 2
        assert reported[0] == "TransportFailed"

    run(main())


def test_close_from_within_on_event_while_another_closes_then_both_end(quick, run):
    async def main():
        gateway = Gateway(make_account(quick), lambda *_: None)
        async with gateway:

            async def on_event(peer, event):
                await asyncio.sleep(0.01)
                await gateway.close()

            gateway.on_event = on_event
            await gateway.receive("x", b"?OTRv3?")
            await asyncio.wait_for(gateway.close(), 5)

    run(main())


def test_clock_that_is_beyond_the_last_epoch_then_refused_and_nothing_is_committed(
    quick, run, tmp_path
):
    now = [2.0**32]

    async def claim():
        environment = Environment(backend=quick, wall_clock=lambda: now[0])
        async with SqliteJournal(tmp_path / "x.db", KEY, environment=environment) as journal:
            shard = journal.shard(0)
            await shard.look()
            await shard.claim()
            return shard.epoch

    async def main():
        with pytest.raises(StoreError, match="set the clock"):
            await claim()
        now[0] = 1.8e9
        assert await claim() == 1_800_000_000

    run(main())


def test_peer_that_is_no_string_then_only_the_call_is_refused(run, bot):
    async def work(gateway):
        for call in (gateway.receive(42, b"x"), gateway.send(42, b"x"), gateway.peer(42).start()):
            with pytest.raises(TypeError, match="a str"):
                await call
        for refused in (lambda: gateway.feed(42, b"x"), lambda: gateway.rename(42, "x")):
            with pytest.raises(TypeError, match="a str"):
                refused()
        await gateway.receive("alice", b"x")

    run(bot.live(work))
