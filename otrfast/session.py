"""A conversation with one peer, as its user sees it: lines in, texts and events out; texts in,
lines out.

Each call takes the time once, makes one `Turn` and returns its `Outcome`. In front of the
general path (`conversation`) stands the fast lane: while a session is encrypted and nothing else
is going on, a text and its line are one call of the backend apart.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

from otrfast import incoming
from otrfast.conversation import Conversation
from otrfast.crypto.backend import DhKey
from otrfast.crypto.secret import Secret
from otrfast.errors import (
    FragmentLimitTooSmall,
    LocalError,
    NotEncrypted,
    SessionForked,
    SmpNotRunning,
    TextHasNul,
    UnknownInstance,
)
from otrfast.events import Event, ExtraKeySent, MessageReceived
from otrfast.outcome import NEVER, Outcome, Turn
from otrfast.policy import Policy
from otrfast.protocol import checking, smp
from otrfast.protocol.data import Channel
from otrfast.protocol.devices import Recipient
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.local import Local
from otrfast.protocol.padding import Padding
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.text import OTR_TAG
from otrfast.wire.tlv import Tlv, TlvType

MIN_FRAGMENT = 40
"""The smallest `max_fragment`: a version 3 fragment's header, and a piece that is worth it."""

_NUL, _QUESTION_MARK = b"\0?"  # as numbers: to look for one byte is eight times as fast so
_FRAGMENT_HEAD = 37
_LOOK_AHEAD = 16  # lines tried on the fast lane together where it has just refused one
_new = tuple.__new__
_received = partial(_new, MessageReceived)
_EXPANSION = 1024  # bytes that a message holds beside text and TLVs, revealed MAC keys included


class InstanceInfo(NamedTuple):
    """What is known of one device of the peer."""

    tag: int
    state: MessageState
    version: int
    fingerprint: bytes | None
    ssid: bytes


class SendNeeds(NamedTuple):
    """What sending a text will cost: a new D-H key, and the halves of a shared secret."""

    dh_key: bool
    pair: tuple[DhKey, bytes] | None


