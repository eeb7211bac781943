"""A conversation as the parts of a state, and a state as a conversation.

What is saved: everything but the last text that was sent (nothing is sent again after a restore),
a running SMP, D-H keys made ahead, and timers, which follow from the deadlines.
"""

from __future__ import annotations

from struct import error as StructError  # noqa: N812 - a class
from typing import Final, cast

from otrfast.crypto.backend import StatePart
from otrfast.engine.conversation import Conversation, Offer, Offered, Request, Unreadable, Waiting
from otrfast.engine.outgoing import end_idle
from otrfast.engine.send_queue import SendQueue
from otrfast.errors import RemoteError, StaleState, StateDamaged
from otrfast.limits import Bucket
from otrfast.policy import Policy
from otrfast.protocol.call import Call
from otrfast.protocol.exchange_state import read_message
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding
from otrfast.protocol.reassembly import Reassembly
from otrfast.protocol.state import StateReader, StateWriter
from otrfast.wire.messages import DHCommit, Message, RevealSignature, Signature

FORMAT: Final = 1
"""The layout of a state; another one is refused."""

_NOT_WELL_FORMED = (
    RemoteError, ValueError, LookupError, TypeError, AttributeError, OverflowError, StructError
)  # fmt: skip
_OFFERS, _RECIPIENTS = tuple(Offer), tuple(Recipient)
_REQUESTS = DHCommit, RevealSignature, Signature, Offered, Unreadable


def write_state(
    conversation: Conversation, now: float, wall_now: float, epoch: int
) -> list[StatePart]:
    """Return the parts of a conversation's state; `epoch` is that of the account's counters."""
    context = conversation.context
    writer = StateWriter(now)
    writer.number(FORMAT)
    writer.real(wall_now)
    writer.number(epoch)
    writer.number(context.identity.instance_tag)
    _write_settings(conversation, writer)
    writer.time(conversation.last_sent)
    writer.time(conversation.last_received)
    writer.time(conversation.error_at)
    for bucket in (conversation.akes, conversation.smps):
        writer.real(bucket[0])
        writer.time(bucket[1])
    writer.flag(conversation.queried)
    retry = conversation.retry
    writer.optional(None if retry is None else retry[0], writer.time)
    writer.number(0 if retry is None else retry[1])
    writer.optional(conversation.queue or None, lambda queue: queue.write(writer))
    writer.optional(conversation.reassembly or None, lambda each: each.write(writer))
    _write_waiting(conversation.waiting or {}, writer)
    conversation.instances.write(writer)
    return writer.parts()


def _write_settings(conversation: Conversation, writer: StateWriter) -> None:
    recipient, padding = conversation.recipient, conversation.padding
    writer.optional(conversation.own_policy, lambda policy: writer.number(int(policy)))
    writer.number(0 if conversation.limited else conversation.max_fragment)
    if isinstance(recipient, Recipient):
        writer.signed(-1 - _RECIPIENTS.index(recipient))
    else:
        writer.signed(recipient)
    writer.number(0 if padding is None else padding.multiple)
    writer.number(0 if padding is None else padding.random)
    writer.number(_OFFERS.index(conversation.offer))


def _write_waiting(waiting: dict[int, Waiting], writer: StateWriter) -> None:
    writer.number(len(waiting))
    for place, each in waiting.items():
        request = each.request
        writer.signed(place)
        writer.time(each.when)
        writer.number(_REQUESTS.index(type(request)))
        match request:
            case Offered():
                writer.many(sorted(request.versions), writer.number)
            case Unreadable():
                writer.flag(request.by_query)
            case _:
                writer.data(request.encode())


class _Header:
    """The beginning of a state: when it was saved, in seconds of the day's time, in which epoch of
    the account's counters, and by which instance."""

    __slots__ = ("epoch", "instance_tag", "saved_at")

    def __init__(self, reader: StateReader) -> None:
        if reader.number() != FORMAT:
            raise StateDamaged(f"expected a conversation saved in format {FORMAT}")
        self.saved_at: float = reader.real()
        self.epoch: int = reader.number()
        self.instance_tag: int = reader.number()

    def check(self, epoch: int, instance_tag: int) -> None:
        """Raise `StateDamaged` or `StaleState` unless it may be restored in this epoch here."""
        if self.instance_tag != instance_tag:
            raise StateDamaged(
                f"the conversation is one of instance tag {self.instance_tag:#x}, and the account "
                f"has {instance_tag:#x}"
            )
        if self.epoch >= epoch:
            raise StaleState(
                f"the conversation was saved in epoch {self.epoch}, and this is {epoch}: raise "
                "Account.counter_epoch first"
            )


def read_state(
    conversation: Conversation, parts: list[StatePart], call: Call, epoch: int, max_age: float
) -> None:
    """Put a saved state into a new conversation, in this epoch of the account's counters. Raises
    `StateDamaged` or `StaleState`.

    A private conversation that nobody was there for for more than `max_age` seconds is ended.
    """
    context = conversation.context
    header = _Header(StateReader(parts[:1], 0.0))
    header.check(epoch, context.identity.instance_tag)
    away = max(0.0, context.environment.wall_clock() - header.saved_at)
    reader = StateReader(parts, call.now - away)
    _Header(reader)
    try:
        _read_all(conversation, reader, call)
    except _NOT_WELL_FORMED as error:
        raise StateDamaged(f"a saved conversation that is not well-formed: {error}") from error
    if away > max_age and conversation.instances.encrypted:
        _end_aged(conversation, call)


def _read_all(conversation: Conversation, reader: StateReader, call: Call) -> None:
    context = conversation.context
    _read_settings(conversation, reader)
    conversation.last_sent, conversation.last_received = reader.time(), reader.time()
    conversation.error_at = reader.time()
    conversation.akes, conversation.smps = _read_bucket(reader), _read_bucket(reader)
    conversation.queried = reader.flag()
    when, version = reader.optional(reader.time), reader.number()
    conversation.retry = None if when is None else (when, version)
    conversation.queue = reader.optional(lambda: SendQueue.read(reader, context))
    conversation.reassembly = reader.optional(lambda: Reassembly.read(reader, context))
    conversation.waiting = _read_waiting(reader) or None
    conversation.instances.read(reader, call)
    reader.finish()


def _end_aged(conversation: Conversation, call: Call) -> None:
    end_idle(conversation, call)
    call.wire.clear()  # the peer has long given up; keys that may be stale seal nothing more


def _read_settings(conversation: Conversation, reader: StateReader) -> None:
    policy = reader.optional(reader.number)
    if policy is not None:
        conversation.own_policy = Policy(policy)
        conversation.set_policy(conversation.own_policy)
    conversation.max_fragment = reader.number()
    recipient = reader.signed()
    conversation.recipient = recipient if recipient >= 0 else _RECIPIENTS[-1 - recipient]
    multiple, random = reader.number(), reader.number()
    conversation.padding = Padding(multiple, random) if multiple else None
    conversation.offer = reader.one_of(_OFFERS)


def _read_bucket(reader: StateReader) -> Bucket:
    return reader.real(), reader.time()


def _read_waiting(reader: StateReader) -> dict[int, Waiting]:
    waiting = {}
    for _ in range(reader.number()):
        place, when, kind = reader.signed(), reader.time(), reader.one_of(_REQUESTS)
        request: Request
        if kind is Offered:
            request = Offered(frozenset(reader.many(reader.number)))
        elif kind is Unreadable:
            request = Unreadable(reader.flag())
        else:
            request = cast("Request", read_message(reader, cast("type[Message]", kind)))
        waiting[place] = Waiting(when, request)
    return waiting
