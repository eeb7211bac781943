"""The state machine for texts: what each kind of line does in each state (protocol, "Receiving
messages", "User actions").

`Conversation` takes a `Turn` and fills it. `session.Session` is its public face, and adds the
fast lane in front of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from enum import Enum

from otrfast.crypto.backend import DhKey
from otrfast.errors import (
    ConversationFinished,
    CounterReplayed,
    DecodeError,
    LimitExceeded,
    PolicyForbids,
    RemoteError,
    VersionMismatch,
)
from otrfast.events import (
    MessageReceived,
    MessageRejected,
    MessageResent,
    OtherInstance,
    PeerError,
    QueryReceived,
    UnencryptedReceived,
)
from otrfast.limits import TokenBucket
from otrfast.outcome import Turn
from otrfast.policy import Policy
from otrfast.protocol import ake, checking
from otrfast.protocol.devices import Devices, Recipient
from otrfast.protocol.held import HeldTexts
from otrfast.protocol.instance import Instance, MessageState, check_tags
from otrfast.protocol.local import Local
from otrfast.protocol.padding import Padding
from otrfast.protocol.reassembly import Reassembly
from otrfast.wire import fragments
from otrfast.wire import text as wire
from otrfast.wire.messages import IGNORE_UNREADABLE, DataMessage, DHCommit, DHKey, Message, decode
from otrfast.wire.tlv import Tlv, encode_tlvs

_RESENT = b"[resent] "
_SMALL_MESSAGES = (DHCommit.TYPE, DHKey.TYPE)


class Offer(Enum):
    """What the peer made of our whitespace tags and queries."""

    NOT_SENT = "not sent"
    SENT = "sent"
    REJECTED = "rejected"
    ACCEPTED = "accepted"


class Conversation:
    """Everything that is known of one peer."""

    __slots__ = (
        "_akes",
        "_error_at",
        "_held",
        "_queried",
        "_reassembly",
        "_resend_to",
        "_retry",
        "_smps",
        "_ticked",
        "devices",
        "last_received",
        "last_sent",
        "local",
        "offer",
        "padding",
        "peer",
        "policy",
        "recipient",
        "sent",
    )

    def __init__(self, peer: Hashable, local: Local, policy: Policy) -> None:
        self.peer = peer
        self.local = local
        self.policy = policy
        self.recipient: int | Recipient = Recipient.BEST
        self.padding: Padding | None = None
        self.devices = Devices(peer, local)
        self.offer = Offer.NOT_SENT
        self.last_received = self.last_sent = local.clock()
        self.sent: tuple[bytes, float] | None = None  # the last text, and when it was sent
        self._resend_to: bytes | None = None  # the fingerprint that could not read it
        self._held = HeldTexts(local)
        self._queried = False  # since texts are held
        self._reassembly = Reassembly(local)
        self._retry: tuple[float, int] | None = None  # when, and in which version
        self._error_at = -local.limits.error_interval
        self._akes = TokenBucket()
        self._smps = TokenBucket()
        self._ticked = float("-inf")  # when `tick` was called last

    # What comes in

    def receive(self, line: bytes, turn: Turn) -> None:
        """Take a line. Whatever it holds becomes events; nothing is raised."""
        self.last_received = turn.now
        if not self.policy.versions:
            turn.events.append(MessageReceived(line, False))
            return
        found = wire.classify(line)
        if self.offer is not Offer.ACCEPTED and not isinstance(found, wire.PlainText):
            self.offer = Offer.ACCEPTED
        match found:
            case wire.PlainText(text):
                if self.offer is Offer.SENT:
                    self.offer = Offer.REJECTED
                self._plain(text, turn)
            case wire.TaggedText(text, versions):
                self._plain(text, turn)
                if Policy.WHITESPACE_START_AKE in self.policy and not self.encrypted:
                    self._start_offered(versions, turn)
            case wire.Query(versions, before, after):
                self._plain(before, turn)
                turn.events.append(QueryReceived(versions, after))
                self._start_offered(versions, turn)
            case wire.ErrorText(text, before):
                self._plain(before, turn)
                self._error(text, turn)
            case wire.Armoured(_, before):
                self._plain(before, turn)
                self._armoured(found, turn)
            case wire.FragmentText(fragment, version):
                self._fragment(fragment, version, turn)
            case wire.Unsupported(_, version):
                known = (
                    "an OTR mark of no known meaning"
                    if version is None
                    else "version 1 is not spoken here"
                )
                turn.events.append(MessageRejected(VersionMismatch(known)))

    def _plain(self, text: bytes, turn: Turn) -> None:
        if not text:
            return
        private = any(instance.state is not MessageState.PLAINTEXT for instance in self.devices)
        if private or Policy.REQUIRE_ENCRYPTION in self.policy:
            turn.events.append(UnencryptedReceived(text))
        else:
            turn.events.append(MessageReceived(text, False))

    def _start_offered(self, offered: frozenset[int], turn: Turn) -> None:
        """Answer an offer with a DH-Commit in the best version that both sides allow; none in
        common: nothing."""
        common = offered.intersection(self.policy.versions)
        if common and self._may_exchange(turn):
            self._commit(max(common), turn)

    def _commit(self, version: int, turn: Turn) -> None:
        self.devices.start(version, turn)
        jitter = int.from_bytes(self.local.identity.random(2), "big") / 0x20000
        self._retry = (turn.now + self.local.limits.ake_retry * (1 + jitter), version)

    def _may_exchange(self, turn: Turn) -> bool:
        """Whether the bounds allow one more key exchange that the peer asks for."""
        limits, usage = self.local.limits, self.local.usage
        known = bool(self.local.trust.of(self.peer))
        if usage.pending_akes >= limits.pending_akes:
            self.local.limited("pending_akes", turn)
        elif not self._akes.take(turn.now, limits.ake_burst, limits.ake_rate):
            self.local.limited("ake_burst", turn)
        elif not known and not usage.akes.take(
            turn.now, limits.account_ake_rate, limits.account_ake_rate
        ):
            self.local.limited("account_ake_rate", turn)
        else:
            return True
        return False

    def _error(self, text: bytes, turn: Turn) -> None:
        turn.events.append(PeerError(text))
        instance = self.current
        if (
            instance is not None
            and instance.state is MessageState.ENCRYPTED
            and self.sent is not None
        ):
            self._resend_to = instance.fingerprint
        if Policy.ERROR_START_AKE in self.policy and self._may_answer_error(turn):
            self.query(turn)

    def _may_answer_error(self, turn: Turn) -> bool:
        """Whether an error reply, or a query caused by an error, may go out now: two programs
        must not answer each other for ever."""
        limits = self.local.limits
        if turn.now - self._error_at < limits.error_interval:
            self.local.limited("error_interval", turn)
            return False
        if not self.local.usage.errors.take(
            turn.now, limits.account_error_rate, limits.account_error_rate
        ):
            self.local.limited("account_error_rate", turn)
            return False
        self._error_at = turn.now
        return True

    def _fragment(self, line: bytes, version: int, turn: Turn) -> None:
        try:
            fragment = fragments.parse(line, version)
            self._check_version(version)
            if not self._is_ours(fragment, lone_receiver=True):
                turn.events.append(OtherInstance(fragment.sender, fragment.receiver))
                return
            whole = self._reassembly.add(fragment, turn.now)
        except LimitExceeded as error:
            self.local.limited(error.limit, turn)
            turn.events.append(MessageRejected(error))
        except RemoteError as error:
            turn.events.append(MessageRejected(error))
        else:
            found = wire.classify(whole) if whole is not None else None
            if isinstance(found, wire.Armoured):  # and never a fragment again
                self._armoured(found, turn)
            elif whole is not None:
                turn.events.append(MessageRejected(DecodeError("fragmented message", 0)))

    def _is_ours(self, message: Message | fragments.Fragment, lone_receiver: bool) -> bool:
        ours = self.local.identity.instance_tag
        return message.version == 2 or check_tags(
            message.sender, message.receiver, ours, lone_receiver
        )

    def _armoured(self, found: wire.Armoured, turn: Turn) -> None:
        sender = 0
        try:
            message = decode(self._decoded(found))
            sender = message.sender
            self._check_version(message.version)
            if not self._is_ours(message, lone_receiver=isinstance(message, DHCommit)):
                turn.events.append(OtherInstance(message.sender, message.receiver))
                return
            self._reassembly.clear(sender)
            if isinstance(message, DataMessage):
                self._data(message, turn)
            else:
                self._exchange(message, turn)
        except LimitExceeded as error:
            self.local.limited(error.limit, turn)
            turn.events.append(MessageRejected(error, sender))
        except RemoteError as error:
            turn.events.append(MessageRejected(error, sender))

    def _decoded(self, found: wire.Armoured) -> bytes:
        """Return the binary message within the bounds on its size, which are looked at first."""
        limits = self.local.limits
        if len(found.line) > limits.message_size:
            raise LimitExceeded("message_size")
        raw = found.decode()
        message_type = raw[2] if len(raw) > 2 else None
        if message_type in _SMALL_MESSAGES and len(raw) > limits.commit_size:
            raise LimitExceeded("commit_size")
        if message_type != DataMessage.TYPE and len(raw) > limits.signature_size:
            raise LimitExceeded("signature_size")
        return raw

    def _check_version(self, version: int) -> None:
        if version not in self.policy.versions:
            raise VersionMismatch(f"the policy does not allow version {version}")

    def _exchange(self, message: Message, turn: Turn) -> None:
        if isinstance(message, DHCommit):
            instance = self.devices.get(message.sender)
            repeated = instance is not None and isinstance(
                instance.exchange, ake.AwaitingRevealSignature
            )
            if not repeated and not self._may_exchange(turn):
                return
        finished = self.devices.exchange(message, turn)
        if finished is not None:
            self._secure(*finished, turn)

    def _secure(self, instance: Instance, established: ake.Established, turn: Turn) -> None:
        """Enter the encrypted state and send what waited for it; the Signature message is in the
        turn already."""
        instance.establish(established, self.local, turn)
        self._retry = None
        self._queried = False
        resend_to, self._resend_to = self._resend_to, None
        assert instance.fingerprint is not None
        for text in list(self._held.release(instance.fingerprint, turn)):
            self.seal(instance, text, turn)
            turn.events.append(MessageResent(text, instance.tag))
        if self.sent is not None and resend_to == instance.fingerprint:
            text, when = self.sent
            if turn.now - when <= self.local.limits.held_age:
                self.seal(instance, _RESENT + text, turn)
                turn.events.append(MessageResent(text, instance.tag))
            self.sent = None

    def _data(self, message: DataMessage, turn: Turn) -> None:
        instance = self.devices.get(message.sender) or Instance(
            self.peer, message.sender, ake.Idle()
        )
        before = len(turn.events)
        try:
            tlvs = instance.receive(message, self.local, turn)
        except RemoteError as error:
            if not message.ignore_unreadable:
                self._unreadable(instance, error, turn)
            return
        if tlvs:
            checking.receive(instance, self.local, turn, tlvs, self._smps)
        if any(isinstance(event, MessageReceived) for event in turn.events[before:]):
            self.heartbeat(instance, turn)
        if instance.state is MessageState.FINISHED:
            self._held.hand_back(turn)

    def _unreadable(self, instance: Instance, error: RemoteError, turn: Turn) -> None:
        """Report a message that can not be read; in a session, tell the peer, who may start a
        new one."""
        turn.events.append(MessageRejected(error, instance.tag))
        replayed = isinstance(
            error, CounterReplayed
        )  # a repetition on the way is no reason to answer
        if instance.state is MessageState.ENCRYPTED and not replayed and self.local.error_text:
            if self._may_answer_error(turn):
                turn.wire.append(wire.error(self.local.error_text))

    def wanted(self, line: bytes) -> tuple[DhKey, bytes] | None:
        """Return the halves of the shared secret that receiving a line will need, None where it
        needs none."""
        found = wire.classify(line)
        if not isinstance(found, wire.Armoured) or len(found.line) > self.local.limits.message_size:
            return None
        try:
            message = decode(found.decode())
            return self.devices.wanted(message)
        except RemoteError:
            return None

    def heartbeat(self, instance: Instance, turn: Turn) -> None:
        """After a text, where nothing was sent for long: send an empty message, so that the keys
        turn."""
        silent = turn.now - self.last_sent > self.local.limits.heartbeat_interval
        if silent and instance.state is MessageState.ENCRYPTED:
            instance.send(turn, b"", (), IGNORE_UNREADABLE)
            self.last_sent = turn.now

    # What goes out

    @property
    def current(self) -> Instance | None:
        """The instance that a text goes to now."""
        return self.devices.choose(self.recipient)

    @property
    def reassembling(self) -> bool:
        """Whether pieces of a message wait for the rest."""
        return bool(self._reassembly)

    @property
    def encrypted(self) -> bool:
        """Whether any instance is encrypted."""
        return any(instance.state is MessageState.ENCRYPTED for instance in self.devices)

    def send(self, instance: Instance | None, text: bytes, tlvs: Sequence[Tlv], turn: Turn) -> None:
        """Send a text as the state of `instance` and the policy want it.

        Raises `ConversationFinished`, `PolicyForbids` or `QueueFull`, and nothing is sent then.
        """
        state = MessageState.PLAINTEXT if instance is None else instance.state
        if self.policy.versions and wire.is_query(text):
            self.query(turn)
        elif not self.policy.versions:
            turn.wire.append(text)
        elif state is MessageState.FINISHED:
            raise ConversationFinished(
                "the peer has ended the private conversation; the text was not sent"
            )
        elif instance is not None and state is MessageState.ENCRYPTED:
            self.seal(instance, text, turn, tlvs)
            if text:
                self.sent = (text, turn.now)
        elif Policy.REQUIRE_ENCRYPTION in self.policy:
            self._held.hold(text, self.local.trust.of(self.peer), turn)
            if not self._queried:
                self.query(turn)
                self._queried = True
        else:
            turn.wire.append(self._offering(text))

    def seal(self, instance: Instance, text: bytes, turn: Turn, tlvs: Sequence[Tlv] = ()) -> None:
        """Encrypt a text to an instance, padded as asked."""
        if self.padding is not None:
            length = len(text) + len(encode_tlvs(tlvs))
            tlvs = (*tlvs, self.padding.record(length, self.local.identity.random))
        instance.send(turn, text, tlvs)
        self.last_sent = turn.now

    def _offering(self, text: bytes) -> bytes:
        if Policy.SEND_WHITESPACE_TAG not in self.policy or self.offer is Offer.REJECTED:
            return text
        self.offer = Offer.SENT
        return text + wire.tag(self.policy.versions, self.local.trailing_tab)

    def query(self, turn: Turn) -> None:
        """Ask the peer for a private conversation. Raises `PolicyForbids` where no version is
        allowed."""
        if not self.policy.versions:
            raise PolicyForbids("the policy allows no version of OTR")
        versions = (
            (1, *self.policy.versions) if Policy.ALLOW_V1 in self.policy else self.policy.versions
        )
        turn.wire.append(wire.query(versions, self.local.query_text))
        self.last_sent = turn.now
        if self.offer is Offer.NOT_SENT:
            self.offer = Offer.SENT

    def end(self, turn: Turn) -> None:
        """End the private conversation with every instance; texts that wait come back."""
        for instance in self.devices:
            instance.disconnect(turn)
        self.devices.abandon()
        self._reassembly.clear_all()
        self._held.hand_back(turn)
        self._retry = self.sent = self._resend_to = None
        self._queried = False

    # What time brings

    def tick(self, turn: Turn) -> None:
        """Do what is due: expiries, the second try of an exchange, the end of idle sessions."""
        limits = self.local.limits
        self._ticked = turn.now
        unfinished = self.devices.pending is not None or any(
            not isinstance(instance.exchange, ake.Idle) for instance in self.devices
        )
        self.devices.expire(turn.now)
        self._reassembly.expire(turn.now)
        self._held.expire(turn)
        if not self._held:
            self._queried = False
        if self._retry is not None and turn.now >= self._retry[0]:
            version, self._retry = self._retry[1], None
            if unfinished and version in self.policy.versions:
                self.devices.start(version, turn)
        if limits.idle_session is not None and self.encrypted:
            if turn.now >= max(self.last_received, self.last_sent) + limits.idle_session:
                self.end(turn)

    def deadlines(self) -> Iterator[float]:
        """Yield the times at which `tick` has something to do, in seconds of the account's
        clock."""
        limits = self.local.limits
        yield from self.devices.deadlines()
        yield from self._reassembly.deadlines()
        if self._held:
            yield self._held.deadline()
        if self._retry is not None:
            yield self._retry[0]
        last = max(self.last_received, self.last_sent)
        if not self.has_history:
            if last + limits.idle_peer > self._ticked:  # else it was due, and tried
                yield last + limits.idle_peer
        elif limits.idle_session is not None and self.encrypted:
            yield last + limits.idle_session

    @property
    def has_history(self) -> bool:
        """Whether there is something that forgetting the peer would lose."""
        return (
            bool(self._held)
            or self.devices.pending is not None
            or any(
                instance.state is not MessageState.PLAINTEXT
                or not isinstance(instance.exchange, ake.Idle)
                for instance in self.devices
            )
        )

    def let_go(self) -> None:
        """Give back what a peer without history still takes of the account's bounds."""
        self._reassembly.clear_all()
