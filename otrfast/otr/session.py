"""The session of python-otr: one conversation with one peer, as often as it is started.

The lock of a session is held while the engine works and never while the transport or the program
is called, so both may call back, and a transport may deliver a line before it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, Final, NamedTuple

from otrfast.bytes_like import as_bytes
from otrfast.crypto.secret import Secret
from otrfast.errors import LocalError, SessionForked
from otrfast.events import Event, MessageReceived, SecureStarted
from otrfast.otr.cryptography import DSAPublicKey, PrivateKey
from otrfast.otr.exceptions import EncryptedMessageError, OTRError, OTRFinishedError
from otrfast.otr.notifications import (
    Callback,
    Notification,
    SMPRefusal,
    StateChange,
    post,
)
from otrfast.otr.outbox import Outbox
from otrfast.otr.receiver import Receiver
from otrfast.otr.smp import SmpWatch
from otrfast.otr.states import OTRState
from otrfast.otr.transport import OTRTransport
from otrfast.outcome import Outcome
from otrfast.protocol.instance import MessageState
from otrfast.session import Session
from otrfast.wire import lines as wire

_VERSIONS: Final = frozenset({2, 3})
_STATES: Final = {
    MessageState.PLAINTEXT: OTRState.Plaintext,
    MessageState.ENCRYPTED: OTRState.Encrypted,
    MessageState.FINISHED: OTRState.Finished,
}
_FINISHED: Final = "The other party has ended the private conversation, you should do the same"


class _Shown(NamedTuple):
    """What the properties show, put in place at once: they are read from any thread."""

    state: OTRState
    id: bytes | None = None
    remote_public_key: DSAPublicKey | None = None


_UNSECURED: Final = _Shown(OTRState.Plaintext)


class OTRSession(Secret):
    """A conversation with one peer. It may be started and stopped as often as wanted, and used
    from several threads."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_lock",
        "_outbox",
        "_receiver",
        "_shown",
        "_smp",
        "callback",
        "local_private_key",
        "supported_versions",
        "transport",
    )

    def __init__(
        self,
        private_key: PrivateKey,
        transport: OTRTransport,
        supported_versions: Iterable[int] = _VERSIONS,
        *,
        callback: Callback | None = None,
    ) -> None:
        """Make a session in Plaintext. `callback` is called with the name, the session and the data
        of each notification, whether python-application is there or not.

        Raises `TypeError` for a key or transport of another type, `ValueError` for no version or
        one that is neither 2 nor 3.
        """
        if not isinstance(private_key, PrivateKey):
            raise TypeError(f"private_key is a PrivateKey, not a {type(private_key).__name__}")
        if not isinstance(transport, OTRTransport):
            raise TypeError(
                f"transport is an OTRTransport, not a {type(transport).__name__}: derive from it, "
                "or call OTRTransport.register(YourClass)"
            )
        versions = set(supported_versions)
        if not versions or versions - _VERSIONS:
            raise ValueError(f"supported_versions are 2, 3 or both, not {sorted(versions)}")
        self.local_private_key: PrivateKey = private_key
        self.transport: OTRTransport = transport
        self.supported_versions: set[int] = versions
        self.callback: Callback | None = callback
        self._receiver = Receiver(private_key.account, versions)
        self._smp = SmpWatch()
        self._outbox = Outbox()
        self._lock = Lock()
        self._shown = _UNSECURED

    @property
    def state(self) -> OTRState:
        """Plaintext, also while a key exchange runs; Encrypted; or Finished after the peer has
        ended the private conversation."""
        return self._shown.state

    @property
    def encrypted(self) -> bool:
        """Whether the state is Encrypted."""
        return self._shown.state is OTRState.Encrypted

    @property
    def id(self) -> bytes | None:
        """The session id, 8 bytes, the same on both sides; None unless Encrypted."""
        return self._shown.id

    @property
    def remote_public_key(self) -> DSAPublicKey | None:
        """The peer's key, None unless Encrypted."""
        return self._shown.remote_public_key

    # Start and end

    def start(self) -> None:
        """Ask the peer for a private conversation; nothing happens if a key exchange or session is
        there already."""
        with self._changing():
            self._queue(self._receiver.start())

    def stop(self) -> None:
        """End the private conversation, or forget the key exchange that runs."""
        with self._changing():
            self._queue(self._receiver.stop(), stopped=True)

    # Content

    def handle_input(self, content: bytes, content_type: str) -> bytes:
        """Take a line from the transport; return its text, decrypted if the state is Encrypted.

        Raises `IgnoreMessage` if it holds nothing to show, `UnencryptedMessage` if it came in the
        clear though the state is Encrypted, `EncryptedMessageError` if it cannot be read,
        `OTRError` with an error of the peer, `TypeError` for anything but bytes.
        """
        line = as_bytes(content, "content")
        is_text = content_type[:5].lower() == "text/"
        result: bytes | Exception = b""
        try:
            with self._lock:
                result = self._receive(line, is_text)
            if isinstance(result, bytes):
                return result
            raise result
        except SessionForked as error:
            raise EncryptedMessageError(str(error)) from None
        finally:
            result = b""  # else the exception would refer to itself, by its traceback
            if self._outbox:
                self._outbox.deliver()

    def _receive(self, line: bytes, is_text: bool) -> bytes | Exception:
        receiver = self._receiver
        if self._shown.state is OTRState.Encrypted and line.startswith(wire.DATA_MESSAGES):
            if is_text:
                outcome = receiver.session.receive(line)
                if len(outcome.events) == 1 and not outcome.wire:
                    event = outcome.events[0]
                    if type(event) is MessageReceived and event.encrypted:
                        return event.text
                reading = receiver.read_data(outcome, line)
            else:
                reading = receiver.receive_data(line, is_text)
        else:
            reading = receiver.receive(line, is_text)
        self._queue(reading.outcome)
        return reading.result

    def handle_output(self, content: bytes, content_type: str) -> bytes:
        """Return what is to be sent for a text, or for content of another type: the line of a
        message if the state is Encrypted, the content itself in Plaintext.

        Raises `OTRFinishedError` in Finished, another `OTRError` for what cannot be encrypted, as
        it is too long, `TypeError` for anything but bytes.
        """
        content = as_bytes(content, "content")
        outbox = self._outbox
        with self._lock:
            state = self._shown.state
            if state is OTRState.Plaintext:
                return content
            if state is OTRState.Finished:
                raise OTRFinishedError(_FINISHED)
            try:
                line = self._receiver.session.seal(content).wire[0]
            except LocalError as error:
                raise OTRError(str(error)) from None
            last = outbox.last_line
        if outbox.unsent:
            outbox.flush_lines(last)
        return line

    # Checks of a shared secret

    def smp_verify(self, secret: bytes | str, question: bytes | str | None = None) -> None:
        """Check whether the peer knows a secret; a `str` is taken as UTF-8. Notifications say how
        it begins and ends.

        Raises `ValueError` for a question with a zero byte or above 60,000 bytes, `TypeError` for
        another type.
        """
        secret = _utf8(secret, "a secret")
        asked = None if question is None else _utf8(question, "a question")
        with self._changing():
            if self._receiver.state is not MessageState.ENCRYPTED:
                self._notify([SMPRefusal("not encrypted")])
            elif self._receiver.checks_secret:
                self._notify([SMPRefusal("in progress")])
            else:
                outcome = self._receiver.session.smp_start(secret, asked)
                self._queue(outcome)
                self._notify([self._smp.begin(asked)])

    def smp_answer(self, secret: bytes | str) -> None:
        """Answer the peer's check with a secret; nothing happens if none waits for it."""
        secret = _utf8(secret, "a secret")
        self._if_it_runs(lambda session: session.smp_answer(secret))

    def smp_abort(self) -> None:
        """Abort the check that runs, if one does."""
        self._if_it_runs(Session.smp_abort)

    def _if_it_runs(self, action: Callable[[Session], Outcome]) -> None:
        with self._changing():
            if self._receiver.checks_secret:
                try:
                    outcome = action(self._receiver.session)
                except LocalError:  # nothing was asked, or the process is a forked one
                    return
                self._queue(outcome)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.state.value}>"

    # What a call leads to

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the lock, and deliver what was queued after it was released."""
        try:
            with self._lock:
                yield
        finally:
            if self._outbox:
                self._outbox.deliver()

    def _queue(self, outcome: Outcome, *, stopped: bool = False) -> None:
        """Follow what the engine has done, and queue its lines and what is to be said of it."""
        said: list[Notification] = []
        if outcome.events or stopped:
            said += self._smp.follow(outcome.events)
            state, before = _STATES[self._receiver.state], self._shown.state
            if state is not before:
                self._shown = self._show(state, outcome.events)
                said.append(StateChange(before, state))
        if outcome.wire or said:
            self._notify(said, outcome.wire)

    def _notify(self, said: Sequence[Notification], lines: Sequence[bytes] = ()) -> None:
        inject = self.transport.inject_otr_message
        self._outbox.add(
            [partial(inject, line) for line in lines],
            [partial(post, self, each, self.callback) for each in said],
        )

    def _show(self, state: OTRState, events: Sequence[Event]) -> _Shown:
        """Return what the properties show in a new state."""
        for event in events:
            if state is OTRState.Encrypted and isinstance(event, SecureStarted):
                key = self._receiver.session.conversation.context.identity.peer_keys.read(
                    event.public_key
                )
                return _Shown(state, event.ssid, DSAPublicKey(key))
        return _Shown(state)


def _utf8(value: Any, what: str) -> bytes:
    return as_bytes(value.encode() if isinstance(value, str) else value, what)
