"""Conversations between two accounts of the engine, with every secret known to the tests."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from otrfast import Account, Outcome, Policy, Session, backend_name, events
from otrfast.crypto import kdf
from otrfast.crypto.backend import DH_EXPONENT_BYTES
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import KeyPair
from otrfast.environment import Environment
from otrfast.toolkit import mac_holds, read_log
from otrfast.wire.messages import DataMessage

TAGS = {"alice": 0x1111, "bob": 0x2222}
_POLICIES = {2: Policy.ALLOW_V2, 3: Policy.ALLOW_V3}
BACKEND = load("gmpy2") if backend_name() == "pure" else load()
"""The backend in use, with a faster exponentiation if there is one."""

_key_pairs: dict[str, KeyPair] = {}


def key_pair(name):
    """The DSA key of an account, generated once: that takes long."""
    if name not in _key_pairs:
        seed = random.Random(name).randbytes(32)
        _key_pairs[name] = KeyPair(BACKEND.dsa_generate(seed), BACKEND)
    return _key_pairs[name]


@dataclass
class Side:
    """One account and its conversation; `exponents` are its D-H private keys."""

    name: str
    version: int
    max_fragment: int
    exponents: list[bytes] = field(default_factory=list)
    events: list[events.Event] = field(default_factory=list)

    def __post_init__(self):
        self._random = random.Random(self.name)
        self._publics: list[bytes] = []
        environment = Environment(clock=lambda: 1000.0, random=self._draw, backend=BACKEND)
        account = Account(
            self.name,
            "test",
            key_pair(self.name),
            policy=_POLICIES[self.version],
            instance_tag=TAGS[self.name],
            environment=environment,
        )
        self.session: Session = account.session("peer", max_fragment=self.max_fragment)
        self.account = account

    def _draw(self, count):
        drawn = self._random.randbytes(count)
        if count == DH_EXPONENT_BYTES:
            self.exponents.append(drawn)
        return drawn

    def take(self, outcome: Outcome):
        self.events += outcome.events
        return list(outcome.wire)

    def publics(self):
        """The D-H public keys, in the order of `exponents`."""
        for exponent in self.exponents[len(self._publics) :]:
            self._publics.append(BACKEND.dh_key(exponent).public)
        return self._publics

    @property
    def texts(self):
        """The received texts, decrypted."""
        return [e.text for e in self.events if isinstance(e, events.MessageReceived)]


class Conversation:
    """Alice and bob, with every sent line in `log`. It begins with a key exchange."""

    def __init__(self, version, max_fragment=0):
        self.version = version
        self.alice = Side("alice", version, max_fragment)
        self.bob = Side("bob", version, max_fragment)
        self.log: list[bytes] = []
        self.carry(self.alice, self.alice.session.start())

    def other(self, side):
        return self.bob if side is self.alice else self.alice

    def carry(self, side, outcome):
        """Deliver the lines of a side, and all answers, until there are none."""
        waiting = [(side, line) for line in side.take(outcome)]
        while waiting:
            sender, line = waiting.pop(0)
            self.log.append(line)
            receiver = self.other(sender)
            answers = receiver.take(receiver.session.receive(line))
            waiting += [(receiver, answer) for answer in answers]

    def say(self, side, text):
        self.carry(side, side.session.send(text))

    def converse(self, rounds):
        """Send a text from each end, `rounds` times."""
        for number in range(rounds):
            self.say(self.alice, b"Bob, this is text %d" % number)
            self.say(self.bob, b"Alice, this is answer %d" % number)

    def everything(self):
        """Send every kind of message and TLV."""
        self.converse(3)
        self.carry(self.alice, self.alice.session.smp_start(b"blue", b"What colour?"))
        self.carry(self.bob, self.bob.session.smp_answer(b"blue"))
        self.carry(self.bob, self.bob.session.extra_key(7, b"some data"))
        self.say(self.alice, b"caf\xc3\xa9 \x1b[31mred \xff")
        self.carry(self.alice, self.alice.session.smp_start(b"green"))
        self.carry(self.alice, self.alice.session.smp_abort())
        self.carry(self.alice, self.alice.session.end())

    def keys_of(self, message: DataMessage, sender: Side):
        """Return (our private, their public, keys) of the pair of keys of a message."""
        backend = BACKEND
        theirs = self.other(sender).publics()
        # the newest first: a test has just made them
        for private, ours in reversed([*zip(sender.exponents, sender.publics(), strict=True)]):
            secret = backend.exponent(private)
            for public in reversed(theirs):
                secbytes = kdf.secret_bytes(int.from_bytes(secret.modexp(public), "big"))
                keys = kdf.data_keys(secbytes, ours > public, backend.sha1, backend.sha256)
                if mac_holds(backend, message, keys.send_mac):
                    return private, public, keys
        raise AssertionError("no pair of keys fits the message")

    def unsent(self, side, text):
        """Return the line of a text that is not delivered, its message, and its keys."""
        lines = side.take(side.session.send(text))
        (entry,) = read_log(lines)
        assert isinstance(entry.content, DataMessage)
        *_, keys = self.keys_of(entry.content, side)
        return b"".join(line + b"\n" for line in lines), entry.content, keys

    def deliver(self, side, log):
        """Deliver lines of `side` to the other; return the texts that it received."""
        receiver = self.other(side)
        before = len(receiver.texts)
        for line in log.splitlines():
            receiver.take(receiver.session.receive(line))
        return receiver.texts[before:]

    def written(self):
        """Return the log as the content of a file."""
        return b"".join(line + b"\n" for line in self.log)
