"""Everything that is known of one peer.

Other files of the engine change it, each what is its job: `dispatch` what lines do, `outgoing` what
is sent, `admission` the rates, `timers` what ends by time, `fast_path` and `session.Session` the
times of the last texts.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum

from otrfast._records import record
from otrfast.crypto.secret import Secret
from otrfast.engine.send_queue import SendQueue
from otrfast.engine.settings import Finished, Settings
from otrfast.limits import FULL, Bucket
from otrfast.outcome import NEVER
from otrfast.policy import Policy
from otrfast.protocol.context import Context
from otrfast.protocol.instance import Instance, MessageState
from otrfast.protocol.instances import Instances, Recipient
from otrfast.protocol.padding import Padding
from otrfast.protocol.reassembly import Reassembly
from otrfast.wire.messages import DHCommit, RevealSignature, Signature


class Offer(Enum):
    """What the peer made of our whitespace tags and queries."""

    NOT_SENT = "not sent"
    SENT = "sent"
    REJECTED = "rejected"
    ACCEPTED = "accepted"


@record
class Offered:
    """The peer offers a private conversation in these versions."""

    versions: frozenset[int]


@record
class Unreadable:
    """The peer is to learn that a message could not be read: by a query, or by an error reply."""

    by_query: bool


Request = DHCommit | RevealSignature | Signature | Offered | Unreadable
"""What a rate may put off: an answer to a DH-Commit, the examination of the key in a message, our
own DH-Commit, an answer to what could not be read."""


@record
class Waiting:
    """What the peer asked for, and when it will be done."""

    when: float
    request: Request


class Conversation(Secret):
    """The state of the conversation with one peer."""

    __slots__ = (
        "akes",
        "context",
        "error_at",
        "forked",
        "instances",
        "last_received",
        "last_sent",
        "limited",
        "max_fragment",
        "offer",
        "own_policy",
        "padding",
        "peer",
        "policy",
        "queried",
        "queue",
        "reassembly",
        "recipient",
        "resend",
        "retry",
        "scheduled",
        "sent",
        "smps",
        "ticked",
        "unsaved",
        "versions",
        "waiting",
    )

    def __init__(self, peer: Hashable, context: Context, policy: Policy) -> None:
        """Start with nothing known of the peer; `policy` is that of the account."""
        self.peer: Hashable = peer
        self.context: Context = context
        self.own_policy: Policy | None = None
        self.set_policy(policy)
        self.max_fragment: int = 0
        self.limited: bool = False  # that is the limit of the transport, and nobody's setting
        self.recipient: int | Recipient = Recipient.BEST
        self.padding: Padding | None = None
        self.instances: Instances = Instances(peer, context)
        self.offer: Offer = Offer.NOT_SENT
        self.last_sent: float = context.clock()
        self.last_received: float = self.last_sent
        # the last text, when it was sent, and to which fingerprint
        self.sent: tuple[bytes, float, bytes | None] | None = None
        self.resend: bool = False  # the peer could not read it
        self.queue: SendQueue | None = None  # most peers never need one
        self.queried: bool = False  # since texts wait
        self.reassembly: Reassembly | None = None  # while a fragmented message is unfinished
        self.retry: tuple[float, int] | None = None  # when, and in which version
        self.waiting: dict[int, Waiting] | None = None  # while a rate of the account is exceeded
        self.error_at: float = -context.limits.error_interval
        self.akes: Bucket = FULL
        self.smps: Bucket = FULL
        self.ticked: float = float("-inf")  # when `tick` was called last
        self.scheduled: float = NEVER  # for when the account has been asked to call `tick`
        self.forked: bool = False  # this is a child process: no call may go on
        self.unsaved: bool = True  # more has happened than sealing and opening under the same keys

    def set_policy(self, policy: Policy) -> None:
        """Set the policy in force; `versions` are those that it allows, ascending."""
        self.policy: Policy = policy
        self.versions: tuple[int, ...] = policy.versions

    @property
    def has_settings(self) -> bool:
        """Whether anything was set for this peer."""
        return (
            self.own_policy is not None
            or (self.max_fragment != 0 and not self.limited)
            or self.recipient is not Recipient.BEST
            or self.padding is not None
            or self.offer is Offer.REJECTED
        )

    @property
    def settings(self) -> Settings:
        """What has to outlive the conversation."""
        finished = next(
            (each for each in self.instances if each.state is MessageState.FINISHED), None
        )
        return Settings(
            self.own_policy,
            0 if self.limited else self.max_fragment,
            self.recipient,
            self.padding,
            self.offer is Offer.REJECTED,
            None
            if finished is None or finished.fingerprint is None
            else Finished(finished.tag, finished.version, finished.fingerprint),
        )

    def apply(self, settings: Settings) -> None:
        """Take over the settings of an earlier conversation with the peer."""
        if settings.policy is not None:
            self.own_policy = settings.policy
            self.set_policy(settings.policy)
        self.max_fragment = settings.max_fragment
        self.recipient = settings.recipient
        self.padding = settings.padding
        if settings.refused:
            self.offer = Offer.REJECTED
        if settings.finished is not None:
            finished = settings.finished
            self.instances.mark_finished(finished.tag, finished.version, finished.fingerprint)

    def rename(self, peer: Hashable) -> None:
        """Have the peer be called `peer`."""
        self.peer = self.instances.peer = peer
        self.unsaved = True  # a saved state belongs to a name

    @property
    def current(self) -> Instance | None:
        """The instance that a text goes to now."""
        return self.instances.choose(self.recipient)

    @property
    def state(self) -> MessageState:
        """What the peer's instances have in common: ENCRYPTED if one is encrypted, else FINISHED
        if the peer has ended one, else PLAINTEXT."""
        if self.instances.encrypted:
            return MessageState.ENCRYPTED
        return MessageState.FINISHED if self.instances.private else MessageState.PLAINTEXT

    def may_send_to(self, instance: Instance) -> bool:
        """Whether the policy lets texts be sent to the key of an encrypted instance."""
        if Policy.REQUIRE_TRUST not in self.policy:
            return True
        fingerprint = instance.fingerprint
        return fingerprint is not None and bool(self.context.trust.level(self.peer, fingerprint))

    @property
    def doubted(self) -> bool:
        """Whether the peer seems to have lost the restored session of an instance."""
        for instance in self.instances:  # noqa: SIM110 - a call less on the way of each text
            if instance.doubted:
                return True
        return False

    @property
    def passive(self) -> bool:
        """Whether OTR does nothing at all: no version is allowed, and nothing private is kept or
        required."""
        return not (self.versions or self.policy.requires_encryption or self.instances.private)

    @property
    def has_history(self) -> bool:
        """Whether forgetting the peer would lose something."""
        return self.instances.private or self.busy

    @property
    def busy(self) -> bool:
        """Whether a key exchange is unfinished or waits, or a text does."""
        return self.instances.exchanging or bool(self.queue) or self.waiting is not None

    @property
    def last_used(self) -> float:
        """When the last text was sent or line received."""
        return max(self.last_received, self.last_sent)

    def forgettable(self, now: float) -> bool:
        """Whether the peer has been idle for so long that the account forgets it: without
        history, or after it has ended a private conversation."""
        limits = self.context.limits
        if not self.has_history:
            return now >= self.last_used + limits.idle_peer
        age = limits.idle_finished
        if age is None or now < self.last_used + age:
            return False
        return not (self.instances.encrypted or self.busy)

    def deadline(self) -> float:
        """Return when `tick` has something to do, in seconds of the account's clock; infinity:
        never."""
        limits = self.context.limits
        soonest = self.instances.deadline()
        if self.reassembly is not None:
            soonest = min(soonest, self.reassembly.deadline())
        if self.queue:
            soonest = min(soonest, self.queue.deadline())
        if self.retry is not None:
            soonest = min(soonest, self.retry[0])
        if self.waiting is not None:
            soonest = min(soonest, *[each.when for each in self.waiting.values()])
        if self.instances.encrypted:
            if limits.idle_session is not None:
                soonest = min(soonest, self.last_used + limits.idle_session)
        else:
            age = limits.idle_finished if self.instances.private else limits.idle_peer
            idle = NEVER if age is None or self.busy else self.last_used + age
            if idle > self.ticked:  # else it has expired, and was tried
                soonest = min(soonest, idle)
        return soonest

    def expire_fragments(self, now: float) -> None:
        """Give up the fragmented messages that were begun too long ago."""
        if self.reassembly is not None:
            self.reassembly.expire(now)
            self.drop_empty()

    def drop_empty(self) -> None:
        """Keep no reassembly in which nothing is unfinished."""
        if not self.reassembly:
            self.reassembly = None

    def release(self) -> None:
        """Give back what a peer without history still uses of the account's limits."""
        if self.reassembly is not None:
            self.reassembly.clear_all()
            self.reassembly = None
