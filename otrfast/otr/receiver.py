"""The decision on incoming lines: which of them the engine gets, and what the program gets.

The engine would answer every offer and every commitment. For programs of python-otr a session is
never re-keyed, an exchange never restarted, and a commitment only answered after a query of ours:
so the kind of a line, and the type of a message, are looked at before the engine takes it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from otrfast.account import Account
from otrfast.crypto.secret import Secret
from otrfast.engine import dispatch
from otrfast.errors import (
    DecodeError,
    LimitExceeded,
    Reflected,
    RemoteError,
    VersionMismatch,
    WrongInstance,
)
from otrfast.events import HeartbeatReceived, MessageReceived, MessageRejected, TlvsReceived
from otrfast.otr.exceptions import (
    EncryptedMessageError,
    IgnoreMessage,
    OTRError,
    UnencryptedMessage,
)
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.protocol import smp
from otrfast.protocol.instance import MessageState
from otrfast.session import Session
from otrfast.wire import lines as wire
from otrfast.wire.messages import DataMessage, DHCommit

_POLICIES: Final = {
    frozenset({2}): Policy.ALLOW_V2,
    frozenset({3}): Policy.ALLOW_V3,
    frozenset({2, 3}): Policy.MANUAL,
}
_UNREADABLE: Final = b"An encrypted message could not be read."
_LONGEST_ERROR: Final = 500  # characters of a peer's error that are shown
_NOTHING: Final = Outcome()


class Reading(NamedTuple):
    """What one line came to: the text for the program, or what is raised instead, and what the
    engine has made of the line."""

    result: bytes | Exception
    outcome: Outcome = _NOTHING


class Receiver(Secret):
    """The engine's session from one start to the next, and the lines that it gets."""

    __slots__ = ("_account", "_error_at", "_policy", "_session", "asked")

    def __init__(self, account: Account, versions: Collection[int]) -> None:
        self._account = account
        self._policy = _POLICIES[frozenset(versions)]
        self._session: Session | None = None
        self._error_at = float("-inf")  # when the last error was sent
        self.asked: bool = False  # by a query of ours, since the last end

    @property
    def session(self) -> Session:
        """The engine's session, made at its first use; each has an instance tag of its own, so
        that nothing reaches it that was meant for one before."""
        session = self._session
        if session is None:
            session = self._account.detached_session("", policy=self._policy, own_instance=True)
            self._session = session
        return session

    @property
    def state(self) -> MessageState:
        """PLAINTEXT, ENCRYPTED or FINISHED. In a forked process, which must not use its parent's
        keys, a private conversation is over."""
        session = self._session
        if session is None:
            return MessageState.PLAINTEXT
        state = session.state
        if state is MessageState.ENCRYPTED and session.conversation.forked:
            return MessageState.FINISHED
        return state

    @property
    def checks_secret(self) -> bool:
        """Whether a check of a shared secret runs."""
        current = None if self._session is None else self._session.conversation.current
        return current is not None and not isinstance(current.smp, smp.Expect1)

    def exists(self) -> bool:
        """Whether a key exchange runs, or there is a session, also one that the peer has ended. An
        exchange ends after `Limits.ake_timeout`."""
        session = self._session
        if session is None:
            return False
        conversation = session.conversation
        instances = conversation.instances
        if instances.private:
            return True
        if conversation.forked:
            self._session = None
            return False
        if instances.exchanging and instances.deadline() <= conversation.context.clock():
            session.tick()
        return instances.exchanging

    def start(self) -> Outcome:
        """Send a query, unless there is something that it would start."""
        if self.exists():
            return _NOTHING
        outcome = self.session.start()
        self.asked = True
        return outcome

    def stop(self) -> Outcome:
        """End whatever there is, after an abort of a check that runs."""
        session, self.asked = self._session, False
        outcome = _NOTHING
        if session is not None and not session.conversation.forked:
            aborted = session.smp_abort() if self.checks_secret else _NOTHING
            ended = session.end()
            outcome = Outcome(aborted.events + ended.events, aborted.wire + ended.wire)
        self._session = None
        return outcome

    # Lines

    def receive(self, line: bytes, is_text: bool) -> Reading:
        """Take a line; `is_text`: its content type is a text, so that it may hold a tag or TLVs."""
        found = wire.classify(line)
        if isinstance(found, wire.FragmentText) and wire.is_decoration(found.before):
            try:
                whole = self.session.assemble(found)
            except (WrongInstance, Reflected, LimitExceeded):
                return Reading(IgnoreMessage())
            except RemoteError:  # it only looks like a fragment
                return self._plain(line)
            if whole is None:
                return Reading(IgnoreMessage())
            line, found = whole, wire.classify(whole)
        match found:
            case wire.TaggedText(text=text, versions=versions):
                if is_text and not self.exists():
                    return Reading(text, self._answer_offer(versions))
            case wire.PlainText() | wire.FragmentText() | wire.Unsupported():
                pass
            case _ if not wire.is_decoration(found.before):
                pass  # a text that speaks of OTR
            case wire.EncodedMessage():
                return self._message(found, line, is_text)
            case wire.Query(versions=versions):
                outcome = _NOTHING if self.exists() else self._answer_offer(versions)
                return Reading(IgnoreMessage(), outcome)
            case wire.ErrorText(text=text):
                if self.exists():
                    return Reading(OTRError(_one_line(text)))
        return self._plain(line)

    def _plain(self, line: bytes) -> Reading:
        """Return what becomes of a line that is shown as it came."""
        encrypted = self.state is MessageState.ENCRYPTED
        return Reading(UnencryptedMessage() if encrypted else line)

    def _answer_offer(self, versions: frozenset[int]) -> Outcome:
        """Begin a key exchange in the best version in common, if there is one."""
        return self.session.exchange_keys(versions)

    def _message(self, found: wire.EncodedMessage, line: bytes, is_text: bool) -> Reading:
        context = self.session.conversation.context
        try:
            message = dispatch.read_message(found, context.limits, context.identity.backend)
        except RemoteError:
            return self._plain(line)
        if message.version not in self._policy.versions:
            return self._plain(line)
        exists = self.exists()
        if isinstance(message, DataMessage):
            return self.receive_data(found.line, is_text) if exists else self._plain(line)
        answered = self.asked if isinstance(message, DHCommit) else exists
        if answered and not self.session.conversation.instances.private:
            return Reading(IgnoreMessage(), self.session.receive_message(message))
        return Reading(IgnoreMessage()) if exists else self._plain(line)

    def receive_data(self, line: bytes, is_text: bool) -> Reading:
        """Take a data message: a text with its TLVs, or content of another type as it is."""
        session = self.session
        outcome = session.receive(line) if is_text else session.receive_content(line)
        return self.read_data(outcome, line)

    def read_data(self, outcome: Outcome, line: bytes) -> Reading:
        """Return what the engine has found in a data message."""
        error: MessageRejected | None = None
        for event in outcome.events:
            if isinstance(event, MessageReceived) and event.encrypted and event.text:
                return Reading(event.text, outcome)
            if isinstance(event, TlvsReceived | HeartbeatReceived):
                return Reading(IgnoreMessage(), outcome)
            if isinstance(event, MessageRejected):
                error = error or event
        if error is None:
            return Reading(IgnoreMessage(), outcome)
        return self._refuse(error, line, outcome)

    def _refuse(self, rejected: MessageRejected, line: bytes, outcome: Outcome) -> Reading:
        error = rejected.error
        if isinstance(error, DecodeError | VersionMismatch):
            return self._plain(line)
        if isinstance(error, LimitExceeded):
            is_long = error.limit == "message_size"
            return self._plain(line) if is_long else Reading(IgnoreMessage(), outcome)
        session = self.session
        other = (
            session.state is not MessageState.PLAINTEXT
            and rejected.instance != session.instance_tags[1]
        )
        if other or isinstance(error, WrongInstance | Reflected):
            return Reading(IgnoreMessage(), outcome)
        return Reading(
            EncryptedMessageError(f"The encrypted message could not be read: {error}"),
            Outcome(outcome.events, outcome.wire + self._error_line()),
        )

    def _error_line(self) -> tuple[bytes, ...]:
        """Return the error that tells the peer of an unreadable message, not too often: two
        programs must not answer each other forever."""
        context = self.session.conversation.context
        now = context.clock()
        if now < self._error_at + context.limits.error_interval:
            return ()
        self._error_at = now
        return (wire.error(_UNREADABLE),)


def _one_line(text: bytes) -> str:
    """Return a peer's error as one line of printable text."""
    shown = text[: 4 * _LONGEST_ERROR].decode("utf-8", "replace")
    printable = "".join(each if each.isprintable() else " " for each in shown)
    return printable.strip()[:_LONGEST_ERROR]
