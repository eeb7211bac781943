"""docs/xmpp.md: every sample runs."""

import asyncio
import re
import shlex
import sys
import textwrap
from pathlib import Path

import pytest
from helpers import make_account

from otrfast import Policy, events
from xmpp.prosody import PASSWORD, SECRET, Bot, Person, Prosody, needs_prosody, slixmpp

pytestmark = needs_prosody
PAGE = (Path(__file__).parents[2] / "docs" / "xmpp.md").read_text()
KEPT, BOT, SURVIVE, COMPONENT = (
    textwrap.dedent(sample) for sample in re.findall(r"(?ms)^ *```python[^\n]*\n(.*?)^ *```$", PAGE)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Prosody(tmp_path_factory.mktemp("prosody")) as server:
        yield server


@pytest.fixture
def names(server, monkeypatch):
    """What the samples of a bot define, on the test's server."""
    connect = slixmpp.ClientXMPP.connect

    def here(xmpp):
        xmpp.enable_direct_tls = False
        xmpp.ca_certs = server.certificate
        return connect(xmpp, "127.0.0.1", server.port)

    names = {}
    exec(BOT, names)
    monkeypatch.setattr(names["Bot"], "connect", here)
    exec(SURVIVE, names)
    return names


@pytest.fixture
def alice(quick, server):
    def alice(to="bot@localhost"):
        session = make_account(quick, "alice", policy=Policy.ALWAYS).session(to)
        return Person(server, session, to=to)

    return alice


async def online(person):
    """Ask until the bot is there."""
    while person.session.fingerprint is None:
        person.take(person.session.start())
        await asyncio.sleep(0.2)


async def say(person, text, answer):
    person.say(text)
    while (await person.hear()).text != answer:
        pass


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 60))


def test_bot_of_the_page_welcomes_answers_and_checks_a_secret(names, alice, quick):
    async def main():
        account = make_account(quick, "bot", policy=Policy.ALWAYS)
        bot = names["Bot"]("bot@localhost/page", PASSWORD, {"account": account})
        running = asyncio.ensure_future(names["run"](bot))
        async with alice() as person:
            await online(person)
            assert (await person.hear()).text == b"welcome"
            await say(person, b"hello", b"you said hello")
            person.take(person.session.smp_start(b"blue"))
            await person.hear(events.SmpSucceeded)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_bot_of_the_page_with_a_store_starts_twice(names, alice, tmp_path):
    async def main():
        path = tmp_path / "bot.db"
        async with alice() as person:
            for number in range(2):
                running = asyncio.ensure_future(
                    names["survive"]("bot@localhost/page", PASSWORD, path, bytes(32))
                )
                if not number:
                    await online(person)
                await say(person, b"hello", b"you said hello")
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_component_of_the_page_answers(alice, server, quick):
    async def main():
        names = {}
        exec(COMPONENT, names)
        account = make_account(quick, "bot", policy=Policy.ALWAYS)
        component = names["Component"]("echo.localhost", SECRET, account)
        await component.otr.open()
        component.connect("127.0.0.1", server.component_port)
        async with alice("bot@echo.localhost") as person:
            await online(person)
            await say(person, b"x", b"hello")
        await component.otr.close()
        await component.disconnect()

    run(main())


def test_kept_command_of_the_page_answers(alice, server, tmp_path):
    (program := tmp_path / "kept.py").write_text(KEPT)
    command = shlex.join([sys.executable, str(program)])

    async def main():
        with Bot(server, "--exec", command, "--exec-kept"):
            async with alice() as person:
                await person.begin()
                for text in (b"a\nb", b"c"):
                    answer = b"you are alice@localhost, and said " + text
                    await say(person, text, answer)

    run(main())
