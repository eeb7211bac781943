"""The progress and result of the SMP, as programs for potr see it."""

from __future__ import annotations

from typing import Any

from otrfast.errors import SmpNotRunning
from otrfast.events import (
    SmpAborted,
    SmpCheated,
    SmpFailed,
    SmpProgress,
    SmpRequested,
    SmpSucceeded,
)
from otrfast.potr.interfaces import SmpEngine
from otrfast.potr.tlv import SMPABORTTLV
from otrfast.wire.tlv import TlvType

SMPPROG_OK = 0
SMPPROG_CHEATED = -2
SMPPROG_FAILED = -1
SMPPROG_SUCCEEDED = 1

SmpEvent = SmpRequested | SmpProgress | SmpSucceeded | SmpFailed | SmpAborted | SmpCheated

_ASKED, _IDLE, _SENT_1, _SENT_2, _SENT_3 = 0, 1, 2, 3, 4
_ANSWERED = 60  # percent: message 2 was received or sent


class SMPHandler:
    """The SMP of a context; `state` is 1 if idle, 0 if it waits for our secret, and 2, 3, 4 if
    message 1, 2, 3 was sent."""

    def __init__(self, crypto: SmpEngine) -> None:
        self.crypto = crypto
        self.state: int = _IDLE
        self.prog: int = SMPPROG_OK
        self.questionReceived: bool = False

    def gotSecret(self, secret: bytes, question: bytes | None = None, appdata: Any = None) -> None:
        """Answer the peer, or start an SMP if none runs; else do nothing."""
        session = self.crypto.encryptedSession()
        outcome = None
        if self.state == _ASKED:
            try:
                outcome = session.smp_answer(secret)
                self.state = _SENT_2
            except SmpNotRunning:  # a new key exchange has ended it
                self.state = _IDLE
        if self.state == _IDLE:
            session.smp_forget()
            outcome = session.smp_start(secret, question)
            self.state, self.prog = _SENT_1, SMPPROG_OK
            self.questionReceived = False
        if outcome is not None:
            self.crypto.take(outcome, appdata)

    def abort(self, appdata: Any = None) -> None:
        """Send an abort to the peer, also if no SMP runs."""
        self.crypto.encryptedSession().smp_forget()
        self.state = _IDLE
        self.crypto.ctx.sendInternal(b"", tlvs=[SMPABORTTLV()], appdata=appdata)

    def received(self, kind: int) -> None:
        """Take note of an SMP message; it counts as cheating until an event of the engine follows.

        potr sends an abort after message 3 if the secrets differ: that withdraws the trust of an
        earlier SMP.
        """
        refused = kind == TlvType.SMP_ABORT and self.state == _SENT_3
        self.prog = SMPPROG_CHEATED
        if refused:
            self.state = _IDLE
            self.crypto.ctx.setCurrentTrust("")

    def handle(self, event: SmpEvent) -> None:
        """Follow an event of the engine, and store the level of trust that results."""
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
