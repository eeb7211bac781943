"""The same workloads on the interface of python-otr, the package of AG Projects that is imported as
`otr`: on the package itself, and on `otrfast.otr`.

The package's release on PyPI is for Python 2; there are later ones for Python 3.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from otrfast.apps.bench.package_work import PackageWork
from otrfast.errors import BackendUnavailable

LAYER: Final = "otrfast.otr"
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
    """Two people with a key each, and the conversation between them: two sessions of `package`,
    with a queue as their transport."""

    def __init__(self, keys: Sequence[Any] | None = None, package: str = _PACKAGE) -> None:
        """Connect the two. With two `keys` of their own they are left new to each other: `connect`
        is their first contact."""
        self._otr = open_python_otr(package)
        self._is_layer = package == LAYER
        self._key_class = importlib.import_module(f"{package}.cryptography").DSAPrivateKey
        self._ignore = importlib.import_module(f"{package}.exceptions").IgnoreMessage
        if keys is None:
            self._keys = [self.new_key() for _ in range(2)]
        elif self._is_layer:  # an object of the layer knows the peers that it has met
            self._keys = [self._key_class(key.account.private_key) for key in keys]
        else:
            self._keys = list(keys)
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
        with self._results() as same_secrets:
            self._ends[0].smp_verify(_SECRET)
            self._settle()
            self._ends[1].smp_answer(_SECRET)
            self._settle()
        if same_secrets != [True, True]:
            raise RuntimeError("the check of a shared secret did not succeed")

    @contextmanager
    def _results(self) -> Iterator[list[bool | None]]:
        """Yield the list of how runs of SMP end: told by the callback of the layer, or by the
        notification centre, which python-otr needs."""
        results: list[bool | None] = []
        if self._is_layer:

            def note(name: str, session: object, data: Any) -> None:
                if name == _ENDED:
                    results.append(data.same_secrets)

            for end in self._ends:
                end.callback = note
            yield results
            return
        notification = importlib.import_module("application.notification")
        center, observer = notification.NotificationCenter(), _observer(notification, results)
        for end in self._ends:
            center.add_observer(observer, name=_ENDED, sender=end)
        yield results
        for end in self._ends:
            center.remove_observer(observer, name=_ENDED, sender=end)

    def greet(self, number: int) -> None:
        """Receive one plain text of a new peer."""
        if self._session(number % 2).handle_input(b"good morning", _TEXT) != b"good morning":
            raise RuntimeError("a text did not arrive unchanged")


def _observer(notification: Any, results: list[bool | None]) -> Any:
    """Return an observer that appends how runs of SMP end to `results`."""

    class Observer:
        def handle_notification(self, notification: Any) -> None:
            results.append(notification.data.same_secrets)

    implementer = importlib.import_module("zope.interface").implementer
    return implementer(notification.IObserver)(Observer)()


class PythonOtrWork(PackageWork):
    """Both ends of conversations on one package with python-otr's interface."""

    def __init__(self, package: str = _PACKAGE) -> None:
        open_python_otr(package)
        super().__init__(package, lambda keys: PythonOtrDuo(keys, package))
