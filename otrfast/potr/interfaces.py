"""The parts of an account, a context and a crypto engine that the other two may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from otrfast.outcome import Outcome
from otrfast.potr.outbox import Outbox
from otrfast.potr.proto import OTRMessage
from otrfast.potr.tlv import TLV
from otrfast.session import Session


class PeerContext(Protocol):
    """A context, as its crypto engine and its account use it."""

    lastMessage: bytes | None
    mayRetransmit: int

    @property
    def user(self) -> Any:
        """The account: any object."""

    @property
    def peer(self) -> Any:
        """The name of the peer."""

    @property
    def trustName(self) -> Any:
        """The name of the peer in `UserAccount.trusts`."""

    @property
    def state(self) -> int:
        """STATE_PLAINTEXT, STATE_ENCRYPTED or STATE_FINISHED."""

    @property
    def otrOutbox(self) -> Outbox:
        """The lines to inject."""

    def optedIntoV3(self) -> bool:
        """Whether the program's classes speak version 3."""

    def allowsVersion(self, version: int) -> bool:
        """Whether the policy allows a version now."""

    def sendInternal(
        self, msg: bytes | OTRMessage, tlvs: Sequence[TLV] = (), appdata: Any = None
    ) -> None:
        """Send a message that is no text of the user."""

    def setState(self, newstate: int) -> None:
        """Take a new state."""

    def setCurrentTrust(self, trustLevel: str) -> None:
        """Set the level of trust in the peer's present key."""

    def processTLVs(self, tlvs: Sequence[TLV], appdata: Any = None) -> None:
        """Process the TLVs of a received message."""

    def undelivered(self, msg: bytes) -> None:
        """Learn of a held text that will not be sent."""

    def _wentEncrypted(self) -> None: ...


class SmpEngine(Protocol):
    """A crypto engine, as its SMP handler uses it."""

    @property
    def ctx(self) -> PeerContext:
        """The context."""

    def encryptedSession(self) -> Session:
        """Return the engine's session. Raises `NotEncryptedError` unless it is encrypted."""

    def take(self, outcome: Outcome, appdata: Any) -> object:
        """Process the outcome of a call of the engine."""
