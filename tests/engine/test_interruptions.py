"""An exception anywhere leaves the old state, or one that refuses to go on: no key stream is used
twice, and what the account counts comes back to zero."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Pair, Side, kind, parsed

import otrfast
from otrfast import errors
from otrfast.crypto.backends import load

PACKAGE = str(Path(otrfast.__file__).parent)


class Interrupted(BaseException):
    """Like KeyboardInterrupt: no handler of `Exception` catches it."""


class Streams:
    """Which counters have been used under which keys, by what went over the wire."""

    def __init__(self) -> None:
        self.used: Counter[tuple[str, bytes, int]] = Counter()

    def note(self, side: Side, lines: list[bytes] | tuple[bytes, ...]) -> None:
        for line in lines:
            if kind(line) == "DataMessage":
                message = parsed(line)
                ring = side.instance.channel.keyring
                keys = ring.derived(message.sender_keyid, message.recipient_keyid)
                if keys is not None:
                    self.used[side.account.name, keys.extra_key(), message.counter] += 1


def scene(backend, operation: str) -> tuple[Pair, Callable[[], object], Side]:
    """A conversation after a flagged message, and what is to be interrupted."""
    pair = Pair(backend, 3)
    pair.establish()
    pair.converse(2)
    alice, bob = pair.alice, pair.bob
    if operation == "send":
        return pair, lambda: alice.session.send(b"interrupted"), alice
    if operation == "receive":
        line = bob.session.send(b"rotates the keys").wire[0]
        return pair, lambda: alice.session.receive(line), alice
    if operation == "receive a burst":
        first, line = bob.session.send_many([b"one", b"two"]).wire
        alice.session.receive(first)
        return pair, lambda: alice.session.receive(line), alice
    if operation == "smp":
        line = bob.session.smp_start(b"secret").wire[0]
        return pair, lambda: alice.session.receive(line), alice
    # the messages of a refresh: Alice receives the first and third, or the second and fourth
    starter, wanted = {
        "DHCommit": (alice, "DHCommit"),
        "DHKey": (bob, "DHKey"),
        "RevealSignature": (alice, "RevealSignature"),
        "Signature": (bob, "Signature"),
    }[operation]
    starter.start()
    while not (bob.out and kind(bob.out[0]) == wanted):
        pair.step(alice)
        if not (bob.out and kind(bob.out[0]) == wanted):
            pair.step(bob)
    awaited = bob.out.popleft()
    return pair, lambda: alice.session.receive(awaited), alice


OPERATIONS = (
    "send", "receive", "receive a burst", "smp", "DHCommit", "DHKey", "RevealSignature", "Signature"
)  # fmt: skip


def go_on(pair: Pair, streams: Streams) -> None:
    """Send from both sides, refresh, send again: whatever is refused must be refused clearly."""
    for _ in range(2):
        for side in (pair.alice, pair.bob):
            for text in (b"first", b"second"):
                try:
                    outcome = side.session.send(text)
                except errors.SessionBroken:
                    continue
                streams.note(side, outcome.wire)
                side.take(outcome)
        pair.deliver()
        pair.clock.turn(20)
        pair.alice.start()
        pair.deliver()
    assert pair.alice.encrypted
    assert pair.bob.encrypted
    pair.converse()


def ends_clean(pair: Pair) -> None:
    """When all has ended, nothing is counted."""
    for side in (pair.alice, pair.bob):
        side.take(side.session.end())
    for side in (pair.alice, pair.bob):
        usage = side.account._context.usage
        assert (usage.pending_akes, usage.assembled, usage.held) == (0, 0, 0)


def attempt(backend, operation: str, interrupt: Callable[[Callable[[], object]], bool]) -> bool:
    """Interrupt one operation, and see what becomes of the conversation; whether it was."""
    pair, run, side = scene(backend, operation)
    streams = Streams()
    flagged = side.session.send(b"flagged", flags=1).wire
    streams.note(side, flagged)
    pair.bob.session.receive(flagged[0])
    outcome: list[object] = []
    interrupted = interrupt(lambda: outcome.append(run()))
    if not interrupted:
        side.take(outcome[0])
        streams.note(side, outcome[0].wire)
    go_on(pair, streams)
    assert max(streams.used.values()) == 1
    ends_clean(pair)
    return interrupted


def at_line(number: int) -> Callable[[Callable[[], object]], bool]:
    """Raise at the line of this number that the package runs."""

    def interrupt(run: Callable[[], object]) -> bool:
        left = number

        def trace(frame, event, _):
            nonlocal left
            if not frame.f_code.co_filename.startswith(PACKAGE):
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    sys.settrace(None)
                    raise Interrupted
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            run()
        except Interrupted:
            return True
        finally:
            sys.settrace(before)
        return False

    return interrupt


@pytest.mark.sample(backend=["native", "gmpy2"])
@pytest.mark.sample(backend="pure", operation=["send", "receive", "receive a burst"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_exception_at_every_line_then_no_key_stream_twice_and_nothing_stays_counted(
    backend, operation: str
):
    number, step = 0, 1 if backend.name == "native" else 9
    while attempt(backend, operation, at_line(number)):
        number += step
    assert number > 10 or operation in ("send", "receive a burst")


def at_allocation(number: int) -> Callable[[Callable[[], object]], bool]:
    """Have the allocation of this number fail."""
    import _testcapi

    def interrupt(run: Callable[[], object]) -> bool:
        gc.collect()
        _testcapi.set_nomemory(number, number + 1)
        try:
            run()
        except MemoryError:
            return True
        finally:
            _testcapi.remove_mem_hooks()
        return False

    return interrupt


def fail_each_allocation(operation: str) -> None:
    """Have each allocation of an operation fail, in a process of its own: it fails in every
    thread of it."""
    quiet = number = 0
    while quiet < 40:  # past the last allocation; some failures are absorbed before it
        quiet = 0 if attempt(load("native"), operation, at_allocation(number)) else quiet + 1
        number += 1
        assert number < 3000, "the operation allocates without end"


@pytest.mark.sample(operation="send")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_failing_allocations_then_no_key_stream_twice_and_nothing_stays_counted(operation: str):
    pytest.importorskip("_testcapi", reason="this Python is built without its C test module")
    code = f"from engine.test_interruptions import fail_each_allocation as f; f({operation!r})"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
