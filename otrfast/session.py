"""A conversation with one peer, as its user sees it: lines in, texts and events out; texts in,
lines out.

What the engine knows of the peer is in `engine.conversation`; what lines and texts do to it is in
`engine.dispatch` and `engine.outgoing`. In front of them is `engine.fast_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from otrfast._records import record
from otrfast.bytes_like import all_bytes, as_bytes
from otrfast.crypto.backend import DataFields, DhKey, StateKey, StatePart
from otrfast.crypto.secret import Secret
from otrfast.engine import dispatch, exchanges, outgoing, timers
from otrfast.engine.conversation import Conversation
from otrfast.engine.export import read_state, write_state
from otrfast.engine.fast_path import FastPath
from otrfast.engine.settings import Settings
from otrfast.errors import (
    FragmentLimitTooSmall,
    NoCounterEpoch,
    NotEncrypted,
    SessionForked,
    SmpNotRunning,
    UnknownInstance,
)
from otrfast.events import ExtraKeySent, MessageReceived
from otrfast.outcome import NEVER, Outcome, note_outcomes
from otrfast.policy import Policy
from otrfast.protocol import smp, smp_session
from otrfast.protocol.call import Call, ComputedSecret
from otrfast.protocol.channel import Channel
from otrfast.protocol.context import Context
from otrfast.protocol.identity import COUNTERS_OF_EPOCH
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding
from otrfast.wire.lines import FragmentText, is_ordinary
from otrfast.wire.messages import IGNORE_UNREADABLE, Message
from otrfast.wire.tlv import Tlv, TlvType

MIN_FRAGMENT = 40
"""The smallest `max_fragment`: a version 3 fragment's header, and a piece that is worth it."""

_LOOK_AHEAD = 16  # lines tried on the fast path together after it has just refused one
_MOST_EXTRA_KEY_DATA = 0xFFFF - 4
_new = tuple.__new__

KeyPair = tuple[DhKey, bytes]
"""A D-H key of ours and a public one of the peer, which have a shared secret."""


@record
class InstanceInfo:
    """What is known of one instance of the peer."""

    tag: int
    state: MessageState
    version: int
    fingerprint: bytes | None
    ssid: bytes


class Lookahead(Secret):
    """A line of a batch, before it is received: the `pair` whose shared secret it will need, None
    if it needs none, and the fields of a data message that `channel` has read in it."""

    __slots__ = ("channel", "fields", "line", "pair")

    def __init__(
        self,
        line: bytes,
        pair: KeyPair | None = None,
        fields: DataFields | None = None,
        channel: Channel | None = None,
    ) -> None:
        self.line: bytes = line
        self.pair: KeyPair | None = pair
        self.fields: DataFields | None = fields
        self.channel: Channel | None = channel


