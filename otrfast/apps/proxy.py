"""`otrfast proxy`: OTR for people whose clients have none."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import TYPE_CHECKING, Final

from otrfast.apps import bot_options, irc_server
from otrfast.apps.bot_options import BotError, address
from otrfast.apps.bot_rules import say
from otrfast.crypto.dsa import human_fingerprint
from otrfast.journal.keys import UserKey
from otrfast.policy import Policy

if TYPE_CHECKING:
    from otrfast.irc.server import Server

_LISTEN: Final = ("127.0.0.1", 6667)
_POLICIES: Final = {
    "manual": Policy.MANUAL,
    "opportunistic": Policy.OPPORTUNISTIC,
    "always": Policy.ALWAYS,
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the program."""
    proxy = subparsers.add_parser(
        "proxy",
        help="give a chat client without OTR private conversations",
        description="Stand between a chat client and its server, and encrypt private messages.",
    )
    commands = proxy.add_subparsers(metavar="NETWORK", required=True)
    parser = commands.add_parser(
        "irc",
        help="for an IRC client",
        description="Listen on this machine for an IRC client, connect it to SERVER, and have its "
        "private messages be those of OTR. In the client, give the proxy's address in place of the "
        "server's, without TLS, and the proxy's password as the server's. Then `/msg *otr help`. "
        "One proxy is for one client and one network. Needs the extra otrfast[irc].",
        epilog="example: PROXY_PASSWORD=... PROXY_KEY=... otrfast proxy irc irc.example.org:6697 "
        "--password-env PROXY_PASSWORD --store irc.db --key-env PROXY_KEY",
    )
    parser.add_argument(
        "server", metavar="SERVER", type=address, help="HOST:PORT, such as irc.example.org:6697"
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=address,
        default=_LISTEN,
        help="the address for the client, on this machine alone (default: 127.0.0.1:6667)",
    )
    parser.add_argument(
        "--policy",
        choices=_POLICIES,
        default="opportunistic",
        help="manual: private after `start` alone; opportunistic (default): offer it with the "
        "first plain message; always: send nothing in the clear, ask for a private conversation "
        "first",
    )
    bot_options.add_password(parser)
    irc_server.add_arguments(parser)
    bot_options.add_identity(parser, "the proxy")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    server = irc_server.server_of(arguments)
    password = bot_options.password_of(arguments, "the proxy, for the client")
    asyncio.run(_serve(arguments, server, password, bot_options.store_key(arguments)))
    return 0


async def _serve(
    arguments: argparse.Namespace, server: Server, password: str, key: UserKey | None
) -> None:
    from otrfast.proxy import Proxy

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host, port = arguments.listen
    async with bot_options.opened(
        arguments, key, server.host, "irc", f"proxy of {server.host}",
        _POLICIES[arguments.policy], trailing_tab=True,
    ) as (account, store):  # fmt: skip
        try:
            proxy = Proxy(account, server, password, host=host, port=port, store=store)
        except ValueError as error:
            raise BotError(str(error)) from None
        async with proxy:
            say(f"listening on {host}:{proxy.port} for a client of {server.host}")
            say(f"your key is {human_fingerprint(account.fingerprint)}")
            stopped = asyncio.create_task(stop.wait())
            ended = asyncio.create_task(proxy.wait())
            await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if ended.done():
                await ended  # raises what the store has raised
            ended.cancel()
