"""A journal behind a gateway: conversations, texts and lines of an account in one shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence

from otrfast.account import Account
from otrfast.aio.handled import HandledIds, StateAndIds
from otrfast.aio.reports import DeliveryUnknown
from otrfast.aio.store import Batch, Opened, Undelivered
from otrfast.errors import PeerExists, StaleState, StateDamaged
from otrfast.events import ConversationForgotten, Event, MessageReceived
from otrfast.journal import Journal, Shard, dumps_known
from otrfast.outcome import Outcome

_log = logging.getLogger("otrfast.gateway")
_FLAG_BYTES, _INSTANCE_BYTES = 1, 4
_AGAIN = 1024  # events asked for in one call
_EXPORTED = 8  # states written before the loop has its chance: half a millisecond, or more if
# each needs a new D-H key


class JournalStore:
    """The `Store` of one account in a shard of a `Journal`; peers are strings.

    Nothing is written for texts that are sent under keys that were saved. What the program has
    seen of a peer is saved before it is delivered, so that a line that comes again is refused then
    too. The ids of handled lines are sealed into the states.
    """

    def __init__(self, account: Account, journal: Journal, number: int = 0) -> None:
        self._account = account
        self._journal = journal
        self._number = number
        self._shard: Shard = journal.shard(number)
        self._ids: dict[str, HandledIds] = {}  # of the peers that were loaded
        self._known: dict[str, bytes] = {}  # what was written last of peers' keys

    async def open(self) -> Opened:
        """Claim the shard, which raises the account's epoch; return the texts that were not
        acknowledged, and `DeliveryUnknown` for each line whose fate nobody knows."""
        await self._shard.look()
        await self._shard.claim()
        self._account.counter_epoch = self._shard.epoch
        unknown: list[tuple[Hashable, Event]] = []
        while committed := await self._journal.out(self._number):
            for peer, lines in committed:
                unknown += [(peer, DeliveryUnknown(line)) for line in lines]
        found: list[Undelivered] = []
        while again := await self._shard.events(_AGAIN):
            for receipt, peer, text in again:
                found.append(Undelivered(receipt, peer, _loads_text(text)))
        return Opened(found, unknown)

    def check(self, peer: Hashable) -> None:
        """Raise `TypeError` unless a peer is a `str`."""
        name_of(peer)

    async def load(self, peers: Sequence[Hashable]) -> Sequence[tuple[Hashable, Outcome]]:
        """Restore the saved conversations of these peers; one that cannot be restored is forgotten,
        and reported."""
        names = [name_of(peer) for peer in peers]
        outcomes: list[tuple[Hashable, Outcome]] = []
        for name, saved in (await self._shard.load(names)).items():
            key = StateAndIds(saved.key, HandledIds())
            before = self._account.sessions.get(name)
            policy = None if before is None else before.conversation.own_policy
            try:
                outcome = self._account.restore(name, key, saved.associated, saved.sealed)
                if policy is not None:  # the program has set it for this run already
                    self._account.session(name, policy=policy)
            except PeerExists:  # the account knows more than the store
                continue
            except (StateDamaged, StaleState) as error:
                _log.warning("a saved conversation is dropped: %s", error)
                outcome = Outcome((ConversationForgotten(name),))
            self._ids[name] = key.ids
            outcomes.append((name, outcome))
        return outcomes

    def was_handled(self, peer: Hashable, line_id: bytes) -> bool:
        """Whether the last ids of the peer that were committed have this one."""
        ids = self._ids.get(name_of(peer))
        return ids is not None and line_id in ids

    @property
    def alone(self) -> bool:
        """Whether the journal's file is locked against everybody else."""
        return self._journal.alone

    async def commit(self, batch: Batch) -> Sequence[int]:
        """Make a batch durable. The lines of the one before it have been emitted."""
        for peer, line_id in batch.handled:
            self._ids.setdefault(name_of(peer), HandledIds()).add(line_id)
        renamed = {name_of(old): name_of(new) for old, new in batch.renamed}
        for old, new in renamed.items():
            if old in self._ids:
                self._ids[new] = self._ids.pop(old)
        changed = dict.fromkeys(
            [
                *batch.states,
                *[text.peer for text in batch.texts],
                *[peer for peer, _ in batch.handled],
            ]
        )
        states: dict[str, bytes | None] = dict.fromkeys(renamed)
        for number, name in enumerate(map(name_of, changed)):
            if number % _EXPORTED == 0:
                await asyncio.sleep(0)
                self._account.prepare(dh_keys=min(_EXPORTED, len(changed) - number))
            states[name] = self._state_of(name)
        lines: dict[str, list[bytes]] = {}
        for peer, line in batch.lines:
            lines.setdefault(name_of(peer), []).append(line)
        known = {peer: dumps_known(self._account.trust, peer) for peer in states}
        known = {peer: data for peer, data in known.items() if self._known.get(peer) != data}
        moved = [text.id for text in batch.texts if text.id]
        receipts = await self._shard.commit(
            (),
            states,
            lines,
            [(name_of(text.peer), _dumps_text(text.event)) for text in batch.texts],
            seen=[*moved, *batch.taken],
            known=known,
            sent=True,
        )
        self._known |= known
        for name in [name for name, state in states.items() if state is None]:
            self._known.pop(name, None)
        return receipts

    def _state_of(self, name: str) -> bytes | None:
        """Return the sealed state of a peer with the ids of its lines; None if it has no session
        any more."""
        session = self._account.sessions.get(name) or self._account.blank_session(name)
        if session is None:
            self._ids.pop(name, None)
            return None
        key = StateAndIds(self._shard.key, self._ids.get(name, HandledIds()))
        return session.export(key, self._shard.associated(name))

    async def close(self, *, emitted: bool) -> None:
        """Give the shard up; the journal is the program's to close. Lines that may not have been
        emitted stay, for `DeliveryUnknown` at the next opening."""
        while emitted and await self._journal.out(self._number):
            pass
        await self._shard.release()


def name_of(peer: Hashable) -> str:
    """Return the name of a peer in a store. Raises `TypeError` unless it is a `str`."""
    if not isinstance(peer, str):
        raise TypeError(f"a peer in a store is a str, not a {type(peer).__name__}")
    return peer


def _dumps_text(event: MessageReceived) -> bytes:
    head = bytes([event.encrypted]) + event.instance.to_bytes(_INSTANCE_BYTES, "big")
    return head + event.text


def _loads_text(data: bytes) -> MessageReceived:
    start = _FLAG_BYTES + _INSTANCE_BYTES
    instance = int.from_bytes(data[_FLAG_BYTES:start], "big")
    return MessageReceived(data[start:], bool(data[0]), instance)