class Session(Secret):
    """One conversation, made by `Account.session`; one thread at a time may use it."""

    __slots__ = ("__weakref__", "_conversation", "_fast_path")

    def __init__(self, peer: Hashable, context: Context, policy: Policy) -> None:
        """Made by `Account.session`; `policy` is that of the account."""
        self._conversation = Conversation(peer, context, policy)
        self._fast_path = FastPath(context)
        self._fast_path.limit_texts(self._conversation)

    # Lines and texts

    def receive(self, line: bytes) -> Outcome:
        """Take a line from the transport. Never raises for what the peer wrote: see
        `events.MessageRejected`.

        Raises `TypeError` for anything but bytes, `SessionForked` in a child process.
        """
        path = self._fast_path
        channel = path.channel
        if channel is not None and line.__class__ is bytes and len(line) <= path.line_limit:
            keys, instance = channel.receive_keys, path.instance
            fields: DataFields | None
            if keys is None:
                fields = channel.read(line)
            else:
                rest = True, instance.tag
                found: Any = keys.open_line(channel.receive_head, line, MessageReceived, rest)
                if found.__class__ is MessageReceived:
                    conversation = self._conversation
                    now = path.clock()
                    conversation.last_received = instance.last_received = now
                    if now - conversation.last_sent <= path.silence:
                        return _new(Outcome, ((found,), ()))
                    return self._heartbeat(found)
                fields = found
            if fields is not None:
                return self._receive_data(fields)
        return self._receive(line if line.__class__ is bytes else as_bytes(line, "a line"))

    def _receive(self, line: bytes, computed: ComputedSecret | None = None) -> Outcome:
        call = self._call(computed)
        dispatch.receive(self._conversation, line, call)
        return self._finish(call)

    def _receive_data(self, fields: DataFields, computed: ComputedSecret | None = None) -> Outcome:
        """Take a data message that the channel of the fast path has read."""
        path = self._fast_path
        assert path.channel is not None  # it has read the message
        call = self._call(computed)
        dispatch.receive_data(self._conversation, path.instance, path.channel.message(fields), call)
        return self._finish(call)

    def receive_content(self, line: bytes) -> Outcome:
        """Take a line as `receive` does, but for a data message: what was encrypted becomes one
        `MessageReceived` as it is, not cut at a zero byte, and no TLV is read in it. For
        transports that say what a line carries, and carry other things than texts."""
        line = as_bytes(line, "a line")

        def receive(call: Call) -> None:
            call.content = True
            dispatch.receive(self._conversation, line, call)

        return self._do(receive)

    def receive_message(self, message: Message) -> Outcome:
        """Take a message that has been decoded already; otherwise as `receive`."""
        return self._do(lambda call: dispatch.receive_message(self._conversation, message, call))

    def assemble(self, fragment: FragmentText) -> bytes | None:
        """Take a fragment, and return the whole line with the last one: it is not received by that.
        For layers that look at a line before the session does.

        None: more have to come, or it is for another instance. Raises `RemoteError` for a fragment
        that is refused.
        """
        call = self._call()
        try:
            return dispatch.assemble(self._conversation, fragment, call)
        finally:
            self._finish(call)

    def _heartbeat(self, received: MessageReceived) -> Outcome:
        """Report a text of the fast path, and answer it by an empty message."""
        call = self._call()
        call.events.append(received)
        outgoing.heartbeat(self._conversation, self._fast_path.instance, call)
        return self._finish(call)

    def receive_many(self, lines: Sequence[bytes]) -> Outcome:
        """Take several lines, in order, as `receive` would one after another."""
        return self._many(all_bytes(lines, "a line"), self._fast_path.open_run, self.receive, 0)

    def _many(
        self,
        items: Sequence[bytes],
        run: Callable[[Conversation, Sequence[bytes]], Sequence[Any]],
        one: Callable[[bytes], Outcome],
        into: int,
    ) -> Outcome:
        """Take items by runs of the fast path, and the others each by a call of `one`; what a run
        makes is in part `into` of the outcome."""
        made: tuple[list[Any], list[Any]] = [], []
        position, ahead = 0, len(items)
        while position < len(items):
            done = run(self._conversation, items[position : position + ahead])
            made[into].extend(done)
            position += len(done)
            # never look much further than the last run went: odd ones must not cost a square
            ahead = 2 * len(done) + _LOOK_AHEAD
            if position < len(items):
                try:
                    outcome = one(items[position])
                except BaseException as error:
                    before = [Outcome(tuple(made[0]), tuple(made[1]))]
                    note_outcomes(error, before, items[position:])
                    raise
                made[0].extend(outcome.events)
                made[1].extend(outcome.wire)
                position += 1
        return Outcome(tuple(made[0]), tuple(made[1]))

    def send(
        self,
        text: bytes,
        *,
        tlvs: Sequence[Tlv] = (),
        instance: int | Recipient | None = None,
        flags: int = 0,
    ) -> Outcome:
        """Send a text: encrypted, held until it can be, or in the clear, as state and policy ask
        for.

        `tlvs` go with an encrypted text; `instance` says which instance of the peer is meant, else
        `recipient` does; `flags` are those of a data message. Raises `ConversationFinished`,
        `TextHasNul`, `QueueFull`, `UnknownInstance`, `NotEncrypted` (TLVs without encryption) or
        `TypeError`; nothing is sent then.
        """
        path = self._fast_path
        channel = path.channel
        if channel is not None and instance is None and not (tlvs or flags):
            keys, line = channel.send_keys, None
            if keys is not None:
                line = keys.seal_text(channel.send_prefix, text, path.text_limit)
            elif is_ordinary(text, path.text_limit):
                if not channel.keyring.has_next:
                    self._conversation.unsaved = True  # it announces a new key
                line = channel.seal(text)
            if line is not None:
                conversation, chosen = self._conversation, path.instance
                conversation.last_sent = chosen.last_sent = now = path.clock()
                conversation.sent = (text, now, chosen.fingerprint)
                return _new(Outcome, ((), (line,)))
        return self._send(text, None, tlvs, instance, flags)

    def _send(
        self,
        text: bytes,
        computed: ComputedSecret | None,
        tlvs: Sequence[Tlv] = (),
        instance: int | Recipient | None = None,
        flags: int = 0,
    ) -> Outcome:
        text = as_bytes(text, "a text")
        call = self._call(computed)
        conversation = self._conversation
        chosen = self._choose(conversation.recipient if instance is None else instance)
        outgoing.send(conversation, chosen, text, call, tlvs, flags)
        return self._finish(call)

    def reply(self, received: MessageReceived, text: bytes) -> Outcome:
        """Send a text to the instance that `received` came from, whichever `recipient` is; as
        `send` if it came in plain text.

        The answer to an encrypted text never goes out in the clear. Raises `NotEncrypted` if the
        private conversation is over meanwhile, and what `send` raises.
        """
        if not received.encrypted:
            return self.send(text)
        chosen, policy = self._choose(received.instance), self._conversation.policy
        over = chosen is None or chosen.state is MessageState.PLAINTEXT
        if over and not policy.requires_encryption:
            raise NotEncrypted("the private conversation that is answered is over")
        return self.send(text, instance=received.instance)

    def seal(self, content: bytes, *, instance: int | Recipient | None = None) -> Outcome:
        """Encrypt any bytes and send them as they are: zero bytes may be in them, and none is put
        behind them; padding and held texts are for `send`. The peer reads them with
        `receive_content`.

        Raises `NotEncrypted`, `ConversationFinished`, `UntrustedKey`, `TextTooLong`,
        `UnknownInstance`, `FragmentLimitTooSmall` or `TypeError`; nothing is sent then.
        """
        content = as_bytes(content, "content")
        path = self._fast_path
        channel = path.channel
        if channel is not None and instance is None and 0 < len(content) <= path.text_limit:
            if channel.send_keys is not None:  # they are not new: nothing is to be saved
                line = channel.seal(content, None)
                path.sent_content(self._conversation)
                return _new(Outcome, ((), (line,)))
        wanted = self._conversation.recipient if instance is None else instance
        chosen = self._choose(wanted)
        return self._do(
            lambda call: outgoing.send_content(self._conversation, chosen, content, call)
        )

    def send_many(self, texts: Sequence[bytes]) -> Outcome:
        """Send several texts, in order, as `send` would one after another.

        What `send` raises for a text ends the call there: the outcome of those before it is in
        the exception's `outcomes`, the texts from there on in its `untried`.
        """
        return self._many(all_bytes(texts, "a text"), self._fast_path.seal_run, self.send, 1)

    # The private conversation

    def start(self) -> Outcome:
        """Ask for a private conversation, or for new keys in one. Raises `PolicyForbids` if the
        policy allows no version."""
        return self._do(lambda call: outgoing.query(self._conversation, call))

    def exchange_keys(self, versions: Iterable[int]) -> Outcome:
        """Answer an offer of `versions` that did not come as a line: begin the key exchange in
        the best one that the policy allows too, within the limits on exchanges that peers ask
        for."""
        offered = frozenset(versions)
        return self._do(lambda call: exchanges.start_offered(self._conversation, offered, call))

    def end(self) -> Outcome:
        """End the private conversation, with every instance of the peer; texts that wait come
        back as events."""
        return self._do(lambda call: outgoing.end(self._conversation, call))

    def smp_start(self, secret: bytes, question: bytes | None = None) -> Outcome:
        """Check whether the peer knows `secret`; it is shown `question`. A check that runs is
        aborted first.

        Raises `NotEncrypted`, or `ValueError` for a question with a zero byte or longer than
        `Limits.smp_question`.
        """
        secret = as_bytes(secret, "a secret")
        if question is not None:
            question = as_bytes(question, "a question")
            most = self._conversation.context.limits.smp_question
            if b"\0" in question or len(question) > most:
                raise ValueError(
                    f"a question has no zero byte and at most {most} bytes (`Limits.smp_question`)"
                )
        instance = self._encrypted_instance()
        return self._do(lambda call: smp_session.begin(instance, call, secret, question))

    def smp_forget(self) -> Outcome:
        """Give up the check that runs, if one does, without a word to the peer. Raises
        `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda call: smp_session.forget(instance, call))

    def smp_answer(self, secret: bytes) -> Outcome:
        """Answer `events.SmpRequested`. Raises `NotEncrypted`, or `SmpNotRunning` if nothing was
        asked."""
        secret = as_bytes(secret, "a secret")
        instance = self._encrypted_instance()
        if not isinstance(instance.smp, smp.Asked):
            raise SmpNotRunning("the peer has asked nothing that could be answered")
        return self._do(lambda call: smp_session.answer(instance, call, secret))

    def smp_abort(self) -> Outcome:
        """Break off the check that runs, if one does. Raises `NotEncrypted`."""
        instance = self._encrypted_instance()
        return self._do(lambda call: smp_session.abort(instance, call))

    def extra_key(self, use: int, data: bytes = b"") -> Outcome:
        """Ask the peer to use the extra symmetric key for `use` (0 .. 2^32-1); the key is in
        `events.ExtraKeySent`.

        Raises `NotEncrypted`, or `ValueError` for a use or data that a TLV cannot hold.
        """
        data = as_bytes(data, "the data")
        if not 0 <= use <= 0xFFFFFFFF or len(data) > _MOST_EXTRA_KEY_DATA:
            raise ValueError("a use is 32 bits, and its data at most 65,531 bytes")
        instance = self._encrypted_instance()
        tlv = Tlv(TlvType.EXTRA_KEY, use.to_bytes(4, "big") + data)

        def ask(call: Call) -> None:
            assert instance.channel is not None  # it is encrypted
            call.events.append(ExtraKeySent(instance.channel.extra_key(), use, data, instance.tag))
            instance.send(call, b"", (tlv,), IGNORE_UNREADABLE)

        return self._do(ask)

    def tick(self) -> Outcome:
        """Do what time asks for by now; call it at `next_deadline`, or at any time."""
        conversation = self._conversation
        try:
            call = self._call()
            if conversation.scheduled <= call.now:  # what the account was asked for is being done
                conversation.scheduled = NEVER
            timers.tick(conversation, call)
            return self._finish(call)
        except BaseException:
            timers.wake_again(conversation)
            raise

    # A state that outlives the process

    @property
    def needs_commit(self) -> bool:
        """Whether anything has happened since `export` but sealing and opening under the keys that
        the state has: then a new state has to stand in a store before the last lines are sent."""
        return self._conversation.unsaved

    def export(self, key: StateKey, associated: bytes) -> bytes:
        """Return the state of the conversation, sealed under `key` together with `associated`,
        which says whose state it is: `Account.restore` takes it back with both.

        A state is good for once: see `restore`. Raises `NoCounterEpoch` if `Account.counter_epoch`
        was never set: a state that is restored then would repeat key streams.
        """
        conversation = self._conversation
        context, environment = conversation.context, conversation.context.environment
        counters = context.identity.counters
        if counters is None:
            raise NoCounterEpoch("set Account.counter_epoch before a conversation is saved")
        epoch = counters[0] // COUNTERS_OF_EPOCH
        parts = write_state(conversation, context.clock(), environment.wall_clock(), epoch)
        sealed = key.seal(associated, parts)
        conversation.unsaved = False
        return sealed

    # Settings

    @property
    def max_fragment(self) -> int:
        """The longest line that the transport takes, in bytes; 0: any. Raises
        `FragmentLimitTooSmall` when set below 40."""
        return self._conversation.max_fragment

    @max_fragment.setter
    def max_fragment(self, limit: int) -> None:
        _check_limit(limit)
        self._conversation.max_fragment, self._conversation.limited = limit, False
        self._set()

    @property
    def policy(self) -> Policy:
        """The policy in force for this peer: its own once it is set, else that of the account.
        It may be set at any time."""
        return self._conversation.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._conversation.own_policy = policy
        self._conversation.set_policy(policy)
        self._set()

    @property
    def recipient(self) -> int | Recipient:
        """Which instance of the peer texts go to: an instance tag, or a rule. Raises
        `UnknownInstance` when set to a tag that the peer does not have."""
        return self._conversation.recipient

    @recipient.setter
    def recipient(self, recipient: int | Recipient) -> None:
        if not isinstance(recipient, Recipient):
            self._choose(recipient)
        self._conversation.recipient = recipient
        self._set()

    def limit_lines(self, limit: int) -> None:
        """Have lines be no longer than the transport takes them, `limit` bytes, unless
        `max_fragment` was set for this peer. That is no setting: it is neither saved nor
        remembered."""
        conversation = self._conversation
        if conversation.max_fragment == limit or (
            conversation.max_fragment and not conversation.limited
        ):
            return
        _check_limit(limit)
        conversation.max_fragment, conversation.limited = limit, True
        self._follow_settings()

    @property
    def padding(self) -> Padding | None:
        """How sent messages are padded; None: not at all."""
        return self._conversation.padding

    @padding.setter
    def padding(self, padding: Padding | None) -> None:
        self._conversation.padding = padding
        self._set()

    def _set(self) -> None:
        """After a setting: have the fast path follow, and the account remember it."""
        self._conversation.unsaved = True
        self._follow_settings()
        self._conversation.context.remember(self._conversation)

    def _follow_settings(self) -> None:
        self._fast_path.limit_texts(self._conversation)
        self._fast_path.settle(self._conversation)

    # What there is to know; reading changes nothing

    @property
    def conversation(self) -> Conversation:
        """What stands behind the session, for layers that have to look deeper; they change
        nothing."""
        return self._conversation

    @property
    def peer(self) -> Hashable:
        """Who is at the other end."""
        return self._conversation.peer

    @property
    def state(self) -> MessageState:
        """PLAINTEXT, ENCRYPTED or FINISHED, of the instance that texts go to."""
        instance = self._conversation.current
        return MessageState.PLAINTEXT if instance is None else instance.state

    @property
    def version(self) -> int | None:
        """The protocol version of the present or last private conversation, None before the
        first."""
        instance = self._conversation.current
        return instance.version or None if instance is not None else None

    @property
    def fingerprint(self) -> bytes | None:
        """The peer's fingerprint in the present or last private conversation (20 bytes), None
        before the first."""
        instance = self._conversation.current
        return None if instance is None else instance.fingerprint

    @property
    def ssid(self) -> bytes | None:
        """The secure session id, 8 bytes, the same on both sides; None before the first key
        exchange."""
        instance = self._conversation.current
        return instance.ssid or None if instance is not None else None

    @property
    def ssid_halves(self) -> tuple[str, str, int] | None:
        """The ssid for people: its halves in hexadecimal, and which one (0 or 1) this side shows
        in bold."""
        instance = self._conversation.current
        if instance is None or not instance.ssid:
            return None
        return instance.ssid[:4].hex(), instance.ssid[4:].hex(), 0 if instance.revealed else 1

    @property
    def instance_tags(self) -> tuple[int, int]:
        """Our instance tag, and that of the instance that texts go to (0: none, or version 2)."""
        conversation = self._conversation
        instance, ours = conversation.current, conversation.context.identity.instance_tag
        return ours, 0 if instance is None else instance.tag

    @property
    def instances(self) -> tuple[InstanceInfo, ...]:
        """Every instance of the peer that is known."""
        return tuple(
            InstanceInfo(each.tag, each.state, each.version, each.fingerprint, each.ssid)
            for each in self._conversation.instances
        )

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in seconds of the account's clock; None: never, as
        things stand."""
        return None if (deadline := self._conversation.deadline()) == NEVER else deadline

    def __repr__(self) -> str:
        return f"<Session with {self.peer!r}: {self.state.value}>"

    # How a call begins and ends

    def _call(self, computed: ComputedSecret | None = None) -> Call:
        conversation = self._conversation
        if conversation.forked:
            raise SessionForked("the process was forked: make a new session here and start it")
        call = Call(conversation.context, conversation.peer, conversation.max_fragment, computed)
        if conversation.waiting is not None:
            conversation.unsaved = True  # whatever becomes of the call
            dispatch.do_due(conversation, call)
        return call

    def _do(self, action: Callable[[Call], None]) -> Outcome:
        call = self._call()
        action(call)
        return self._finish(call)

    def _finish(self, call: Call) -> Outcome:
        """Open or close the fast path, ask for the next `tick`, and return the outcome."""
        path, conversation = self._fast_path, self._conversation
        conversation.unsaved = True
        if not path.stays_open(call.events):
            path.settle(conversation)
            if call.wake_at < conversation.scheduled:
                timers.wake(conversation, call.wake_at)
        return _new(Outcome, (tuple(call.events), tuple(call.wire)))

    def _choose(self, wanted: int | Recipient) -> Instance | None:
        """Return the instance that is meant, None if a rule finds none. Raises `UnknownInstance`
        for a tag that the peer does not have."""
        instance = self._conversation.instances.choose(wanted)
        if instance is None and not isinstance(wanted, Recipient):
            raise UnknownInstance(f"the peer has no instance {wanted}")
        return instance

    def _encrypted_instance(self) -> Instance:
        instance = self._conversation.current
        if instance is None or instance.state is not MessageState.ENCRYPTED:
            raise NotEncrypted(
                "the conversation is not encrypted: call start() and wait for SecureStarted"
            )
        return instance

    # Batches: `Account.receive_many` and `Account.send_many`

    def _look_ahead(self, line: bytes) -> Lookahead:
        """Return what a line that is about to be received will need, and what was read in it."""
        path = self._fast_path
        channel = path.channel
        if channel is not None and len(line) <= path.line_limit:
            fields = channel.read(line)
            if fields is not None:
                pair = channel.keyring.wanted(fields[2], fields[1])
                return Lookahead(line, pair, fields, channel)
        return Lookahead(line, dispatch.wanted(self._conversation, line))

    def _receive_ahead(self, ahead: Lookahead, computed: ComputedSecret | None) -> Outcome:
        """Do what `receive` would with a line that was looked at before."""
        if ahead.fields is not None and ahead.channel is self._fast_path.channel:
            return self._receive_data(ahead.fields, computed)
        return self._receive(ahead.line, computed)

    def _wanted_to_send(self) -> tuple[bool, KeyPair | None]:
        """Return whether `send` will need a new D-H key, and the pair whose shared secret it
        will need."""
        channel = self._fast_path.channel
        if channel is None:
            return False, None
        return not channel.keyring.has_next, channel.wanted_to_send()

    def _send_ahead(self, text: bytes, computed: ComputedSecret | None) -> Outcome:
        """Do what `send` would with a text whose shared secret was computed before."""
        if computed is None:
            return self.send(text)
        path = self._fast_path
        if path.channel is None or not is_ordinary(text, path.text_limit):
            return self._send(text, computed)
        if not path.channel.keyring.has_next:
            self._conversation.unsaved = True  # it announces a new key
        line = path.channel.seal(text, computed=computed)
        path.sent(self._conversation, text)
        return _new(Outcome, ((), (line,)))

    # For the account

    def _end_idle(self) -> Outcome:
        """End a private conversation, if there is one, as if the peer had."""
        return self._do(lambda call: outgoing.end_idle(self._conversation, call))

    def _restore(self, settings: Settings) -> None:
        """Take over the settings of an earlier session with the peer."""
        self._conversation.apply(settings)
        self._follow_settings()

    def _read_state(self, parts: list[StatePart], epoch: int, max_age: float) -> Outcome:
        """Take over a saved state; nothing has happened here yet."""
        call, conversation = self._call(), self._conversation
        read_state(conversation, parts, call, epoch, max_age)
        self._follow_settings()
        call.wake(conversation.deadline())
        return self._finish(call)

    def _follow_account(self, policy: Policy) -> None:
        """The policy of the account has changed: it holds if the peer has none of its own."""
        if self._conversation.own_policy is None:
            self._conversation.set_policy(policy)
            self._follow_settings()

    def _release(self) -> None:
        """The account forgets the peer: give back what it uses of the account's limits."""
        if self._conversation.reassembly is not None:
            self._conversation.release()
            self._fast_path.settle(self._conversation)

    def _abandon(self) -> None:
        """In a child process: refuse every call from now on, so that no key stream is used
        twice."""
        self._conversation.forked = True
        self._fast_path.settle(self._conversation)


def _check_limit(limit: int) -> None:
    if limit and limit < MIN_FRAGMENT:
        raise FragmentLimitTooSmall(
            f"a line takes at least {MIN_FRAGMENT} bytes, and {limit} were given"
        )
