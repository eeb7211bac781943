"""Every exception of otrfast, under one root.

`LocalError` is the caller's: it is raised by the call that was wrong, and the call changed
nothing. `RemoteError` is the peer's: it never leaves `Session.receive`, which reports it as
`events.MessageRejected`. The class alone says what happened; the text is for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TypeVar

E = TypeVar("E", bound="RemoteError")


class OtrError(Exception):
    """The root of every exception of this package."""


class LocalError(OtrError):
    """The caller asked for something that can not be done now, or at all; nothing was changed.

    Where it ends `Account.send_many`, `outcomes` holds the outcomes of the texts before it.
    """

    outcomes: Sequence[object] = ()


class NotEncrypted(LocalError):
    """The call needs an encrypted conversation, and this one is in plain text or has ended."""


class ConversationFinished(NotEncrypted):
    """The peer has ended the private conversation: call `end()` or `start()` before the next
    text."""


class PolicyForbids(LocalError):
    """The policy in force does not allow what was asked."""


class SmpNotRunning(LocalError):
    """An SMP answer was given where the peer has asked nothing."""


class FragmentLimitTooSmall(LocalError):
    """`max_fragment` leaves no room for one byte of a message beside the fragment's own header."""


class TextHasNul(LocalError):
    """A text with a zero byte can not be carried: in a data message a zero byte ends the text."""


class QueueFull(LocalError):
    """As many texts as the limits allow already wait for the conversation to be encrypted."""


class AccountFull(LocalError):
    """As many peers as the limits allow have conversations, and none can be forgotten without
    loss."""


class SessionForked(LocalError):
    """The process was forked after the session was made: using it here would repeat key streams."""


class UnknownInstance(LocalError):
    """The peer has no instance with the tag that was asked for."""


class KeyFileError(LocalError):
    """A key, fingerprint or instance-tag file can not be read or written; the file is untouched."""


class KeyFileMissing(KeyFileError):
    """There is no such file."""


class ToolkitError(LocalError):
    """The forgery toolkit was given a key, a text or a log that does not serve; the text says
    why."""


class BackendUnavailable(LocalError):
    """The crypto backend that was asked for can not run here; the text says how to mend it."""


class RemoteError(OtrError):
    """What the peer sent was refused; no state was changed by it."""

    def bare(self) -> Self:
        """Forget where it was raised, and return it: the frames of a traceback hold secrets."""
        error: BaseException = self
        error.__context__ = error.__cause__ = None
        return self.with_traceback(None)


class DecodeError(RemoteError):
    """A message does not have the form that the protocol gives it.

    `field` names the field that could not be read, `offset` its distance in bytes from the start
    of the decoded message (or of the text, for what is not base64).
    """

    def __init__(self, field: str, offset: int) -> None:
        super().__init__(f"malformed at {field} (byte {offset})")
        self.field = field
        self.offset = offset

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, int]]:
        return type(self), (self.field, self.offset)


class VersionMismatch(RemoteError):
    """A protocol version that is not spoken here, not allowed, or not that of the session."""


class WrongInstance(RemoteError):
    """An instance tag that no valid message carries."""


class NotInGroup(RemoteError):
    """A Diffie-Hellman value outside 2 .. p-2."""


class BadMac(RemoteError):
    """A message authentication code does not fit its message."""


class BadSignature(RemoteError):
    """The DSA key or the signature of an AKE message does not hold."""


class BadCommitment(RemoteError):
    """The revealed g^x is not the one that the DH-Commit promised."""


class CounterReplayed(RemoteError):
    """A counter that is not above the last one: the message is a replay or came out of order."""


class UnknownKeyid(RemoteError):
    """A key id that is neither the current nor the previous one."""


class BadProof(RemoteError):
    """An SMP proof does not hold: the peer, or someone between, is cheating."""


class Reflected(RemoteError):
    """Our own message came back to us."""


class UnexpectedMessage(RemoteError):
    """A message that has no meaning in the present state: a data message without a session, say."""


class LimitExceeded(RemoteError):
    """The peer went over one of the limits of `Limits`; `limit` names it."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"over the limit {limit}")
        self.limit = limit

    def __reduce__(self) -> tuple[type[LimitExceeded], tuple[str]]:
        return type(self), (self.limit,)
