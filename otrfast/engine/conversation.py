"""What is known of one peer, what the user does with it, and what time does (protocol, "User
actions").

`Conversation` takes a `Turn` and fills it; what the peer does is in `incoming`.
`session.Session` is the public face of both, and adds the fast lane in front of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import Enum

from otrfast.crypto.secret import Secret
from otrfast.engine.send_queue import SendQueue
from otrfast.errors import (
    ConversationFinished,
    NotEncrypted,
    PolicyForbids,
)
from otrfast.limits import FULL, spend
from otrfast.outcome import Turn
from otrfast.policy import Policy
from otrfast.protocol.context import Context
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.instances import Instances, Recipient
from otrfast.protocol.padding import Padding
from otrfast.protocol.reassembly import Reassembly
from otrfast.wire import lines as wire
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.tlv import Tlv, encode_tlvs


class Offer(Enum):
    """What the peer made of our whitespace tags and queries."""

    NOT_SENT = "not sent"
    SENT = "sent"
    REJECTED = "rejected"
    ACCEPTED = "accepted"


class Conversation(Secret):
    """Everything that is known of one peer."""

    __slots__ = (
        "_policy",
        "akes",
        "error_at",
        "held",
        "instances",
        "last_received",
        "last_sent",
        "local",
        "offer",
        "padding",
        "peer",
        "queried",
        "reassembly",
        "recipient",
        "resend",
        "retry",
        "sent",
        "smps",
        "ticked",
        "versions",
    )

    def __init__(self, peer: Hashable, local: Context, policy: Policy) -> None:
        self.peer = peer
        self.local = local
        self.policy = policy
        self.recipient: int | Recipient = Recipient.BEST
        self.padding: Padding | None = None
        self.instances = Instances(peer, local)
        self.offer = Offer.NOT_SENT
        self.last_received = self.last_sent = local.clock()
        # the last text, when it was sent, and to which fingerprint
        self.sent: tuple[bytes, float, bytes | None] | None = None
        self.resend = False  # the peer could not read it
        self.held = SendQueue(local)
        self.queried = False  # since texts are held
        self.reassembly = Reassembly(local)
        self.retry: tuple[float, int] | None = None  # when, and in which version
        self.error_at = -local.limits.error_interval
        self.akes = FULL
        self.smps = FULL
        self.ticked = float("-inf")  # when `tick` was called last

    @property
    def policy(self) -> Policy:
        """The policy in force; `versions` are those that it allows, ascending."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self.versions = policy.versions

    @property
    def passive(self) -> bool:
        """Whether OTR does nothing at all: no version is allowed, and nothing private is kept or
        required."""
        return not (
            self.versions or Policy.REQUIRE_ENCRYPTION in self._policy or self.instances.private
        )

    def may_check(self, now: float) -> bool:
        """Whether the bounds allow one more SMP run that the peer starts."""
        limits = self.local.limits
        left = spend(self.smps, now, limits.smp_burst, limits.smp_rate)
        if left is None:
            return False
        self.smps = left
        return True

    def heartbeat(self, instance: Instance, turn: Turn) -> None:
        """After a text, where nothing was sent for long: send an empty message, so that the keys
        turn."""
        silent = turn.now - self.last_sent > self.local.limits.heartbeat_interval
        if silent and instance.state is MessageState.ENCRYPTED:
            instance.send(turn, b"", (), IGNORE_UNREADABLE)
            self.last_sent = turn.now

    @property
    def current(self) -> Instance | None:
        """The instance that a text goes to now."""
        return self.instances.choose(self.recipient)

    def send(
        self,
        instance: Instance | None,
        text: bytes,
        tlvs: Sequence[Tlv],
        turn: Turn,
        flags: int = 0,
    ) -> None:
        """Send a text as the state of `instance` and the policy want it.

        Raises `ConversationFinished`, `NotEncrypted`, `PolicyForbids` or `QueueFull`, and nothing
        is sent then.
        """
        state = MessageState.PLAINTEXT if instance is None else instance.state
        if self.versions and wire.is_query(text):
            self.query(turn)
        elif self.passive:
            turn.wire.append(text)
        elif state is MessageState.FINISHED:
            raise ConversationFinished(
                "the peer has ended the private conversation; the text was not sent"
            )
        elif instance is not None and state is MessageState.ENCRYPTED:
            self.seal(instance, text, turn, tlvs, flags)
            if text:
                self.sent = (text, turn.now, instance.fingerprint)
        elif self.instances.private:
            raise NotEncrypted("this device has no private conversation, though another one has")
        elif Policy.REQUIRE_ENCRYPTION in self.policy:
            if not self.versions:
                raise PolicyForbids("the policy requires encryption, and allows no version of OTR")
            self.held.hold(text, self.local.trust.of(self.peer), turn)
            if not self.queried:
                self.query(turn)
                self.queried = True
        else:
            turn.wire.append(self._offering(text))

    def seal(
        self,
        instance: Instance,
        text: bytes,
        turn: Turn,
        tlvs: Sequence[Tlv] = (),
        flags: int = 0,
    ) -> None:
        """Encrypt a text to an instance, padded as asked."""
        if self.padding is not None:
            length = len(text) + len(encode_tlvs(tlvs))
            tlvs = (*tlvs, self.padding.record(length, self.local.identity.random))
        instance.send(turn, text, tlvs, flags)
        self.last_sent = turn.now

    def _offering(self, text: bytes) -> bytes:
        if Policy.SEND_WHITESPACE_TAG not in self.policy or self.offer is Offer.REJECTED:
            return text
        self.offer = Offer.SENT
        return text + wire.tag(self.versions, self.local.trailing_tab)

    def query(self, turn: Turn) -> None:
        """Ask the peer for a private conversation. Raises `PolicyForbids` where no version is
        allowed."""
        if not self.versions:
            raise PolicyForbids("the policy allows no version of OTR")
        versions = (1, *self.versions) if Policy.ALLOW_V1 in self.policy else self.versions
        turn.wire.append(wire.query(versions, self.local.query_text))
        self.last_sent = turn.now
        if self.offer is Offer.NOT_SENT:
            self.offer = Offer.SENT

    def end(self, turn: Turn) -> None:
        """End the private conversation with every instance; texts that wait come back."""
        for instance in self.instances:
            instance.disconnect(turn)
        self.instances.abandon()
        self.reassembly.clear_all()
        self.held.hand_back(turn)
        self.retry = self.sent = None
        self.queried = self.resend = False
        turn.wake(self.deadline())

    def tick(self, turn: Turn) -> None:
        """Do what is due: expiries, the second try of an exchange, the end of idle sessions."""
        limits = self.local.limits
        self.ticked = turn.now
        unfinished = self.instances.exchanging
        self.instances.expire(turn.now)
        self.reassembly.expire(turn.now)
        self.held.expire(turn)
        if not self.held:
            self.queried = False
        if self.sent is not None and turn.now > self.sent[1] + limits.held_age:
            self.sent = None  # too old to be sent again
        if self.retry is not None and turn.now >= self.retry[0]:
            version, self.retry = self.retry[1], None
            if unfinished and version in self.versions:
                self.instances.start(version, turn)
        if limits.idle_session is not None and self.instances.encrypted:
            if turn.now >= max(self.last_received, self.last_sent) + limits.idle_session:
                self.end(turn)
        turn.wake(self.deadline())

    def deadline(self) -> float:
        """When `tick` has something to do, in seconds of the account's clock; infinity: never."""
        limits = self.local.limits
        soonest = self.instances.deadline()
        if self.reassembly:
            soonest = min(soonest, self.reassembly.deadline())
        if self.held:
            soonest = min(soonest, self.held.deadline())
        if self.retry is not None:
            soonest = min(soonest, self.retry[0])
        if self.instances.encrypted:
            if limits.idle_session is not None:
                soonest = min(
                    soonest, max(self.last_received, self.last_sent) + limits.idle_session
                )
        elif not self.has_history:
            idle = max(self.last_received, self.last_sent) + limits.idle_peer
            if idle > self.ticked:  # else it was due, and tried
                soonest = min(soonest, idle)
        return soonest

    @property
    def has_history(self) -> bool:
        """Whether there is something that forgetting the peer would lose."""
        return self.instances.private or self.instances.exchanging or bool(self.held)

    def let_go(self) -> None:
        """Give back what a peer without history still takes of the account's bounds."""
        self.reassembly.clear_all()
