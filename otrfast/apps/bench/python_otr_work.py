"""The same workloads on python-otr, the package of AG Projects with the import name `otr`.

Its release on PyPI is for Python 2; there are later ones for Python 3.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from otrfast.apps.bench.package_work import PackageWork
from otrfast.errors import BackendUnavailable

_PACKAGE: Final = "otr"
_SECRET: Final = b"the same on both sides"
_TEXT: Final = "text/plain"
_ENDED: Final = "OTRSessionSMPVerificationDidEnd"


def open_python_otr(package: str = _PACKAGE) -> Any:
    """Return the package. Raises `BackendUnavailable` if it is missing, or not for Python 3."""
    try:
        module = importlib.import_module(package)
        module.OTRSession, module.GenericOTRTransport  # noqa: B018 - another package may have the name
        importlib.import_module(f"{package}.cryptography")
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"python-otr is not installed ({error}; its release on PyPI is for Python 2 only)"
        ) from error
    except (ImportError, SyntaxError, AttributeError) as error:
        raise BackendUnavailable(
            f"the package {package!r} is not python-otr for Python 3 ({error})"
        ) from error
    return module


class PythonOtrDuo:
    """Two people with a key each, and the conversation between them: two sessions of python-otr,
    with a queue as their transport."""

    def __init__(self, keys: Sequence[Any] | None = None) -> None:
        """Connect the two. With two `keys` of their own they are left new to each other: `connect`
        is their first contact."""
        self._otr = open_python_otr()
        self._key_class = importlib.import_module(f"{_PACKAGE}.cryptography").DSAPrivateKey
        self._ignore = importlib.import_module(f"{_PACKAGE}.exceptions").IgnoreMessage
        self._keys = [self.new_key() for _ in range(2)] if keys is None else list(keys)
        self._lines: deque[tuple[int, bytes]] = deque()  # with the end that receives it
        self._ends: list[Any] = []
        self._kept: list[Any] = []
        if keys is None:
            self.connect()

    def new_key(self) -> Any:
        """Generate a DSA key."""
        return self._key_class.generate()

    def _session(self, number: int) -> Any:
        def send(line: bytes) -> None:
            self._lines.append((1 - number, line))

        session = self._otr.OTRSession(self._keys[number], self._otr.GenericOTRTransport(send))
        self._kept.append(session)  # as a program with many conversations keeps them
        return session

    def connect(self) -> None:
        """Start a new conversation with a key exchange."""
        self._ends = [self._session(number) for number in range(2)]
        self._ends[1].start()
        self._settle()
        if not all(end.encrypted for end in self._ends):
            raise RuntimeError("the key exchange did not end encrypted")

    def _settle(self) -> None:
        while self._lines:
            to, line = self._lines.popleft()
            try:
                self._ends[to].handle_input(line, _TEXT)
            except self._ignore:
                continue

    def _carry(self, sender: int, text: bytes) -> None:
        line = self._ends[sender].handle_output(text, _TEXT)
        if self._ends[1 - sender].handle_input(line, _TEXT) != text:
            raise RuntimeError("a text did not arrive unchanged")

    def ping_pong(self, messages: int, text: bytes) -> None:
        """Send alternating texts, so that the keys rotate with each."""
        for number in range(messages):
            self._carry(number % 2, text)

    def burst(self, messages: int, text: bytes) -> None:
        """Send texts in one direction."""
        for _ in range(messages):
            self._carry(0, text)

    def smp(self) -> None:
        """Run a complete SMP."""
        notification = importlib.import_module("application.notification")
        center, observer = notification.NotificationCenter(), _observer(notification)
        for end in self._ends:
            center.add_observer(observer, name=_ENDED, sender=end)
        self._ends[0].smp_verify(_SECRET)
        self._settle()
        self._ends[1].smp_answer(_SECRET)
        self._settle()
        for end in self._ends:
            center.remove_observer(observer, name=_ENDED, sender=end)
        if observer.same_secrets != [True, True]:
            raise RuntimeError("the check of a shared secret did not succeed")

    def greet(self, number: int) -> None:
        """Receive one plain text of a new peer."""
        if self._session(number % 2).handle_input(b"good morning", _TEXT) != b"good morning":
            raise RuntimeError("a text did not arrive unchanged")


def _observer(notification: Any) -> Any:
    """Return an observer that keeps how runs of SMP end."""

    class Observer:
        def __init__(self) -> None:
            self.same_secrets: list[bool | None] = []

        def handle_notification(self, notification: Any) -> None:
            self.same_secrets.append(notification.data.same_secrets)

    implementer = importlib.import_module("zope.interface").implementer
    return implementer(notification.IObserver)(Observer)()


class PythonOtrWork(PackageWork):
    """Both ends of conversations on python-otr."""

    def __init__(self) -> None:
        open_python_otr()
        super().__init__(_PACKAGE, PythonOtrDuo)
