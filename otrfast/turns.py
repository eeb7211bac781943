"""What every call on a session goes through: one turn, the fast lane opened or closed after it, the
timers, the settings, and the refusal to go on in a forked process."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from otrfast.engine.conversation import Conversation
from otrfast.errors import FragmentLimitTooSmall, SessionForked, UnknownInstance
from otrfast.facts import Facts
from otrfast.outcome import NEVER, Outcome, Turn
from otrfast.policy import Policy
from otrfast.protocol.channel import Channel
from otrfast.protocol.context import Context
from otrfast.protocol.instance import Instance
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding

MIN_FRAGMENT = 40
"""The smallest `max_fragment`: a version 3 fragment's header, and a piece that is worth it."""

EXPANSION = 1024
"""Bytes that a message holds beside text and TLVs, revealed MAC keys included."""


class Turns(Facts):
    """The part of `session.Session` that its calls have in common."""

    __slots__ = (
        "_clock",
        "_forked",
        "_lane",
        "_lane_instance",
        "_line_limit",
        "_max_fragment",
        "_scheduled",
        "_silence",
        "_text_limit",
    )

    def __init__(
        self, peer: Hashable, local: Context, policy: Policy, max_fragment: int = 0
    ) -> None:
        self._local = local
        self._conversation = Conversation(peer, local, policy)
        self._clock = local.clock
        self._lane: Channel | None = None
        self._lane_instance: Instance  # whose channel the lane is
        self._line_limit = local.limits.message_size
        self._silence = local.limits.heartbeat_interval
        self._text_limit = 0
        self._scheduled = NEVER
        self._forked = False
        self.max_fragment = max_fragment

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
        self._limit_texts()

    @property
    def policy(self) -> Policy:
        """The policy in force for this peer; it may be set at any time."""
        return self._conversation.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._conversation.policy = policy
        self._settle()

    @property
    def recipient(self) -> int | Recipient:
        """Which device of the peer texts go to: an instance tag, or a rule."""
        return self._conversation.recipient

    @recipient.setter
    def recipient(self, recipient: int | Recipient) -> None:
        if not isinstance(recipient, Recipient):
            self._choose(recipient)
        self._conversation.recipient = recipient
        self._settle()

    @property
    def padding(self) -> Padding | None:
        """How sent messages are padded; None: not at all."""
        return self._conversation.padding

    @padding.setter
    def padding(self, padding: Padding | None) -> None:
        self._conversation.padding = padding
        self._limit_texts()

    def _limit_texts(self) -> None:
        """Set how long a text for the fast lane may be."""
        if self._conversation.padding is not None:
            self._text_limit = 0
        elif self._max_fragment:
            self._text_limit = max(0, self._max_fragment * 3 // 4 - EXPANSION)
        else:
            self._text_limit = self._line_limit

    def _choose(self, wanted: int | Recipient) -> Instance | None:
        """Return the device that is meant, None where a rule finds none. Raises
        `UnknownInstance` for a tag that is not known (any more)."""
        instance = self._conversation.instances.choose(wanted)
        if instance is None and not isinstance(wanted, Recipient):
            raise UnknownInstance(f"the peer has no instance {wanted}")
        return instance

    def tick(self) -> Outcome:
        """Do what is due by now; call it at `next_deadline`, or at any time."""
        turn = self._turn()
        if self._scheduled <= turn.now:  # what the account was asked for is being done
            self._scheduled = NEVER
        self._conversation.tick(turn)
        return self._close(turn)

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
        if turn.wake_at < self._scheduled:
            self.wake(turn.wake_at)
        return turn.outcome()

    def _settle(self) -> None:
        """After the general path: open or close the fast lane."""
        if self._forked:
            return
        talk = self._conversation
        instance = talk.instances.choose(talk.recipient)
        self._lane = None
        if (
            instance is not None
            and instance.channel is not None
            and instance.version in talk.versions
            and not talk.reassembly
            and not (talk.recipient is Recipient.BEST and talk.instances.best_may_change)
        ):
            self._lane, self._lane_instance = instance.channel, instance

    @property
    def has_history(self) -> bool:
        """Whether something would be lost if the account forgot this peer."""
        return self._conversation.has_history

    @property
    def scheduled(self) -> float:
        """For when the account has been asked to call `tick`."""
        return self._scheduled

    def wake(self, deadline: float) -> None:
        """Ask the account to call `tick` then, sooner than `scheduled`."""
        before, self._scheduled = self._scheduled, deadline
        try:
            self._local.schedule(deadline, self)
        except BaseException:
            self._scheduled = before
            raise

    @property
    def forked(self) -> bool:
        """Whether this is a child process, in which the session refuses to go on."""
        return self._forked

    def forgettable(self, now: float) -> bool:
        """Whether nothing would be lost if the account forgot this peer."""
        talk = self._conversation
        idle = now >= max(talk.last_received, talk.last_sent) + self._local.limits.idle_peer
        return idle and not talk.has_history

    def let_go(self) -> None:
        """Give back what this takes of the account's bounds; the account forgets the peer."""
        self._conversation.let_go()
        self._settle()

    def abandon_after_fork(self) -> None:
        """In a child process: refuse every call from now on, so that no key stream is used
        twice."""
        self._forked = True
        self._lane = None
