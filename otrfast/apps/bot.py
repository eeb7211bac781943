"""`otrfast bot`: bots that answer private texts."""

from __future__ import annotations

import argparse

from otrfast.apps import bot_exec, bot_irc, bot_options, bot_xmpp

Subparsers = argparse._SubParsersAction  # noqa: SLF001  argparse gives it no public name


def register(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the commands to the program."""
    bot = subparsers.add_parser(
        "bot",
        help="run a bot that answers private texts",
        description="Run a bot that answers private texts. Texts in the clear are not answered: "
        "whoever writes one is asked for a private conversation.",
    )
    commands = bot.add_subparsers(metavar="NETWORK", required=True)
    parser = commands.add_parser(
        "xmpp",
        help="on an XMPP (Jabber) account",
        description="Log in as JID and answer each private text, with itself or by a command. TLS "
        "is required, and the server's certificate is verified. The bot comes back by itself after "
        "a connection was lost. Interrupt or terminate it to end it: without --store it ends its "
        "conversations then, with --store it keeps them. What happens is told on the standard "
        "error stream, without the texts. Needs the extra otrfast[xmpp].",
        epilog="example: BOT_PASSWORD=... BOT_KEY=... otrfast bot xmpp bot@example.org "
        "--password-env BOT_PASSWORD --store bot.db --key-env BOT_KEY",
    )
    bot_xmpp.add_arguments(parser)
    bot_options.add_identity(parser)
    bot_options.add_rules(parser)
    bot_exec.add_arguments(parser)
    parser.set_defaults(run=bot_xmpp.run)
    parser = commands.add_parser(
        "irc",
        help="on an IRC network",
        description="Be NICK on the network of SERVER and answer each private text, with "
        "itself or by a command. TLS is required, and the server's certificate is verified; a "
        "loopback address may be one without. The bot comes back by itself after a connection was "
        "lost. Interrupt or terminate it to end it: without --store it ends its conversations "
        "then, with --store it keeps them. What happens is told on the standard error "
        "stream, without the texts. Needs the extra otrfast[irc].",
        epilog="example: BOT_PASSWORD=... BOT_KEY=... otrfast bot irc irc.example.org:6697 bot "
        "--sasl bot --password-env BOT_PASSWORD --store bot.db --key-env BOT_KEY",
    )
    bot_irc.add_arguments(parser)
    bot_options.add_identity(parser)
    bot_options.add_rules(parser)
    bot_exec.add_arguments(parser)
    parser.set_defaults(run=bot_irc.run)
