"""Two gateways back to back in one loop."""

import asyncio
import warnings
from collections import defaultdict

import pytest
from helpers import HandClock, make_account

from otrfast import Limits, Policy, events
from otrfast.aio import Gateway

PATIENCE = 3  # seconds after which a test that waits in vain fails
FREE = Limits(
    account_ake_rate=1e6, known_ake_rate=1e6, ake_burst=1e6, examination_rate=1e6, ake_rate=1e6
)


class Diary:
    """What has happened at one gateway, and a way to wait for it."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.events = defaultdict(list)
        self._waiting = []
        gateway.on_event = self.note

    def note(self, peer, event):
        self.events[peer].append(event)
        for kind, whom, future in self._waiting:
            if isinstance(event, kind) and peer == whom and not future.done():
                future.set_result(event)

    async def wait(self, peer, kind):
        for event in self.events[peer]:
            if isinstance(event, kind):
                return event
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((kind, peer, future))
        return await future

    def seen(self, peer, kind):
        return [event for event in self.events[peer] if isinstance(event, kind)]


class Two:
    """Alice's and Bob's gateways; a peer has the same name at both. What one emits, the other is
    fed at once, unless `cut` holds it back."""

    def __init__(self, backend, store=None, limits=FREE, policy=Policy.MANUAL, **options):
        self.clock = HandClock()
        self.cut = False
        self.wire = []
        self.accounts = [
            make_account(backend, name, clock=self.clock, policy=policy, limits=limits)
            for name in ("alice", "bob")
        ]
        self.alice = self.make(0, lambda: self.bob, store=store, **options)
        self.bob = self.make(1, lambda: self.alice)
        self.diaries = Diary(self.alice), Diary(self.bob)

    def make(self, number, other, **options):
        def emit(peer, line):
            self.wire.append((number, peer, line))
            if not self.cut:
                assert other().feed(peer, line)

        options.setdefault("clock", self.clock)
        return Gateway(self.accounts[number], emit, **options)

    async def __aenter__(self):
        await self.bob.__aenter__()
        await self.alice.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.alice.__aexit__(*error)
        await self.bob.__aexit__(*error)

    async def establish(self, *peers):
        await asyncio.gather(*[self.alice.peer(peer).start() for peer in peers])
        for peer in peers:
            for diary in self.diaries:
                await diary.wait(peer, events.SecureStarted)


@pytest.fixture
def run():
    """Run a coroutine to its end: no task may be left, no resource open, no exception unseen."""

    def run(coroutine):
        complaints = []

        async def watched():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            await asyncio.wait_for(coroutine, PATIENCE)
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            asyncio.run(watched())
        assert not complaints

    return run


@pytest.fixture
def two(quick):
    return lambda **options: Two(quick, **options)
