"""Answers by a command."""

import argparse
import asyncio
import shlex
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otrfast.apps import bot_exec
from otrfast.apps.bot_exec import CommandFailed, answering

KEPT = """
import sys
given, out = sys.stdin.buffer, sys.stdout.buffer
while line := given.readline():
    peer, text = map(int, line.split())
    answer = b"<%s> %s" % (given.read(peer), given.read(text))
    if answer.endswith(b"crash"):
        sys.exit(3)
    if answer.endswith(b"sleep"):
        import time; time.sleep(60)
    if answer.endswith(b"junk"):
        out.write(b"what?\\n")
    elif answer.endswith(b"huge"):
        out.write(b"999999\\n")
    elif answer.endswith(b"endless"):
        out.write(b"0" * 200_000)
    else:
        out.write(b"%d\\n" % len(answer) + answer)
    out.flush()
"""


def python(code):
    return shlex.join([sys.executable, "-c", code])


@asynccontextmanager
async def asked(command, *options):
    parser = argparse.ArgumentParser()
    bot_exec.add_arguments(parser)
    parser.add_argument("--password-env")
    given = ["--exec", command] if command is not None else []
    async with answering(parser.parse_args([*given, *options])) as answer:
        yield answer


@pytest.fixture
def reply():
    """Answer texts of one peer: reply(command, texts, options)."""

    def reply(command, texts, *options):
        async def main():
            async with asked(command, *options) as answer:
                found = []
                for text in texts:
                    try:
                        found.append(await answer("alice@x", text))
                    except CommandFailed as error:
                        found.append(error)
            return found

        return asyncio.run(main())

    return reply


def test_no_command_then_the_text_is_the_answer(reply):
    assert reply(None, ["text"]) == ["text"]


def test_command_then_its_output_is_the_answer(reply):
    long = "ü\n" * 15_000
    assert reply("cat", ["text", long, ""]) == ["text", long.removesuffix("\n"), ""]
    assert reply(f"printenv {bot_exec.PEER}", ["x"]) == ["alice@x"]
    assert reply("true", ["x" * 1_000_000]) == [""]  # reads nothing


def test_command_then_no_shell_reads_it_and_the_text_is_not_on_its_line(reply):
    (line,) = reply("cat /proc/self/cmdline", ["$(secret)"])
    assert line == "cat\0/proc/self/cmdline\0"
    assert reply("echo '$HOME;' a", ["x"]) == ["$HOME; a"]


def test_command_then_it_has_none_of_the_secrets_of_the_bot(reply, monkeypatch):
    monkeypatch.setenv("BOT_PASSWORD", "word")
    assert "word" in reply("env", ["x"])[0]
    assert "word" not in reply("env", ["x"], "--password-env", "BOT_PASSWORD")[0]


@pytest.mark.parametrize("kept", [[], ["--exec-kept"]])
def test_command_ends_badly_takes_long_or_writes_much_then_nothing_else_is_lost(reply, kept):
    code = KEPT if kept else (
        "import sys, time; text = sys.stdin.read()\n"
        "if text == 'crash': sys.exit(3)\n"
        "if text == 'sleep': time.sleep(60)\n"
        "print('0' * 99999 if text == 'huge' else '<alice@x> ' + text)\n"
    )  # fmt: skip
    options = "--exec-timeout", "1", "--exec-limit", "5000"
    texts = ["one", "crash", "two\nlines", "sleep", "three", "huge", "four"]
    before = time.monotonic()
    found = reply(python(code), texts, *options, *kept)
    assert time.monotonic() - before < 30
    assert [each for each in found if isinstance(each, str)] == [
        "<alice@x> one", "<alice@x> two\nlines", "<alice@x> three", "<alice@x> four",
    ]  # fmt: skip
    crash, sleep, huge = (str(each) for each in found if not isinstance(each, str))
    assert crash == "the command has ended with status 3"
    assert sleep == "the command took longer than 1 s"
    assert huge == "the command wrote more than 5000 bytes"


def test_kept_command_writes_no_length_then_it_is_started_again(reply):
    junk, endless, good = reply(python(KEPT), ["junk", "endless", "x"], "--exec-kept")
    assert "something else than the length" in str(junk)
    assert "no line with a length" in str(endless)
    assert good == "<alice@x> x"


def test_kept_command_is_asked_by_many_then_it_is_one_process_and_each_has_its_answer():
    code = KEPT.replace("<%s> %s", "<%s> %s %d").replace(
        "given.read(text))", "given.read(text), P)"
    )
    code = "import os; P = os.getpid()\n" + code

    async def main():
        async with asked(python(code), "--exec-kept") as answer:
            return await asyncio.gather(*[answer(f"p{n}", f"ü {n}") for n in range(50)])

    answers = [each.rsplit(" ", 1) for each in asyncio.run(main())]
    assert [text for text, _ in answers] == [f"<p{n}> ü {n}" for n in range(50)]
    assert len({number for _, number in answers}) == 1


@pytest.mark.parametrize("kept", [[], ["--exec-kept"]])
def test_bot_ends_meanwhile_then_the_command_and_what_it_has_started_are_killed(kept, tmp_path):
    child = f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w'); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    async def main():
        async with asked(python(code), *kept) as answer:
            asking = asyncio.ensure_future(answer("a", "x"))
            while not list(tmp_path.iterdir()):  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(main())
    (started,) = tmp_path.iterdir()
    until = time.monotonic() + 10
    while (state := _state(started.name)) and state != "Z":
        assert time.monotonic() < until
        time.sleep(0.01)


def _state(number):
    try:
        return (Path("/proc") / number / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return ""


def test_many_ask_at_once_then_so_many_processes_run_and_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(bot_exec, "_AT_ONCE", 2)
    code = f"import os, time; p = {str(tmp_path)!r} + f'/{{os.getpid()}}'; open(p, 'w')\n"
    code += f"print(len(os.listdir({str(tmp_path)!r}))); time.sleep(0.05); os.unlink(p)"

    async def main():
        async with asked(python(code)) as answer:
            return await asyncio.gather(*[answer("a", "x") for _ in range(8)])

    assert {int(each) for each in asyncio.run(main())} <= {1, 2}


@pytest.mark.parametrize("command", ["", "no-such-command-anywhere", "/"])
def test_command_is_none_then_the_bot_says_so_at_the_start(reply, command):
    with pytest.raises(CommandFailed, match="no such command"):
        reply(command, [])


def test_kept_without_a_command_then_the_bot_says_so(reply):
    with pytest.raises(CommandFailed, match="needs --exec"):
        reply(None, [], "--exec-kept")
