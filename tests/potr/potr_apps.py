"""Minimal applications for potr, and a connection between two of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from otrfast.potr.compatcrypto import generateDefaultKey
from otrfast.potr.context import (
    STATE_ENCRYPTED,
    Account,
    Context,
    ErrorReceived,
    NotEncryptedError,
    NotOTRMessage,
    UnencryptedMessage,
)

POLICY = {"ALLOW_V1": False, "ALLOW_V2": True, "REQUIRE_ENCRYPTION": False, "SEND_TAG": False}
TROUBLES = (ErrorReceived, NotEncryptedError, NotOTRMessage, UnencryptedMessage)


@cache
def key_of(name):
    """One key for each name in the whole run."""
    return generateDefaultKey()


@dataclass
class Change:
    """A call of setState, and the state visible in it."""

    before: int
    after: int
    key: Any
    trust: Any
    ssid: Any


class AppContext(Context):
    """A context that records its calls; `line` receives its lines."""

    def __init__(self, account, peername):
        super().__init__(account, peername)
        self.policies = dict(account.policies)
        self.injected = []
        self.changes = []
        self.line = None
        self.on_state = None

    def getPolicy(self, key):
        return self.policies[key]  # like those of gajim and weechat, it has no other keys

    def inject(self, msg, appdata=None):
        assert type(msg) is bytes
        self.injected.append((msg, appdata))
        if self.line is not None:
            self.line(msg)

    def setState(self, newstate):
        trust = self.getCurrentTrust()
        self.changes.append(
            Change(self.state, newstate, self.getCurrentKey(), trust, self.crypto.sessionId)
        )
        super().setState(newstate)
        if self.on_state is not None:
            self.on_state(newstate)

    @property
    def lines(self):
        return [line for line, _ in self.injected]


class AppAccount(Account):
    contextclass = AppContext

    def __init__(self, name="me", protocol="test", size=0, **policies):
        super().__init__(name, protocol, size)
        self.policies = POLICY | policies
        self.saves = 0

    def loadPrivkey(self):
        return key_of(self.name)

    def savePrivkey(self):
        raise AssertionError("there is a key")

    def saveTrusts(self):
        self.saves += 1


@dataclass
class Side:
    """A context and everything that its program received."""

    context: AppContext
    texts: list = field(default_factory=list)
    tlvs: list = field(default_factory=list)
    troubles: list = field(default_factory=list)

    def receive(self, line, appdata=None):
        try:
            text, tlvs = self.context.receiveMessage(line, appdata=appdata)
        except TROUBLES as trouble:
            self.troubles.append(trouble)
            return
        if text is not None:
            self.texts.append(text)
        self.tlvs += tlvs

    def say(self, text, **more):
        """Send a text as a program does: it injects the returned line."""
        line = self.context.sendMessage(0, text, **more)
        if line is not None:
            self.context.inject(line)


class Duo:
    """Alice and Bob. `direct`: a line is received before `inject` returns; else `deliver` does."""

    def __init__(self, direct=True, account=AppAccount, alice=None, bob=None, **policies):
        self.accounts = [
            given or account(name, **policies) for name, given in (("alice", alice), ("bob", bob))
        ]
        self.alice = Side(self.accounts[0].getContext("bob"))
        self.bob = Side(self.accounts[1].getContext("alice"))
        self.queue = deque()
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            sender.context.line = (
                receiver.receive
                if direct
                else lambda line, to=receiver: self.queue.append((to, line))
            )

    def deliver(self):
        while self.queue:
            to, line = self.queue.popleft()
            to.receive(line)

    def start(self):
        """Run the key exchange at the request of alice."""
        self.bob.receive(b"?OTRv2?")
        self.deliver()
        assert self.alice.context.state == self.bob.context.state == STATE_ENCRYPTED
        return self

    def clear(self):
        """Drop everything received so far."""
        for side in (self.alice, self.bob):
            for seen in (side.texts, side.tlvs, side.troubles):
                seen.clear()
            side.context.injected.clear()
            side.context.changes.clear()
        return self
