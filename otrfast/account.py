"""An account: one identity, its conversations, and the limits that they share."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import islice

from otrfast._records import replace
from otrfast._views import View
from otrfast.bytes_like import as_bytes
from otrfast.crypto.backend import StateKey
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.secret import Secret
from otrfast.engine.conversation import Conversation
from otrfast.engine.settings import Settings
from otrfast.engine.timers import Timer, Timers, pass_over, wake
from otrfast.environment import Environment
from otrfast.errors import (
    AccountFull,
    NoCounterEpoch,
    PeerExists,
    StillEncrypted,
)
from otrfast.events import ConversationForgotten, Limited
from otrfast.limits import Limits
from otrfast.outcome import NEVER, Outcome, note_outcomes
from otrfast.policy import Policy
from otrfast.protocol.call import ComputedSecret
from otrfast.protocol.context import Context, Tickable, Usage
from otrfast.protocol.identity import COUNTERS_OF_EPOCH, MIN_INSTANCE_TAG, Identity
from otrfast.protocol.instance import MessageState
from otrfast.session import KeyPair as DhPair
from otrfast.session import Lookahead, Session
from otrfast.trust import Trust

_QUERY_TEXT = b" I ask for a private conversation with Off-the-Record messaging."
_TAG_VALUES = 0x1_0000_0000 - MIN_INSTANCE_TAG
_LOOKED_AT = 16  # peers that one new one may replace
_NOTHING_LOST, _ENDED, _PRIVATE = range(3)  # what forgetting a peer costs
_accounts: weakref.WeakSet[Account] = weakref.WeakSet()


class Account(Secret):
    """Everything that one user of one protocol does with OTR.

    `trust` says which keys each peer has shown and how far they are trusted; `limited` counts
    how often each limit was exceeded.
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
        query_text: bytes = _QUERY_TEXT,
        error_text: bytes = b"An encrypted message could not be read.",
        trailing_tab: bool = False,
        allow_own_key: bool = False,
        answer_unknown_v2: bool = False,
        dh_batch: int = 1,
    ) -> None:
        """Make an account.

        Without `instance_tag` (0x100 .. 2^32-1) a random one is taken: give the same one at each
        start. `query_text` follows our queries, for people whose programs know no OTR;
        `error_text` answers an unreadable message, b"": no answer. `trailing_tab` adds a tab to
        whitespace tags, for transports that strip trailing spaces. `dh_batch` D-H keys are made at
        a time when a message needs one and `prepare` has left none. `allow_own_key` takes a peer
        that shows our own key, which is else refused as `Reflected`. `answer_unknown_v2` answers
        data messages of version 2 that belong to no session, as those of version 3 are answered:
        see `events.SessionUnknown`. Raises `TypeError` for an argument of another type,
        `ValueError` for a reserved instance tag.
        """
        _check("name", name, str)
        _check("protocol", protocol, str)
        _check("private_key", private_key, KeyPair, "PrivateKey.load(path) reads one")
        _check("policy", policy, Policy)
        _check("query_text", query_text, bytes)
        _check("error_text", error_text, bytes)
        if limits is not None:
            _check("limits", limits, Limits)
        if instance_tag is not None:
            _check("instance_tag", instance_tag, int)
        environment = environment or Environment()
        if instance_tag is None:
            instance_tag = _new_instance_tag(environment)
        if not MIN_INSTANCE_TAG <= instance_tag < MIN_INSTANCE_TAG + _TAG_VALUES:
            raise ValueError("an instance tag is 0x100 .. 0xFFFFFFFF")
        self.on_forgotten: Callable[[Hashable], object] | None = None
        """Called with each peer that the account holds no session of any more; a saved state of
        it is worth nothing then. A gateway sets it."""
        self.name = name
        self.protocol = protocol
        self._policy = policy
        self.trust: Trust = Trust() if trust is None else trust
        self._identity = Identity(
            private_key,
            instance_tag,
            environment.backend,
            environment.random,
            dh_batch,
            allow_own_key,
        )
        self._sessions: dict[Hashable, Session] = {}
        self._forgotten: weakref.WeakValueDictionary[Hashable, Session] = (
            weakref.WeakValueDictionary()
        )
        self._settings: dict[Hashable, Settings] = {}
        self._pending: list[tuple[Hashable, Outcome]] = []  # for the next `tick` to return
        self._detached: weakref.WeakSet[Session] = weakref.WeakSet()
        self._timers = Timers(self._is_live)
        self._context = Context(
            self._identity,
            limits or Limits(),
            self.trust,
            Usage(),
            environment,
            environment.clock,
            self._schedule,
            self._remember,
            query_text,
            error_text,
            trailing_tab,
            answer_unknown_v2,
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
        limits = self._context.limits
        # unknown peers must not lock out those with a trusted key: a tenth more is theirs
        most = limits.peers + (limits.peers // 10 if self.trust.trusts(peer) else 0)
        if len(self._sessions) >= most:
            self._make_space()
        session = self._forgotten.pop(peer, None) if self._forgotten else None
        if session is None:
            session = Session(peer, self._context, self._policy)
            settings = self._settings.get(peer)
            if settings is not None:
                session._restore(settings)
        made = self._sessions.setdefault(peer, session)
        if made is not session:  # another thread was faster
            return made
        idle = self._context.clock() + limits.idle_peer
        if idle < session.conversation.scheduled:  # to be forgotten then, if it stays unused
            try:
                wake(session.conversation, idle)
            except BaseException:  # nobody would ever look at it again
                self._forget(peer, self._sessions.pop(peer))
                raise
        return session

    @property
    def counter_epoch(self) -> int:
        """The epoch of the counters of data messages, 0 until it is set.

        Every message of the account is sealed under a counter of the epoch, so two epochs never
        share a counter, whatever state a conversation goes on from. Set it to a number that is
        greater than each before, as the greater of the last one plus 1 and the seconds of the day's
        time, and have that stand in the store first. Raises `ValueError` for one that is not
        greater, or not below 2^32.
        """
        counters = self._identity.counters
        return 0 if counters is None else counters[0] // COUNTERS_OF_EPOCH

    @counter_epoch.setter
    def counter_epoch(self, epoch: int) -> None:
        _check("counter_epoch", epoch, int)
        if not self.counter_epoch < epoch < 1 << 32:
            raise ValueError(
                f"counter_epoch is above {self.counter_epoch} and below 2^32, not {epoch}"
            )
        start = epoch * COUNTERS_OF_EPOCH
        self._identity.counters = start, start + COUNTERS_OF_EPOCH
        for session in (*self._sessions.values(), *self._forgotten.values()):
            for instance in session.conversation.instances:
                if instance.channel is not None:
                    instance.channel.keyring.follow_counters()

    def restore(
        self,
        peer: Hashable,
        key: StateKey,
        associated: bytes,
        sealed: bytes,
        *,
        max_age: float = 3600.0,
    ) -> Outcome:
        """Take back a conversation that `Session.export` has sealed under `key` and `associated`;
        return what is to be said of it.

        A state may be restored once, and in a later epoch than it was saved in. Its sessions are
        unconfirmed until the peer is heard: what says that the peer has lost them asks for new
        keys. A check of a secret that ran is aborted, with an event; a private conversation that
        was saved more than `max_age` seconds ago is ended, and FINISHED. Texts that are in doubt
        are not sent again.

        Raises `NoCounterEpoch`; `PeerExists` if there is a conversation with the peer;
        `StateDamaged`; `StaleState` for one that was saved in this epoch of the counters or later.
        Nothing has changed then.
        """
        epoch = self.counter_epoch
        if not epoch:
            raise NoCounterEpoch("set Account.counter_epoch before a conversation is restored")
        known = self._sessions.get(peer) or self._forgotten.get(peer)
        if known is not None and known.conversation.has_history:
            raise PeerExists(f"there is a conversation with {peer!r} already")

        parts = key.open(associated, sealed)
        session, usage = Session(peer, self._context, self._policy), self._context.usage
        before = usage.pending_akes, usage.assembled, usage.held
        replaced = self._sessions.get(peer)
        self._sessions[peer] = session  # so that its timer finds it
        try:
            outcome = session._read_state(parts, epoch, max_age)
        except BaseException:
            usage.pending_akes, usage.assembled, usage.held = before
            del self._sessions[peer]
            if replaced is not None:
                self._sessions[peer] = replaced
            raise
        self._forgotten.pop(peer, None)
        self._remember(session.conversation)
        return outcome

    def detached_session(
        self, peer: Hashable, *, policy: Policy | None = None, own_instance: bool = False
    ) -> Session:
        """Return a new conversation that belongs to the caller alone: it is dropped with the last
        reference, nobody ticks it, and what it learns of `peer` is not written to `trust`.

        With `own_instance` it is another instance than the account, under a random instance tag,
        and keeps the private key that the account has now: two such sessions of one account can
        talk to each other if the account allows its own key.
        """
        identity = self._identity
        if own_instance:
            identity = identity.under(_new_instance_tag(self._context.environment))
        context = replace(
            self._context,
            identity=identity,
            schedule=_unscheduled,
            remember=_forgotten,
            trust=Trust(),
        )
        session = Session(peer, context, self._policy if policy is None else policy)
        self._detached.add(session)
        return session

    def blank_session(self, peer: Hashable) -> Session | None:
        """Return a session of nothing but what was set for a peer that was forgotten, so that it
        can be saved; None if nothing was set."""
        settings = self._settings.get(peer)
        if settings is None:
            return None
        session = self.detached_session(peer)
        session._restore(settings)
        return session

    def forget(self, peer: Hashable) -> Outcome:
        """Forget a peer: its session and all that was set for it; the texts that waited come back
        as events. What `trust` knows of the peer stays.

        A peer that is not known is nothing to forget. Raises `StillEncrypted` if a private
        conversation is going on: call `end` on its session first.
        """
        session = self._sessions.get(peer) or self._forgotten.get(peer)
        if session is None:
            self._settings.pop(peer, None)
            return Outcome()
        if session.conversation.state is MessageState.ENCRYPTED:
            raise StillEncrypted(f"the conversation with {peer!r} is encrypted: end it first")
        outcome = session.end()
        self._sessions.pop(peer, None)
        self._forgotten.pop(peer, None)
        self._settings.pop(peer, None)
        session.conversation.scheduled = NEVER
        if self.on_forgotten is not None:
            self.on_forgotten(peer)
        return outcome

    def rename(self, old: Hashable, new: Hashable) -> None:
        """Have the peer `old` be called `new`: its session, with everything that it holds, and
        what `trust` knows of it.

        Raises `LookupError` if there is neither a session nor trust for `old`, `PeerExists` if
        there is one for `new`; nothing has changed then.
        """
        stores = self._sessions, self._forgotten, self._settings
        if any(new in store for store in stores) or self.trust.of(new):
            raise PeerExists(f"there is a peer called {new!r} already")
        session = self._sessions.get(old)
        if session is None and old not in self._settings and not self.trust.of(old):
            raise LookupError(f"there is no peer called {old!r}")
        self.trust.rename(old, new)
        if old in self._settings:
            self._settings[new] = self._settings.pop(old)
        if session is not None:
            conversation = session.conversation
            scheduled = conversation.scheduled
            conversation.rename(new)
            del self._sessions[old]
            self._sessions[new] = session
            if scheduled != NEVER:
                self._timers.add(scheduled, new)

    def end_all(self) -> list[tuple[Hashable, Outcome]]:
        """End every private conversation, for a program that stops; return the peers with what
        is to be sent to them."""
        ended = []
        for peer, session in list(self._sessions.items()):
            outcome = session.end()
            if outcome.events or outcome.wire:
                ended.append((peer, outcome))
        return ended

    def _make_space(self) -> None:
        """Forget one of the oldest peers: an idle one, else the conversation without a trusted key
        that is missed least. Peers that stay move to the end of the order."""
        limited = self._context.usage.limited
        limited["peers"] = limited.get("peers", 0) + 1
        dearer: list[tuple[int, float, int, Hashable]] = []
        for number, peer in enumerate(list(islice(self._sessions, _LOOKED_AT))):
            session = self._sessions.pop(peer)
            cost = self._cost(peer, session)
            if cost == _NOTHING_LOST:
                self._forget(peer, session)
                return
            self._sessions[peer] = session
            if cost is not None:
                dearer.append((cost, session.conversation.last_used, number, peer))
        if not dearer:
            raise AccountFull(
                f"{len(self._sessions)} peers have conversations that would be lost: raise "
                "Limits.peers"
            )
        self._drop(min(dearer)[3])

    def _cost(self, peer: Hashable, session: Session) -> int | None:
        """Return what forgetting a peer costs, the less the better; None if that must not be."""
        conversation = session.conversation
        if not conversation.has_history:
            return _NOTHING_LOST
        if self.trust.trusts(peer) or conversation.busy:
            return None
        return _ENDED if conversation.state is MessageState.FINISHED else _PRIVATE

    def _drop(self, peer: Hashable) -> None:
        """Forget a private conversation; `tick` returns what is to be said of it, and to the
        peer."""
        session = self._sessions[peer]
        outcome = session._end_idle()
        event = ConversationForgotten(peer)
        self._pending.append((peer, Outcome((*outcome.events, event), outcome.wire)))
        self._forget(peer, self._sessions.pop(peer))

    def _forget(self, peer: Hashable, session: Session) -> None:
        """Hold a session no more; whoever still does may use it, and has it back by its peer."""
        self._remember(session.conversation)
        self._forgotten[peer] = session
        session._release()
        if self.on_forgotten is not None:
            self.on_forgotten(peer)

    def receive_many(self, items: Sequence[tuple[Hashable, bytes]]) -> list[Outcome]:
        """Take lines of several peers, in order, as `session(peer).receive(line)` would; one
        outcome each, with `events.Limited` for a peer that the account has no space for.

        The exponentiations that they need are computed together, eight at a time if the processor
        can. An exception ends the call: the outcomes before it are in its `outcomes`, the items
        from there on in its `untried`.
        """
        ahead = [(peer, self._look_ahead(peer, as_bytes(line, "a line"))) for peer, line in items]
        secrets = self._compute([seen.pair for _, seen in ahead])
        outcomes: list[Outcome] = []
        try:
            for (peer, seen), secret in zip(ahead, secrets, strict=True):
                try:
                    session = self.session(peer)
                except AccountFull:
                    outcomes.append(Outcome((Limited("peers"),)))
                else:
                    outcomes.append(session._receive_ahead(seen, secret))
        except BaseException as error:
            note_outcomes(error, outcomes, items[len(outcomes) :])
            raise
        return outcomes

    def _look_ahead(self, peer: Hashable, line: bytes) -> Lookahead:
        """Look at a line without making a session for a peer that has none yet: its line needs no
        exponentiation."""
        session = self._sessions.get(peer) or self._forgotten.get(peer)
        return Lookahead(line) if session is None else session._look_ahead(line)

    def send_many(self, items: Sequence[tuple[Hashable, bytes]]) -> list[Outcome]:
        """Send texts to several peers, in order, as `session(peer).send(text)` would; one
        outcome each.

        The exponentiations that they need are computed together. What `send` raises for a text
        ends the call: the outcomes before it are in the exception's `outcomes`, the items from
        there on in its `untried`.
        """
        known = [self._sessions.get(peer) for peer, _ in items]
        needs = [(False, None) if each is None else each._wanted_to_send() for each in known]
        self._identity.dh_keys.fill(sum([dh_key for dh_key, _ in needs]))
        secrets = self._compute([pair for _, pair in needs])
        outcomes: list[Outcome] = []
        try:
            for (peer, text), secret in zip(items, secrets, strict=True):
                outcomes.append(self.session(peer)._send_ahead(text, secret))
        except BaseException as error:
            note_outcomes(error, outcomes, items[len(outcomes) :])
            raise
        return outcomes

    def _compute(self, pairs: Sequence[DhPair | None]) -> list[ComputedSecret | None]:
        """Compute the shared secret of each pair, all at a time and each once; None for no pair,
        and for one that has no secret since its public key is not in the group."""
        distinct = list(dict.fromkeys([pair for pair in pairs if pair is not None]))
        secrets = {
            pair: None if secret is None else ComputedSecret(*pair, secret)
            for pair, secret in zip(
                distinct, self._identity.backend.agree_many(distinct), strict=True
            )
        }
        return [None if pair is None else secrets[pair] for pair in pairs]

    def tick(self, limit: int | None = None) -> list[tuple[Hashable, Outcome]]:
        """Do what time asks for, in all conversations or in up to `limit` of them; return the
        peers to which something happened, with their outcomes.

        While there is more to do, `next_deadline` is not later than now.
        """
        now = self._context.clock()
        timers = self._timers.expired(now)
        for timer in timers if limit is None else islice(timers, limit):
            peer = timer[2]
            if self._forget_idle(peer, now):
                continue
            session = self._waiting(timer)
            if session is not None and not pass_over(session.conversation, now):
                outcome = session.tick()
                if outcome.events or outcome.wire:
                    self._pending.append((peer, outcome))
                self._forget_idle(peer, now)
        outcomes, self._pending = self._pending, []
        return outcomes

    def _forget_idle(self, peer: Hashable, now: float) -> bool:
        """Forget a peer that has been idle for long, unless it is trusted and was private; whether
        that was so."""
        session = self._sessions.get(peer)
        if session is None or not (conversation := session.conversation).forgettable(now):
            return False
        if not conversation.instances.private:
            conversation.scheduled = NEVER
            self._forget(peer, self._sessions.pop(peer))
        elif self.trust.trusts(peer):
            return False
        else:
            conversation.scheduled = NEVER
            self._drop(peer)
        return True

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in seconds of the environment's clock; it may turn
        out to be nothing."""
        return self._context.clock() if self._pending else self._timers.soonest

    def _waiting(self, timer: Timer) -> Session | None:
        """Return the session that waits for a timer, None if it is gone or has been scheduled
        again since."""
        deadline, _, peer = timer
        session = self._sessions.get(peer) or self._forgotten.get(peer)
        if session is None:
            return None
        conversation = session.conversation
        return None if conversation.forked or conversation.scheduled != deadline else session

    def _is_live(self, timer: Timer) -> bool:
        return self._waiting(timer) is not None

    def _schedule(self, deadline: float, conversation: Tickable) -> None:
        peer = conversation.peer
        if peer not in self._sessions and conversation.has_history:
            session = self._forgotten.get(peer)  # in use again after it was forgotten
            if session is not None and session.conversation is conversation:
                self._sessions.setdefault(peer, session)
        self._timers.add(deadline, peer)

    def _remember(self, conversation: Tickable) -> None:
        """Keep what was set for a peer, and nothing for one that has no settings."""
        assert isinstance(conversation, Conversation)
        if conversation.has_settings or self.trust.trusts(conversation.peer):
            self._settings[conversation.peer] = conversation.settings
        else:
            self._settings.pop(conversation.peer, None)

    def prepare(self, dh_keys: int) -> None:
        """Make D-H keys ahead, until `dh_keys` are there: they need not be made when a message
        waits."""
        self._identity.dh_keys.fill(dh_keys)

    def wipe(self) -> None:
        """Wipe the D-H keys that were made ahead."""
        self._identity.dh_keys.clear()

    @property
    def policy(self) -> Policy:
        """The policy of every peer that has none of its own; it may be set at any time."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        _check("policy", policy, Policy)
        self._policy = policy
        for session in (*self._sessions.values(), *self._forgotten.values()):
            session._follow_account(policy)

    @property
    def instance_tag(self) -> int:
        """Which instance of this account we are."""
        return self._identity.instance_tag

    @property
    def private_key(self) -> KeyPair:
        """The key that the next key exchanges and checks of secrets are made with; it may be set
        at any time."""
        return self._identity.key_pair

    @private_key.setter
    def private_key(self, private_key: KeyPair) -> None:
        _check("private_key", private_key, KeyPair, "PrivateKey.load(path) reads one")
        self._identity.key_pair = private_key

    @property
    def fingerprint(self) -> bytes:
        """Our own fingerprint, 20 bytes."""
        return self._identity.key_pair.fingerprint

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._context.limits

    @property
    def limited(self) -> Mapping[str, int]:
        """How often each limit was exceeded, by its name in `Limits`."""
        return View(self._context.usage.limited)

    @property
    def sessions(self) -> Mapping[Hashable, Session]:
        """The conversations that exist, by peer. Another thread may iterate over them, and over
        `limited` and `trust`, beside the one that owns the account."""
        return View(self._sessions)

    def abandon_after_fork(self) -> None:
        """In a child process: forget the D-H keys made ahead, and have every session refuse to
        go on."""
        self._identity.dh_keys.clear()
        for session in (*self._sessions.values(), *self._forgotten.values(), *self._detached):
            session._abandon()
        usage = self._context.usage
        usage.pending_akes = usage.assembled = usage.held = 0
        self._detached.clear()
        self._pending.clear()
        self._sessions.clear()
        self._forgotten.clear()
        self._timers.clear()

    def __repr__(self) -> str:
        return f"<Account {self.name!r} on {self.protocol!r}: {len(self._sessions)} conversations>"


def _check(name: str, value: object, kind: type, remedy: str = "") -> None:
    """Raise `TypeError` unless a value is of the kind that its argument takes."""
    if not isinstance(value, kind):
        expected = f"{name} is a {kind.__name__}, not a {type(value).__name__}"
        raise TypeError(f"{expected}: {remedy}" if remedy else expected)


def _new_instance_tag(environment: Environment) -> int:
    """Return a random instance tag, 0x100 .. 2^32-1."""
    return MIN_INSTANCE_TAG + int.from_bytes(environment.random(8), "big") % _TAG_VALUES


def _unscheduled(deadline: float, conversation: Tickable) -> None:
    """Have nobody tick a conversation: its owner does, or nobody needs it."""


def _forgotten(conversation: Tickable) -> None:
    """Have the settings of a conversation end with it."""


def _after_fork() -> None:
    for account in list(_accounts):
        account.abandon_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
