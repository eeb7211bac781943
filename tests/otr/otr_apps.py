"""Minimal programs for python-otr: people with a session each, a wire between two of them, and a
stand-in for python-application's notification centre."""

from __future__ import annotations

import logging
import random
import sys
from collections import deque
from types import ModuleType, SimpleNamespace
from typing import ClassVar

from helpers import HandClock, key_pair

from otrfast import Environment
from otrfast.otr import GenericOTRTransport, OTRSession, notifications
from otrfast.otr.cryptography import DSAPrivateKey
from otrfast.otr.exceptions import IgnoreMessage, OTRError, UnencryptedMessage

TEXT = "text/plain"
IMAGE = "image/png"
COMPOSING = "application/im-iscomposing+xml"
RAISED = (IgnoreMessage, UnencryptedMessage, OTRError)


def key_of(backend, name, clock=None, seed=1):
    """The key of the person of this name, with seeded randomness for its sessions."""
    pair = key_pair(backend, name)
    environment = Environment(
        clock=clock or HandClock(),
        random=random.Random(f"{name} {seed}").randbytes,
        backend=backend,
    )
    key = DSAPrivateKey(pair, environment)
    key.account._identity.peer_keys.knows_primes_of(pair.public)
    return key


class Person:
    """A session, and what its program has seen: lines, notifications, texts, exceptions."""

    def __init__(self, key, versions=(2, 3)):
        self.sent = []
        self.said = []
        self.texts = []
        self.raised = []
        self.diary = []
        self.carry = self.ignore
        self.on_notification = self.ignore
        self.session = OTRSession(
            key, GenericOTRTransport(self.inject), set(versions), callback=self.notified
        )

    @staticmethod
    def ignore(*_):
        """Do nothing."""

    def inject(self, line):
        assert type(line) is bytes
        self.sent.append(line)
        self.diary.append(line)
        self.carry(line)

    def notified(self, name, session, data):
        assert session is self.session
        assert name == data.NAME
        self.said.append(data)
        self.diary.append(data)
        self.on_notification(data)

    def hear(self, line, content_type=TEXT):
        """Take a line as a program does, and note what comes of it."""
        try:
            self.texts.append(self.session.handle_input(line, content_type))
        except RAISED as error:
            self.raised.append(error)

    def said_of(self, kind):
        """The notifications of one kind."""
        return [each for each in self.said if isinstance(each, kind)]

    def clear(self):
        for seen in (self.sent, self.said, self.texts, self.raised, self.diary):
            seen.clear()


class Duo:
    """Alice and Bob. `direct`: a line is received before it is injected; else by `deliver`."""

    def __init__(self, backend, versions=(2, 3), direct=False, clock=None, seed=1):
        self.clock = clock or HandClock()
        names = ("alice", "bob")
        self.alice, self.bob = (
            Person(key_of(backend, name, self.clock, seed), versions) for name in names
        )
        self.queue = deque()
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            sender.carry = (
                receiver.hear if direct else lambda line, to=receiver: self.queue.append((to, line))
            )

    def other(self, person):
        return self.bob if person is self.alice else self.alice

    def deliver(self):
        while self.queue:
            to, line = self.queue.popleft()
            to.hear(line)

    def connect(self):
        """Have Alice ask for a private conversation."""
        self.alice.session.start()
        self.deliver()
        assert self.alice.session.encrypted
        assert self.bob.session.encrypted
        return self

    def clear(self):
        self.alice.clear()
        self.bob.clear()
        return self

    def tell(self, sender, content, content_type=TEXT):
        """Send content as a program does, and return what the other one makes of it."""
        line = sender.session.handle_output(content, content_type)
        return self.other(sender).session.handle_input(line, content_type)

    def assert_talks(self):
        for sender in (self.alice, self.bob):
            assert self.tell(sender, b"a text") == b"a text"


class NotificationCenter:
    """What of python-application's centre the library and its users need: what is posted from a
    handler is delivered after that handler, and what a handler raises goes no further."""

    observers: ClassVar[list] = []
    _queue: ClassVar[deque] = deque()
    _busy = False

    def add_observer(self, observer, name=None, sender=None):
        self.observers.append((observer, name, sender))

    def post_notification(self, name, sender=None, data=None):
        cls = type(self)
        cls._queue.append(SimpleNamespace(name=name, sender=sender, data=data))
        if cls._busy:
            return
        cls._busy = True
        try:
            while cls._queue:
                notification = cls._queue.popleft()
                for observer, wanted, whose in list(self.observers):
                    if wanted in (None, notification.name) and whose in (None, notification.sender):
                        try:
                            observer.handle_notification(notification)
                        except Exception:
                            logging.getLogger("application").exception("an observer has failed")
        finally:
            cls._busy = False


class NotificationData:
    def __init__(self, **values):
        vars(self).update(values)


def install_center(monkeypatch):
    """Put the stand-in where `application.notification` is imported from."""
    module = ModuleType("application.notification")
    module.NotificationCenter, module.NotificationData = NotificationCenter, NotificationData
    monkeypatch.setitem(sys.modules, "application", ModuleType("application"))
    monkeypatch.setitem(sys.modules, "application.notification", module)
    monkeypatch.setattr(NotificationCenter, "observers", [])
    monkeypatch.setattr(notifications, "_center", [])
    return module
