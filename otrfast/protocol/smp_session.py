"""SMP within a session: TLVs in and out, events, and what the result does to trust (protocol,
"SMP")."""

from __future__ import annotations

from collections.abc import Callable

from otrfast.errors import LimitExceeded, RemoteError
from otrfast.events import (
    Event,
    MessageRejected,
    SmpAborted,
    SmpCheated,
    SmpFailed,
    SmpProgress,
    SmpRequested,
    SmpSucceeded,
)
from otrfast.outcome import Turn
from otrfast.protocol import smp
from otrfast.protocol.context import Context
from otrfast.protocol.instance import Instance, MessageState
from otrfast.trust import SMP
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.tlv import Tlv, TlvType

_ASKED, _ANSWERED, _DONE = 25, 60, 100  # percent, as libotr reports them
_INCOMING = (TlvType.SMP1Q, TlvType.SMP1, TlvType.SMP2, TlvType.SMP3, TlvType.SMP4)
_ABORT = Tlv(TlvType.SMP_ABORT, b"")


def _machine(instance: Instance, local: Context) -> smp.Smp:
    assert instance.fingerprint is not None  # the session is encrypted
    identity = local.identity
    ours, theirs = identity.key_pair.fingerprint, instance.fingerprint
    return smp.Smp(identity.backend, identity.random, ours, theirs, instance.ssid)


def _send(instance: Instance, turn: Turn, record: Tlv) -> None:
    instance.send(turn, b"", (record,), IGNORE_UNREADABLE)


def begin(
    instance: Instance, local: Context, turn: Turn, secret: bytes, question: bytes | None
) -> None:
    """Start a check; one that runs is aborted first."""
    abort(instance, turn)
    step = _machine(instance, local).advance(instance.smp, smp.Begin(secret, question))
    _reply(instance, turn, step)
    turn.events.append(SmpProgress(_ASKED, instance.tag))


def answer(instance: Instance, local: Context, turn: Turn, secret: bytes) -> None:
    """Give our secret for what the peer asked."""
    step = _machine(instance, local).advance(instance.smp, smp.Answer(secret))
    _reply(instance, turn, step)
    turn.events.append(SmpProgress(_ANSWERED, instance.tag))


def abort(instance: Instance, turn: Turn) -> None:
    """Break off the check that runs, if one does."""
    if not isinstance(instance.smp, smp.Expect1):
        instance.smp = smp.EXPECT1
        _send(instance, turn, _ABORT)
        turn.events.append(SmpAborted(False, instance.tag))


def forget(instance: Instance, turn: Turn) -> None:
    """Forget the check that runs, if one does, without a word to the peer."""
    if not isinstance(instance.smp, smp.Expect1):
        instance.smp = smp.EXPECT1
        turn.events.append(SmpAborted(False, instance.tag))


def receive(
    instance: Instance,
    local: Context,
    turn: Turn,
    tlvs: tuple[Tlv, ...],
    may_check: Callable[[float], bool],
) -> None:
    """Take the SMP records of a data message: the first of each type, in the order of the
    protocol. `may_check(now)`: whether the peer may start one more run."""
    for kind in _INCOMING:
        record = next((tlv for tlv in tlvs if tlv.type == kind), None)
        if record is not None and instance.state is MessageState.ENCRYPTED:
            _receive_one(instance, local, turn, record, may_check)
    if any(tlv.type == TlvType.SMP_ABORT for tlv in tlvs) and not isinstance(
        instance.smp, smp.Expect1
    ):
        if isinstance(
            instance.smp, smp.Expect4
        ):  # the peer has seen our values, and does not accept them
            _set_trust(instance, local, "")
        instance.smp = smp.EXPECT1
        turn.events.append(SmpAborted(True, instance.tag))


def _receive_one(
    instance: Instance, local: Context, turn: Turn, record: Tlv, may_check: Callable[[float], bool]
) -> None:
    limits = local.limits
    if record.type in (TlvType.SMP1, TlvType.SMP1Q) and not isinstance(
        instance.smp, smp.Expect2 | smp.Expect3
    ):
        too_long = record.type == TlvType.SMP1Q and record.value.find(b"\0") > limits.smp_question
        if too_long or not may_check(turn.now):
            limit = "smp_question" if too_long else "smp_burst"
            local.limited(limit, turn)
            turn.events.append(MessageRejected(LimitExceeded(limit), instance.tag))
            _send(instance, turn, _ABORT)
            return
    before = instance.smp
    try:
        message = smp.decode(record, local.identity.backend)
        step = _machine(instance, local).advance(before, message)
    except RemoteError as error:
        if isinstance(before, smp.Expect4) or (isinstance(before, smp.Expect3) and before.trusting):
            _set_trust(instance, local, "")
        instance.smp = smp.EXPECT1
        _send(instance, turn, _ABORT)
        turn.events.append(SmpCheated(error, instance.tag))
        return
    if step.aborted:
        instance.smp = step.state
        _send(instance, turn, _ABORT)
        if not isinstance(before, smp.Expect1):
            turn.events.append(SmpAborted(False, instance.tag))
        return
    _reply(instance, turn, step)
    turn.events += _progress(instance, step)
    if step.matched is not None and not (isinstance(before, smp.Expect3) and not before.trusting):
        _set_trust(instance, local, SMP if step.matched else "")


def _reply(instance: Instance, turn: Turn, step: smp.SmpStep) -> None:
    instance.smp = step.state
    if step.reply is not None:
        _send(instance, turn, step.reply.encode())


def _progress(instance: Instance, step: smp.SmpStep) -> tuple[Event, ...]:
    tag = instance.tag
    if step.matched is not None:
        return (SmpProgress(_DONE, tag), SmpSucceeded(tag) if step.matched else SmpFailed(tag))
    if isinstance(step.state, smp.Asked):
        return (SmpRequested(step.state.question, tag), SmpProgress(_ASKED, tag))
    return (SmpProgress(_ANSWERED, tag),)


def _set_trust(instance: Instance, local: Context, level: str) -> None:
    """Initiator and responder trust a key that passed, and no longer one that failed (protocol,
    section on SMP and trust)."""
    assert instance.fingerprint is not None
    local.trust.set(instance.peer, instance.fingerprint, level)
