"""`otrfast demo`: the bot is killed, every text comes back, and what does not is a failure."""

import argparse
import asyncio
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import Pair, unwrap, wrap

from otrfast.apps.demo import command, demonstration
from otrfast.apps.demo.bot_process import BotFailed, BotProcess
from otrfast.apps.demo.demonstration import Demonstration, Plan
from otrfast.apps.demo.observed import Observed
from otrfast.apps.demo.relay import Relay
from otrfast.apps.demo.wire import Wire
from otrfast.apps.line_transport import Line, _Reader

from .program import COMMAND, WAIT, on_terminal, otrfast

QUIET = ("--partners", "2", "--no-rates")


def test_demo_sends_each_line_of_its_input_and_gets_it_back():
    lines = b"first line\n\nand [bold]another[/bold]\nthe third: \xff\xfe\n"
    done = otrfast("demo", *QUIET, given=lines)
    shown = done.stdout.decode()
    assert done.returncode == 0, shown
    assert "all 6 texts came back" in shown
    assert "and [bold]another[/bold]" in shown
    assert "?OTR:" in shown
    assert "same secret (SMP): 2 of 2" in shown
    assert "0 lost, 0 doubled" in shown
    assert "0 after it" in shown
    first, second = re.search(r"process (\d+)\) after .*process (\d+)\)", shown).groups()
    assert first != second
    assert done.stderr == b""


def test_demo_without_input_holds_its_own_dialogue():
    done = otrfast("demo", "--partners", "1", "--no-rates", given=b"")
    assert done.returncode == 0
    assert "all 100 texts came back" in done.stdout.decode()


def test_demo_with_a_terminal_as_input_holds_its_own_dialogue():
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*COMMAND, "demo", "--partners", "1", "--no-rates"],
            stdin=theirs,
            capture_output=True,
            check=False,
            timeout=WAIT,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert "all 100 texts came back" in done.stdout.decode()


@pytest.mark.long
def test_demo_prints_rates_at_the_end():
    done = otrfast("demo", "--partners", "1", given=b"hello\n")
    assert done.returncode == 0
    assert "key exchanges" in done.stdout.decode()


@pytest.mark.parametrize("number", ["0", "1001", "many"])
def test_demo_with_a_senseless_number_of_partners_explains_its_use(number):
    done = otrfast("demo", "--partners", number)
    assert done.returncode == 2
    assert b"--partners" in done.stderr


@pytest.mark.long
def test_demo_fits_one_screen():
    done = otrfast("demo", environment={"COLUMNS": "100"})
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


def observe(texts=(b"one", b"two", b"three"), partners=2, **plan):
    """Run a demonstration in this process; return what it has observed."""
    wanted = Plan(list(texts), partners, **plan)
    return asyncio.run(Demonstration(wanted, lambda *_: None, lambda _: None).run())


def test_demo_then_the_bot_was_killed_among_its_texts_and_no_process_is_left():
    observed = observe()
    kill = observed.kill
    assert kill.status == -signal.SIGKILL
    assert 0 < kill.answered < observed.planned
    assert observed.wire.exchanges == {False: 2, True: 0}
    assert observed.faults() == []
    for process in (kill.process, kill.next_process):
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_demo_then_the_store_was_of_its_owner_alone_and_is_gone(monkeypatch):
    seen = []
    start = BotProcess.start

    async def watch(port, store, key):
        seen.append((store.parent, store.parent.stat().st_mode & 0o777))
        return await start(port, store, key)

    monkeypatch.setattr(BotProcess, "start", watch)
    observe(partners=1)
    assert [mode for _, mode in seen] == [0o700, 0o700]
    assert not seen[0][0].exists()


@pytest.mark.long
def test_demo_without_its_store_then_the_texts_are_lost_and_that_is_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(demonstration, "_PATIENCE", 2.0)
    monkeypatch.setattr(command, "_read_texts", lambda _: [b"one", b"two", b"three"])
    assert run(without_store=True) == 1
    shown = capsys.readouterr().out
    assert "1 texts did not come back" in shown
    assert "texts came back, under the same keys" not in shown
    assert "please report" not in shown


def run(**options):
    given = {"partners": 1, "no_rates": True, "without_store": False} | options
    return command.run(argparse.Namespace(**given))


def run_with(monkeypatch, change):
    """Run a demonstration in which `change` is done to each data message of the bot to a partner
    that has its secret checked: `change(line)` returns the lines in its place."""

    class Unreliable(Relay):
        async def _to_partner(self, verb, name, line):
            changed = change(line) if self._observer.data_messages > 8 else [line]
            for each in changed:
                await super()._to_partner(verb, name, each)

    monkeypatch.setattr(demonstration, "Relay", Unreliable)
    monkeypatch.setattr(demonstration, "_PATIENCE", 2.0)
    monkeypatch.setattr(command, "_read_texts", lambda _: [b"one", b"two", b"three"])
    return run()


def test_demo_when_a_text_is_lost_fails(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda line: []) == 1
    shown = capsys.readouterr().out
    assert "1 texts did not come back" in shown
    assert "please report" in shown


@pytest.mark.long
def test_demo_when_a_text_comes_back_in_the_clear_fails(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda line: [b"received: one"]) == 1
    assert "1 texts did not come back" in capsys.readouterr().out


