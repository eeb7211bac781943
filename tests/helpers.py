"""Two engines and a wire between them; a clock turned by hand; a backend that counts; a digest of
everything that a message could change."""

from __future__ import annotations

import copy
import hashlib
import random
from base64 import b64decode, b64encode
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import Enum
from typing import Any

from hypothesis import settings

from otrfast import Account, Environment, Limits, MessageState, Outcome, Policy, Session, events
from otrfast.crypto.backend import (
    Backend,
    DhKey,
    DsaNumbers,
    Exponent,
    FixedBase,
    SharedSecret,
    SigningKey,
)
from otrfast.crypto.dsa import KeyPair
from otrfast.crypto.group import G_ELEMENT
from otrfast.protocol.peer_keys import PeerKeys
from otrfast.wire import messages
from otrfast.wire.lines import ENCODED_PREFIX, encode_message

START = 1_000_000.0
"""What the clocks show at first."""

V2, V3 = Policy.ALLOW_V2, Policy.ALLOW_V3
ONLY = {2: V2, 3: V3}
"""The policy that speaks one version, and does nothing by itself."""

_P = int(
    "9d3ba21fc38a2b5d1ab6f5be9f51924008bfc5008259d48bebd820c9af7ee3d97ab648e75f4bef83214cc49c"
    "40a235c4c5a7c65a2f27abb5ec04afd2596c11ae828485770811b9688f7aa925aa63c3b9a073c44040e1d56a"
    "662f1c32563aaa16d4a0c5551fde63aecc6974afc583390aeb6527991f6ca5d3a787520642604fb1",
    16,
)
_Q = int("ad0f6fad89f68f4811d1e87bcc3bd7400a9ffd29", 16)
_G = int(
    "3d520853de8162c44975739a2021b5513beb1a511f958b9a9bc192ba29489ac5f70b1c599bea7d046d29d003"
    "10606fac437df4b9e461646f2ebca4a9df7202328377c8c9157da754ee56bd58125027e50a1c3a48ffa0ff43"
    "205c68361c872175f321fb7bd3c6b23877906318897925e5d8ff08a1fcdf330b68d2d972d703c56f",
    16,
)


def private_number(name: str) -> int:
    """The private DSA number of the person of this name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (_Q - 1) + 1


def key_pair(backend: Backend, name: str) -> KeyPair:
    """The DSA key of the person of this name, the same in every run."""
    x = private_number(name)
    numbers = DsaNumbers(_P, _Q, _G, pow(_G, x, _P))
    return KeyPair(backend.dsa_key(numbers, x), backend)


class HandClock:
    """A clock that moves when told to."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def make_account(
    backend: Backend,
    name: str = "alice",
    seed: int = 1,
    clock: Callable[[], float] | None = None,
    policy: Policy = Policy.MANUAL,
    limits: Limits | None = None,
    **more: Any,
) -> Account:
    """An account with seeded randomness, which makes no D-H key before it is needed; the primes
    that all test keys share count as checked."""
    account = Account(
        name,
        "test",
        key_pair(backend, name),
        policy=policy,
        limits=limits,
        environment=Environment(
            clock=clock or HandClock(),
            random=random.Random(f"{name} {seed}").randbytes,
            backend=backend,
        ),
        **more,
    )
    account._identity.peer_keys.knows_primes_of(account._identity.key_pair.public)
    return account


def forget_peer_keys(account: Account) -> None:
    """Have an account know no peer's key, and no primes, as after a restart."""
    identity = account._identity
    identity.peer_keys = PeerKeys(identity.backend, identity.random)


