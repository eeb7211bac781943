"""docs/gateway.md: every sample runs."""

import asyncio
import gc
import re
import textwrap
from pathlib import Path

from helpers import make_account
from prometheus_client import REGISTRY

from otrfast import MessageState, events
from otrfast.aio import Gateway

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text()
PROGRAM, ECHO, SURVIVE, CONSUME, REPORT, PUBLISH, COLLECT = (
    textwrap.dedent(sample) for sample in re.findall(r"(?ms)^ *```python[^\n]*\n(.*?)^ *```$", PAGE)
)


def defined(sample):
    names = {}
    exec(sample, names)
    return names


class Chat:
    """The network, with one person in it."""

    def __init__(self, session):
        self.session = session
        self.seen = asyncio.Queue()
        self.on_line = None

    def send(self, peer, line):
        self.take(self.session.receive(line))

    def take(self, outcome):
        for line in outcome.wire:
            assert self.on_line("alice", line)
        for event in outcome.events:
            self.seen.put_nowait(event)

    async def hear(self, kind):
        while not isinstance(event := await self.seen.get(), kind):
            pass
        return event


def test_program_of_the_page_welcomes_answers_and_checks_a_secret(quick, run):
    async def main():
        chat = Chat(make_account(quick, "alice").session("bot"))
        running = asyncio.ensure_future(defined(PROGRAM)["run"](make_account(quick, "bot"), chat))
        while chat.on_line is None:  # noqa: ASYNC110 - the program says it nowhere else
            await asyncio.sleep(0)
        chat.take(chat.session.start())
        assert (await chat.hear(events.MessageReceived)).text == b"welcome"
        chat.take(chat.session.send(b"hello"))
        assert (await chat.hear(events.MessageReceived)).text == b"you said hello"
        chat.take(chat.session.smp_start(b"blue"))
        await chat.hear(events.SmpSucceeded)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert chat.session.state is MessageState.FINISHED

    run(main())


def test_other_samples_of_the_page_run(quick, run, capsys):
    async def main():
        out, acknowledged = [], []

        async def broker():
            yield "x", b"text", lambda: acknowledged.append("x")

        async with Gateway(make_account(quick), lambda *each: out.append(each)) as gateway:
            echoing = asyncio.ensure_future(defined(ECHO)["echo"](gateway))
            await defined(CONSUME)["consume"](gateway, broker())
            await gateway.send("y", b"last")
            defined(REPORT)["report"](gateway)
            before = set(REGISTRY._collector_to_names)
            defined(PUBLISH)["publish"](gateway)
            (added,) = set(REGISTRY._collector_to_names) - before
            REGISTRY.unregister(added)
            await gateway.close()
            await echoing
        assert acknowledged == ["x"]
        assert ("x", b"text") in out

    run(main())
    assert "'plaintext': 2" in capsys.readouterr().out


def test_sample_with_a_store_opens_it_and_can_be_started_again(run, tmp_path):
    path = tmp_path / "bot.db"

    async def main():
        for _ in range(2):
            bot = asyncio.ensure_future(defined(SURVIVE)["survive"](path, bytes(32), print))
            while not path.exists() or path.stat().st_size == 0:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert not bot.done()
            bot.cancel()
            await asyncio.gather(bot, return_exceptions=True)
        assert path.stat().st_mode & 0o777 == 0o600

    run(main())


def test_sample_for_the_garbage_collector_runs():
    try:
        defined(COLLECT)
    finally:
        gc.unfreeze()