def test_demo_when_every_text_comes_back_succeeds(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda line: [line]) == 0
    assert "all 3 texts came back" in capsys.readouterr().out


def test_demo_when_the_bot_ends_by_itself_says_how_and_what_to_do(monkeypatch):
    start = BotProcess.start

    async def misdirect(port, store, key):
        return await start(port, store / "not a directory" / "bot.db", key)

    monkeypatch.setattr(BotProcess, "start", misdirect)
    with pytest.raises(BotFailed, match=r"(?s)status 1: .*not a directory.*TMPDIR"):
        observe()


def test_demo_without_a_directory_for_the_store_says_what_to_do(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/no/such/directory")
    with pytest.raises(demonstration.LocalError, match="TMPDIR"):
        observe()


def test_demo_without_what_the_store_needs_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(demonstration.LocalError, match="pip install pycryptodome"):
        run()


# What was counted


def partner(sent, answers, marked=(), under_way=None):
    return SimpleNamespace(
        sent=set(sent), answers=Counter(answers), marked=Counter(marked), under_way=under_way,
        goes_on=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "marked", "fault"),
    [
        ([b"1", b"2"], [], None),
        ([b"1"], [b"2"], None),
        ([b"1", b"2"], [b"2"], None),
        ([b"1", b"2", b"2"], [], "1 answers came twice, and without a mark"),
        ([b"1", b"2", b"3"], [], "1 answers were to texts that nobody has sent"),
        ([b"1", b"2"], [b"3"], "1 answers were to texts that nobody has sent"),
    ],
)
def test_answers_then_only_those_without_a_mark_may_not_come_twice(answers, marked, fault):
    observed = Observed([partner([b"1", b"2"], answers, marked)], Wire(), None)
    observed.planned = 2
    observed.kill = SimpleNamespace(status=-signal.SIGKILL)
    assert observed.faults() == ([fault] if fault else [])
    assert observed.marked == (1 if len(answers) == 2 and marked == [b"2"] else 0)


def test_bot_that_was_not_killed_is_a_fault():
    assert Observed([], Wire(), None).faults() == ["the bot was not killed"]


def test_wire_when_a_counter_is_used_for_two_lines_then_it_is_counted(quick):
    pair = Pair(quick)
    pair.establish()
    [line] = pair.alice.send(b"one").wire
    wire = Wire()
    wire.line("alice", False, line)
    wire.line("alice", False, line)  # a copy is the same text
    assert wire.reused == 0
    raw = bytearray(unwrap(line))
    raw[-10] ^= 1
    wire.line("alice", True, wrap(bytes(raw)))  # the other direction has other keys
    assert wire.reused == 0
    wire.line("alice", False, wrap(bytes(raw)))
    assert wire.reused == 1


def test_line_when_the_connection_breaks_then_what_came_before_is_received():
    async def receive():
        reader = _Reader()
        reader.feed_data(b"one\ntwo\nhalf of a th")
        reader.set_exception(ConnectionResetError())
        writer = SimpleNamespace(transport=SimpleNamespace(set_write_buffer_limits=lambda high: 0))
        line = Line(reader, writer)
        return [await line.receive() for _ in range(3)]

    assert asyncio.run(receive()) == [b"one", b"two", None]


# Ended from outside


def left_behind(directory):
    """The processes whose temporary directory is this one, and the files in it."""
    wanted = f"TMPDIR={directory}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environ.read_bytes().split(b"\0"):
                found.append(environ)
        except OSError:  # it has ended, or is somebody else's
            continue
    return [*found, *directory.iterdir()]


def wait_until_nothing_is_left(directory):
    end = time.monotonic() + WAIT
    while left_behind(directory) and time.monotonic() < end:
        time.sleep(0.05)
    return left_behind(directory)


@pytest.mark.parametrize("after", [b"keys", b"texts answered"])
def test_ctrl_c_in_demo_ends_quietly_and_leaves_nothing(tmp_path, after):
    output, status = on_terminal(
        [*COMMAND, "demo", "--partners", "20"], {"TMPDIR": str(tmp_path)}, interrupt_after=after
    )
    assert status == 130, output
    for word in (b"Traceback", b"Error", b"Exception", b"came back"):
        assert word not in output
    assert wait_until_nothing_is_left(tmp_path) == []


_MUCH = 500_000  # bytes of commits: key exchanges are over


def end_by(number, directory):
    """End a demonstration by a signal, in the middle of its texts; return its standard error."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--partners", "20"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(directory)},
    )  # fmt: skip
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if any(log.stat().st_size > _MUCH for log in directory.glob("*/bot.db-wal")):
            break
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    return errors


def test_demo_when_it_is_terminated_leaves_nothing(tmp_path):
    assert end_by(signal.SIGTERM, tmp_path) == b""
    assert wait_until_nothing_is_left(tmp_path) == []


def test_demo_when_it_is_killed_leaves_no_bot(tmp_path):
    end_by(signal.SIGKILL, tmp_path)
    [store] = tmp_path.iterdir()
    shutil.rmtree(store)  # nobody was there to do it
    assert wait_until_nothing_is_left(tmp_path) == []