class Side:
    """One end of a conversation, and the diary of what happened to it."""

    def __init__(self, account: Account, peer: Hashable, session: Session | None = None) -> None:
        self.account = account
        self.session = account.session(peer) if session is None else session
        self.events: list[events.Event] = []
        self.out: deque[bytes] = deque()
        self.sent: list[bytes] = []

    def take(self, outcome: Outcome) -> Outcome:
        """Write an outcome into the diary, and its lines onto the wire."""
        self.events += outcome.events
        self.out += outcome.wire
        self.sent += outcome.wire
        return outcome

    def receive(self, line: bytes) -> Outcome:
        return self.take(self.session.receive(line))

    def send(self, text: bytes, **more: Any) -> Outcome:
        return self.take(self.session.send(text, **more))

    def start(self) -> Outcome:
        return self.take(self.session.start())

    def tick(self) -> Outcome:
        return self.take(self.session.tick())

    @property
    def texts(self) -> list[bytes]:
        """The texts that came encrypted."""
        return [
            event.text
            for event in self.events
            if isinstance(event, events.MessageReceived) and event.encrypted
        ]

    def seen(self, *kinds: type[events.Event]) -> list[events.Event]:
        """The events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def instance(self) -> Any:
        """The engine's record of the device that texts go to."""
        return self.session._conversation.current

    @property
    def encrypted(self) -> bool:
        return self.session.state is MessageState.ENCRYPTED


class Pair:
    """Alice and Bob on a wire that delivers when told to."""

    def __init__(
        self,
        backend: Backend,
        version: int = 3,
        seed: int = 1,
        *,
        policies: tuple[Policy, Policy] | None = None,
        limits: Limits | None = None,
        max_fragment: int = 0,
        clock: HandClock | None = None,
        **more: Any,
    ) -> None:
        self.version = version
        self.clock = HandClock() if clock is None else clock
        policies = policies or (ONLY[version], ONLY[version])
        self.alice, self.bob = (
            Side(make_account(backend, name, seed, self.clock, policy, limits, **more), peer)
            for name, peer, policy in zip(("alice", "bob"), ("bob", "alice"), policies, strict=True)
        )
        for side in (self.alice, self.bob):
            side.session.max_fragment = max_fragment

    def other(self, side: Side) -> Side:
        """Who is at the other end."""
        return self.bob if side is self.alice else self.alice

    def step(self, side: Side) -> bytes | None:
        """Deliver the next line that `side` has sent."""
        if not side.out:
            return None
        line = side.out.popleft()
        self.other(side).receive(line)
        return line

    def deliver(self, most: int = 1000) -> None:
        """Deliver all lines, in turns, until the wire is quiet."""
        for _ in range(most):
            if self.step(self.alice) is None and self.step(self.bob) is None:
                return
        raise AssertionError("they never stop talking")

    def establish(self) -> None:
        """Run a key exchange: Alice asks for it, so Bob commits and is the initiator."""
        self.alice.start()
        self.deliver()
        assert self.alice.encrypted
        assert self.bob.encrypted

    def say(self, side: Side, text: bytes) -> None:
        """Send a text, and see that it comes."""
        before = self.other(side).texts
        side.send(text)
        self.deliver()
        assert self.other(side).texts == [*before, text]

    def converse(self, rounds: int = 1) -> None:
        """Exchange a text each way."""
        for number in range(rounds):
            self.say(self.alice, b"from alice %d" % number)
            self.say(self.bob, b"from bob %d" % number)


def examples(percent: int) -> int:
    """The examples that a slow property gets: `percent` of the number that the profile says."""
    return settings().max_examples * percent // 100


# Lines taken apart and put together again


def unwrap(line: bytes) -> bytes:
    """The binary message in an encoded line."""
    assert line.startswith(ENCODED_PREFIX), line
    assert line.endswith(b"."), line
    return b64decode(line[len(ENCODED_PREFIX) : -1], validate=True)


def wrap(raw: bytes) -> bytes:
    """The encoded line of a binary message."""
    return ENCODED_PREFIX + b64encode(raw) + b"."


def parsed(line: bytes) -> Any:
    """The message in an encoded line."""
    return messages.decode(unwrap(line))


def encoded(message: messages.Message) -> bytes:
    """The encoded line of a message."""
    return encode_message(message.encode())


