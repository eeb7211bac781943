"""An account: one identity and the conversations that it has, with their shared bounds."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count, islice
from types import MappingProxyType
from typing import TypeVar

from otrfast._records import replace
from otrfast.bytes_like import as_bytes
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.secret import Secret
from otrfast.environment import Environment
from otrfast.errors import AccountFull, LocalError
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.protocol.context import Context, Tickable, Usage
from otrfast.protocol.identity import MIN_INSTANCE_TAG, Identity
from otrfast.session import LookedAhead, Session
from otrfast.trust import Trust

T = TypeVar("T")

_TAG_VALUES = 0x1_0000_0000 - MIN_INSTANCE_TAG
_LOOKED_AT = 16  # peers that one new one may push aside
_SPARE_TIMERS = 1024  # timers out of date that may stand in the heap before it is cleared
_accounts: weakref.WeakSet[Account] = weakref.WeakSet()


_Timer = tuple[float, int, Hashable]
"""When a session wants to be ticked, a number that no other timer has, and whose session it is.

Not the session itself: a flood of peers that come and are forgotten must not be kept by what they
wait for. And plain: the garbage collector soon stops looking at a tuple that holds nothing."""


class Account(Secret):
    """Everything that one user of one protocol does with OTR.

    `trust` says which keys each peer has shown and how far they are trusted; `limited` counts
    how often each bound has bitten.
    """

    def __init__(
        self,
        name: str,
        protocol: str,
        private_key: KeyPair,
        *,
        policy: Policy = Policy.OPPORTUNISTIC,
        limits: Limits | None = None,
        instance_tag: int | None = None,
        environment: Environment | None = None,
        trust: Trust | None = None,
        query_text: bytes | None = None,
        error_text: bytes = b"An encrypted message could not be read.",
        trailing_tab: bool = False,
        dh_batch: int | None = None,
    ) -> None:
        """Make an account.

        Without `instance_tag` (0x100 .. 2^32-1) a random one is taken: give the same one at each
        start. `query_text` follows our queries, for people whose programs know no OTR;
        `error_text` answers an unreadable message, b"": no answer. `trailing_tab` adds a tab to
        whitespace tags, for transports that strip trailing spaces. `dh_batch` D-H keys are made
        at a time, by default as many as suit the backend. Raises `ValueError` for a reserved
        instance tag.
        """
        environment = environment or Environment()
        if instance_tag is None:
            instance_tag = (
                MIN_INSTANCE_TAG + int.from_bytes(environment.random(8), "big") % _TAG_VALUES
            )
        if not MIN_INSTANCE_TAG <= instance_tag < MIN_INSTANCE_TAG + _TAG_VALUES:
            raise ValueError("an instance tag is 0x100 .. 0xFFFFFFFF")
        if query_text is None:
            query_text = (
                b" %b asks for a private conversation with Off-the-Record messaging."
                % name.encode()
            )
        self.name = name
        self.protocol = protocol
        self.policy = policy
        self.trust = Trust() if trust is None else trust
        self._identity = Identity(
            private_key,
            instance_tag,
            environment.backend,
            environment.random,
            dh_batch or environment.backend.dh_batch,
        )
        self._sessions: dict[Hashable, Session] = {}
        self._forgotten: weakref.WeakValueDictionary[Hashable, Session] = (
            weakref.WeakValueDictionary()
        )
        self._lone: weakref.WeakSet[Session] = weakref.WeakSet()
        self._timers: list[_Timer] = []
        self._timers_limit = _SPARE_TIMERS
        self._order = count()
        self._local = Context(
            self._identity,
            limits or Limits(),
            self.trust,
            Usage(),
            environment.clock,
            self._schedule,
            query_text,
            error_text,
            trailing_tab,
        )
        _accounts.add(self)

    def session(
        self, peer: Hashable, *, max_fragment: int | None = None, policy: Policy | None = None
    ) -> Session:
        """Return the conversation with `peer`, made at first use. `max_fragment` and `policy`,
        where given, are set on it."""
        session = self._sessions.get(peer)
        if session is None:
            session = self._new_session(peer)
        if max_fragment is not None:
            session.max_fragment = max_fragment
        if policy is not None:
            session.policy = policy
        return session

    def _new_session(self, peer: Hashable) -> Session:
        if len(self._sessions) >= self._local.limits.peers:
            self._make_room()
        session = self._forgotten.pop(peer, None) if self._forgotten else None
        if session is None:
            session = Session(peer, self._local, self.policy)
        self._sessions[peer] = session
        idle = self._local.clock() + self._local.limits.idle_peer
        if idle < session.scheduled:  # to be forgotten then, where nothing has become of it
            try:
                session.wake(idle)
            except BaseException:  # nobody would ever look at it again
                self._forget(peer, self._sessions.pop(peer))
                raise
        return session

    def lone_session(self, peer: Hashable, *, policy: Policy | None = None) -> Session:
        """Return a new conversation that belongs to the caller alone: it is dropped with the last
        reference, nobody ticks it, and what it learns of `peer` is not written to `trust`."""
        local = replace(self._local, schedule=_unscheduled, trust=Trust())
        session = Session(peer, local, self.policy if policy is None else policy)
        self._lone.add(session)
        return session

    def _make_room(self) -> None:
        """Forget one of the oldest peers in plain text; those that stand in the way move to the
        end of the row."""
        self._local.usage.limited["peers"] = self._local.usage.limited.get("peers", 0) + 1
        for peer in list(islice(self._sessions, _LOOKED_AT)):
            session = self._sessions.pop(peer)
            if not session.has_history:
                self._forget(peer, session)
                return
            self._sessions[peer] = session
        raise AccountFull(
            f"{len(self._sessions)} peers have conversations that would be lost: raise Limits.peers"
        )

    def _forget(self, peer: Hashable, session: Session) -> None:
        """Hold a session no more; whoever still does may use it, and has it back by its peer."""
        self._forgotten[peer] = session
        session.let_go()

    def receive_many(self, items: Sequence[tuple[Hashable, bytes]]) -> list[Outcome]:
        """Take lines of several peers, in order, as `session(peer).receive(line)` would; one
        outcome each.

        The powers that they need are computed together, eight at a time where the processor can.
        Raises what `session` raises: the outcomes before it are in the exception's `outcomes`.
        """
        ahead = [(peer, self._look_ahead(peer, as_bytes(line, "a line"))) for peer, line in items]
        self._identity.agree_ahead([seen.pair for _, seen in ahead if seen.pair is not None])
        return self._in_turn(Session.receive_ahead, ahead)

    def _look_ahead(self, peer: Hashable, line: bytes) -> LookedAhead:
        """Look at a line without making room for a peer that there is no session with yet: it
        needs no power."""
        session = self._sessions.get(peer) or self._forgotten.get(peer)
        return LookedAhead(line, None, None, None) if session is None else session.look_ahead(line)

    def send_many(self, items: Sequence[tuple[Hashable, bytes]]) -> list[Outcome]:
        """Send texts to several peers, in order, as `session(peer).send(text)` would; one
        outcome each.

        The powers that they need are computed together. What `send` raises for a text ends the
        call there: the outcomes before it are in the exception's `outcomes`.
        """
        known = [self._sessions.get(peer) for peer, _ in items]
        needs = [session.wanted_to_send() for session in known if session is not None]
        self._identity.dh_keys.fill(sum([need.dh_key for need in needs]))
        self._identity.agree_ahead([need.pair for need in needs if need.pair is not None])
        return self._in_turn(Session.send, items)

    def _in_turn(
        self, call: Callable[[Session, T], Outcome], items: Sequence[tuple[Hashable, T]]
    ) -> list[Outcome]:
        """Make a call for each item; the shared secrets computed ahead are wiped after the last."""
        outcomes: list[Outcome] = []
        try:
            for peer, item in items:
                outcomes.append(call(self.session(peer), item))
        except LocalError as error:
            error.outcomes = outcomes
            raise
        finally:
            self._identity.forget_ahead()
        return outcomes

    def tick(self) -> list[tuple[Hashable, Outcome]]:
        """Do what is due in all conversations; return the peers to which something happened,
        with their outcomes."""
        now = self._local.clock()
        due = []
        while self._timers and self._timers[0][0] <= now:
            due.append(heappop(self._timers))
        outcomes = []
        for timer in due:
            session, peer = self._waiting(timer), timer[2]
            if session is not None:
                outcome = session.tick()
                if outcome.events or outcome.wire:
                    outcomes.append((peer, outcome))
            known = self._sessions.get(peer)  # its owner may have ticked it before
            if known is not None and known.forgettable(now):
                self._forget(peer, self._sessions.pop(peer))
        return outcomes

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in seconds of the environment's clock; it may turn
        out to be nothing."""
        return self._timers[0][0] if self._timers else None

    def _waiting(self, timer: _Timer) -> Session | None:
        """Return the session that waits for a timer, None where it is gone or has been scheduled
        anew since."""
        deadline, _, peer = timer
        session = self._sessions.get(peer) or self._forgotten.get(peer)
        if session is None or session.forked or session.scheduled != deadline:
            return None
        return session

    def _schedule(self, deadline: float, session: Tickable) -> None:
        if session.peer not in self._sessions and isinstance(session, Session):
            if session.has_history:  # in use again after it was forgotten
                self._sessions.setdefault(session.peer, session)
        if len(self._timers) >= self._timers_limit:
            self._clear_timers()
        heappush(self._timers, (deadline, next(self._order), session.peer))

    def _clear_timers(self) -> None:
        """Throw away the timers that are out of date; another thread may add one meanwhile."""
        live = []
        while self._timers:
            timer = heappop(self._timers)
            if self._waiting(timer) is not None:
                live.append(timer)
        for timer in live:
            heappush(self._timers, timer)
        self._timers_limit = 2 * len(live) + _SPARE_TIMERS

    def prepare(self, dh_keys: int) -> None:
        """Make D-H keys ahead, until `dh_keys` are there: they need not be made when a message
        waits."""
        self._identity.dh_keys.fill(dh_keys)

    def wipe(self) -> None:
        """Wipe the D-H keys that were made ahead."""
        self._identity.dh_keys.clear()

    @property
    def instance_tag(self) -> int:
        """Which device of this account we are."""
        return self._identity.instance_tag

    @property
    def private_key(self) -> KeyPair:
        """The key that the next key exchanges and checks of secrets are made with; it may be set
        at any time."""
        return self._identity.key_pair

    @private_key.setter
    def private_key(self, private_key: KeyPair) -> None:
        self._identity.key_pair = private_key

    @property
    def fingerprint(self) -> bytes:
        """Our own fingerprint, 20 bytes."""
        return self._identity.key_pair.fingerprint

    @property
    def limits(self) -> Limits:
        """The bounds in force."""
        return self._local.limits

    @property
    def limited(self) -> Mapping[str, int]:
        """How often each bound has bitten, by its name in `Limits`."""
        return self._local.usage.limited

    @property
    def sessions(self) -> Mapping[Hashable, Session]:
        """The conversations that exist, by peer."""
        return MappingProxyType(self._sessions)

    def abandon_after_fork(self) -> None:
        """In a child process: forget the D-H keys made ahead, and have every session refuse to
        go on."""
        self._identity.dh_keys.clear()
        for session in (*self._sessions.values(), *self._forgotten.values(), *self._lone):
            session.abandon_after_fork()
        self._lone.clear()
        self._sessions.clear()
        self._forgotten.clear()
        self._timers.clear()

    def __repr__(self) -> str:
        return f"<Account {self.name!r} on {self.protocol!r}: {len(self._sessions)} conversations>"


def _unscheduled(deadline: float, session: Tickable) -> None:
    """Have nobody tick a session: its owner does, or nobody needs it."""


def _after_fork() -> None:
    for account in list(_accounts):
        account.abandon_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
