"""The order of a batch: commit, acknowledge, emit, deliver; and a store that fails at a step."""

import asyncio
import itertools

import pytest
from helpers import make_account

from otrfast import Outcome, Policy, events
from otrfast.aio import Batch, Gateway, GatewayClosed, MemoryStore, Opened, Undelivered

STEPS = "open", "load", "commit", "close"


class Broken(Exception):
    pass


class RecordingStore:
    """Writes a diary that it shares with the transport; fails at a step, once it is told to."""

    alone = True

    def __init__(self, diary, again=()):
        self.diary = diary
        self.again = again
        self.broken = None
        self.restored = []
        self.hold = None
        self.handled = set()
        self.ids = itertools.count(1 + max((text.id for text in again), default=0))

    async def _step(self, name, *details):
        await asyncio.sleep(0)
        if self.hold is not None and name == "commit":
            await self.hold.wait()
        if self.broken == name:
            self.diary.append(("failed", name))
            raise Broken(name)
        self.diary.append((name, *details))

    async def open(self):
        await self._step("open")
        return Opened(self.again)

    async def load(self, peers):
        await self._step("load", tuple(peers))
        restored, self.restored = self.restored, []
        return restored

    def check(self, peer):
        pass

    def was_handled(self, peer, line_id):
        return (peer, line_id) in self.handled

    async def commit(self, batch):
        await self._step("commit", batch)
        self.handled.update(batch.handled)
        return [next(self.ids) for _ in batch.texts]

    async def close(self, *, emitted):
        await self._step("close")


@pytest.fixture
def diary():
    return []


def open_gateway(account, diary, store, **options):
    return Gateway(account, lambda peer, line: diary.append(("emit", peer, line)), store, **options)


def test_batch_then_commit_comes_before_acknowledgement_emission_and_delivery(quick, run, diary):
    async def main():
        store = RecordingStore(diary)
        async with open_gateway(make_account(quick), diary, store) as gateway:
            gateway.on_event = lambda peer, event: diary.append(("event", peer, type(event)))
            gateway.feed("x", b"?OTRv3?", lambda: diary.append(("ack", "x")))
            await gateway.receive("y", b"text", lambda: diary.append(("ack", "y")))
            async for message in gateway:
                diary.append(("text", message.peer, message.text))
                break

    run(main())
    text = events.MessageReceived(b"text", encrypted=False)
    loaded = [peer for entry in diary if entry[0] == "load" for peer in entry[1]]
    opened, (step, batch), *rest = [entry for entry in diary if entry[0] != "load"]
    assert (opened, loaded, step) == (("open",), ["x", "y"], "commit")
    assert dict(batch.inputs) == {"x": b"?OTRv3?", "y": b"text"}
    assert set(batch.states) == {"x", "y"}
    assert [peer for peer, _ in batch.lines] == ["x"]
    assert [(peer, type(event)) for peer, event in batch.events] == [("x", events.QueryReceived)]
    assert batch.texts == (Undelivered(0, "y", text),)
    assert batch.taken == ()
    after = [("ack", "x"), ("ack", "y"), ("emit", *batch.lines[0])]
    assert rest[:3] == after
    assert set(rest[3:5]) == {("event", "x", events.QueryReceived), ("text", "y", b"text")}


def test_commit_when_it_fails_then_nothing_is_emitted_shown_or_acknowledged(quick, run, diary):
    async def main():
        store = RecordingStore(diary)
        store.broken = "commit"
        gateway = open_gateway(make_account(quick), diary, store)
        gateway.on_event = lambda *each: diary.append(("event", *each))
        with pytest.raises(Broken):
            async with gateway:
                gateway.feed("x", b"?OTRv3?", lambda: diary.append("ack"))
                gateway.feed("z", b"text", lambda: diary.append("ack"))
                results = await asyncio.gather(
                    gateway.receive("y", b"text"),
                    gateway.send("y", b"a text that waits for the next batch"),
                    return_exceptions=True,
                )
                assert [type(each) for each in results] == [Broken, Broken]
                assert not gateway.feed("x", b"more")
                with pytest.raises(GatewayClosed) as raised:
                    await gateway.send("x", b"more")
                assert isinstance(raised.value.__cause__, Broken)
                async for _ in gateway:
                    raise AssertionError("shown")

    run(main())
    assert [entry[0] for entry in diary if entry[0] != "load"] == ["open", "failed", "close"]