def kind(line: bytes) -> str:
    """What a line is, in a word."""
    if line.startswith(ENCODED_PREFIX):
        return type(parsed(line)).__name__
    for mark, name in (
        (b"?OTR Error:", "error"),
        (b"?OTR|", "fragment"),
        (b"?OTR,", "fragment"),
        (b"?OTRv", "query"),
        (b"?OTR?", "query"),
    ):
        if line.startswith(mark):
            return name
    return "text"


def kinds(lines: Iterable[bytes]) -> list[str]:
    return [kind(line) for line in lines]


# A digest of everything that may not change

_HANDLES = ("DataKeys", "DhKey", "SharedSecret", "Exponent", "SigningKey")
_LEFT_OUT = {
    # bounds that count attempts, and times of the last word
    "akes",
    "smps",
    "errors",
    "limited",
    "error_at",
    "last_received",
    "last_sent",
    "ticked",
    "scheduled",
    # what an account remembers to save work
    "peer_keys",
    "examinations",
    # ways out of the object
    "_context",
    "context",
    "_identity",
    "_backend",
    "identity",
    "backend",
    "key_pair",
    "clock",
    "_clock",
    "schedule",
    "random",
    "_random",
    "__weakref__",
}


class Same:
    """Equal to nothing but the very same object, which it keeps alive."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __repr__(self) -> str:
        return f"<the {type(self.thing).__name__} at {id(self.thing):#x}>"


def digest(session: Session) -> Any:
    """Everything that receiving a line may change, as values that can be compared.

    The graph of objects is walked from the session: slots, records, containers. A handle on
    keys counts as itself, with its counters. Left out are the counters of attempts, the times of
    the last word, and the keys of a pair that has not been used yet: they follow from what is
    there, and are kept to save the power.
    """
    usage = session._conversation.context.usage
    shared = (usage.pending_akes, usage.assembled, usage.held)
    trust = session._conversation.context.trust
    pool = len(session._conversation.context.identity.dh_keys)
    return (
        _walk(session, {}),
        shared,
        pool,
        _walk(copy.deepcopy((trust._trusted, trust._known)), {}),
        dict(trust._versions) | dict(trust._trusted_versions),
    )


def _walk(thing: Any, seen: dict[int, int]) -> Any:
    if thing is None or isinstance(thing, bool | int | float | str | bytes | Enum):
        return thing
    if isinstance(thing, bytearray):
        return bytes(thing)
    name = type(thing).__name__
    if name.endswith(_HANDLES):
        counters = ("send_counter", "receive_counter", "verified")
        return (Same(thing), *(getattr(thing, each, None) for each in counters))
    if id(thing) in seen:
        return ("again", seen[id(thing)])
    if not isinstance(thing, tuple | frozenset):
        seen[id(thing)] = len(seen)
    if isinstance(thing, dict):
        return (
            "dict",
            tuple((_walk(key, seen), _walk(value, seen)) for key, value in thing.items()),
        )
    if isinstance(thing, list | tuple | deque):
        return (name, tuple(_walk(each, seen) for each in thing))
    if isinstance(thing, set | frozenset):
        return (name, frozenset(_walk(each, seen) for each in thing))
    if callable(thing):
        return Same(thing)
    return (name, tuple((each, _walk(value, seen)) for each, value in _attributes(thing)))


def _attributes(thing: Any) -> Iterable[tuple[str, Any]]:
    if hasattr(thing, "__record__"):
        names = list(thing.__match_args__)
    else:
        names = [
            slot
            for kind_ in type(thing).__mro__
            for slot in getattr(kind_, "__slots__", ())
            if hasattr(thing, slot)
        ]
        names += vars(thing) if hasattr(thing, "__dict__") else []
    for name in names:
        if name in _LEFT_OUT:
            continue
        value = getattr(thing, name)
        if name == "_pairs":
            value = {
                pair: keys
                for pair, keys in value.items()
                if keys.send_counter or keys.receive_counter or keys.verified
            }
        yield name, value


# A backend that counts


class Counts(Counter[str]):
    """Powers and signatures: `fixed`, `variable`, `double`, `signed`, `verified`, `checked`;
    `chains`: SMP's runs of 1536 squarings, which nearly all of its time goes into."""

    @property
    def powers(self) -> int:
        """Powers modulo the 1536-bit prime; a double one counts as two."""
        return self["fixed"] + self["variable"] + 2 * self["double"]


