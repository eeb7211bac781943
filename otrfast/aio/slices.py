"""The engine's work in slices of about a millisecond, so that the loop serves everybody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from otrfast.account import Account
from otrfast.aio.queues import Action, Item, Queues
from otrfast.errors import AccountFull
from otrfast.outcome import Outcome
from otrfast.protocol.instance import MessageState

SLICE: Final = 0.0012
"""Seconds of the engine before the loop has its chance."""

_DEAR = 0.001
_CHEAP = 0.0002
_FALL = 0.1  # of the way to a lower cost that was seen; to a higher one it is gone at once
_LEAST, _MOST = 0.00001, 0.01

Result = tuple[Item, Outcome | Exception]

MaxFragment = int | Callable[[Hashable], int]
"""The longest line that the transport takes, in bytes, 0 for any; or a call that returns it."""


class Slices:
    """Runs items on an account, as many at a time as a slice has time for.

    What an item of each kind costs is learnt: it depends on the processor, and on how many of a
    kind come together.
    """

    def __init__(self, account: Account, max_fragment: MaxFragment) -> None:
        self._account = account
        self._max_fragment = max_fragment
        self._costs = {"data": _CHEAP, "text": _CHEAP, "plain": _CHEAP, "exchange": _DEAR}
        self._costs["other"] = _DEAR

    def take(self, queues: Queues, most: int) -> list[Item]:
        """Take the items of the next slice, at most `most`."""
        return queues.take(SLICE, self._cost, most)

    def run(self, items: Sequence[Item]) -> list[Result]:
        """Handle items of different peers; an exception is the result of the item that raised
        it."""
        before = time.perf_counter()
        self._settle(items)
        receive, send = self._account.receive_many, self._account.send_many
        results: list[Result] = _many(receive, [(i, i.line) for i in items if i.line is not None])
        texts, others = self._parted(items)
        results += _many(send, texts)
        results += [self._act(item, action) for item, action in others]
        self._learn(items, time.perf_counter() - before)
        return results

    def _parted(
        self, items: Sequence[Item]
    ) -> tuple[list[tuple[Item, bytes]], list[tuple[Item, Action]]]:
        """Return the texts that `send_many` can send, and the calls that the others need: it knows
        no instance but the one that texts go to."""
        texts: list[tuple[Item, bytes]] = []
        others: list[tuple[Item, Action]] = []
        for item in items:
            if item.action is not None:
                others.append((item, item.action))
            elif item.text is not None:
                action = self._reply(item, item.text)
                if action is None:
                    texts.append((item, item.text))
                else:
                    others.append((item, action))
        return texts, others

    def _reply(self, item: Item, text: bytes) -> Action | None:
        """Return the call for a reply, None where a plain `send` does the same."""
        received = item.received
        if received is None or not received.encrypted:
            return None
        session = self._account.sessions.get(item.peer)
        if (
            session is not None
            and session.state is MessageState.ENCRYPTED
            and session.instance_tags[1] == received.instance
        ):
            return None
        return lambda session: session.reply(received, text)

    def _act(self, item: Item, action: Action) -> Result:
        try:
            return item, action(self._account.session(item.peer))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            return item, error

    def _settle(self, items: Sequence[Item]) -> None:
        """Give sessions the limit of the transport."""
        limit = self._max_fragment
        if not limit:
            return
        for item in items:
            of_peer = limit if isinstance(limit, int) else limit(item.peer)
            try:
                self._account.session(item.peer).limit_lines(of_peer)
            except AccountFull:
                continue  # the call that follows reports it

    def _cost(self, item: Item) -> float:
        return self._costs[item.kind]

    def _learn(self, items: Sequence[Item], took: float) -> None:
        ratio = took / sum(self._cost(item) for item in items)
        for kind in {item.kind for item in items}:
            cost = self._costs[kind] * (ratio if ratio > 1 else 1 + _FALL * (ratio - 1))
            self._costs[kind] = min(max(cost, _LEAST), _MOST)


def _many(
    call: Callable[[Sequence[tuple[Hashable, bytes]]], list[Outcome]],
    pairs: Sequence[tuple[Item, bytes]],
) -> list[Result]:
    """Give items to a call for many, and those after one that raises to the next call."""
    results: list[Result] = []
    while pairs:
        try:
            done = call([(item.peer, content) for item, content in pairs])
        except Exception as error:  # noqa: BLE001 - it is the result of the item that raised it
            before = vars(error).get("outcomes")
            if before is None:  # it came before anything was done
                return [*results, *[(item, error) for item, _ in pairs]]
            results += [(pair[0], each) for pair, each in zip(pairs, before, strict=False)]
            results.append((pairs[len(before)][0], error))
            pairs = pairs[len(before) + 1 :]
        else:
            results += [(pair[0], each) for pair, each in zip(pairs, done, strict=True)]
            break
    return results
