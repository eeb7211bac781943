"""docs/irc.md: every sample runs, and the commands and options are there."""

import asyncio
import re
import textwrap
from pathlib import Path

import pytest
from apps.program import otrfast
from helpers import make_account

from irc.scripted import Scripted, Talk
from otrfast import Policy, events
from otrfast.irc import Server

PAGE = (Path(__file__).parents[2] / "docs" / "irc.md").read_text()
PROGRAM, KEEP = (
    textwrap.dedent(sample) for sample in re.findall(r"(?ms)^```python[^\n]*\n(.*?)^```$", PAGE)
)


@pytest.fixture(autouse=True)
def quick_pace(monkeypatch):
    monkeypatch.setattr("otrfast.irc.pacing._LEAST", 0.001)
    monkeypatch.setattr("otrfast.irc.pacing._LONGEST", 0.001)


def defined(sample):
    names = {}
    exec(sample, names)
    return names


def opposite(backend, talk, program):
    """Run a program of the page, and Alice on the other side of its server."""

    async def main():
        async with Scripted() as server:
            running = asyncio.ensure_future(program(Server("127.0.0.1", server.port, False)))
            await asyncio.wait_for(server.welcomed.wait(), 5)
            alice = Talk(backend, server)
            await talk(alice, alice.alice)
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(asyncio.wait_for(main(), 20))


def test_program_of_the_page_answers_and_checks_a_secret(quick):
    async def talk(both, session):
        both.say(session.start())
        await both.until(events.SecureStarted)
        both.say(session.send(b"hello"))
        assert (await both.until(events.MessageReceived)).text == b"you said hello"
        both.say(session.smp_start(b"blue"))
        await both.until(events.SmpSucceeded)

    account = make_account(quick, "bot", policy=Policy.ALWAYS)
    opposite(quick, talk, lambda server: defined(PROGRAM)["run"](account, server))


def test_program_with_a_store_then_a_conversation_outlives_it(quick, tmp_path):
    async def on_text(message):
        await message.reply(message.body)

    async def begin(both, session):
        both.say(session.start())
        await both.until(events.SecureStarted)
        sessions.append(session)
        await go_on(both, session)

    async def go_on(both, session):
        both.alice = sessions[0]
        both.say(both.alice.send(b"hello"))
        assert (await both.until(events.MessageReceived)).text == b"hello"

    def program(server):
        return defined(KEEP)["keep"](tmp_path / "db", bytes(32), server, on_text)

    sessions = []
    for talk in (begin, go_on):
        opposite(quick, talk, program)


def test_options_of_the_page_then_the_command_has_them_all():
    known = otrfast("bot", "irc", "--help").stdout.decode()
    table = PAGE.partition("## Run a bot")[2].partition("## Write a bot")[0]
    for option in re.findall(r"`(--[a-z-]+)", table):
        assert option in known, option


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["irc.example.org", "bot"], "expected HOST:PORT"),
        (["irc.example.org:6697", "bot", "--sasl-external"], "--certificate"),
        (["localhost:1", "bot", "--no-tls", "--ca", "x"], "no use for certificates"),
        (["localhost:1", "bot", "--ca", "/nowhere"], "the certificates"),
        (["localhost:1", "bot", "--sasl", "bot", "--password-env", "EMPTY"], "it is empty"),
        (["localhost:1", "bot", "--trust", f"NickServ={'0' * 40}"], "expected a nick"),
    ],
)
def test_arguments_are_wrong_then_the_command_says_why(arguments, words):
    done = otrfast("bot", "irc", *arguments, environment={"EMPTY": ""})
    assert done.returncode in (1, 2)
    assert words in done.stderr.decode()
