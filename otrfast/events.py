"""The events in `Outcome.events`, as frozen records. Texts are bytes, as received.

`instance` is the sender's instance tag; it is 0 in version 2 and outside of OTR.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from otrfast._records import field, record
from otrfast.errors import RemoteError
from otrfast.wire.tlv import Tlv


class Event:
    """The base of every event."""

    __slots__ = ()


class _Received(NamedTuple):
    text: bytes
    encrypted: bool
    instance: int = 0


class MessageReceived(Event, _Received):
    """A text of the peer: decrypted and authentic, or an ordinary text in a conversation that need
    not be encrypted.

    It is a tuple, because one is made for every text: that takes a third of the time of a record.
    It is not equal to a plain tuple.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is MessageReceived and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)


@record
class UnencryptedReceived(Event):
    """A text that was received in the clear although the conversation is, was or must be encrypted.
    Anyone may have written it."""

    text: bytes


@record
class TlvsReceived(Event):
    """The TLVs of a data message, those of the protocol included, in the order of the message."""

    tlvs: tuple[Tlv, ...]
    instance: int = 0


@record
class SecureStarted(Event):
    """The conversation is encrypted. `refreshed`: it was encrypted before, with the same key of the
    peer, and has new session keys."""

    fingerprint: bytes
    """20 bytes: the SHA-1 of the peer's DSA key."""
    ssid: bytes
    """8 bytes, the same on both sides."""
    version: int
    refreshed: bool
    instance: int = 0
    public_key: bytes = field(default=b"", repr=False, compare=False)
    """The peer's DSA key in the PUBKEY encoding."""


@record
class SecureEnded(Event):
    """The private conversation has ended; `by_peer`: the peer ended it."""

    by_peer: bool
    instance: int = 0


@record
class NewFingerprint(Event):
    """The peer uses a key that is not known for it; `changed`: other keys are known."""

    fingerprint: bytes
    changed: bool


@record
class VersionDowngraded(Event):
    """A fingerprint uses `version` although it has used `highest` before: someone between may force
    the lower version."""

    fingerprint: bytes
    version: int
    highest: int


@record
class QueryReceived(Event):
    """The peer offers these versions; `text` is the text after the query, for programs without
    OTR."""

    versions: frozenset[int]
    text: bytes


@record
class SmpRequested(Event):
    """The peer asks to check a shared secret: answer with `Session.smp_answer`. `question` is None
    if the peer sent none."""

    question: bytes | None
    instance: int = 0


@record
class SmpProgress(Event):
    """The progress of the check in percent: 25 asked, 60 answered, 100 done."""

    percent: int
    instance: int = 0


@record
class SmpSucceeded(Event):
    """Both sides have the same secret."""

    instance: int = 0


@record
class SmpFailed(Event):
    """The secrets differ."""

    instance: int = 0


@record
class SmpAborted(Event):
    """The check was aborted: by the peer, by a new start, or by the end of the conversation."""

    by_peer: bool
    instance: int = 0


@record
class SmpCheated(Event):
    """A message of the check is not valid: the peer, or someone between, violates the protocol."""

    error: RemoteError
    instance: int = 0

    def __post_init__(self) -> None:
        self.error.bare()


@record
class ExtraKeyReceived(Event):
    """The peer will use the extra symmetric key (32 bytes) for `use`, a number on which the
    programs agree."""

    key: bytes
    use: int
    data: bytes
    instance: int = 0

    def __repr__(self) -> str:
        return f"ExtraKeyReceived(key=<redacted>, use={self.use}, data={self.data!r})"


@record
class ExtraKeySent(Event):
    """The extra symmetric key (32 bytes) of the message that announced its use to the peer."""

    key: bytes
    use: int
    data: bytes
    instance: int = 0

    def __repr__(self) -> str:
        return f"ExtraKeySent(key=<redacted>, use={self.use}, data={self.data!r})"


@record
class PeerError(Event):
    """The peer's program reports an error, as a text for people. Anyone may have written it."""

    text: bytes


@record
class MessageRejected(Event):
    """A message was refused and changed nothing; the class of `error` says why."""

    error: RemoteError
    instance: int = 0

    def __post_init__(self) -> None:
        self.error.bare()


@record
class MessageHeld(Event):
    """A text waits for the conversation to be encrypted."""

    text: bytes


@record
class MessageResent(Event):
    """A text that was held, or that the peer could not read, was sent encrypted."""

    text: bytes
    instance: int = 0


@record
class MessageUndelivered(Event):
    """A held text was not sent: it waited too long, or the peer's key is not one that the text was
    meant for."""

    text: bytes


@record
class HeartbeatReceived(Event):
    """An empty data message: the peer is present, and its keys have rotated."""

    instance: int = 0


@record
class SessionUnknown(Event):
    """The peer believes the conversation to be private, and this side does not: it has restarted,
    or has ended it. The peer was asked to start again if limits and policy allow that."""

    instance: int = 0


@record
class OtherInstance(Event):
    """A message for another instance of our account; it was ignored."""

    sender: int
    receiver: int


@record
class ConversationForgotten(Event):
    """The account has forgotten the conversation with `peer`, which was private: an encrypted one
    was ended. If nothing was set for the peer, the next text to it is sent in plain text. Returned
    by `Account.tick`."""

    peer: Hashable


@record
class Limited(Event):
    """A limit of `Limits` is exceeded, and the excess was dropped; `limit` is the field's name."""

    limit: str