class _Wrapped:
    __slots__ = ("counts", "inner")

    def __init__(self, inner: Any, counts: Counts) -> None:
        self.inner = inner
        self.counts = counts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class CountingDhKey(_Wrapped):
    __slots__ = ("public",)

    def __init__(self, inner: DhKey, counts: Counts) -> None:
        super().__init__(inner, counts)
        self.public = inner.public

    def agree(self, public: bytes) -> SharedSecret:
        self.counts["variable"] += 1
        return self.inner.agree(public)


class CountingExponent(_Wrapped):
    __slots__ = ()

    def modexp_g(self) -> bytes:
        self.counts["fixed"] += 1
        return self.inner.modexp_g()

    def modexp(self, base: bytes) -> bytes:
        self.counts["variable"] += 1
        self.counts["chains"] += 1
        return self.inner.modexp(base)

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        return self.inner.response(secret.inner, challenge)


class CountingFixedBase(_Wrapped):
    __slots__ = ()

    def modexp(self, exponent: Exponent) -> bytes:
        self.counts["variable"] += 1
        return self.inner.modexp(exponent.inner)

    def double_modexp(self, *arguments: bytes) -> bytes:
        self.counts["double"] += 1
        return self.inner.double_modexp(*arguments)


class CountingSigningKey(_Wrapped):
    __slots__ = ()

    def sign(self, value: bytes, random: bytes) -> bytes:
        self.counts["signed"] += 1
        return self.inner.sign(value, random)


class CountingBackend(_Wrapped):
    """A backend in whose `counts` every power is written down."""

    __slots__ = ()

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner, Counts())

    def dh_key(self, exponent: bytes) -> DhKey:
        self.counts["fixed"] += 1
        return CountingDhKey(self.inner.dh_key(exponent), self.counts)

    def dh_keys(self, exponents: Sequence[bytes]) -> list[DhKey]:
        self.counts["fixed"] += len(exponents)
        return [CountingDhKey(key, self.counts) for key in self.inner.dh_keys(exponents)]

    def agree_many(self, pairs: Sequence[tuple[DhKey, bytes]]) -> list[SharedSecret | None]:
        self.counts["variable"] += len(pairs)
        return self.inner.agree_many([(key.inner, public) for key, public in pairs])

    def exponent(self, value: bytes) -> Exponent:
        return CountingExponent(self.inner.exponent(value), self.counts)

    def fixed_base(self, element: bytes) -> FixedBase:
        self.counts["chains"] += 1
        return CountingFixedBase(self.inner.fixed_base(element), self.counts)

    def double_modexp(self, *arguments: bytes) -> bytes:
        self.counts["double"] += 1
        self.counts["chains"] += arguments[0] != G_ELEMENT
        return self.inner.double_modexp(*arguments)

    def dsa_key(self, numbers: DsaNumbers, x: int) -> SigningKey:
        return CountingSigningKey(self.inner.dsa_key(numbers, x), self.counts)

    def dsa_verify(self, *arguments: Any) -> bool:
        self.counts["verified"] += 1
        return self.inner.dsa_verify(*arguments)

    def dsa_check(self, numbers: DsaNumbers) -> bool:
        self.counts["checked"] += 1
        return self.inner.dsa_check(numbers)

    def dsa_examine(self, p: int, q: int, secret: bytes) -> bool:
        self.counts["examined"] += 1
        return self.inner.dsa_examine(p, q, secret)
