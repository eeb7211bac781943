"""The arguments that say how an IRC server is reached: address, TLS, certificates."""

from __future__ import annotations

import argparse
import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from otrfast.apps.bot_options import BotError, add_ca

if TYPE_CHECKING:
    from otrfast.irc import Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the connection, beside the server's address."""
    parser.add_argument(
        "--certificate",
        metavar="FILE",
        type=Path,
        help="the bot's own certificate and its private key for TLS (PEM)",
    )
    add_ca(parser)
    parser.add_argument(
        "--no-tls",
        action="store_true",
        help="connect in the clear, so that the network sees who talks to whom, and the password; "
        "a loopback address needs TLS only with --ca",
    )


def server_of(arguments: argparse.Namespace) -> Server:
    """Return the server that the arguments name. Raises `BotError`."""
    try:
        from otrfast.irc import Server
    except ModuleNotFoundError as error:
        if error.name not in ("asyncirc", "irclib"):
            raise
        raise BotError("async-irc is not installed: pip install 'otrfast[irc]'") from None

    host, port = arguments.server
    if arguments.no_tls and (arguments.ca or arguments.certificate):
        raise BotError("--no-tls has no use for certificates")
    wants = arguments.ca is not None or arguments.certificate is not None
    if arguments.no_tls or (_is_loopback(host) and not wants):
        return Server(host, port, False)
    try:
        context = ssl.create_default_context(cafile=arguments.ca)
        if arguments.certificate is not None:
            context.load_cert_chain(arguments.certificate)
    except OSError as error:
        raise BotError(f"the certificates: {error}") from None
    return Server(host, port, context)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
