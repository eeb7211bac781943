"""The gateway: order, bounds, cancellation, failures of callables, deadlines, the end."""

import asyncio
import logging

import pytest
from helpers import make_account

from otrfast import Limits, NotEncrypted, Policy, events
from otrfast.aio import (
    CallbackFailed,
    Gateway,
    GatewayClosed,
    LineFailed,
    TransportFailed,
)
from otrfast.errors import TextHasNul

START = b"?OTRv3?"


async def take(gateway, number):
    """The next texts, by peer."""
    found = {}
    if number:
        async for message in gateway:
            found.setdefault(message.peer, []).append(message.text)
            number -= 1
            if not number:
                break
    return found


def test_gateway_when_a_peer_writes_then_its_echo_comes_encrypted(two, run):
    async def main():
        async with two() as net:
            await net.establish("x")
            await net.bob.send("x", b"hello")
            async for message in net.alice:
                assert (message.peer, message.text, message.encrypted) == ("x", b"hello", True)
                assert not message.redelivered
                await message.reply(b"you said hello")
                break
            assert await take(net.bob, 1) == {"x": [b"you said hello"]}
            assert not any(b"hello" in line for _, _, line in net.wire)

    run(main())


def test_gateway_when_200_peers_write_at_once_then_each_has_its_texts_in_order(two, run):
    peers = [f"peer {number}" for number in range(200)]

    async def main():
        async with two() as net:
            await net.establish(*peers)
            serving = asyncio.ensure_future(
                net.alice.serve(lambda message: message.reply(message.text), 16)
            )
            texts = [b"%d" % number for number in range(10)]
            sends = [net.bob.send(peer, text) for text in texts for peer in peers]
            got, *_ = await asyncio.gather(take(net.bob, len(sends)), *sends)
            assert got == dict.fromkeys(peers, texts)
            await net.alice.close()
            await serving

    run(main())


def test_iteration_when_a_text_is_not_acknowledged_then_the_peers_next_one_waits(two, run):
    async def main():
        async with two() as net:
            await net.establish("x", "y")
            for peer, text in (("x", b"1"), ("x", b"2"), ("y", b"3")):
                await net.bob.send(peer, text)
            one, other = aiter(net.alice), aiter(net.alice)
            assert (await anext(one)).text == b"1"
            assert (await anext(other)).text == b"3"
            assert (await anext(one)).text == b"2"

    run(main())


def test_reply_when_texts_go_to_another_instance_then_it_goes_to_the_one_that_wrote(quick, run):
    async def main():
        account = make_account(quick)
        devices = [make_account(quick, name, seed=9).session("a") for name in ("bob", "eve")]
        out = []
        async with Gateway(
            account, lambda _, line: out.append(line), clock=account._context.clock
        ) as gateway:
            for device in devices:
                lines = list(device.start().wire)
                while lines:
                    for line in lines:
                        await gateway.receive("x", line)
                    lines = [each for line in out for each in device.receive(line).wire]
                    out.clear()
            for number in (0, 1, 0):
                (line,) = devices[number].send(b"from %d" % number).wire
                await gateway.receive("x", line)
                async for message in gateway:
                    await message.reply(b"answer")
                    break
                (answer,) = out
                out.clear()
                found = devices[number].receive(answer).events
                assert [event.text for event in found] == [b"answer"]

    run(main())


# Bounds


def test_feed_when_a_peer_has_too_many_lines_then_it_refuses_that_peer_alone(quick, run):
    async def main():
        async with Gateway(make_account(quick), lambda *_: None, per_peer=3, overall=5) as gateway:
            assert [gateway.feed("x", b"text") for _ in range(4)] == [True, True, True, False]
            assert [gateway.feed("y", b"text") for _ in range(3)] == [True, True, False]
            waiting = asyncio.ensure_future(gateway.receive("x", b"last"))
            got = await take(gateway, 5)
            assert got == {"x": [b"text"] * 3, "y": [b"text"] * 2}
            await waiting
            assert await take(gateway, 1) == {"x": [b"last"]}
            numbers = gateway.snapshot()
            assert numbers["refused_per_peer"] == 2
            assert numbers["refused_overall"] == 1

    run(main())


