"""What a bot does with events and texts, on whatever network: trust, secrets, answers."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from otrfast import events
from otrfast.account import Account
from otrfast.aio import DeliveryUnknown, Peer
from otrfast.crypto.dsa import human_fingerprint
from otrfast.errors import LocalError
from otrfast.protocol.instance import MessageState
from otrfast.storage.names import shown

FIRST_USE: Final = "first use"
"""The level of trust of a key that was the first one of its peer."""

_INVITATIONS = 60.0  # seconds between two invitations of a peer: it may be a bot that answers them
_INVITED = 10_000  # peers whose invitation is remembered

Answer = Callable[[str, str], Awaitable[str]]
"""Returns what is answered to a text of a peer; nothing if that is empty."""


def say(line: str) -> None:
    """Tell the operator something on the standard error stream."""
    sys.stderr.write(shown(line) + "\n")
    sys.stderr.flush()


async def echo(peer: str, text: str) -> str:
    """Answer a text with itself."""
    return text


class Rules:
    """Who may talk to a bot, and what it does by itself."""

    def __init__(
        self,
        account: Account,
        calls: Callable[[str], Peer],
        answer: Answer,
        secrets: Mapping[str, bytes],
        *,
        require_trust: bool,
        first_use: bool,
    ) -> None:
        """`calls` returns the calls on a peer's conversation, `answer` what is said to a text."""
        self._account, self._calls, self._answer = account, calls, answer
        self._secrets = secrets
        self._require_trust, self._first_use = require_trust, first_use
        self._invited: OrderedDict[str, float] = OrderedDict()

    async def on_text(
        self, peer: str, text: str, instance: int, reply: Callable[[str], Awaitable[None]]
    ) -> None:
        """Answer a text, unless its author's key would have to be trusted and is not."""
        try:
            if self._require_trust and not await self._trusts(peer, instance):
                say(f"{peer}: not answered: its key is not trusted")
                return
            answer = await self._answer(peer, text)
            if answer:
                await reply(answer)
        except LocalError as error:
            say(f"{peer}: not answered: {error}")

    async def _trusts(self, peer: str, instance: int) -> bool:
        session = self._account.sessions.get(peer)
        known = session.instances if session is not None else ()
        trust = self._account.trust
        for key in [each.fingerprint for each in known if each.tag == instance]:
            if key is None:
                continue
            if trust.level(peer, key):
                return True
            if self._first_use and set(trust.of(peer)) == {key}:  # its event is still under way
                await self._calls(peer).trust(FIRST_USE, key)
                return True
        return False

    async def on_event(self, peer: str, event: events.Event) -> None:
        """Do what an event asks for, and tell the operator."""
        try:
            await self._do(peer, event)
        except LocalError as error:
            say(f"{peer}: {type(event).__name__}: {error}")

    async def _do(self, peer: str, event: events.Event) -> None:
        match event:
            case events.SecureStarted(fingerprint=fingerprint, version=version):
                level = self._account.trust.level(peer, fingerprint) or "not trusted"
                key = human_fingerprint(fingerprint)
                say(f"{peer}: private, version {version}, key {key}: {level}")
            case events.NewFingerprint(fingerprint=fingerprint, changed=changed):
                await self._meet(peer, fingerprint, changed=changed)
            case events.SecureEnded(by_peer=True):
                await self._calls(peer).end()  # so that the next text starts a new conversation
                say(f"{peer}: ended the private conversation")
            case events.SmpRequested():
                if peer in self._secrets:
                    await self._calls(peer).smp_answer(self._secrets[peer])
                else:
                    await self._calls(peer).smp_abort()
            case events.SmpSucceeded():
                say(f"{peer}: knows the shared secret")
            case events.SmpFailed():
                say(f"{peer}: does not know the shared secret")
            case events.UnencryptedReceived():
                await self._invite(peer)
            case DeliveryUnknown():
                say(f"{peer}: a line may not have been sent before the restart")
            case events.MessageRejected(error=error):
                say(f"{peer}: a message was refused: {type(error).__name__}")

    async def _meet(self, peer: str, fingerprint: bytes, *, changed: bool) -> None:
        key = human_fingerprint(fingerprint)
        if self._first_use and not changed:
            await self._calls(peer).trust(FIRST_USE, fingerprint)
        say(f"{peer}: {'another key than before' if changed else 'a new key'}: {key}")

    async def _invite(self, peer: str) -> None:
        """Ask who writes in the clear for a private conversation, now and then."""
        session = self._account.sessions.get(peer)
        if session is not None and session.state is not MessageState.PLAINTEXT:
            return  # anybody may have written that
        now = time.monotonic()
        if now - self._invited.get(peer, -_INVITATIONS) < _INVITATIONS:
            return
        self._invited[peer] = now
        self._invited.move_to_end(peer)
        if len(self._invited) > _INVITED:
            self._invited.popitem(last=False)
        await self._calls(peer).start()
