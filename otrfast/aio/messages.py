"""What a program holds of a gateway: messages, their iterator, and peers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable

from otrfast.aio.queues import Action
from otrfast.aio.store import Undelivered
from otrfast.errors import NotEncrypted
from otrfast.events import MessageReceived
from otrfast.outcome import Outcome
from otrfast.protocol.instance import MessageState
from otrfast.session import Session

Do = Callable[[Hashable, Action], Awaitable[Outcome]]
"""Has an action done on a peer's session, in the peer's order."""

Reply = Callable[[Hashable, bytes, MessageReceived], Awaitable[None]]
"""Sends a text to the instance of a peer that wrote another one."""


class Message:
    """One text of a peer. `id` is the store's number of it; `redelivered`: it may have been
    delivered before a restart."""

    __slots__ = ("_reply", "event", "id", "peer", "place", "redelivered")

    def __init__(self, reply: Reply, text: Undelivered, redelivered: bool) -> None:
        self._reply = reply
        self.id: int = text.id
        self.peer: Hashable = text.peer
        self.place: Hashable = text.peer  # in whose place it waits, also when the peer is renamed
        self.event: MessageReceived = text.event
        self.redelivered: bool = redelivered

    @property
    def text(self) -> bytes:
        """The text."""
        return self.event.text

    @property
    def encrypted(self) -> bool:
        """Whether it was encrypted, and so is the peer's."""
        return self.event.encrypted

    async def reply(self, text: bytes) -> None:
        """Send a text to the instance that wrote; returns and raises as `Gateway.send`."""
        await self._reply(self.peer, text, self.event)

    def __repr__(self) -> str:
        return f"<Message {self.id} of {self.peer!r}>"


class Peer:
    """The calls on one peer's session, each in the order of the peer's lines and texts. Each
    returns when it is committed and its lines are with the transport; what the session raises is
    raised."""

    __slots__ = ("_account_trust", "_do", "name")

    def __init__(
        self, do: Do, name: Hashable, trust: Callable[[Session, str, bytes], None]
    ) -> None:
        self._do = do
        self._account_trust = trust
        self.name: Hashable = name

    async def state(self) -> MessageState:
        """Return whether the conversation is private, after what was asked for before; one that is
        in the store alone is restored."""
        found: list[MessageState] = []

        def look(session: Session) -> Outcome:
            found.append(session.state)
            return Outcome()

        await self._do(self.name, look)
        return found[0]

    async def start(self) -> None:
        """Ask for a private conversation: see `Session.start`."""
        await self._do(self.name, lambda session: session.start())

    async def end(self) -> None:
        """End the private conversation: see `Session.end`."""
        await self._do(self.name, lambda session: session.end())

    async def smp_start(self, secret: bytes, question: bytes | None = None) -> None:
        """Check whether the peer knows a secret: see `Session.smp_start`."""
        await self._do(self.name, lambda session: session.smp_start(secret, question))

    async def smp_answer(self, secret: bytes) -> None:
        """Answer `events.SmpRequested`: see `Session.smp_answer`."""
        await self._do(self.name, lambda session: session.smp_answer(secret))

    async def smp_abort(self) -> None:
        """Break off a check: see `Session.smp_abort`."""
        await self._do(self.name, lambda session: session.smp_abort())

    async def trust(self, level: str, fingerprint: bytes | None = None) -> None:
        """Set the level of trust of a key of the peer, by default of the one that it uses now.
        Raises `NotEncrypted` if it has shown none."""

        def mark(session: Session) -> Outcome:
            key = session.fingerprint if fingerprint is None else fingerprint
            if key is None:
                raise NotEncrypted("the peer has shown no key yet: give the fingerprint")
            self._account_trust(session, level, key)
            return session.tick()  # texts may have waited for that

        await self._do(self.name, mark)
