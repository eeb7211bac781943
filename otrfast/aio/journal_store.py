"""A journal behind a gateway: conversations, texts and lines of an account in one shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence

from otrfast.account import Account
from otrfast.aio.handled import HandledIds, StateAndIds
from otrfast.aio.reports import DeliveryUnknown
from otrfast.aio.store import Batch, Opened, Undelivered
from otrfast.errors import StaleState, StateDamaged
from otrfast.events import ConversationForgotten, Event, MessageReceived
from otrfast.journal import Journal, Receipt, Shard, dumps_known
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
        self._receipts: dict[int, Receipt] = {}  # of texts that were not acknowledged
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
                self._receipts[receipt] = receipt
                found.append(Undelivered(receipt, peer, _loads_text(text)))
        return Opened(found, unknown)

    async def load(self, peers: Sequence[Hashable]) -> Sequence[tuple[Hashable, Outcome]]:
        """Restore the saved conversations of these peers; one that cannot be restored is forgotten,
        and reported."""
        names = [_name(peer) for peer in peers]
        outcomes: list[tuple[Hashable, Outcome]] = []
        for name, saved in (await self._shard.load(names)).items():
            key = StateAndIds(saved.key, HandledIds())
            try:
                outcome = self._account.restore(name, key, saved.associated, saved.sealed)
            except (StateDamaged, StaleState) as error:
                _log.warning("a saved conversation is dropped: %s", error)
                outcome = Outcome((ConversationForgotten(name),))
            self._ids[name] = key.ids
            outcomes.append((name, outcome))
        return outcomes

    def was_handled(self, peer: Hashable, line_id: bytes) -> bool:
        """Whether the last ids of the peer that were committed have this one."""
        ids = self._ids.get(_name(peer))
        return ids is not None and line_id in ids

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. The lines of the one before it have been emitted."""
        for peer, line_id in batch.handled:
            self._ids.setdefault(_name(peer), HandledIds()).add(line_id)
        renamed = {_name(old): _name(new) for old, new in batch.renamed}
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
        for number, name in enumerate(map(_name, changed)):
            if number % _EXPORTED == 0:
                await asyncio.sleep(0)
                self._account.prepare(dh_keys=min(_EXPORTED, len(changed) - number))
            states[name] = self._state_of(name)
        lines: dict[str, list[bytes]] = {}
        for peer, line in batch.lines:
            lines.setdefault(_name(peer), []).append(line)
        known = {peer: dumps_known(self._account.trust, peer) for peer in states}
        known = {peer: data for peer, data in known.items() if self._known.get(peer) != data}
        moved = [self._receipts[text.id] for text in batch.texts if text.id in self._receipts]
        receipts = await self._shard.commit(
            (),
            states,
            lines,
            [(_name(text.peer), _dumps_text(text.event)) for text in batch.texts],
            seen=[*moved, *[self._receipts.pop(number) for number in batch.taken]],
            known=known,
            sent=True,
        )
        self._known |= known
        for name in [name for name, state in states.items() if state is None]:
            self._known.pop(name, None)
        for text, receipt in zip(batch.texts, receipts, strict=True):
            self._receipts[text.id] = receipt

    def _state_of(self, name: str) -> bytes | None:
        """Return the sealed state of a peer with the ids of its lines; None if it has no session
        any more."""
        session = self._account.sessions.get(name)
        if session is None:
            self._ids.pop(name, None)
            return None
        key = StateAndIds(self._shard.key, self._ids.get(name, HandledIds()))
        return session.export(key, self._shard.associated(name))

    async def close(self) -> None:
        """Give the shard up; the journal is the program's to close."""
        await self._journal.out(self._number)
        await self._journal.out(self._number)
        await self._shard.release()


def _name(peer: Hashable) -> str:
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
