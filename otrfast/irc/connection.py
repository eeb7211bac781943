"""One connection to a server: registration, capabilities, SASL, and its lines in order.

async-irc does the protocol; here are the limits, the pace, and what its answer to a failed login
lacks: it would go on without.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from asyncirc.protocol import IrcProtocol, SASLMechanism
from asyncirc.server import BasicIPServer, ConnectedServer
from irclib.parser import Message

from otrfast.errors import LocalError
from otrfast.irc.pacing import Pacer
from otrfast.irc.server import Sasl, Server

CAPABILITIES: Final = (
    "account-notify",
    "account-tag",
    "batch",
    "extended-join",
    "znc.in/playback",
)
"""What is asked for (IRCv3). Not echo-message, which brings our own lines back, nor
draft/multiline, which joins lines; `batch` marks history, and a bouncer that is told of
znc.in/playback sends none unasked."""

_BUFFER = 16_384  # bytes: tags have up to 8,191, the line 512
_MASK = re.compile(r"\S+!\S+@\S+$")
_LOGIN_FAILED = {"902", "904", "905", "906", "908"}
_log = logging.getLogger("otrfast.irc")


class LoginFailed(LocalError):
    """The server does not take name and password, or has no SASL."""


class Connection(IrcProtocol):
    """One connection; another one is made after it is lost."""

    def __init__(
        self,
        server: Server,
        nick: str,
        sasl: Sasl | None,
        pacer: Pacer,
        on_message: Callable[[Message], None],
    ) -> None:
        where = BasicIPServer(
            host=server.host,
            port=server.port,
            is_ssl=server.tls is not False,
            ssl_ctx=server.context(),
            password=server.password,
        )
        mechanism = SASLMechanism.NONE if sasl is None else SASLMechanism[sasl.mechanism]
        secrets = None if sasl is None else (sasl.name, sasl.password)
        super().__init__([where], nick, sasl_mech=mechanism, sasl_auth=secrets)
        self._server = ConnectedServer(where)
        self._where, self._pacer, self._on_message = where, pacer, on_message
        self._wants_login = sasl is not None
        self._logged_in = False
        self._rest = b""
        self._asked = nick
        self.registered: bool = False
        self.lost: asyncio.Future[Exception | None] = self.loop.create_future()
        """Done when the connection has ended, with the reason."""
        self.mask: str | None = None
        """Our own `nick!user@host`, as others see it."""
        for name in CAPABILITIES:
            self.register_cap(name)
        self.register("*", self._handle)

    async def open(self, seconds: float) -> None:
        """Connect. Raises `OSError`, `TimeoutError`, `ssl.SSLError`."""
        await asyncio.wait_for(self._where.do_connect(self), seconds)

    def end(self, error: Exception | None = None) -> None:
        """Close; `error` is why."""
        if not self.lost.done():
            self.lost.set_result(error)
        if self._transport is not None:
            self._transport.close()

    # What async-irc calls

    async def pinger(self) -> None:
        """The pacer asks whether the server is there."""

    def send(self, text: str | bytes) -> None:
        """Send a control line."""
        line = text if isinstance(text, str) else text.decode(errors="replace")
        self._pacer.control(line)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        wire = transport

        def write(line: str) -> None:
            # one line is one command, whatever is in it
            clean = line.translate({0: None, 10: " ", 13: " "})
            wire.write(clean.encode(errors="replace") + b"\r\n")

        self._pacer.connect(write)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connected = False
        self.registered = False
        self._pacer.disconnect()
        self.close()  # of the base class: its task
        self.end(exc)

    def data_received(self, data: bytes) -> None:
        """Hand complete lines on; one that cannot be read is passed over."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _BUFFER:
            self.end(ConnectionError("the server has sent a line without an end"))
            return
        for line in lines:
            text = line.rstrip(b"\r").replace(b"\0", b"").decode(errors="replace")
            if not text:
                continue
            try:
                super().data_received(text.encode() + b"\r\n")
            except Exception as error:  # noqa: BLE001 - it is the network's
                _log.warning("a line of the server cannot be read: %s", type(error).__name__)

    async def _handle(self, _: IrcProtocol, message: Message) -> None:
        """Do what belongs to the connection, then hand the message on. It waits for nothing, so
        messages stay in order."""
        if self.lost.done():
            return
        words = message.parameters
        match message.command:
            case "903":
                self._logged_in = True
            case command if command in _LOGIN_FAILED and self._wants_login:
                self.end(LoginFailed("the server does not take the login (SASL)"))
            case "001":
                self._welcome(words[0], words[-1])
            case "302" if "=" in words[-1]:
                self._note_mask(f"{self.nick}!{words[-1].partition('=')[2].strip()[1:]}")
            case "396" if self.mask is not None:
                self.mask = f"{self.mask.partition('@')[0]}@{words[1]}"
            case "432":
                self.end(LoginFailed(f"the server does not take the nick {self._asked!r}"))
            case "433" | "437" if not self.registered:
                self._asked += "_"
                self.send(f"NICK {self._asked}")
            case "PONG":
                self._pacer.pong(words[-1])
            case "ERROR":
                self.end(ConnectionError(f"the server says: {words[-1] if words else ''}"))
        self._on_message(message)

    def _welcome(self, nick: str, text: str) -> None:
        if self._wants_login and not self._logged_in:
            self.end(LoginFailed("the server has no SASL that would let us log in"))
            return
        self.nick = nick
        found = _MASK.search(text)
        if found is not None:
            self._note_mask(found[0])
        self.registered = True
        self.send(f"USERHOST {nick}")
        self._pacer.wake()

    def _note_mask(self, mask: str) -> None:
        """Keep the longer one: the server may show others a shorter host than it tells us."""
        if self.mask is None or len(mask) > len(self.mask):
            self.mask = mask

    def saw_own(self, mask: str, nick: str) -> None:
        """A line of ours has come back with the mask that others see; `nick` is what it is now."""
        if "!" in mask:
            self.mask = f"{nick}!{mask.partition('!')[2]}"
        self.nick = nick
