"""`otrfast bot irc`: a bot on an IRC network."""

from __future__ import annotations

import argparse
import asyncio
import signal
import ssl
from typing import TYPE_CHECKING

from otrfast.apps import irc_server
from otrfast.apps.bot_exec import answering
from otrfast.apps.bot_options import (
    BY_FLAG,
    BotError,
    add_password,
    address,
    opened,
    password_of,
    policy_of,
    read_secrets,
    store_key,
)
from otrfast.apps.bot_rules import Rules, say
from otrfast.crypto.dsa import human_fingerprint
from otrfast.journal.keys import UserKey

if TYPE_CHECKING:
    from otrfast.chat.messages import OtrMessage
    from otrfast.irc import Client, Sasl, Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the connection."""
    parser.add_argument(
        "server", metavar="SERVER", type=address, help="HOST:PORT, such as irc.example.org:6697"
    )
    parser.add_argument("nick", metavar="NICK", help="the bot's nick")
    login = parser.add_mutually_exclusive_group()
    login.add_argument(
        "--sasl",
        metavar="ACCOUNT",
        help="log in to ACCOUNT of the services with a password (SASL PLAIN)",
    )
    login.add_argument(
        "--sasl-external",
        action="store_true",
        help="log in with the certificate of --certificate (SASL EXTERNAL)",
    )
    add_password(parser)
    irc_server.add_arguments(parser)
    parser.add_argument(
        "--join",
        metavar="CHANNEL",
        action="append",
        default=[],
        help="be in CHANNEL in silence: servers tell of a new nick only those who share a channel "
        "with its owner; may be given several times",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the bot until it is interrupted."""
    server, sasl = irc_server.server_of(arguments), _sasl(arguments)
    asyncio.run(_run(arguments, server, sasl, store_key(arguments)))
    return 0


def _sasl(arguments: argparse.Namespace) -> Sasl | None:
    from otrfast.irc import Sasl

    if arguments.sasl_external:
        if arguments.certificate is None:
            raise BotError("--sasl-external needs --certificate FILE")
        return Sasl("EXTERNAL")
    if arguments.sasl is None:
        return None
    sasl = Sasl("PLAIN", arguments.sasl, password_of(arguments, arguments.sasl))
    try:
        sasl.check()
    except ValueError as error:
        raise BotError(str(error)) from None
    return sasl


async def _run(
    arguments: argparse.Namespace, server: Server, sasl: Sasl | None, key: UserKey | None
) -> None:
    from otrfast.irc import Client

    name = f"{arguments.nick}@{server.host}"
    async with (
        answering(arguments) as answer,
        opened(arguments, key, name, "irc", name, policy_of(arguments)) as (account, store),
    ):
        client = Client(
            account, server, arguments.nick, sasl=sasl, store=store, channels=arguments.join
        )
        for peer, fingerprint in arguments.trust:
            account.trust.set(client.name(peer), fingerprint, BY_FLAG)
        say(f"{arguments.nick}: the bot's key is {human_fingerprint(account.fingerprint)}")
        rules = Rules(
            account,
            client.peer,
            answer,
            read_secrets(arguments.smp_secrets, client.name),
            require_trust=arguments.require_trust,
            first_use=arguments.trust_first_use,
        )

        async def on_text(message: OtrMessage) -> None:
            instance = message.event.instance
            await rules.on_text(message.peer, message.body, instance, message.reply)

        client.on_text, client.on_event, client.on_status = on_text, rules.on_event, say
        try:
            async with client:
                await _until_stopped(client)
        except ssl.SSLCertVerificationError as error:
            raise BotError(f"the server's certificate: {error.verify_message}") from None


async def _until_stopped(client: Client) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopped, ended = asyncio.create_task(stop.wait()), asyncio.create_task(client.wait())
    await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if ended.done():
        await ended  # raises what has ended the client
    ended.cancel()