def as_bytes(value: object, what: str) -> bytes:
    """Return a bytes-like value as bytes. Raises `TypeError` for anything else, `str` above all."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(
        f"{what} must be bytes, not {type(value).__name__}: encode it first, as UTF-8 say"
    )


def all_bytes(values: Sequence[bytes], what: str) -> Sequence[bytes]:
    """Return bytes-like values as bytes, and raise as `as_bytes` does."""
    if set(map(type, values)) <= {bytes}:
        return values
    return [as_bytes(value, what) for value in values]


class Session(Secret):
    """One conversation, made by `Account.session`; one thread at a time may use it."""

    __slots__ = (
        "__weakref__",
        "_clock",
        "_forked",
        "_lane",
        "_lane_instance",
        "_line_limit",
        "_local",
        "_max_fragment",
        "_scheduled",
        "_silence",
        "_talk",
        "_text_limit",
    )

    def __init__(self, peer: Hashable, local: Local, policy: Policy, max_fragment: int = 0) -> None:
        self._local = local
        self._talk = Conversation(peer, local, policy)
        self._clock = local.clock
        self._lane: Channel | None = None
        self._lane_instance: Instance  # whose channel the lane is
        self._line_limit = local.limits.message_size
        self._silence = local.limits.heartbeat_interval
        self._text_limit = 0
        self._scheduled = NEVER
        self._forked = False
        self._max_fragment = 0
        self.max_fragment = max_fragment
        self._wake(self._talk.deadline())

    def receive(self, line: bytes) -> Outcome:
        """Take a line from the transport. Never raises for what the peer wrote: see
        `events.MessageRejected`.

        Raises `TypeError` for anything but bytes, `SessionForked` in a child process.
        """
        lane = self._lane
        if lane is not None and line.__class__ is bytes and len(line) <= self._line_limit:
            text = lane.open_line(line)
            if text is not None:
                talk = self._talk
                instance = self._lane_instance
                talk.last_received = instance.last_received = now = self._clock()
                received = _new(MessageReceived, (text, True, instance.tag))
                if now - talk.last_sent <= self._silence:
                    return _new(Outcome, ((received,), ()))
                return self._with_heartbeat(received)
        turn = self._turn()
        incoming.receive(self._talk, as_bytes(line, "a line"), turn)
        if self._only_a_text(turn.events):
            return turn.outcome()
        return self._close(turn)

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
        self._talk.heartbeat(self._lane_instance, turn)
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
        talk, lane = self._talk, self._lane
        now = self._clock()
        if lane is None or now - talk.last_sent > self._silence:
            return []
        if max(map(len, lines)) > self._line_limit:
            return []
        texts = lane.open_many(lines)
        if texts:
            talk.last_received = self._lane_instance.last_received = now
        tag = self._lane_instance.tag
        return list(map(_received, zip(texts, repeat(True), repeat(tag))))

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
        if (
            lane is not None
            and text.__class__ is bytes
            and 0 < len(text) <= self._text_limit
            and _NUL not in text
            and (_QUESTION_MARK not in text or OTR_TAG not in text)
            and not tlvs
            and instance is None
            and not flags
        ):
            line = lane.seal_line(text)
            if line is not None:
                talk, device = self._talk, self._lane_instance
                talk.last_sent = device.last_sent = now = self._clock()
                talk.sent = (text, now, device.fingerprint)
                return _new(Outcome, ((), (line,)))
        text = as_bytes(text, "a text")
        turn = self._turn()
        chosen = self._choose(self.recipient if instance is None else instance)
        self._check_sendable(chosen, text, tlvs)
        self._talk.send(chosen, text, tlvs, turn, flags)
        if lane is not None and chosen is self._lane_instance and not turn.events:
            return turn.outcome()  # neither lane nor timers are touched by it
        return self._close(turn)

    def send_many(self, texts: Sequence[bytes]) -> Outcome:
        """Send several texts, in order, as `send` would one after another.

        What `send` raises for a text ends the call there: the outcome of those before it is in
        the exception's `outcomes`.
        """
        texts = all_bytes(texts, "a text")
        events: list[Event] = []
        wire: list[bytes] = []
        for position, text in enumerate(texts):
            if self._lane is not None and self._lane_takes(texts[position:]):
                wire += self._lane.seal_many(texts[position:])
                talk, device = self._talk, self._lane_instance
                talk.last_sent = device.last_sent = now = self._clock()
                talk.sent = (texts[-1], now, device.fingerprint)
                break
            try:
                outcome = self.send(text)
            except LocalError as error:
                error.outcomes = [Outcome(tuple(events), tuple(wire))]
                raise
            events += outcome.events
            wire += outcome.wire
        return Outcome(tuple(events), tuple(wire))

    def _lane_takes(self, texts: Sequence[bytes]) -> bool:
        """Whether the fast lane can seal all of these texts."""
        if not all(texts) or max(map(len, texts)) > self._text_limit:
            return False
        joined = b"".join(texts)
        return _NUL not in joined and OTR_TAG not in joined

    def start(self) -> Outcome:
        """Ask for a private conversation, or for new keys in one. Raises `PolicyForbids` where
        the policy allows no version."""
        return self._do(self._talk.query)

    def exchange_keys(self, versions: Iterable[int]) -> Outcome:
        """Answer an offer of `versions` that came by another way than a line: begin the key
        exchange in the best one that the policy allows too, within the bounds on exchanges that
        peers ask for."""
        offered = frozenset(versions)
        return self._do(lambda turn: incoming.start_offered(self._talk, offered, turn))

    def end(self) -> Outcome:
        """End the private conversation, with every device of the peer; texts that are held come
        back as events."""
        return self._do(self._talk.end)

    def smp_start(self, secret: bytes, question: bytes | None = None) -> Outcome:
        """Check whether the peer knows `secret`; it is shown `question`. A check that runs is
        aborted first.

        Raises `NotEncrypted`, or `ValueError` for a question with a zero byte or longer than a
        TLV takes.
        """
        secret = as_bytes(secret, "a secret")
        if question is not None:
            question = as_bytes(question, "a question")
            if _NUL in question or len(question) > self._local.limits.smp_question:
                raise ValueError(
                    "a question has no zero byte, and at most `Limits.smp_question` bytes"
                )
        instance = self._encrypted_instance()
        return self._do(lambda turn: checking.begin(instance, self._local, turn, secret, question))

    def smp_forget(self) -> Outcome:
        """Give up the check that runs, if one does, without a word to the peer. Raises
        `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda turn: checking.forget(instance, turn))

    def smp_answer(self, secret: bytes) -> Outcome:
        """Answer `events.SmpRequested`. Raises `NotEncrypted`, or `SmpNotRunning` where nothing
        was asked."""
        secret = as_bytes(secret, "a secret")
        instance = self._encrypted_instance()
        if not isinstance(instance.smp, smp.Asked):
            raise SmpNotRunning("the peer has asked nothing that could be answered")
        return self._do(lambda turn: checking.answer(instance, self._local, turn, secret))

    def smp_abort(self) -> Outcome:
        """Break off the check that runs, if one does. Raises `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda turn: checking.abort(instance, turn))

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

    def tick(self) -> Outcome:
        """Do what is due by now; call it at `next_deadline`, or at any time."""
        turn = self._turn()
        if self._scheduled <= turn.now:  # what the account was asked for is being done
            self._scheduled = NEVER
        self._talk.tick(turn)
        return self._close(turn)

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in seconds of the account's clock; None: never, as
        things stand."""
        return None if (deadline := self._talk.deadline()) == NEVER else deadline

    def _do(self, action: Callable[[Turn], None]) -> Outcome:
        turn = self._turn()
        action(turn)
        return self._close(turn)

    def _turn(self) -> Turn:
        if self._forked:
            raise SessionForked("the process was forked: make a new session here and start anew")
        return Turn(self._local.clock(), self._max_fragment, self._local.identity.instance_tag)

    def _close(self, turn: Turn) -> Outcome:
        self._settle()
        self._wake(turn.wake_at)
        return turn.outcome()

    def _settle(self) -> None:
        """After the general path: open or close the fast lane."""
        if self._forked:
            return
        talk = self._talk
        instance = talk.current
        self._lane = None
        if (
            instance is not None
            and instance.channel is not None
            and instance.version in talk.versions
            and not talk.reassembly
            and not (talk.recipient is Recipient.BEST and talk.devices.best_may_change)
        ):
            self._lane, self._lane_instance = instance.channel, instance
        if talk.padding is not None:
            self._text_limit = 0
        elif self._max_fragment:
            self._text_limit = max(0, self._max_fragment * 3 // 4 - _EXPANSION)
        else:
            self._text_limit = self._line_limit

    def _wake(self, deadline: float) -> None:
        """Have the account call `tick` by then."""
        if deadline < self._scheduled:
            self._scheduled = deadline
            self._local.schedule(deadline, self)

    def _choose(self, wanted: int | Recipient) -> Instance | None:
        """Return the device that is meant, None where a rule finds none. Raises
        `UnknownInstance` for a tag that is not known (any more)."""
        instance = self._talk.devices.choose(wanted)
        if instance is None and not isinstance(wanted, Recipient):
            raise UnknownInstance(f"the peer has no instance {wanted}")
        return instance

    def _encrypted_instance(self) -> Instance:
        instance = self._talk.current
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
        if not encrypted and Policy.REQUIRE_ENCRYPTION not in self._talk.policy:
            return
        if _NUL in text:
            raise TextHasNul("a text with a zero byte can not be carried by OTR")
        size = (len(text) + sum(len(tlv.value) for tlv in tlvs) + _EXPANSION) * 4 // 3
        if self._max_fragment and size > (self._max_fragment - _FRAGMENT_HEAD) * 0xFFFF:
            raise FragmentLimitTooSmall("the text needs more than 65,535 fragments")

    @property
    def conversation(self) -> Conversation:
        """What stands behind the session, for layers that have to look deeper; they change
        nothing."""
        return self._talk

    @property
    def peer(self) -> Hashable:
        """Who is at the other end."""
        return self._talk.peer

    @property
    def max_fragment(self) -> int:
        """The longest line that the transport takes, in bytes; 0: any. Raises
        `FragmentLimitTooSmall` when set below 40."""
        return self._max_fragment

    @max_fragment.setter
    def max_fragment(self, limit: int) -> None:
        if limit and limit < MIN_FRAGMENT:
            raise FragmentLimitTooSmall(
                f"a line of {limit} bytes is too short: at least {MIN_FRAGMENT}"
            )
        self._max_fragment = limit
        self._settle()

    @property
    def policy(self) -> Policy:
        """The policy in force for this peer; it may be set at any time."""
        return self._talk.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._talk.policy = policy
        self._settle()

    @property
    def recipient(self) -> int | Recipient:
        """Which device of the peer texts go to: an instance tag, or a rule."""
        return self._talk.recipient

    @recipient.setter
    def recipient(self, recipient: int | Recipient) -> None:
        if not isinstance(recipient, Recipient):
            self._choose(recipient)
        self._talk.recipient = recipient
        self._settle()

    @property
    def padding(self) -> Padding | None:
        """How sent messages are padded; None: not at all."""
        return self._talk.padding

    @padding.setter
    def padding(self, padding: Padding | None) -> None:
        self._talk.padding = padding
        self._settle()

    @property
    def state(self) -> MessageState:
        """PLAINTEXT, ENCRYPTED or FINISHED, of the device that texts go to."""
        instance = self._talk.current
        return MessageState.PLAINTEXT if instance is None else instance.state

    @property
    def version(self) -> int | None:
        """The protocol version of the present or last private conversation, None before the
        first."""
        instance = self._talk.current
        return instance.version or None if instance is not None else None

    @property
    def fingerprint(self) -> bytes | None:
        """The peer's fingerprint in the present or last private conversation (20 bytes), None
        before the first."""
        instance = self._talk.current
        return None if instance is None else instance.fingerprint

    @property
    def ssid(self) -> bytes | None:
        """The secure session id, 8 bytes, the same on both sides; None before the first key
        exchange."""
        instance = self._talk.current
        return instance.ssid or None if instance is not None else None

    @property
    def ssid_halves(self) -> tuple[str, str, int] | None:
        """The ssid for people: its halves in hexadecimal, and which one (0 or 1) this side shows
        in bold."""
        instance = self._talk.current
        if instance is None or not instance.ssid:
            return None
        return instance.ssid[:4].hex(), instance.ssid[4:].hex(), 0 if instance.revealed else 1

    @property
    def instance_tags(self) -> tuple[int, int]:
        """Our instance tag, and that of the device that texts go to (0: none, or version 2)."""
        instance = self._talk.current
        return self._local.identity.instance_tag, 0 if instance is None else instance.tag

    @property
    def instances(self) -> tuple[InstanceInfo, ...]:
        """Every device of the peer that is known."""
        return tuple(
            InstanceInfo(each.tag, each.state, each.version, each.fingerprint, each.ssid)
            for each in self._talk.devices
        )

    @property
    def has_history(self) -> bool:
        """Whether something would be lost if the account forgot this peer."""
        return self._talk.has_history

    @property
    def scheduled(self) -> float:
        """For when the account has been asked to call `tick`."""
        return self._scheduled

    @property
    def forked(self) -> bool:
        """Whether this is a child process, in which the session refuses to go on."""
        return self._forked

    def wanted(self, line: bytes) -> tuple[DhKey, bytes] | None:
        """Return the halves of the shared secret that `receive(line)` will need, None where it
        needs none."""
        return incoming.wanted(self._talk, line)

    def wanted_to_send(self) -> SendNeeds:
        """Return what `send` will have to compute."""
        channel = self._lane
        if channel is None:
            return SendNeeds(False, None)
        return SendNeeds(not channel.keyring.has_next, channel.wanted_to_send())

    def forgettable(self, now: float) -> bool:
        """Whether nothing would be lost if the account forgot this peer."""
        talk = self._talk
        idle = now >= max(talk.last_received, talk.last_sent) + self._local.limits.idle_peer
        return idle and not talk.has_history

    def let_go(self) -> None:
        """Give back what this takes of the account's bounds; the account forgets the peer."""
        self._talk.let_go()
        self._settle()

    def abandon_after_fork(self) -> None:
        """In a child process: refuse every call from now on, so that no key stream is used
        twice."""
        self._forked = True
        self._lane = None

    def __repr__(self) -> str:
        return f"<Session with {self.peer!r}: {self.state.value}>"
