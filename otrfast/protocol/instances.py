"""The instances of one peer: which one a message belongs to, which one a text goes to, how many
there may be.

A version 3 DH-Commit goes out with receiver 0 and may be answered by several instances. Its state
is kept here as `pending`, and every instance starts its own exchange from it (OTRv3, "Instance
Tags").
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from enum import Enum

from otrfast.crypto.backend import DhKey
from otrfast.crypto.secret import Secret
from otrfast.errors import LimitExceeded, StateDamaged, UnexpectedMessage
from otrfast.outcome import NEVER
from otrfast.protocol import ake
from otrfast.protocol.call import Call
from otrfast.protocol.context import Context
from otrfast.protocol.exchange_state import read_exchange, write_exchange
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.state import StateReader, StateWriter
from otrfast.wire.messages import DataMessage, DHCommit, DHKey, Message

_RANK = {MessageState.PLAINTEXT: 0, MessageState.FINISHED: 1, MessageState.ENCRYPTED: 2}


class Recipient(Enum):
    """Which instance a text goes to if none is named."""

    BEST = "best"
    """One with a trusted key, even if the peer has ended its conversation: then texts are refused;
    then the one with the best state, then the one last heard from."""
    MOST_RECENT = "most recent"
    """The one last written to or heard from, of those that have a private conversation if any
    has."""
    MOST_RECENTLY_RECEIVED = "most recently received from"
    """The one last heard from, of the same."""


class Instances(Secret):
    """The instances of one peer, by tag; version 2 is the instance 0."""

    __slots__ = ("_answers", "_by_tag", "_context", "_counted", "peer", "pending")

    def __init__(self, peer: Hashable, context: Context) -> None:
        self.peer: Hashable = peer
        self._context = context
        self._by_tag: dict[int, Instance] = {}
        self.pending: ake.AwaitingDHKey | None = None
        self._counted = False  # `pending`, among the account's unfinished exchanges
        self._answers: tuple[bytes, ...] = ()  # the D-H values that `pending` was answered with

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._by_tag.values())

    @property
    def private(self) -> bool:
        """Whether one is encrypted, or was until the peer ended it."""
        for instance in self._by_tag.values():
            if instance.state is not MessageState.PLAINTEXT:
                return True
        return False

    @property
    def encrypted(self) -> bool:
        """Whether one is encrypted."""
        for instance in self._by_tag.values():  # noqa: SIM110 - the same
            if instance.state is MessageState.ENCRYPTED:
                return True
        return False

    @property
    def exchanging(self) -> bool:
        """Whether a key exchange is unfinished."""
        for instance in self._by_tag.values():
            if not isinstance(instance.exchange, ake.Idle):
                return True
        return self._counted

    def __len__(self) -> int:
        return len(self._by_tag)

    def get(self, tag: int) -> Instance | None:
        """Return the instance with this tag."""
        return self._by_tag.get(tag)

    def choose(self, recipient: int | Recipient) -> Instance | None:
        """Return the instance that `recipient` means, None if there is none."""
        if isinstance(recipient, int):
            return self._by_tag.get(recipient)
        if len(self._by_tag) < 2:
            for instance in self._by_tag.values():
                return instance
            return None
        # anyone can make an instance appear: it must not draw texts into the clear
        private = [each for each in self if each.state is not MessageState.PLAINTEXT] or list(self)
        match recipient:
            case Recipient.BEST:
                return max(private, key=self._goodness)
            case Recipient.MOST_RECENT:
                return max(private, key=lambda each: max(each.last_sent, each.last_received))
            case Recipient.MOST_RECENTLY_RECEIVED:
                return max(private, key=lambda each: each.last_received)

    def _goodness(self, instance: Instance) -> tuple[bool, int, float]:
        fingerprint = instance.fingerprint
        trusted = fingerprint is not None and bool(
            self._context.trust.level(self.peer, fingerprint)
        )
        return trusted, _RANK[instance.state], instance.last_received

    @property
    def best_may_change(self) -> bool:
        """Whether a change of trust alone may change what `Recipient.BEST` means."""
        if len(self._by_tag) < 2:
            return False
        return sum(each.state is not MessageState.PLAINTEXT for each in self) > 1

    def mark_finished(self, tag: int, version: int, fingerprint: bytes) -> None:
        """Know an instance again whose private conversation the peer has ended."""
        instance = Instance(tag, ake.IDLE)
        instance.state, instance.version = MessageState.FINISHED, version
        instance.fingerprint = fingerprint
        self._by_tag[tag] = instance

    def start(self, version: int, call: Call) -> None:
        """Send a DH-Commit: in version 3 to all instances of the peer."""
        context = self._context
        if version == 2:
            instance = self._by_tag.get(0) or Instance(0, ake.IDLE)
            self._take(instance, instance.advance(ake.Start(2), call), (), call)
            return
        machine = ake.Ake(context.identity, 0, call.now, context.limits.ake_timeout)
        step = ake.TABLE.advance(machine, ake.IDLE, ake.Start(version))
        assert isinstance(step.state, ake.AwaitingDHKey)
        self._set_pending(step.state)
        call.wake(step.state.since + context.limits.ake_timeout)
        for instance in self._by_tag.values():
            if instance.tag:
                instance.set_exchange(step.state, context)
        for commit in step.replies:
            call.send_message(commit)

    def exchange(self, message: Message, call: Call) -> tuple[Instance, ake.Established] | None:
        """Take an AKE message; return the instance that is encrypted by it, if one is.

        Raises `RemoteError` if the message is refused, `LimitExceeded` if it would take one
        instance too many; nothing has changed then.
        """
        assert isinstance(message, ake.Input)
        self.expire(call.now)
        instance = self._by_tag.get(message.sender)
        answer = self._new_answer(instance, message)
        replaced = None
        if instance is None:
            if not (
                isinstance(message, DHCommit)
                or (isinstance(message, DHKey) and self.pending and message.sender)
            ):
                return None
            replaced = self._replaceable()
            pending = self.pending if message.sender else None
            instance = Instance(message.sender, pending or ake.IDLE)
        step = instance.advance(message, call)
        if step.established is not None:
            replaced = self._silent_one(instance, step.established.their_key.fingerprint)
        self._take(instance, step, answer, call)
        if replaced is not None:
            replaced.set_exchange(ake.IDLE, self._context)
            replaced.leave(MessageState.PLAINTEXT, call, by_peer=False)
            del self._by_tag[replaced.tag]
        if step.established is None:
            return None
        self._stop_counting()  # it goes on waiting for other instances
        return instance, step.established

    def _take(
        self, instance: Instance, step: ake.AkeStep, answer: tuple[bytes, ...], call: Call
    ) -> None:
        """Have an instance, which may be new, do a step of its exchange."""
        usage, tag = self._context.usage, instance.tag
        new = tag not in self._by_tag
        running = not new and not isinstance(instance.exchange, ake.Idle)
        count = usage.pending_akes + (not isinstance(step.state, ake.Idle)) - running
        answers = self._answers + answer
        # fmt: off
        self._by_tag[tag], usage.pending_akes, instance.exchange, self._answers = instance, count, step.state, answers  # noqa: E501  one line: nothing can come between
        # fmt: on
        if new:
            instance.last_received = call.now
        for reply in step.replies:
            call.send_message(reply)

    def _new_answer(self, instance: Instance | None, message: Message) -> tuple[bytes, ...]:
        """Return the D-H value with which an instance answers the commitment to all of them, if the
        message does that.

        Raises `UnexpectedMessage` for a value that came before: no MAC covers the instance tags
        of an exchange, so anybody could repeat one under another tag, and two sessions with the
        same keys would repeat their key stream.
        """
        state = self.pending if instance is None else instance.exchange
        if not (
            message.sender and isinstance(message, DHKey) and isinstance(state, ake.AwaitingDHKey)
        ):
            return ()
        if message.gy in self._answers:
            raise UnexpectedMessage("an instance has answered with this D-H value before")
        return (message.gy,)

    def wanted(self, message: Message) -> tuple[DhKey, bytes] | None:
        """Return the pair of D-H keys whose shared secret a message will need, None if it needs
        none.

        Raises `RemoteError` if the message is sure to be refused.
        """
        instance = self._by_tag.get(message.sender)
        if isinstance(message, DataMessage):
            if instance is None or instance.channel is None:
                return None
            return instance.channel.keyring.wanted(message.recipient_keyid, message.sender_keyid)
        state = self.pending if instance is None else instance.exchange
        machine = ake.Ake(self._context.identity, message.sender)
        return None if state is None else machine.wanted(state, message)

    def _replaceable(self) -> Instance | None:
        """Return the instance that a new one replaces, None if there is space for it, or if it
        may show a key that makes space. Raises `LimitExceeded` for too many without a key.

        An encrypted one is not replaced, nor the last one that the peer has ended: it keeps the
        next text from going out in the clear.
        """
        limits = self._context.limits
        unauthenticated = [each for each in self._by_tag.values() if each.fingerprint is None]
        if len(unauthenticated) >= limits.unauthenticated_instances:
            raise LimitExceeded("unauthenticated_instances")
        if len(self._by_tag) < limits.instances:
            return None
        return self._ended_one()

    def _ended_one(self) -> Instance | None:
        """Return the instance that was silent for longest of those that hold no session, None if
        there is none that may go."""
        by_age = sorted(self, key=lambda each: each.last_received)
        plain = [each for each in by_age if each.state is MessageState.PLAINTEXT]
        ended = [each for each in by_age if each.state is MessageState.FINISHED]
        if plain:
            return plain[0]
        return ended[0] if len(ended) > 1 else None

    def _silent_one(self, newcomer: Instance, fingerprint: bytes) -> Instance | None:
        """Return the instance that makes space for one that has just shown its key: the one of
        the same key that was silent for longest; None if there is space. Raises `LimitExceeded`
        if there is none.

        A peer that gets a new instance tag with every start would else be locked out in the end.
        """
        others = [each for each in self if each.fingerprint is not None and each is not newcomer]
        if newcomer.fingerprint is not None or len(others) < self._context.limits.instances:
            return None
        same = [each for each in others if each.fingerprint == fingerprint]
        if same:
            return min(same, key=lambda each: each.last_received)
        ended = self._ended_one()
        if ended is None or ended is newcomer:
            raise LimitExceeded("instances")
        return ended

    def _set_pending(self, state: ake.AwaitingDHKey | None) -> None:
        """Keep or drop the commitment to all instances."""
        usage = self._context.usage
        count, counted = usage.pending_akes + (state is not None) - self._counted, state is not None
        # the count and the state in one line: nothing can come between
        self.pending, self._answers, self._counted, usage.pending_akes = state, (), counted, count

    def _stop_counting(self) -> None:
        """Have the account count the commitment as an unfinished exchange no longer."""
        usage = self._context.usage
        usage.pending_akes, self._counted = usage.pending_akes - self._counted, False

    def expire(self, now: float) -> None:
        """Wipe the secrets of exchanges that took too long, and forget instances that nothing is
        known of."""
        timeout = self._context.limits.ake_timeout
        if self.pending is not None and now >= self.pending.since + timeout:
            self._set_pending(None)
        for instance in list(self._by_tag.values()):
            exchange = instance.exchange
            if not isinstance(exchange, ake.Idle) and now >= exchange.since + timeout:
                instance.set_exchange(ake.IDLE, self._context)
            if instance.fingerprint is None and isinstance(instance.exchange, ake.Idle):
                del self._by_tag[instance.tag]

    def deadline(self) -> float:
        """When the first exchange expires; infinity: none runs."""
        soonest = NEVER if self.pending is None else self.pending.since
        for instance in self._by_tag.values():
            if not isinstance(instance.exchange, ake.Idle):
                soonest = min(soonest, instance.exchange.since)
        return soonest + self._context.limits.ake_timeout

    def write(self, writer: StateWriter) -> None:
        """Write the instances into a state."""
        writer.optional(self.pending, lambda each: write_exchange(writer, each))
        writer.flag(self._counted)
        writer.many(self._answers, writer.data)
        writer.many(self._by_tag.values(), lambda each: each.write(writer))

    def read(self, reader: StateReader, call: Call) -> None:
        """Take over what `write` has written; nothing was here before. Raises `StateDamaged`."""
        pending = reader.optional(lambda: read_exchange(reader))
        counted = reader.flag()
        if pending is not None:
            if not isinstance(pending, ake.AwaitingDHKey):
                raise StateDamaged("expected a commitment to all instances")
            self._set_pending(pending)
            if not counted:
                self._stop_counting()
        self._answers = tuple(reader.many(reader.data))
        for instance in reader.many(lambda: Instance.read(reader, call)):
            self._by_tag[instance.tag] = instance

    def abandon(self) -> None:
        """Forget all unfinished exchanges."""
        self._set_pending(None)
        for instance in self:
            instance.set_exchange(ake.IDLE, self._context)