def test_feed_when_the_program_takes_no_texts_then_it_refuses_in_the_end(quick, run):
    async def main():
        async with Gateway(make_account(quick), lambda *_: None, per_peer=3) as gateway:
            for _ in range(3):
                await gateway.receive("x", b"text")
            assert not gateway.feed("x", b"text")
            await take(gateway, 1)
            assert gateway.snapshot()["waiting_texts"] == 2

    run(main())


def test_arguments_when_of_another_type_then_they_are_refused_at_once(quick, run):
    async def main():
        async with Gateway(make_account(quick), lambda *_: None) as gateway:
            with pytest.raises(TypeError):
                gateway.feed("x", "text")
            with pytest.raises(TypeError):
                await gateway.send("x", "text")

    run(main())


# Cancellation and errors of calls


def test_send_when_cancelled_before_it_is_taken_then_nothing_is_sent(two, run):
    async def main():
        async with two() as net:
            first = asyncio.ensure_future(net.alice.send("x", b"one"))
            second = asyncio.ensure_future(net.alice.send("x", b"two"))
            await asyncio.sleep(0)  # both are queued
            second.cancel()
            await first
            with pytest.raises(asyncio.CancelledError):
                await second
            await net.alice.send("x", b"three")
            assert [line for _, _, line in net.wire] == [b"one", b"three"]

    run(main())


