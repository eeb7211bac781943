"""The exceptions of otrfast, with one root class.

A `LocalError` is caused by the caller: the call raises it and changes nothing. A `RemoteError` is
caused by the peer: `Session.receive` does not raise it, but reports it in
`events.MessageRejected`. The class says what happened; the text is for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TypeVar

E = TypeVar("E", bound="RemoteError")


class OtrError(Exception):
    """The base class of all exceptions of this package."""


class LocalError(OtrError):
    """The call is not possible now, or not at all; it changed nothing.

    If it ends a call for many lines or texts, `outcomes` holds the outcomes of those before it,
    and `untried` the items from the one that it ended at. Exceptions of other classes have the
    same attributes then.
    """

    outcomes: Sequence[object] = ()
    untried: Sequence[object] = ()


class NotEncrypted(LocalError):
    """The call needs an encrypted conversation; this one is in PLAINTEXT or FINISHED."""


class ConversationFinished(NotEncrypted):
    """The peer has ended the private conversation: `end()` or `start()` is needed before the next
    text."""


class PolicyForbids(LocalError):
    """The policy does not allow the call."""


class SmpNotRunning(LocalError):
    """`smp_answer` was called without a request of the peer."""


class FragmentLimitTooSmall(LocalError):
    """`max_fragment` is too small for a fragment's header and one byte of the message."""


class TextHasNul(LocalError):
    """The text contains a zero byte, which ends the text in a data message."""


class UntrustedKey(LocalError):
    """The policy sends texts to trusted keys only, and the peer's key has no level of trust;
    `fingerprint` is that of the key."""

    def __init__(self, fingerprint: bytes) -> None:
        shown = fingerprint.hex(" ", 4).upper()
        super().__init__(f"the peer's key is not trusted: {shown}")
        self.fingerprint = fingerprint

    def __reduce__(self) -> tuple[type[UntrustedKey], tuple[bytes]]:
        return type(self), (self.fingerprint,)


class TextTooLong(LocalError):
    """A text is longer than a peer with the same limits would read."""


class QueueFull(LocalError):
    """The limit on texts that wait for encryption is reached."""


class AccountFull(LocalError):
    """The limit on peers is reached, and no conversation can be forgotten without loss."""


class StillEncrypted(LocalError):
    """The peer cannot be forgotten while a private conversation with it goes on: call `end()`
    first."""


class StateDamaged(LocalError):
    """A saved conversation cannot be read: it was sealed with another key or for something else, or
    it is damaged."""


class ThreadMisuse(LocalError, RuntimeError):
    """Two threads use one session at the same time; the later call has changed nothing."""


class NoCounterEpoch(LocalError):
    """A conversation cannot be saved or restored before `Account.counter_epoch` is set."""


class StaleState(LocalError):
    """A saved conversation was saved in this epoch of the account's counters, or in a later one:
    its key streams may have been used since."""


class PeerExists(LocalError):
    """A peer cannot get a name that another peer of the account has."""


class SessionBroken(LocalError):
    """An exception interrupted the start of the private conversation: `start()` it again."""


class SessionForked(LocalError):
    """The process was forked after the session was made; a call here would repeat key streams."""


class UnknownInstance(LocalError):
    """The peer has no instance with that tag."""


class KeyFileError(LocalError):
    """A key, fingerprint or instance-tag file cannot be read or written; it is unchanged."""


class KeyFileMissing(KeyFileError):
    """The file does not exist."""


class ToolkitError(LocalError):
    """A key, text or log for the forgery toolkit is not suitable; the text says why."""


class BackendUnavailable(LocalError):
    """The selected crypto backend cannot run here; the text names the remedy."""


class RemoteError(OtrError):
    """A message of the peer was refused and changed no state."""

    def bare(self) -> Self:
        """Drop the traceback, whose frames hold secrets, and return the error."""
        error: BaseException = self
        error.__context__ = error.__cause__ = None
        return self.with_traceback(None)


class DecodeError(RemoteError):
    """A message does not have the form that the protocol defines.

    `field` names the unreadable field; `offset` is its distance in bytes from the start of the
    decoded message, or of the line if the base64 is invalid.
    """

    def __init__(self, field: str, offset: int) -> None:
        super().__init__(f"malformed at {field} (byte {offset})")
        self.field = field
        self.offset = offset

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, int]]:
        return type(self), (self.field, self.offset)


class VersionMismatch(RemoteError):
    """A protocol version that is not supported, not allowed, or not that of the session."""


class WrongInstance(RemoteError):
    """A reserved instance tag, which no valid message contains."""


class NotInGroup(RemoteError):
    """A Diffie-Hellman value outside 2 .. p-2."""


class BadMac(RemoteError):
    """The MAC of a message is not correct."""


class BadSignature(RemoteError):
    """The DSA key or the signature of an AKE message is not valid."""


class BadCommitment(RemoteError):
    """The revealed g^x does not match the hash in the DH-Commit."""


class CounterReplayed(RemoteError):
    """A counter that is not above the last one: the message is a replay, or out of order."""


class RepeatedKey(RemoteError):
    """A D-H key announced as the next one that the peer has used before: the same keys would be
    used twice."""


class UnknownKeyid(RemoteError):
    """A key id that is neither the current nor the previous one."""


class BadProof(RemoteError):
    """An SMP proof is not valid: the peer, or someone between, is cheating."""


class Reflected(RemoteError):
    """The message is one of our own."""


class UnexpectedMessage(RemoteError):
    """An unexpected message in the present state, such as a data message without a session."""


class LimitExceeded(RemoteError):
    """The peer exceeded one of the `Limits`; `limit` is the field's name."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the limit {limit} is exceeded")
        self.limit = limit

    def __reduce__(self) -> tuple[type[LimitExceeded], tuple[str]]:
        return type(self), (self.limit,)
