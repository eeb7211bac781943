"""What people say to the proxy itself: `/msg *otr COMMAND`, or `/quote OTR COMMAND`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from otrfast.account import Account
from otrfast.aio import Gateway
from otrfast.crypto.dsa import human_fingerprint
from otrfast.errors import LocalError, SmpNotRunning
from otrfast.protocol.instance import MessageState
from otrfast.trust import VERIFIED

SELF: Final = "*otr"
"""The nick of the proxy: no person can have one with a `*`."""

HELP: Final = {
    "help": "help [COMMAND]: this, or more about a command",
    "start": "start NICK: begin a private conversation, or take new keys in one",
    "end": "end NICK: end the private conversation; what you write then is plain text",
    "status": "status [NICK]: how private the conversations are, and with whose keys",
    "auth": 'auth NICK ["QUESTION"] SECRET: check whether both of you know a secret, and answer '
    "such a check. Agree on the secret by another way than this one",
    "abort": "abort NICK: break off such a check",
    "trust": "trust NICK: you have compared the fingerprint with NICK by another way, as by voice",
    "fingerprint": "fingerprint: your own, for others to compare",
}
_AUTH = re.compile(r'(?:"(?P<question>[^"]*)"\s+)?(?P<secret>.+)')
_STATES: Final = {
    MessageState.PLAINTEXT: "not private",
    MessageState.ENCRYPTED: "private",
    MessageState.FINISHED: "ended by the other side: nothing is sent",
}


class Commands:
    """Carries out commands; `peer_of` gives the name of the conversation with a nick and raises
    `NotAPerson`, `nick_of` the nick."""

    def __init__(
        self,
        account: Account,
        gateway: Gateway,
        peer_of: Callable[[str], str],
        nick_of: Callable[[str], str],
    ) -> None:
        self._account, self._gateway = account, gateway
        self._peer_of, self._nick_of = peer_of, nick_of

    async def run(self, command: str) -> list[str]:
        """Carry out a command; return the lines to show."""
        word, _, rest = command.strip().partition(" ")
        word, rest = word.lower(), rest.strip()
        try:
            match word, rest:
                case "help" | "", topic:
                    return [HELP[topic.lower()]] if topic.lower() in HELP else list(HELP.values())
                case "fingerprint", _:
                    return [f"Your key: {human_fingerprint(self._account.fingerprint)}"]
                case "status", "":
                    return await self._all() or ["There is no private conversation."]
                case known, "" if known in HELP:
                    return [f"expected a nick: {HELP[known]}"]
                case known, _ if known in HELP:
                    nick, _, more = rest.partition(" ")
                    return await self._with(known, self._peer_of(nick), nick, more.strip())
        except LocalError as error:
            return [f"{word}: {error}"]
        return [f"There is no command {word!r}: /msg {SELF} help"]

    async def _with(self, word: str, peer: str, nick: str, rest: str) -> list[str]:
        calls = self._gateway.peer(peer)
        match word:
            case "start":
                await calls.start()
                return [f"Asked {nick} for a private conversation."]
            case "end":
                await calls.end()
            case "status":
                return [*self._status(peer, nick, await calls.state())]
            case "auth":
                return await self._auth(peer, nick, rest)
            case "abort":
                await calls.smp_abort()
            case "trust":
                await calls.trust(VERIFIED)
                return [f"The key of {nick} is trusted now."]
        return []

    async def _auth(self, peer: str, nick: str, rest: str) -> list[str]:
        found = _AUTH.fullmatch(rest)
        if found is None:
            return [f"expected a secret: {HELP['auth']}"]
        secret = found["secret"].encode("utf-8", "surrogateescape")
        calls = self._gateway.peer(peer)
        try:
            await calls.smp_answer(secret)
        except SmpNotRunning:  # nothing was asked: so we ask
            pass
        else:
            return [f"Answered {nick}."]
        question = found["question"]
        asked = None if question is None else question.encode("utf-8", "surrogateescape")
        await calls.smp_start(secret, asked)
        return [f"Asked {nick} for the secret; {nick} has to give the same one."]

    async def _all(self) -> list[str]:
        """Show every conversation that is, or was, private; those of known peers may be in the
        store alone."""
        shown: list[str] = []
        for peer in {*self._account.sessions, *[peer for peer, _, _ in self._account.trust]}:
            state = await self._gateway.peer(peer).state()
            if state is not MessageState.PLAINTEXT:
                shown += self._status(str(peer), self._nick_of(str(peer)), state)
        return shown

    def _status(self, peer: str, nick: str, state: MessageState) -> Iterator[str]:
        yield f"{nick}: {_STATES[state]}"
        session = self._account.sessions.get(peer)
        key = None if session is None else session.fingerprint
        if key is not None:
            level = self._account.trust.level(peer, key)
            yield f"{nick}: key {human_fingerprint(key)}, {level or 'not verified'}"
