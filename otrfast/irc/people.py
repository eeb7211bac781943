"""Who is who: names of conversations, nicks, accounts; services, which are no people.

A nick is whoever holds it now. An account of the services is somebody who has logged in, so it is
the name of a conversation wherever the server tells it (IRCv3, "account-tag").
"""

from __future__ import annotations

import string
from collections import OrderedDict
from typing import Final

from otrfast.errors import LocalError

_ACCOUNT = "$a:"  # the form of ban lists; no nick has a `$`
_PEOPLE = 100_000  # conversations whose nick is known; the one silent longest makes space
_UPPER: Final = {
    "ascii": string.ascii_uppercase,
    "strict-rfc1459": string.ascii_uppercase + "[]\\",
    "rfc1459": string.ascii_uppercase + "[]\\~",
}
_LOWER: Final = {
    "ascii": string.ascii_lowercase,
    "strict-rfc1459": string.ascii_lowercase + "{}|",
    "rfc1459": string.ascii_lowercase + "{}|^",
}
_SERVICES: Final = frozenset(
    {
        "alis", "authserv", "botserv", "chanserv", "global", "groupserv", "gameserv", "helpserv",
        "hostserv", "infoserv", "memoserv", "nickserv", "operserv", "rootserv", "saslserv",
        "statserv",
    }
)  # fmt: skip


class NotAPerson(LocalError):
    """Services and servers do not speak OTR: a query would be a command to them."""


def fold(name: str, casemapping: str = "rfc1459") -> str:
    """Return the form of a nick or channel in which equal ones are equal, by the server's
    CASEMAPPING (RFC 2812, section 2.2); an unknown one is taken for rfc1459."""
    known = casemapping if casemapping in _UPPER else "rfc1459"
    return name.translate(str.maketrans(_UPPER[known], _LOWER[known]))


def account_name(account: str) -> str:
    """Return the name of the conversation with whoever has logged in to an account."""
    return _ACCOUNT + fold(account, "ascii")


def is_service(nick: str) -> bool:
    """Whether a nick is of services, a server, or a bouncer's own (`*status`)."""
    return nick.startswith(("*", "$", "#", "&")) or "." in nick or fold(nick, "ascii") in _SERVICES


class People:
    """The nicks of conversations, and the accounts of nicks as far as the server tells them."""

    def __init__(self) -> None:
        self.casemapping: str = "rfc1459"
        self._nicks: OrderedDict[str, str] = OrderedDict()
        self._accounts: OrderedDict[str, str] = OrderedDict()

    def fold(self, nick: str) -> str:
        """Return the folded form of a nick."""
        return fold(nick, self.casemapping)

    def peer_of(self, nick: str, account: str | None) -> str:
        """Return the name of the conversation with who writes, and note the nick. `account` is
        what the server says with the line; "" is that there is none."""
        if account is None:
            account = self._accounts.get(self.fold(nick))
        peer = account_name(account) if account else self.fold(nick)
        self._nicks[peer] = nick
        self._nicks.move_to_end(peer)
        if len(self._nicks) > _PEOPLE:
            self._nicks.popitem(last=False)
        return peer

    def nick_of(self, peer: str) -> str | None:
        """Return the nick that a conversation's lines go to; None for an account that has not
        been seen."""
        known = self._nicks.get(peer)
        return known if known is not None or peer.startswith(_ACCOUNT) else peer

    def name(self, name: str) -> str:
        """Return the name of a conversation in its usual form. Raises `NotAPerson`."""
        if name.startswith(_ACCOUNT):
            return account_name(name.removeprefix(_ACCOUNT))
        if is_service(name) or not name or set(name) & set(" ,!@\r\n\0"):
            raise NotAPerson(f"expected a nick or $a:ACCOUNT, not {name!r}")
        return self.fold(name)

    def logged_in(self, nick: str, account: str | None) -> None:
        """The server says which account somebody has (extended-join, account-notify)."""
        folded = self.fold(nick)
        if account is None:
            self._accounts.pop(folded, None)
            return
        self._accounts[folded] = account
        if len(self._accounts) > _PEOPLE:
            self._accounts.popitem(last=False)

    def left(self, nick: str) -> list[str]:
        """Somebody has gone, or cannot be seen any more: the nick may be anybody's from now on.
        Return the conversations that were with it."""
        self._accounts.pop(self.fold(nick), None)
        return self.with_nick(nick)

    def with_nick(self, nick: str) -> list[str]:
        """Return the conversations whose lines go to a nick."""
        folded = self.fold(nick)
        return [peer for peer, held in self._nicks.items() if self.fold(held) == folded]

    def renamed(self, old: str, new: str) -> tuple[str, str] | None:
        """Somebody has another nick; return the old and the new name of the conversation, None
        if it keeps its name: another case, or an account's."""
        before, after = self.fold(old), self.fold(new)
        for peer in self.with_nick(old):
            self._nicks[peer] = new
        if before == after:
            return None
        if before in self._accounts:
            self._accounts[after] = self._accounts.pop(before)
        if before in self._nicks:
            self._nicks[after] = new  # the old one stays for lines that are on their way
        return before, after

    def clear(self) -> None:
        """A new connection: what the server said before may have changed."""
        self._accounts.clear()
