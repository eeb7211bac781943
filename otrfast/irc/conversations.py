"""What the events of a network mean for its conversations, for a bot and for a proxy alike."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from otrfast.account import Account
from otrfast.aio import Gateway
from otrfast.errors import PeerExists
from otrfast.irc.lines import one_line, outgoing
from otrfast.irc.pacing import Pacer
from otrfast.irc.people import People
from otrfast.protocol.instance import MessageState
from otrfast.wire.lines import LineKind, kinds

NOBODY: Final = ("401", "404", "531", "716")
"""Answers to a line that did not arrive: no such nick, cannot send, and two more of the kind."""


class Conversations:
    """The conversations of an account on a network, with the lines that wait for their peers."""

    def __init__(self, account: Account, gateway: Gateway, people: People, pacer: Pacer) -> None:
        self._account, self._gateway = account, gateway
        self._people, self._pacer = people, pacer

    def renamed(self, old: str, new: str) -> Coroutine[Any, Any, bool] | None:
        """Have a conversation go on under the new nick, with all that waits for it; None if there
        is none. To be awaited: whether it was ended, since the new name is somebody else's."""
        names = self._people.renamed(old, new)
        if names is None:
            return None
        before, after = names
        if before not in self._account.sessions and not self._account.trust.of(before):
            return None
        self._pacer.rename(before, after)
        renaming = self._gateway.rename(before, after)  # now: lines of the new name follow
        return self._settled(renaming, before)

    async def _settled(self, renaming: asyncio.Future[None], before: str) -> bool:
        try:
            await renaming
        except LookupError:
            return False
        except PeerExists:  # of who had that nick before: the two are not the same
            await self._gateway.peer(before).end()
            return True
        return False

    def did_not_arrive(self, nick: str) -> list[Coroutine[Any, Any, None]]:
        """Drop the lines for a nick that nobody has; return the calls, to be awaited, that stop
        asking for a conversation."""
        calls = []
        for peer in self._people.with_nick(nick) or [self._people.fold(nick)]:
            self._pacer.drop(peer)
            session = self._account.sessions.get(peer)
            if session is not None and session.state is not MessageState.ENCRYPTED:
                calls.append(self._gateway.peer(peer).end())
        return calls

    def pieces(self, peer: str, line: bytes, limit: int) -> list[str]:
        """Return a line of the engine as texts for PRIVMSG; one in the clear has several if it has
        more than `limit` bytes. Raises `LookupError` if nobody is known by the peer's account."""
        if self._people.nick_of(peer) is None:
            raise LookupError("the nick of this account is not known")
        if kinds((line,))[0] is LineKind.PLAIN:
            return outgoing(line, limit)
        return [one_line(line.decode("utf-8", "replace"))]


def message_to(people: People, peer: str, text: str) -> str | None:
    """Return the PRIVMSG that brings a text to a peer, None if its nick is not known."""
    nick = people.nick_of(peer)
    return None if nick is None else f"PRIVMSG {nick} :{text}"