@pytest.mark.parametrize("step", STEPS)
def test_store_when_a_step_fails_then_the_program_sees_it(quick, run, diary, step):
    async def main():
        store = RecordingStore(diary)
        store.broken = step
        with pytest.raises(Broken, match=step):
            async with open_gateway(make_account(quick), diary, store) as gateway:
                await gateway.send("x", b"text")

    run(main())
    emitted = [entry for entry in diary if entry[0] == "emit"]
    assert len(emitted) == (step == "close")


def test_calls_when_they_wait_for_room_of_a_broken_gateway_then_they_raise(quick, run, diary):
    async def main():
        store = RecordingStore(diary)
        store.broken = "commit"
        with pytest.raises(Broken):
            async with open_gateway(make_account(quick), diary, store, per_peer=1) as gateway:
                calls = [gateway.send("x", b"%d" % number) for number in range(3)]
                results = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(each) for each in results] == [Broken, GatewayClosed, GatewayClosed]

    run(main())


def test_lines_when_they_arrive_during_a_commit_then_they_are_the_next_batch(quick, run, diary):
    peers = [f"peer {number}" for number in range(100)]

    async def main():
        store = RecordingStore(diary)
        store.hold = asyncio.Event()
        async with open_gateway(make_account(quick), diary, store) as gateway:
            first = asyncio.ensure_future(gateway.receive("first", b"text"))
            while ("load", ("first",)) not in diary:  # noqa: ASYNC110 - no step says it earlier
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            rest = [gateway.receive(peer, b"text %d" % n) for peer in peers for n in range(2)]
            rest = [asyncio.ensure_future(each) for each in rest]
            await asyncio.sleep(0)
            store.hold.set()
            await asyncio.gather(first, *rest)

    run(main())
    sizes = [[peer for peer, _ in entry[1].inputs] for entry in diary if entry[0] == "commit"]
    assert all(len(set(batch)) == len(batch) <= 64 for batch in sizes)
    assert sum(map(len, sizes)) == 201
    assert len([batch for batch in sizes if batch]) <= 6


def test_text_when_it_was_not_acknowledged_then_it_is_redelivered(quick, run, diary):
    again = Undelivered(7, "x", events.MessageReceived(b"again", encrypted=False))

    async def main():
        store = RecordingStore(diary, [again])
        async with open_gateway(make_account(quick), diary, store) as gateway:
            texts = aiter(gateway)
            message = await anext(texts)
            assert (message.id, message.text, message.redelivered) == (7, b"again", True)
            await gateway.receive("x", b"new")
            message = await anext(texts)
            assert (message.id, message.text, message.redelivered) == (8, b"new", False)

    run(main())
    batches = [entry[1] for entry in diary if entry[0] == "commit"]
    assert [batch.taken for batch in batches if batch.taken] == [(7,)]


def test_peer_when_it_is_restored_then_what_comes_of_that_is_committed_and_emitted(
    quick, run, diary
):
    async def main():
        store = RecordingStore(diary)
        store.restored = [("x", Outcome((events.SmpAborted(by_peer=False),), (b"a line",)))]
        async with open_gateway(make_account(quick), diary, store) as gateway:
            await gateway.send("x", b"text")

    run(main())
    assert [entry[0] for entry in diary[:5]] == ["open", "load", "commit", "emit", "emit"]
    assert diary[2][1].lines == (("x", b"a line"), ("x", b"text"))
    assert diary[2][1].events == (("x", events.SmpAborted(by_peer=False)),)


@pytest.mark.parametrize("end", [None, False, True])
def test_close_with_a_store_then_it_saves_or_ends(two, run, diary, end):
    async def main():
        async with two(store=RecordingStore(diary)) as net:
            await net.establish("x")
            diary.clear()
            await net.alice.close(end)
            if end:
                await net.diaries[1].wait("x", events.SecureEnded)
            else:
                assert net.alice.snapshot()["conversations"]["encrypted"] == 1

    run(main())
    (_, batch), (last,) = diary
    assert last == "close"
    assert batch.states == ("x",)
    assert bool(batch.lines) == bool(end)


def test_memory_store_then_it_does_nothing(quick, run):
    async def main():
        store = MemoryStore()
        assert await store.load(["x"]) == ()
        assert not store.was_handled("x", b"id")
        async with Gateway(
            make_account(quick, policy=Policy.NEVER), lambda *_: None, store
        ) as gateway:
            await gateway.send("x", b"text")
            assert gateway.snapshot()["commits"] == 1

    run(main())
    assert not any(Batch())
