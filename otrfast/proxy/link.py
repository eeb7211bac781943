"""One client and its connection to the server: which lines pass as they are, and which belong to a
private conversation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from irclib.parser import CapList, Message

from otrfast.account import Account
from otrfast.aio import Gateway
from otrfast.chat.bodies import Forms
from otrfast.errors import LocalError
from otrfast.events import Event
from otrfast.irc.conversations import NOBODY, Conversations, message_to
from otrfast.irc.lines import UNKNOWN, cut, incoming, longest, one_line, outgoing
from otrfast.irc.pacing import Pacer
from otrfast.irc.people import People, is_service
from otrfast.protocol.instance import MessageState
from otrfast.proxy.commands import SELF, Commands
from otrfast.proxy.wire import Wire, parsed
from otrfast.proxy.words import words
from otrfast.wire.lines import OTR_TAG

_HIDDEN: Final = frozenset(
    {
        "echo-message", "labeled-response", "draft/multiline", "draft/chathistory",
        "draft/event-playback", "znc.in/playback", "znc.in/self-message",
    }
)  # fmt: skip
"""Capabilities that the client is not told of: they bring our own lines back, or join lines."""

_TEXTS: Final = ("PRIVMSG", "CPRIVMSG")
_PRIVATE: Final = ("PRIVMSG", "NOTICE", "CPRIVMSG", "CNOTICE", "TAGMSG", "SQUERY")
_OLD: Final = 60.0  # seconds after which a line with a time tag is history
_MASK = re.compile(r"\S+!\S+@\S+$")
_LEAST_QUOTED = 100  # bytes of a quoted text in a line
_OF_A_PEER: Final = 64  # texts that the client may have under way to one peer
_FROM: Final = f":{SELF}!otr@otrfast"


class Link:
    """What happens between one client and its server."""

    longest_unknown: Final = UNKNOWN

    def __init__(
        self,
        account: Account,
        gateway: Gateway,
        client: Wire,
        server: Wire,
        on_ready: Callable[[], object],
    ) -> None:
        """`on_ready` is called when the server has taken the client in."""
        self._account, self._gateway = account, gateway
        self._on_ready = on_ready
        self._client, self._server = client, server
        self._people, self._forms = People(), Forms()
        self._pacer = Pacer(lambda peer, text: message_to(self._people, peer, text))
        self._conversations = Conversations(account, gateway, self._people, self._pacer)
        self._commands = Commands(account, gateway, self._peer_to, self._nick)
        self._nick_now = ""
        self._mask: str | None = None
        self._channels, self._statuses = "#&", ""
        self._tells_accounts = False
        self._heads: dict[str, tuple[str, str]] = {}  # tags and mask of a peer's last line
        self._under_way: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def run(self, lines: list[str]) -> None:
        """Pass lines, first those that the client has sent already, until one side has gone."""
        self._pacer.connect(self._server.write)
        for line in lines:
            self._from_client(line)
        work = [
            asyncio.create_task(each)
            for each in (
                self._read(self._client, self._from_client),
                self._read(self._server, self._from_server),
                self._pacer.run(lambda: bool(self._nick_now)),
                self._until_ended(),
            )
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pacer.disconnect()
            self._pacer.stop_waiting()
            for task in work:
                task.cancel()
            await asyncio.wait(work)
        for task in work:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _until_ended(self) -> None:
        await self._ended.wait()

    async def end(self, reason: str) -> None:
        """End both connections."""
        self._client.write(f"ERROR :{reason}")
        self._server.write("QUIT :")
        self._ended.set()
        await self._client.close()

    @staticmethod
    async def _read(wire: Wire, take: Any) -> None:
        async for line in wire.lines():
            take(line)

    # From the client

    def _from_client(self, line: str) -> None:
        message = parsed(line)
        if message is None:
            self._pacer.control(line)
            return
        parameters = message.parameters
        match message.command.upper(), parameters:
            case "OTR", _:
                self._spawn(self._command(" ".join(parameters)))
            case command, [targets, *_] if command in _PRIVATE and self._to_people(targets):
                self._private(command, targets, parameters, line)
            case "CAP", [verb, wanted] if verb.upper() == "REQ" and _HIDDEN & set(wanted.split()):
                self._client.write(f":otrfast CAP {self._nick_now or '*'} NAK :{wanted}")
            case _:
                self._pacer.control(line)

    def _to_people(self, targets: str) -> bool:
        return any(self._is_person(each) or each.lower() == SELF for each in targets.split(","))

    def _is_person(self, target: str) -> bool:
        return not (
            target.lstrip(self._statuses).startswith(tuple(self._channels))
            or is_service(target)
            or not target
            or set(target) & set("!@%$")
        )

    def _private(self, command: str, targets: str, parameters: list[str], whole: str) -> None:
        """Handle what the client sends to people, target by target."""
        text = parameters[-1] if len(parameters) > 1 else ""
        for target in targets.split(","):
            line = f"{command} {' '.join([target, *parameters[1:-1], f':{text}'])}"
            if target.lower() == SELF:
                self._spawn(self._command(text))
            elif not self._is_person(target):
                self._pacer.control(line)
            elif command in _TEXTS and (words := incoming(text)) is not None:
                self._spawn(self._send(self._peer_to(target), target, words))
            else:
                line = whole if target == targets else line
                self._spawn(self._send_plain(self._peer_to(target), target, line))

    async def _send_plain(self, peer: str, nick: str, line: str) -> None:
        """Pass a NOTICE, a CTCP or DCC on, unless nothing may go to the peer in the clear."""
        await self._gateway.peer(peer).state()  # it may be in the store alone
        if self._is_private(peer):
            self._tell(
                f"Not sent to {nick}: it would go in the clear, as all that is no message or /me"
            )
        else:
            self._pacer.control(line)

    def _is_private(self, peer: str) -> bool:
        """Whether nothing may go to a peer in the clear."""
        session = self._account.sessions.get(peer)
        state = MessageState.PLAINTEXT if session is None else session.state
        policy = self._account.policy if session is None else session.policy
        return state is not MessageState.PLAINTEXT or policy.requires_encryption

    async def _send(self, peer: str, nick: str, text: str) -> None:
        under_way = self._under_way.get(peer, 0)
        if under_way >= _OF_A_PEER:
            self._tell(f"Not sent to {nick}, too many messages wait", _bytes(text))
            return
        self._under_way[peer] = under_way + 1
        try:
            written = self._forms.write(peer, text) if self._is_private(peer) else text
            await self._gateway.send(peer, _bytes(written))
        except LocalError as error:
            self._tell(f"Not sent to {nick} ({error})", _bytes(text))
        finally:
            self._under_way[peer] -= 1
            if not self._under_way[peer]:
                del self._under_way[peer]

    async def _command(self, command: str) -> None:
        for line in await self._commands.run(command):
            self._tell(line)

    # From the server

    def _from_server(self, line: str) -> None:
        message = parsed(line)
        if message is None or not self._swallow(message, line):
            self._client.write(line)

    def _swallow(self, message: Message, line: str) -> bool:
        """Follow what the server says; return whether the client does not get it as it is."""
        parameters, prefix = message.parameters, message.prefix
        nick = "" if prefix is None else prefix.nick
        match message.command, parameters:
            case "PRIVMSG" | "NOTICE" as command, [target, text] if self._is_me(target):
                return self._from_person(message, command, nick, text)
            case "PONG", [*_, token] if token.startswith("otr"):
                self._pacer.pong(token)
                return True
            case "CAP", [_, verb, *_, listed]:
                return self._capabilities(message, verb, listed)
            case "001", [own, *_, welcome]:
                self._nick_now = own
                found = _MASK.search(welcome)
                self._mask = None if found is None else found[0]
                self._on_ready()
                self._pacer.wake()
            case "005", _:
                self._supports(parameters[1:])
            case "396", [_, host, *_] if self._mask is not None:
                self._mask = f"{self._mask.partition('@')[0]}@{host}"
            case "NICK", [new, *_]:
                self._renamed(nick, new, str(prefix))
            case "JOIN", [_, *more]:
                if self._is_me(nick):
                    self._mask = str(prefix)
                elif more:
                    self._people.logged_in(nick, None if more[0] == "*" else more[0])
            case "ACCOUNT", [account]:
                self._people.logged_in(nick, None if account == "*" else account)
            case "330", [_, seen, account, *_]:
                self._people.logged_in(seen, account)
            case (("QUIT" | "KILL"), _):
                for peer in self._people.left(nick):
                    self._pacer.drop(peer)
            case command, [_, gone, *_] if command in NOBODY:
                for call in self._conversations.did_not_arrive(gone):
                    self._spawn(call)
        return False

    def _is_me(self, nick: str) -> bool:
        return bool(nick) and self._people.fold(nick) == self._people.fold(self._nick_now)

    def _from_person(self, message: Message, command: str, nick: str, text: str) -> bool:
        prefix = message.prefix
        if nick.lower() == SELF:
            return True  # that is nobody but the proxy
        if prefix is None or not prefix.user or is_service(nick) or self._is_me(nick):
            return False
        if self._is_history(message):
            return text.startswith(OTR_TAG.decode())  # nobody can read that any more
        line = incoming(text) if command == "PRIVMSG" else None
        peer = self._people.peer_of(nick, self._account_of(message))
        if line is None:
            if self._is_private(peer) or self._account.trust.of(peer):
                self._tell(f"NOT ENCRYPTED, the next {command} of {nick}:")
            return False
        tags = "" if message.tags is None else f"@{message.tags} "
        self._heads[peer] = tags, str(prefix)
        if not self._gateway.feed(peer, _bytes(line)):
            self._tell(f"A line of {nick} was dropped: too many wait.")
        return True

    @staticmethod
    def _is_history(message: Message) -> bool:
        if message.has_tag("batch"):
            return True
        try:
            sent = datetime.fromisoformat(message.get_tag_value("time") or "")
        except ValueError:
            return False
        return abs((datetime.now(UTC) - sent.astimezone(UTC)).total_seconds()) > _OLD

    def _account_of(self, message: Message) -> str | None:
        return (message.get_tag_value("account") or "") if self._tells_accounts else None

    def _capabilities(self, message: Message, verb: str, listed: str) -> bool:
        """Hide capabilities, and see which are on."""
        found = CapList.parse(listed)
        if verb == "ACK" and any(cap.name == "account-tag" for cap in found):
            self._tells_accounts = True
        if verb == "ACK" and any(cap.name == "-account-tag" for cap in found):
            self._tells_accounts = False
        if verb not in ("LS", "NEW"):
            return False
        shown = " ".join(str(cap) for cap in found if cap.name not in _HIDDEN)
        head = " ".join(message.parameters[:-1])
        self._client.write(f":{message.prefix} CAP {head} :{shown}")
        return True

    def _supports(self, tokens: list[str]) -> None:
        for token in tokens:
            name, _, value = token.partition("=")
            match name:
                case "CASEMAPPING":
                    self._people.casemapping = value
                case "CHANTYPES":
                    self._channels = value
                case "STATUSMSG":
                    self._statuses = value

    def _renamed(self, old: str, new: str, mask: str) -> None:
        if self._is_me(old):
            self._nick_now = new
            self._mask = f"{new}!{mask.partition('!')[2]}" if "!" in mask else self._mask
            return
        renaming = self._conversations.renamed(old, new)
        if renaming is not None:
            self._spawn(self._told_of(renaming, old, new))

    async def _told_of(self, renaming: Awaitable[bool], old: str, new: str) -> None:
        if await renaming:
            self._tell(f"{old} is {new} now, whom you knew as somebody else: start anew.")

    # From the gateway

    async def emit(self, peer: str, line: bytes) -> None:
        """Send a line to a peer, at the server's pace."""
        pieces = self._conversations.pieces(peer, line, self.longest(peer))
        await self._pacer.room()
        for piece in pieces:
            self._pacer.put(peer, piece)

    def longest(self, peer: str) -> int:
        """Return how many bytes a line to a peer may have."""
        return longest(self._mask, self._people.nick_of(peer) or peer)

    def show(self, peer: str, text: bytes, *, encrypted: bool) -> None:
        """Give the client a text of a peer: as its own lines, with the tags of the line that
        brought it."""
        body = text.decode("utf-8", "surrogateescape")
        if encrypted:
            body = self._forms.read(peer, body)
        tags, mask = self._heads.get(peer, ("", self._nick(peer)))
        limit = longest(mask, self._nick_now)
        for line in body.splitlines() or [""]:
            for piece in outgoing(_bytes(line), limit):
                self._client.write(f"{tags}:{mask} PRIVMSG {self._nick_now} :{piece}")

    def report(self, peer: str, event: Event) -> None:
        """Tell the client what has happened to a conversation."""
        nick = self._nick(peer)
        told = words(nick, event, lambda key: self._account.trust.level(peer, key))
        if told is not None:
            self._tell(*told)

    def _tell(self, what: str, quoted: bytes = b"") -> None:
        """Say something as the proxy. Each line of a text that is quoted begins with `what`: no
        part of it may look as if the proxy had said it."""
        head = f"{_FROM} NOTICE {self._nick_now or '*'} :"
        if quoted:
            text = " ".join(quoted.decode("utf-8", "replace").split())
            limit = max(_LEAST_QUOTED, UNKNOWN - len(what.encode()))
            lines = [f"{what}: {piece}" for piece in cut(text.encode(), limit)]
        else:
            lines = cut(one_line(what).encode(), UNKNOWN)
        for line in lines:
            self._client.write(head + line)

    def _nick(self, peer: str) -> str:
        return self._people.nick_of(peer) or peer

    def _peer_to(self, nick: str) -> str:
        """Return the name of the conversation that a text to a nick belongs to. Raises
        `NotAPerson`."""
        known = self._people.with_nick(nick)
        if known:
            return known[-1]
        self._people.name(nick)  # raises NotAPerson
        return self._people.peer_of(nick, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
