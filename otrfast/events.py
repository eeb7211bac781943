"""What happened: the frozen records that `Outcome.events` holds. Texts are bytes, as they came.

`instance` is the sender's instance tag, 0 in version 2 and for what came outside of OTR.
"""

from __future__ import annotations

from typing import NamedTuple

from otrfast.errors import RemoteError
from otrfast.records import field, record
from otrfast.wire.tlv import Tlv


class Event:
    """The base of every event."""

    __slots__ = ()


class _Received(NamedTuple):
    text: bytes
    encrypted: bool
    instance: int = 0


class MessageReceived(Event, _Received):
    """A text from the peer: decrypted and authentic, or an ordinary text where none but that was
    expected.

    A tuple underneath: it is made for every text, and costs a third of what another event does.
    It equals no plain tuple.
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
    """A text that came in the clear although the conversation is, was or must be encrypted.
    Anyone may have written it."""

    text: bytes


@record
class TlvsReceived(Event):
    """The TLVs of a data message, the protocol's own among them, in their order on the wire."""

    tlvs: tuple[Tlv, ...]
    instance: int = 0


@record
class SecureStarted(Event):
    """The conversation is encrypted; `refreshed` where it already was, with the same peer key,
    and has new keys now."""

    fingerprint: bytes
    """20 bytes: the SHA-1 of the peer's DSA key."""
    ssid: bytes
    """8 bytes, the same on both sides."""
    version: int
    refreshed: bool
    instance: int = 0
    public_key: bytes = field(default=b"", repr=False, compare=False)
    """The peer's DSA key as it came: the PUBKEY encoding."""


@record
class SecureEnded(Event):
    """The private conversation is over: `by_peer` says who ended it."""

    by_peer: bool
    instance: int = 0


@record
class NewFingerprint(Event):
    """The peer showed a key that was never seen with it; `changed` where others were."""

    fingerprint: bytes
    changed: bool


@record
class VersionDowngraded(Event):
    """A fingerprint that spoke `highest` before now speaks `version`: perhaps someone between
    holds it down."""

    fingerprint: bytes
    version: int
    highest: int


@record
class QueryReceived(Event):
    """The peer offers these versions; `text` is what followed the query, meant for programs
    without OTR."""

    versions: frozenset[int]
    text: bytes


@record
class SmpRequested(Event):
    """The peer wants to check a shared secret: answer with `Session.smp_answer`. `question` is
    None where none was asked."""

    question: bytes | None
    instance: int = 0


@record
class SmpProgress(Event):
    """How far the check has come, in percent: 25 asked, 60 answered, 100 done."""

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
    """The check was broken off: by the peer, by a new start, or by the end of the conversation."""

    by_peer: bool
    instance: int = 0


@record
class SmpCheated(Event):
    """A message of the check does not hold: the peer, or someone between, does not follow the
    protocol."""

    error: RemoteError
    instance: int = 0

    def __post_init__(self) -> None:
        self.error.bare()


@record
class ExtraKeyReceived(Event):
    """The peer will use the extra symmetric key (32 bytes) for `use`, a number that the programs
    agree on."""

    key: bytes
    use: int
    data: bytes
    instance: int = 0

    def __repr__(self) -> str:
        return f"ExtraKeyReceived(key=<redacted>, use={self.use}, data={self.data!r})"


@record
class ExtraKeySent(Event):
    """The extra symmetric key (32 bytes) that the message asking the peer to use it was sent
    under."""

    key: bytes
    use: int
    data: bytes
    instance: int = 0

    def __repr__(self) -> str:
        return f"ExtraKeySent(key=<redacted>, use={self.use}, data={self.data!r})"


@record
class PeerError(Event):
    """The peer's program reports an error, in words for a person. Anyone may have written it."""

    text: bytes


@record
class MessageRejected(Event):
    """A message was refused and changed nothing; `error` says why, by its class."""

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
    """A text that was held, or that the peer could not read, has gone out encrypted."""

    text: bytes
    instance: int = 0


@record
class MessageUndelivered(Event):
    """A held text comes back: it grew too old, or the key that answered is not the one it was
    meant for."""

    text: bytes


@record
class HeartbeatReceived(Event):
    """An empty data message: the peer is there, and its keys have turned."""

    instance: int = 0


@record
class OtherInstance(Event):
    """A message for another of our own devices; it was left alone."""

    sender: int
    receiver: int


@record
class Limited(Event):
    """A bound of `Limits` was reached, and what went over it was dropped; `limit` is the field's
    name."""

    limit: str
