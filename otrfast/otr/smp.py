"""What the notifications say of a check of a shared secret, from what the engine reports of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otrfast.events import (
    Event,
    SecureEnded,
    SmpAborted,
    SmpCheated,
    SmpFailed,
    SmpProgress,
    SmpRequested,
    SmpSucceeded,
    TlvsReceived,
)
from otrfast.otr.notifications import Notification, SMPEnd, SMPStart
from otrfast.otr.states import SMPStatus
from otrfast.wire.tlv import TlvType

_FIRST: Final = (TlvType.SMP1, TlvType.SMP1Q)
_OUT_OF_ORDER: Final = "The other party has sent a message of the verification out of order"


class SmpWatch:
    """What the engine's events leave out: whether the program knows of a check (`told`), and
    whether our first message of it waits for the answer (`begun`)."""

    __slots__ = ("begun", "told")

    def __init__(self) -> None:
        self.begun: bool = False
        self.told: bool = False

    def begin(self, question: bytes | None) -> SMPStart:
        """Return the notification for a check that we have begun."""
        self.begun = self.told = True
        return SMPStart("local", question)

    def follow(self, events: Sequence[Event]) -> Iterator[Notification]:
        """Yield the notifications for the events of one call."""
        for event in events:
            if isinstance(event, SmpRequested):
                self.told = True
                yield SMPStart("remote", event.question)
            elif isinstance(event, SmpProgress):
                self.begun = False
            elif self.told and (ended := self._end(event, events)) is not None:
                self.begun = self.told = False
                yield ended

    def _end(self, event: Event, events: Sequence[Event]) -> SMPEnd | None:
        match event:
            case SmpSucceeded() | SmpFailed():
                return SMPEnd(SMPStatus.Success, isinstance(event, SmpSucceeded))
            case SmpCheated(error=error):
                reason = f"The other party has broken the protocol of the verification: {error}"
                return SMPEnd(SMPStatus.ProtocolError, reason=reason)
            case SmpAborted(by_peer=by_peer):
                return self._aborted(by_peer, events)
        return None

    def _aborted(self, by_peer: bool, events: Sequence[Event]) -> SMPEnd:
        if any(isinstance(each, SecureEnded) for each in events):
            return SMPEnd(SMPStatus.Interrupted, reason="encryption ended")
        if by_peer:
            return SMPEnd(SMPStatus.Interrupted, reason="aborted from remote")
        received = [
            tlv.type for each in events if isinstance(each, TlvsReceived) for tlv in each.tlvs
        ]
        if not received:
            return SMPEnd(SMPStatus.Interrupted, reason="cancelled")
        collided = self.begun and any(kind in _FIRST for kind in received)
        reason = "startup collision" if collided else _OUT_OF_ORDER
        return SMPEnd(SMPStatus.ProtocolError, reason=reason)
