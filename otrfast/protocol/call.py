"""One call of the public API while it runs: its time, what has happened, what to send."""

from __future__ import annotations

from collections.abc import Hashable

from otrfast.crypto.backend import DhKey, SharedSecret
from otrfast.crypto.secret import Secret
from otrfast.errors import LimitExceeded
from otrfast.events import Event, Limited
from otrfast.limits import reserve
from otrfast.outcome import NEVER, Outcome
from otrfast.protocol.context import Context
from otrfast.wire import fragments
from otrfast.wire.lines import encode_message
from otrfast.wire.messages import Message

_new = tuple.__new__  # a named tuple's own is a function of Python around this


class ComputedSecret(Secret):
    """The shared secret of one pair of D-H keys, computed for a batch before the call that needs
    it."""

    __slots__ = ("_key", "_public", "_secret")

    def __init__(self, key: DhKey, public: bytes, secret: SharedSecret) -> None:
        self._key = key
        self._public = public
        self._secret = secret

    def agree(self, key: DhKey, public: bytes) -> SharedSecret:
        """Return the secret that `key` shares with `public`: this one, or computed now if it is
        for another pair. Raises `NotInGroup`."""
        if key is self._key and public == self._public:
            return self._secret
        return key.agree(public)


class Deferred(Exception):
    """A message of a key exchange can be taken at `when`, in seconds; nothing has changed."""

    def __init__(self, when: float) -> None:
        super().__init__("the message is taken later")
        self.when: float = when


class Call:
    """One call while it runs: `now` is its time, taken once; `wake_at` is when it wants `tick`
    to be called."""

    __slots__ = (
        "computed",
        "content",
        "context",
        "events",
        "max_fragment",
        "may_examine",
        "now",
        "peer",
        "wake_at",
        "wire",
    )

    def __init__(
        self,
        context: Context,
        peer: Hashable,
        max_fragment: int,
        computed: ComputedSecret | None = None,
    ) -> None:
        self.context: Context = context
        self.peer: Hashable = peer
        self.max_fragment: int = max_fragment
        self.computed: ComputedSecret | None = computed
        self.now: float = context.clock()
        self.events: list[Event] = []
        self.wire: list[bytes] = []
        self.wake_at: float = NEVER
        self.may_examine: bool = False  # one examination was waited for
        self.content: bool = False  # a plain text is taken as it is, zero bytes included

    def send_message(self, message: Message) -> None:
        """Send a message of a key exchange."""
        backend = self.context.identity.backend
        line = message.write(backend.write_message)
        if line is None:
            line = encode_message(message.encode())
        self.send_encoded(line, message.version, message.receiver)

    def send_encoded(self, line: bytes, version: int, receiver: int) -> None:
        """Send an encoded message, in fragments if it is longer than the transport allows. Raises
        `FragmentLimitTooSmall`."""
        limit = self.max_fragment
        if not limit or len(line) <= limit:
            self.wire.append(line)
            return
        sender = self.context.identity.instance_tag
        self.wire += fragments.split(line, limit, version, sender, receiver)

    def must_examine(self, fingerprint: bytes) -> bool:
        """Whether the primes of the peer's key are to be examined: not if the fingerprint is known
        in `trust`. Raises `Deferred` if too many were examined just now, `LimitExceeded` if too
        many wait as well."""
        context = self.context
        if context.trust.level(self.peer, fingerprint) is not None:
            return False
        if not self.may_examine:
            usage, rate = context.usage, context.limits.examination_rate
            reserved = reserve(usage.examinations, self.now, rate, rate, context.limits.wait(rate))
            if reserved is None:
                raise LimitExceeded("examination_rate")
            usage.examinations, when = reserved
            if when > self.now:
                raise Deferred(when)
        self.may_examine = False
        return True

    def limited(self, limit: str) -> None:
        """Report, and count, that a limit was exceeded."""
        counts = self.context.usage.limited
        counts[limit] = counts.get(limit, 0) + 1
        self.events.append(Limited(limit))

    def wake(self, deadline: float) -> None:
        """Have `tick` called at `deadline`: for whoever starts something that ends by time."""
        self.wake_at = min(self.wake_at, deadline)

    def outcome(self) -> Outcome:
        """Return what the call came to."""
        return _new(Outcome, (tuple(self.events), tuple(self.wire)))
