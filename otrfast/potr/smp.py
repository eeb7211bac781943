"""What potr's programs see of the SMP: how far it is, and how it ended. The numbers are the
engine's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otrfast.errors import SmpNotRunning
from otrfast.events import (
    SmpAborted,
    SmpCheated,
    SmpFailed,
    SmpProgress,
    SmpRequested,
    SmpSucceeded,
)
from otrfast.potr.tlv import SMPABORTTLV
from otrfast.wire.tlv import TlvType

if TYPE_CHECKING:
    from otrfast.potr.engine import CryptEngine

SMPPROG_OK = 0
SMPPROG_CHEATED = -2
SMPPROG_FAILED = -1
SMPPROG_SUCCEEDED = 1

SmpEvent = SmpRequested | SmpProgress | SmpSucceeded | SmpFailed | SmpAborted | SmpCheated

_ASKED, _IDLE, _SENT_1, _SENT_2, _SENT_3 = 0, 1, 2, 3, 4
_ANSWERED = 60  # percent: message 2 has come, or has been sent


class SMPHandler:
    """One context's SMP: `state` 1 idle, 0 waits for our secret, 2, 3, 4 message 1, 2, 3 sent."""

    def __init__(self, crypto: CryptEngine) -> None:
        self.crypto = crypto
        self.state: int = _IDLE
        self.prog: int = SMPPROG_OK
        self.questionReceived: bool = False

    def gotSecret(self, secret: bytes, question: bytes | None = None, appdata: Any = None) -> None:
        """Answer the peer, or start where nothing runs; anything else would disturb what runs."""
        session = self.crypto.encryptedSession()
        outcome = None
        if self.state == _ASKED:
            try:
                outcome = session.smp_answer(secret)
                self.state = _SENT_2
            except SmpNotRunning:  # a new session has ended it since
                self.state = _IDLE
        if self.state == _IDLE:
            session.smp_forget()
            outcome = session.smp_start(secret, question)
            self.state, self.prog = _SENT_1, SMPPROG_OK
            self.questionReceived = False
        if outcome is not None:
            self.crypto.take(outcome, appdata)

    def abort(self, appdata: Any = None) -> None:
        """Tell the peer that it is over, whether or not anything runs."""
        self.crypto.encryptedSession().smp_forget()
        self.state = _IDLE
        self.crypto.ctx.sendInternal(b"", tlvs=[SMPABORTTLV()], appdata=appdata)

    def received(self, kind: int) -> None:
        """A message of the SMP has come; unless the engine says better, it is out of place.

        An abort after message 3 is how potr says that the secrets differ: what an earlier SMP has
        shown does not hold any more.
        """
        refused = kind == TlvType.SMP_ABORT and self.state == _SENT_3
        self.prog = SMPPROG_CHEATED
        if refused:
            self.state = _IDLE
            self.crypto.ctx.setCurrentTrust("")

    def handle(self, event: SmpEvent) -> None:
        """Follow the engine. What the result does to trust is written down at once."""
        ctx = self.crypto.ctx
        match event:
            case SmpRequested(question=question):
                self.state, self.prog = _ASKED, SMPPROG_OK
                self.questionReceived = question is not None
            case SmpProgress(percent=percent):
                self.prog = SMPPROG_OK
                if percent == _ANSWERED and self.state == _SENT_1:
                    self.state = _SENT_3
            case SmpSucceeded():
                self.state, self.prog = _IDLE, SMPPROG_SUCCEEDED
                if not self.questionReceived:
                    ctx.setCurrentTrust("smp")
            case SmpFailed():
                self.state, self.prog = _IDLE, SMPPROG_FAILED
                ctx.setCurrentTrust("")
            case SmpAborted() | SmpCheated():
                self.state, self.prog = _IDLE, SMPPROG_CHEATED
