"""docs/proxy.md: the sample runs, and the commands and options are there."""

import asyncio
import re
from pathlib import Path

import pytest
from apps.program import otrfast

from otrfast.irc.server import Server
from otrfast.proxy import proxy
from otrfast.proxy.commands import HELP

from .world import PASSWORD, Client, Network

PAGE = (Path(__file__).parents[2] / "docs" / "proxy.md").read_text()


def test_program_of_the_page_serves_a_client(monkeypatch, run, tmp_path):
    [sample] = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE)
    names = {}
    exec(sample, names)

    async def main():
        network = Network()
        await network.open()
        found = asyncio.get_running_loop().create_future()

        class Here(proxy.Proxy):
            async def __aenter__(self):
                entered = await super().__aenter__()
                found.set_result(self.port)
                return entered

        names["Proxy"] = lambda account, server, password, store: Here(
            account, Server("127.0.0.1", network.port, tls=False), password, port=0, store=store
        )
        serving = asyncio.create_task(names["serve"](tmp_path / "x.db", bytes(32), PASSWORD))
        client = Client("Alice")
        await client.connect(await found)
        client.say("*otr", "fingerprint")
        await client.until("Your key: ")
        serving.cancel()
        await asyncio.wait([serving])
        await client.close()
        await network.close()

    run(main())


def test_commands_of_the_page_are_those_that_there_are():
    shown = set(re.findall(r"/msg \*otr (\w+)", PAGE))
    assert set(HELP) <= shown | {"help"}
    assert shown <= set(HELP)


def test_options_of_the_page_are_there():
    helped = otrfast("proxy", "irc", "--help").stdout.decode()
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)):
        assert option in helped


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["localhost:1", "--listen", "192.0.2.1:1"], "expected a loopback address"),
        (["localhost:1", "--no-tls", "--ca", "x"], "no use for certificates"),
        (["localhost"], "HOST:PORT"),
    ],
)
def test_command_when_it_cannot_serve_then_says_what_to_do(tmp_path, arguments, error):
    password = tmp_path / "password"
    password.write_text("sesame\n")
    done = otrfast("proxy", "irc", *arguments, "--password-file", str(password))
    assert done.returncode
    assert error in done.stderr.decode()
