"""The pace of outgoing lines, on a clock turned by hand: order, fairness, what is on its way."""

import asyncio
from itertools import pairwise

import pytest

from otrfast.irc.pacing import MOST, UNCONFIRMED, Pacer

LONG = "x" * 400


class Wire:
    """A server that answers each PING at once, unless it is slow."""

    def __init__(self, slow=False):
        self.now = 0.0
        self.lines = []
        self.slow = slow
        self.pacer = Pacer(lambda peer, text: f"{peer} {text}", lambda: self.now)

    def write(self, line):
        if line.startswith("PING"):
            if not self.slow:
                asyncio.get_running_loop().call_soon(self.pacer.pong, line.removeprefix("PING "))
            self.token = line.removeprefix("PING ")
        else:
            self.lines.append((round(self.now, 3), line))

    async def turn(self, seconds, step=0.125):
        for _ in range(int(seconds / step)):
            self.pacer.wake()
            for _ in range(10):
                await asyncio.sleep(0)
            self.now += step

    async def __aenter__(self):
        self.pacer.connect(self.write)
        self.running = asyncio.ensure_future(self.pacer.run(lambda: True))
        return self

    async def __aexit__(self, *error):
        self.running.cancel()
        await asyncio.wait([self.running])


def run(test, **options):
    async def main():
        async with Wire(**options) as wire:
            await test(wire)

    asyncio.run(asyncio.wait_for(main(), 10))


def test_long_lines_then_there_is_a_second_after_each():
    async def test(wire):
        for number in range(22):
            wire.pacer.put("alice", f"{number}{LONG}")
        await wire.turn(30)
        times = [time for time, _ in wire.lines]
        assert len(times) == 22
        assert min(b - a for a, b in pairwise(times)) >= 1
        assert times[-1] <= 22

    run(test)


def test_short_lines_then_there_are_no_more_than_three_a_second():
    async def test(wire):
        for _ in range(9):
            wire.pacer.put("alice", "hi")
        await wire.turn(10)
        times = [time for time, _ in wire.lines]
        assert len(times) == 9
        assert all(sum(start <= time < start + 1 for time in times) <= 3 for start in times)

    run(test)


def test_several_peers_then_they_take_turns_and_each_stays_in_order():
    async def test(wire):
        for number in range(3):
            wire.pacer.put("alice", f"{number}")
        wire.pacer.put("bob", "0")
        await wire.turn(5)
        assert [line for _, line in wire.lines] == ["alice 0", "bob 0", "alice 1", "alice 2"]

    run(test)


def test_control_line_then_it_is_before_those_of_peers_and_they_wait_for_it():
    async def test(wire):
        for number in range(3):
            wire.pacer.put("alice", f"{number}{LONG}")
        await wire.turn(0.25)
        wire.pacer.control("PONG x")
        await wire.turn(3)
        assert [line[:7] for _, line in wire.lines] == ["alice 0", "PONG x", "alice 1", "alice 2"]
        assert wire.lines[1][0] < 1
        assert wire.lines[2][0] > 1.3

    run(test)


def test_server_does_not_confirm_then_no_more_is_sent():
    async def test(wire):
        for number in range(9):
            wire.pacer.put("alice", f"{number}")
        await wire.turn(20)
        assert len(wire.lines) == UNCONFIRMED
        assert wire.pacer.asked is not None
        wire.pacer.pong("something else")
        await wire.turn(5)
        assert len(wire.lines) == UNCONFIRMED
        wire.slow = False
        wire.pacer.pong(wire.token)
        await wire.turn(10)
        assert len(wire.lines) == 9
        assert wire.pacer.asked is None

    run(test, slow=True)


def test_connection_is_lost_then_lines_wait_and_go_on_over_the_next():
    async def test(wire):
        for number in range(6):
            wire.pacer.put("alice", f"{number}")
        await wire.turn(0.5)
        wire.pacer.disconnect()
        before = len(wire.lines)
        wire.pacer.control("PONG x")
        wire.pacer.ping()
        await wire.turn(5)
        assert len(wire.lines) == before
        wire.pacer.connect(wire.write)
        await wire.turn(5)
        assert [line for _, line in wire.lines] == [f"alice {number}" for number in range(6)]

    run(test, slow=False)


def test_peer_is_renamed_or_gone_then_its_lines_are():
    async def test(wire):
        wire.pacer.disconnect()
        for peer in ("alice", "bob", "bob"):
            wire.pacer.put(peer, "x")
        wire.pacer.rename("alice", "dora")
        assert (wire.pacer.waiting("dora"), wire.pacer.waiting("alice")) == (1, 0)
        assert wire.pacer.drop("bob") == 2
        assert len(wire.pacer) == 1
        wire.pacer.stop_waiting()
        assert len(wire.pacer) == 0

    run(test)


def test_too_many_lines_wait_then_room_is_waited_for():
    async def test(wire):
        wire.pacer.disconnect()
        for _ in range(MOST):
            wire.pacer.put("alice", "x")
        waiting = asyncio.ensure_future(wire.pacer.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        wire.pacer.connect(wire.write)
        await wire.turn(1)
        assert waiting.done()

    run(test)


def test_drained_then_all_is_confirmed():
    async def test(wire):
        wire.pacer.put("alice", "x")
        drained = asyncio.ensure_future(wire.pacer.drained())
        await wire.turn(1)
        assert not drained.done()
        with pytest.raises(KeyError):
            wire.pacer._queues["alice"]
        wire.pacer.pong(wire.token)
        await wire.turn(1)
        assert drained.done()

    run(test, slow=True)