def test_send_when_cancelled_while_it_waits_for_room_then_the_room_is_kept(quick, run):
    async def main():
        out = []
        gateway = Gateway(make_account(quick), lambda _, line: out.append(line), per_peer=1)
        async with gateway:
            tasks = [asyncio.ensure_future(gateway.send("x", b"%d" % n)) for n in range(4)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await gateway.send("x", b"4")
        assert out == [b"0", b"2", b"3", b"4"]

    run(main())


def test_send_when_cancelled_after_it_was_taken_then_it_runs_to_its_end(quick, run):
    async def main():
        out, reached, go_on = [], asyncio.Event(), asyncio.Event()

        async def emit(peer, line):
            reached.set()
            await go_on.wait()
            out.append(line)

        async with Gateway(make_account(quick), emit) as gateway:
            sending = asyncio.ensure_future(gateway.send("x", b"taken"))
            await reached.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            go_on.set()
            await gateway.send("x", b"next")
        assert out == [b"taken", b"next"]

    run(main())


def test_send_when_the_session_refuses_then_only_that_call_raises(two, run):
    async def main():
        async with two() as net:
            await net.establish("x", "y", "z")
            texts = {"x": b"good", "y": b"a zero \0 byte", "z": b"good too"}
            results = await asyncio.gather(
                *[net.alice.send(*each) for each in texts.items()], return_exceptions=True
            )
            assert [type(each) for each in results] == [type(None), TextHasNul, type(None)]
            assert await take(net.bob, 2) == {"x": [b"good"], "z": [b"good too"]}

    run(main())


def test_batch_when_the_engine_fails_at_once_then_every_item_of_it_learns_that(quick, run):
    async def main():
        account = make_account(quick)

        def broken(items):
            raise RuntimeError("broken")

        async with Gateway(account, lambda *_: None) as gateway:
            reported = asyncio.Queue()
            gateway.on_event = lambda *each: reported.put_nowait(each)
            account.receive_many = broken
            assert gateway.feed("y", b"line")
            with pytest.raises(RuntimeError):
                await gateway.receive("x", b"line")
            peer, event = await reported.get()
            assert (peer, type(event)) == ("y", LineFailed)
            del account.receive_many
            await gateway.receive("x", b"line")

    run(main())


# Callables of the program


def test_on_event_when_it_raises_then_that_is_logged_and_comes_as_an_event(two, run, caplog):
    async def main():
        async with two() as net:
            seen = []

            async def on_event(peer, event):
                seen.append(event)
                raise ValueError("a secret text")

            net.alice.on_event = on_event
            await net.alice.peer("long name").start()
            await net.diaries[1].wait("long name", events.SecureStarted)
        failures = [event for event in seen if isinstance(event, CallbackFailed)]
        assert failures
        assert len(failures) * 2 == len(seen)
        assert {event.where for event in failures} == {"on_event"}

    with caplog.at_level(logging.INFO, "otrfast.gateway"):
        run(main())
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
    assert "long name" not in caplog.text


def test_ack_when_it_raises_then_the_others_are_called(quick, run):
    async def main():
        acked = []

        def bad():
            raise ValueError

        async with Gateway(make_account(quick), lambda *_: None) as gateway:
            reported = asyncio.Queue()
            gateway.on_event = lambda *each: reported.put_nowait(each)
            gateway.feed("x", b"text", bad)
            await gateway.receive("y", b"text", lambda: acked.append("y"))
            assert await reported.get() == ("x", CallbackFailed("ack", None))
        assert acked == ["y"]

    run(main())


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_transport_when_it_raises_then_the_line_is_reported_and_nothing_else_stops(
    quick, run, kind
):
    async def main():
        out = []

        def plain(peer, line):
            if peer == "bad":
                raise OSError("unplugged")
            out.append(line)

        async def awaited(peer, line):
            await asyncio.sleep(0)
            plain(peer, line)

        emit = plain if kind == "plain" else awaited
        async with Gateway(make_account(quick), emit) as gateway:
            reported = asyncio.Queue()
            gateway.on_event = lambda *each: reported.put_nowait(each)
            await asyncio.gather(*[gateway.send(peer, peer.encode()) for peer in ("a", "bad", "c")])
            assert await reported.get() == ("bad", TransportFailed(b"bad", None))
        assert out == [b"a", b"c"]

    run(main())


def test_serve_when_an_answer_raises_then_the_next_text_is_answered(quick, run):
    async def main():
        out = []

        async def answer(message):
            if message.text == b"bad":
                raise ValueError
            await message.reply(message.text)

        async with Gateway(make_account(quick), lambda _, line: out.append(line)) as gateway:
            serving = asyncio.ensure_future(gateway.serve(answer))
            await gateway.receive("x", b"bad")
            await gateway.receive("x", b"good")
            await gateway.close()
            await serving

    run(main())


def test_program_when_it_sends_from_within_on_event_then_the_text_goes_out(two, run):
    async def main():
        async with two() as net:

            async def on_event(peer, event):
                if isinstance(event, events.SecureStarted):
                    await net.alice.send(peer, b"welcome")

            net.alice.on_event = on_event
            await net.alice.peer("x").start()
            assert await take(net.bob, 1) == {"x": [b"welcome"]}

    run(main())


# Peers, time, the end


def test_peer_when_it_checks_a_secret_then_both_sides_succeed_and_trust(two, run):
    async def main():
        async with two() as net:
            await net.establish("x")
            with pytest.raises(NotEncrypted):
                await net.alice.peer("y").smp_start(b"blue")
            await net.alice.peer("x").smp_start(b"blue", b"which colour?")
            asked = await net.diaries[1].wait("x", events.SmpRequested)
            assert asked.question == b"which colour?"
            await net.bob.peer("x").smp_answer(b"blue")
            await net.diaries[0].wait("x", events.SmpSucceeded)
            await net.bob.peer("x").trust("verified")
            assert list(net.accounts[1].trust.of("x").values()) == ["verified"]
            with pytest.raises(NotEncrypted):
                await net.bob.peer("y").trust("verified")
            await net.alice.peer("x").smp_start(b"red")
            await net.alice.peer("x").smp_abort()
            await net.diaries[1].wait("x", events.SmpAborted)
            await net.alice.peer("x").end()
            await net.diaries[1].wait("x", events.SecureEnded)

    run(main())


def test_deadline_when_its_time_comes_then_a_held_text_comes_back(quick, run):
    async def main():
        account = make_account(quick, policy=Policy.ALWAYS)
        clock = account._context.clock
        async with Gateway(account, lambda *_: None, clock=clock) as gateway:
            reported = asyncio.Queue()
            gateway.on_event = lambda *each: reported.put_nowait(each)
            await gateway.send("x", b"held")
            assert isinstance((await reported.get())[1], events.MessageHeld)
            clock.turn(61)
            gateway._pump.wake()
            assert await reported.get() == ("x", events.MessageUndelivered(b"held"))

    run(main())


def test_deadline_when_nothing_else_happens_then_a_timer_wakes_the_gateway(quick, run):
    async def main():
        limits = Limits(held_age=0.05)
        import time

        account = make_account(quick, policy=Policy.ALWAYS, limits=limits, clock=time.monotonic)
        async with Gateway(account, lambda *_: None) as gateway:
            reported = asyncio.Queue()
            gateway.on_event = lambda *each: reported.put_nowait(each)
            await gateway.send("x", b"held")
            await reported.get()
            assert await reported.get() == ("x", events.MessageUndelivered(b"held"))

    run(main())


def test_storm_when_above_the_rate_of_the_account_then_all_are_encrypted_in_the_end(two, run):
    peers = [f"peer {number}" for number in range(100)]

    async def main():
        slow = Limits(account_ake_rate=20, known_ake_rate=20, examination_rate=1e6)
        async with two(limits=slow) as net:
            await asyncio.gather(*[net.alice.peer(peer).start() for peer in peers])

            def encrypted():
                return [
                    gateway.snapshot()["conversations"]["encrypted"]
                    for gateway in (net.alice, net.bob)
                ]

            for _ in range(20):
                if encrypted() == [100, 100]:
                    break
                net.clock.turn(1)
                for gateway in (net.bob, net.alice):
                    gateway._pump.wake()
                for _ in range(400):  # turns of the loop, for what one second allows
                    await asyncio.sleep(0)
            assert encrypted() == [100, 100]

    run(main())


def test_close_when_items_wait_then_they_are_done_and_the_conversations_end(two, run):
    async def main():
        async with two() as net:
            await net.establish("x", "y")
            sends = [asyncio.ensure_future(net.alice.send("x", b"%d" % n)) for n in range(5)]
            await asyncio.sleep(0)
            await net.alice.close()
            await asyncio.gather(*sends)
            assert await take(net.bob, 5) == {"x": [b"0", b"1", b"2", b"3", b"4"]}
            for peer in ("x", "y"):
                await net.diaries[1].wait(peer, events.SecureEnded)
            assert not net.alice.feed("x", b"late")
            for call in (net.alice.send("x", b"late"), net.alice.receive("x", b"late")):
                with pytest.raises(GatewayClosed):
                    await call
            assert await take(net.alice, 0) == {}
            assert [message async for message in net.alice] == []

    run(main())


def test_close_when_calls_wait_for_room_then_they_raise(quick, run):
    async def main():
        async with Gateway(make_account(quick), lambda *_: None, per_peer=1) as gateway:
            await gateway.receive("x", b"not taken by the program")
            waiting = asyncio.ensure_future(gateway.receive("x", b"waits"))
            await asyncio.sleep(0)
            await gateway.close()
            with pytest.raises(GatewayClosed):
                await waiting

    run(main())


def test_close_when_called_from_within_on_event_then_it_returns(quick, run):
    async def main():
        gateway = Gateway(make_account(quick), lambda *_: None)
        closed = asyncio.Event()

        async def on_event(peer, event):
            await gateway.close()
            closed.set()

        gateway.on_event = on_event
        async with gateway:
            await gateway.receive("x", START)
            await closed.wait()

    run(main())


def test_close_when_the_program_is_cancelled_then_everything_ends(quick, run):
    async def main():
        opened = asyncio.Event()

        async def program():
            async with Gateway(make_account(quick), lambda *_: None) as gateway:
                opened.set()
                async for _ in gateway:
                    pass

        task = asyncio.ensure_future(program())
        await opened.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_gateway_when_not_open_then_it_takes_nothing(quick, run):
    async def main():
        gateway = Gateway(make_account(quick), lambda *_: None)
        assert not gateway.feed("x", b"early")
        with pytest.raises(GatewayClosed, match="not open"):
            await gateway.send("x", b"early")
        await gateway.close()
        async with gateway:
            with pytest.raises(GatewayClosed):
                await gateway.__aenter__()

    run(main())


def test_snapshot_when_lines_have_passed_then_it_counts_them(two, run):
    async def main():
        async with two() as net:
            await net.establish("x")
            await net.bob.send("x", b"hello")
            await take(net.alice, 1)
            numbers = net.alice.snapshot()
            assert numbers["conversations"] == {"plaintext": 0, "encrypted": 1, "finished": 0}
            assert numbers["lines_in"] == 3  # two of the key exchange, and the text
            assert numbers["lines_out"] == 3  # the query, and two
            assert sum(numbers["latency"].values()) == 4  # one more: `start`
            assert numbers["commits"] == 0
            assert numbers["waiting_items"] == numbers["waiting_events"] == 0
            assert net.bob.snapshot()["texts_out"] == 1

    run(main())
