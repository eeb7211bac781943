"""A conversation with one peer, as its user sees it: lines in, texts and events out; texts in,
lines out.

Each call takes the time once, makes one `Turn` and returns its `Outcome`. In front of the
general path (`conversation`) stands the fast lane: while a session is encrypted and nothing else
is going on, a text and its line are one call of the backend apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from otrfast.bytes_like import all_bytes, as_bytes
from otrfast.crypto.backend import DataFields, DhKey
from otrfast.engine import dispatch
from otrfast.errors import (
    FragmentLimitTooSmall,
    LocalError,
    NotEncrypted,
    SmpNotRunning,
    TextHasNul,
)
from otrfast.events import Event, ExtraKeySent, MessageReceived
from otrfast.outcome import Outcome, Turn
from otrfast.policy import Policy
from otrfast.protocol import smp, smp_session
from otrfast.protocol.channel import Channel
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.instances import Recipient
from otrfast.turns import EXPANSION, Turns
from otrfast.wire.lines import OTR_TAG, is_ordinary
from otrfast.wire.messages import IGNORE_UNREADABLE, DataMessage
from otrfast.wire.tlv import Tlv, TlvType

_FRAGMENT_HEAD = 37
_LOOK_AHEAD = 16  # lines tried on the fast lane together where it has just refused one
_new = tuple.__new__


class SendNeeds(NamedTuple):
    """What sending a text will cost: a new D-H key, and the halves of a shared secret."""

    dh_key: bool
    pair: tuple[DhKey, bytes] | None


class LookedAhead(NamedTuple):
    """A line and the halves of the shared secret that receiving it will need, None where it
    needs none; the data message in it, where it is one for `lane`."""

    line: bytes
    pair: tuple[DhKey, bytes] | None
    message: DataMessage | None
    lane: Channel | None

    def __repr__(self) -> str:
        return "<LookedAhead: redacted>"


class Session(Turns):
    """One conversation, made by `Account.session`; one thread at a time may use it."""

    __slots__ = ("__weakref__",)

    def receive(self, line: bytes) -> Outcome:
        """Take a line from the transport. Never raises for what the peer wrote: see
        `events.MessageRejected`.

        Raises `TypeError` for anything but bytes, `SessionForked` in a child process.
        """
        lane = self._lane
        if lane is not None and line.__class__ is bytes and len(line) <= self._line_limit:
            keys, instance = lane.receive_keys, self._lane_instance
            if keys is not None:
                rest = True, instance.tag
                received = keys.open_line(lane.receive_head, line, MessageReceived, rest)
                if type(received) is MessageReceived:
                    talk = self._conversation
                    talk.last_received = instance.last_received = now = self._clock()
                    if now - talk.last_sent <= self._silence:
                        return _new(Outcome, ((received,), ()))
                    return self._with_heartbeat(received)
                message = None if received is None else lane.message(cast(DataFields, received))
            else:
                message = lane.read(line)
            if message is not None:
                return self._receive_data(message)
        turn = self._turn()
        dispatch.receive(self._conversation, as_bytes(line, "a line"), turn)
        if lane is not None and self._only_a_text(turn.events):
            return turn.outcome()
        return self._close(turn)

    def _receive_data(self, message: DataMessage) -> Outcome:
        """Take a data message that the lane has read, for the device that the lane is."""
        turn = self._turn()
        dispatch.receive_data(self._conversation, message, turn)
        return turn.outcome() if self._only_a_text(turn.events) else self._close(turn)

    def _only_a_text(self, events: list[Event]) -> bool:
        """Whether all that happened is a text through the lane's channel, with keys turned at the
        most: neither lane nor timers are touched by it."""
        if self._lane is None or len(events) != 1:
            return False
        event = events[0]
        tag = self._lane_instance.tag
        return type(event) is MessageReceived and event.encrypted and event.instance == tag

    def _with_heartbeat(self, received: MessageReceived) -> Outcome:
        """Close a turn of the fast lane in which an empty message is due."""
        turn = self._turn()
        turn.events.append(received)
        self._conversation.heartbeat(self._lane_instance, turn)
        return self._close(turn)

    def receive_many(self, lines: Sequence[bytes]) -> Outcome:
        """Take several lines, in order, as `receive` would one after another."""
        lines = all_bytes(lines, "a line")
        events: list[Event] = []
        wire: list[bytes] = []
        position, ahead = 0, len(lines)
        while position < len(lines):
            run = self._receive_run(lines[position : position + ahead])
            events += run
            position += len(run)
            # never look much further than the lane has just gone: junk must not cost a square
            ahead = 2 * len(run) + _LOOK_AHEAD
            if position < len(lines):
                outcome = self.receive(lines[position])
                events += outcome.events
                wire += outcome.wire
                position += 1
        return Outcome(tuple(events), tuple(wire))

    def _receive_run(self, lines: Sequence[bytes]) -> list[MessageReceived]:
        """What the fast lane makes of the leading lines; none where a heartbeat may be due."""
        talk, lane = self._conversation, self._lane
        now = self._clock()
        if lane is None or now - talk.last_sent > self._silence:
            return []
        if max(map(len, lines)) > self._line_limit:
            return []
        received = lane.open_many(lines, MessageReceived, (True, self._lane_instance.tag))
        if received:
            talk.last_received = self._lane_instance.last_received = now
        return received

    def send(
        self,
        text: bytes,
        *,
        tlvs: Sequence[Tlv] = (),
        instance: int | Recipient | None = None,
        flags: int = 0,
    ) -> Outcome:
        """Send a text: encrypted, held until it can be, or in the clear, as state and policy want
        it.

        `tlvs` go with an encrypted text; `instance` says which device of the peer is meant, else
        `recipient` does; `flags` are those of a data message. Raises `ConversationFinished`,
        `TextHasNul`, `QueueFull`, `UnknownInstance`, `NotEncrypted` (TLVs without encryption) or
        `TypeError`; nothing is sent then.
        """
        lane = self._lane
        if lane is not None and instance is None and not (tlvs or flags):
            keys, line = lane.send_keys, None
            if keys is not None:
                line = keys.seal_text(lane.send_prefix, text, self._text_limit)
            elif is_ordinary(text, self._text_limit):
                line = lane.seal(text)
            if line is not None:
                talk, device = self._conversation, self._lane_instance
                talk.last_sent = device.last_sent = now = self._clock()
                talk.sent = (text, now, device.fingerprint)
                return _new(Outcome, ((), (line,)))
        text = as_bytes(text, "a text")
        turn = self._turn()
        chosen = self._choose(self.recipient if instance is None else instance)
        self._check_sendable(chosen, text, tlvs)
        self._conversation.send(chosen, text, tlvs, turn, flags)
        return self._close(turn)

    def send_many(self, texts: Sequence[bytes]) -> Outcome:
        """Send several texts, in order, as `send` would one after another.

        What `send` raises for a text ends the call there: the outcome of those before it is in
        the exception's `outcomes`.
        """
        texts = all_bytes(texts, "a text")
        events: list[Event] = []
        wire: list[bytes] = []
        position, ahead = 0, len(texts)
        while position < len(texts):
            lane = self._lane
            run = texts[position : position + (1 if lane is None else ahead)]
            if lane is not None and self._lane_takes(run):
                wire += lane.seal_many(run)
                talk, device = self._conversation, self._lane_instance
                talk.last_sent = device.last_sent = now = self._clock()
                talk.sent = (run[-1], now, device.fingerprint)
                position += len(run)
                ahead = 2 * len(run)
                continue
            if len(run) > _LOOK_AHEAD:
                ahead = _LOOK_AHEAD  # one text among many must not cost a square
                continue
            try:
                outcome = self.send(run[0])
            except LocalError as error:
                error.outcomes = [Outcome(tuple(events), tuple(wire))]
                raise
            events += outcome.events
            wire += outcome.wire
            position += 1
        return Outcome(tuple(events), tuple(wire))

    def _lane_takes(self, texts: Sequence[bytes]) -> bool:
        """Whether the fast lane can seal all of these texts."""
        if not all(texts) or max(map(len, texts)) > self._text_limit:
            return False
        joined = b"".join(texts)
        return b"\0" not in joined and OTR_TAG not in joined

    def start(self) -> Outcome:
        """Ask for a private conversation, or for new keys in one. Raises `PolicyForbids` where
        the policy allows no version."""
        return self._do(self._conversation.query)

    def exchange_keys(self, versions: Iterable[int]) -> Outcome:
        """Answer an offer of `versions` that came by another way than a line: begin the key
        exchange in the best one that the policy allows too, within the bounds on exchanges that
        peers ask for."""
        offered = frozenset(versions)
        return self._do(lambda turn: dispatch.start_offered(self._conversation, offered, turn))

    def end(self) -> Outcome:
        """End the private conversation, with every device of the peer; texts that are held come
        back as events."""
        return self._do(self._conversation.end)

    def smp_start(self, secret: bytes, question: bytes | None = None) -> Outcome:
        """Check whether the peer knows `secret`; it is shown `question`. A check that runs is
        aborted first.

        Raises `NotEncrypted`, or `ValueError` for a question with a zero byte or longer than a
        TLV takes.
        """
        secret = as_bytes(secret, "a secret")
        if question is not None:
            question = as_bytes(question, "a question")
            if b"\0" in question or len(question) > self._local.limits.smp_question:
                raise ValueError(
                    "a question has no zero byte, and at most `Limits.smp_question` bytes"
                )
        instance = self._encrypted_instance()
        return self._do(
            lambda turn: smp_session.begin(instance, self._local, turn, secret, question)
        )

    def smp_forget(self) -> Outcome:
        """Give up the check that runs, if one does, without a word to the peer. Raises
        `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda turn: smp_session.forget(instance, turn))

    def smp_answer(self, secret: bytes) -> Outcome:
        """Answer `events.SmpRequested`. Raises `NotEncrypted`, or `SmpNotRunning` where nothing
        was asked."""
        secret = as_bytes(secret, "a secret")
        instance = self._encrypted_instance()
        if not isinstance(instance.smp, smp.Asked):
            raise SmpNotRunning("the peer has asked nothing that could be answered")
        return self._do(lambda turn: smp_session.answer(instance, self._local, turn, secret))

    def smp_abort(self) -> Outcome:
        """Break off the check that runs, if one does. Raises `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda turn: smp_session.abort(instance, turn))

    def extra_key(self, use: int, data: bytes = b"") -> Outcome:
        """Ask the peer to use the extra symmetric key for `use` (0 .. 2^32-1); the key is in
        `events.ExtraKeySent`.

        Raises `NotEncrypted`, or `ValueError` for a use or data that a TLV can not hold.
        """
        data = as_bytes(data, "the data")
        if not 0 <= use <= 0xFFFFFFFF or len(data) > 0xFFFF - 4:
            raise ValueError("a use is 32 bits, and its data at most 65,531 bytes")
        instance = self._encrypted_instance()
        record = Tlv(TlvType.EXTRA_KEY, use.to_bytes(4, "big") + data)

        def ask(turn: Turn) -> None:
            assert instance.channel is not None  # it is encrypted
            turn.events.append(ExtraKeySent(instance.channel.extra_key(), use, data, instance.tag))
            instance.send(turn, b"", (record,), IGNORE_UNREADABLE)

        return self._do(ask)

    def _encrypted_instance(self) -> Instance:
        instance = self._conversation.current
        if instance is None or instance.state is not MessageState.ENCRYPTED:
            raise NotEncrypted(
                "the conversation is not encrypted: call start() and wait for SecureStarted"
            )
        return instance

    def _check_sendable(self, instance: Instance | None, text: bytes, tlvs: Sequence[Tlv]) -> None:
        """Raise what `send` raises for a text that no state could carry."""
        encrypted = instance is not None and instance.state is MessageState.ENCRYPTED
        if tlvs and not encrypted:
            raise NotEncrypted("TLVs can only be sent in an encrypted conversation")
        if not encrypted and Policy.REQUIRE_ENCRYPTION not in self._conversation.policy:
            return
        if b"\0" in text:
            raise TextHasNul("a text with a zero byte can not be carried by OTR")
        size = (len(text) + sum(len(tlv.value) for tlv in tlvs) + EXPANSION) * 4 // 3
        if self._max_fragment and size > (self._max_fragment - _FRAGMENT_HEAD) * 0xFFFF:
            raise FragmentLimitTooSmall("the text needs more than 65,535 fragments")

    def look_ahead(self, line: bytes) -> LookedAhead:
        """Return what a line that is about to be received will need, and what was read to know
        it."""
        lane = self._lane
        if lane is not None and len(line) <= self._line_limit:
            message = lane.read(line)
            if message is not None:
                return _new(LookedAhead, (line, lane.wanted(message), message, lane))
        return LookedAhead(line, dispatch.wanted(self._conversation, line), None, None)

    def receive_ahead(self, ahead: LookedAhead) -> Outcome:
        """Do what `receive` would with a line that was looked at before."""
        if ahead.message is not None and ahead.lane is self._lane:
            return self._receive_data(ahead.message)
        return self.receive(ahead.line)

    def wanted_to_send(self) -> SendNeeds:
        """Return what `send` will have to compute."""
        channel = self._lane
        if channel is None:
            return SendNeeds(False, None)
        return _new(SendNeeds, (not channel.keyring.has_next, channel.wanted_to_send()))

    def __repr__(self) -> str:
        return f"<Session with {self.peer!r}: {self.state.value}>"
