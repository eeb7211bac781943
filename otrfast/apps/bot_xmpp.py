"""`otrfast bot xmpp`: a bot on an account of an XMPP server, or as a component of one."""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from otrfast.apps.bot_exec import answering
from otrfast.apps.bot_options import (
    BY_FLAG,
    BotError,
    add_ca,
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

_AGAIN = 2.0  # seconds until the next try after a connection has ended
_GOODBYE = 5.0  # seconds that the end of a stream may take


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the connection."""
    parser.add_argument("jid", metavar="JID", help="the bot's address, such as bot@example.org")
    add_password(parser)
    parser.add_argument(
        "--server",
        metavar="HOST:PORT",
        type=address,
        help="connect here (default: what the DNS says of the domain)",
    )
    add_ca(parser)
    parser.add_argument(
        "--component",
        action="store_true",
        help="be the component JID's domain of the server at --server, with the component's "
        "secret as the password; that connection has no TLS: keep it on one machine",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the bot until it is interrupted."""
    try:
        import otrfast.xmpp  # noqa: F401  registers the plugin
    except ModuleNotFoundError as error:
        if error.name != "slixmpp":
            raise
        raise BotError("slixmpp is not installed: pip install 'otrfast[xmpp]'") from None
    if arguments.component and arguments.server is None:
        raise BotError("a component needs --server HOST:PORT")
    password, key = password_of(arguments, arguments.jid), store_key(arguments)
    asyncio.run(_Bot(arguments, password).run(key))
    return 0


class _Bot:
    """One run of the bot."""

    def __init__(self, arguments: argparse.Namespace, password: str) -> None:
        self._arguments, self._password = arguments, password
        self._stop = asyncio.Event()
        self._failure: BotError | None = None
        self._xmpp: Any

    async def run(self, key: Any) -> None:
        from slixmpp import JID, InvalidJID

        arguments = self._arguments
        try:
            jid = JID(arguments.jid)
            secrets = read_secrets(arguments.smp_secrets, lambda peer: JID(peer).bare)
            trusted = [(JID(peer).bare, key) for peer, key in arguments.trust]
        except InvalidJID as error:
            raise BotError(f"not an address: {error}") from None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        async with (
            answering(arguments) as answer,
            opened(arguments, key, jid.bare, "xmpp", jid.full, policy_of(arguments)) as (
                account,
                store,
            ),
        ):
            for peer, fingerprint in trusted:
                account.trust.set(peer, fingerprint, BY_FLAG)
            say(f"{jid.bare}: the bot's key is {human_fingerprint(account.fingerprint)}")
            self._xmpp = self._make_stream(jid)
            stream = None if store is None else Path(f"{arguments.store}-stream")
            settings = {
                "account": account, "store": store, "address": jid.bare, "stream": stream,
            }  # fmt: skip
            self._xmpp.register_plugin("xep_0364", settings)
            otr = self._xmpp.plugin["xep_0364"]
            rules = Rules(
                account,
                otr.peer,
                answer,
                secrets,
                require_trust=arguments.require_trust,
                first_use=arguments.trust_first_use,
            )
            self._handle_events(rules)
            await otr.open()
            try:
                self._connect()
                await self._until_stopped(otr)
            finally:
                await otr.close()
                await self._disconnect()
        if self._failure is not None:
            raise self._failure

    def _make_stream(self, jid: Any) -> Any:
        from slixmpp import ClientXMPP, ComponentXMPP

        if self._arguments.component:
            make: Any = ComponentXMPP  # it has no types
            return make(jid.domain, self._password)
        xmpp = ClientXMPP(jid, self._password)
        if self._arguments.ca is not None:
            import ssl

            xmpp.ssl_context = ssl.create_default_context(cafile=str(self._arguments.ca))
        if self._arguments.server is not None:
            xmpp.enable_direct_tls = False  # it would be tried first, on a port for STARTTLS
        return xmpp

    def _handle_events(self, rules: Rules) -> None:
        add = self._xmpp.add_event_handler

        async def on_message(message: Any) -> None:
            instance = message.event.instance
            await rules.on_text(message.peer, message.body, instance, message.reply)

        async def on_event(told: Any) -> None:
            await rules.on_event(told.peer, told.event)

        add("otr_message", on_message)
        add("otr_event", on_event)
        add("session_start", self._started)
        add("session_resumed", lambda _: say("the stream goes on"))
        add("disconnected", self._disconnected)
        add("failed_all_auth", lambda _: self._fail("the server does not take the password"))
        add("ssl_invalid_chain", lambda error: self._fail(f"the server's certificate: {error}"))

    def _started(self, _: object) -> None:
        if not self._arguments.component:
            self._xmpp.send_presence()
        say(f"{self._xmpp.boundjid.full}: online")

    def _disconnected(self, reason: object) -> None:
        if not self._stop.is_set():
            say(f"disconnected: {reason or 'the server has ended the stream'}")
            asyncio.get_running_loop().call_later(_AGAIN, self._connect)

    def _connect(self) -> None:
        if not self._stop.is_set():
            self._xmpp.connect(*(self._arguments.server or ()))

    def _fail(self, reason: str) -> None:
        self._failure = BotError(reason)
        self._stop.set()

    async def _until_stopped(self, otr: Any) -> None:
        stopped = asyncio.create_task(self._stop.wait())
        ended = asyncio.create_task(otr.wait())
        await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if ended.done():
            await ended  # raises what the store has raised
        ended.cancel()

    async def _disconnect(self) -> None:
        self._stop.set()
        self._xmpp.cancel_connection_attempt()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._xmpp.disconnect(), _GOODBYE)
