"""SMP in a session: TLVs in and out, events, and what the result does to trust (OTRv3, "SMP")."""

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
from otrfast.protocol import smp
from otrfast.protocol.call import Call
from otrfast.protocol.instance import Instance, MessageState
from otrfast.trust import SMP
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.tlv import Tlv, TlvType

_ASKED, _ANSWERED, _DONE = 25, 60, 100  # percent, as libotr reports them
_INCOMING = (TlvType.SMP1Q, TlvType.SMP1, TlvType.SMP2, TlvType.SMP3, TlvType.SMP4)
_ABORT = Tlv(TlvType.SMP_ABORT, b"")


def _machine(instance: Instance, call: Call) -> smp.Smp:
    ours, theirs = instance.our_fingerprint, instance.fingerprint
    assert ours is not None  # the session is encrypted
    assert theirs is not None
    identity = call.context.identity
    return smp.Smp(identity.backend, identity.random, ours, theirs, instance.ssid)


def _send(instance: Instance, call: Call, tlv: Tlv) -> None:
    instance.send(call, b"", (tlv,), IGNORE_UNREADABLE)


def begin(instance: Instance, call: Call, secret: bytes, question: bytes | None) -> None:
    """Start a check; one that runs is aborted first."""
    abort(instance, call)
    step = _machine(instance, call).advance(instance.smp, smp.Begin(secret, question))
    _reply(instance, call, step)
    call.events.append(SmpProgress(_ASKED, instance.tag))


def answer(instance: Instance, call: Call, secret: bytes) -> None:
    """Give our secret for what the peer asked."""
    step = _machine(instance, call).advance(instance.smp, smp.Answer(secret))
    _reply(instance, call, step)
    call.events.append(SmpProgress(_ANSWERED, instance.tag))


def abort(instance: Instance, call: Call) -> None:
    """Break off the check that runs, if one does."""
    if not isinstance(instance.smp, smp.Expect1):
        instance.smp = smp.EXPECT1
        _send(instance, call, _ABORT)
        call.events.append(SmpAborted(False, instance.tag))


def forget(instance: Instance, call: Call) -> None:
    """Forget the check that runs, if one does, without a word to the peer."""
    if not isinstance(instance.smp, smp.Expect1):
        instance.smp = smp.EXPECT1
        call.events.append(SmpAborted(False, instance.tag))


def receive(
    instance: Instance,
    call: Call,
    tlvs: tuple[Tlv, ...],
    may_check: Callable[[float], bool],
) -> None:
    """Take the SMP TLVs of a data message: the first of each type, in the order of the
    protocol. `may_check(now)`: whether the peer may start one more run."""
    for kind in _INCOMING:
        tlv = next((each for each in tlvs if each.type == kind), None)
        if tlv is not None and instance.state is MessageState.ENCRYPTED:
            _receive_one(instance, call, tlv, may_check)
    if any(tlv.type == TlvType.SMP_ABORT for tlv in tlvs) and not isinstance(
        instance.smp, smp.Expect1
    ):
        if isinstance(
            instance.smp, smp.Expect4
        ):  # the peer has seen our values, and does not accept them
            _set_trust(instance, call, "")
        instance.smp = smp.EXPECT1
        call.events.append(SmpAborted(True, instance.tag))


def _receive_one(
    instance: Instance, call: Call, tlv: Tlv, may_check: Callable[[float], bool]
) -> None:
    limits = call.context.limits
    if tlv.type in (TlvType.SMP1, TlvType.SMP1Q) and not isinstance(
        instance.smp, smp.Expect2 | smp.Expect3
    ):
        too_long = tlv.type == TlvType.SMP1Q and tlv.value.find(b"\0") > limits.smp_question
        if too_long or not may_check(call.now):
            limit = "smp_question" if too_long else "smp_burst"
            call.limited(limit)
            call.events.append(MessageRejected(LimitExceeded(limit), instance.tag))
            _send(instance, call, _ABORT)
            return
    before = instance.smp
    try:
        message = smp.decode(tlv, call.context.identity.backend)
        step = _machine(instance, call).advance(before, message)
    except RemoteError as error:
        if isinstance(before, smp.Expect4) or (isinstance(before, smp.Expect3) and before.trusting):
            _set_trust(instance, call, "")
        instance.smp = smp.EXPECT1
        _send(instance, call, _ABORT)
        call.events.append(SmpCheated(error, instance.tag))
        return
    if step.aborted:
        instance.smp = step.state
        _send(instance, call, _ABORT)
        if not isinstance(before, smp.Expect1):
            call.events.append(SmpAborted(False, instance.tag))
        return
    _reply(instance, call, step)
    call.events += _progress(instance, step)
    if step.matched is not None and not (isinstance(before, smp.Expect3) and not before.trusting):
        _set_trust(instance, call, SMP if step.matched else "")


def _reply(instance: Instance, call: Call, step: smp.SmpStep) -> None:
    if step.reply is not None:
        _send(instance, call, step.reply.encode())
    instance.smp = step.state  # last: a reply that could not be sent leaves the old state


def _progress(instance: Instance, step: smp.SmpStep) -> tuple[Event, ...]:
    tag = instance.tag
    if step.matched is not None:
        return (SmpProgress(_DONE, tag), SmpSucceeded(tag) if step.matched else SmpFailed(tag))
    if isinstance(step.state, smp.Asked):
        return (SmpRequested(step.state.question, tag), SmpProgress(_ASKED, tag))
    return (SmpProgress(_ANSWERED, tag),)


def _set_trust(instance: Instance, call: Call, level: str) -> None:
    """Initiator and responder trust a key that passed, and no longer one that failed (protocol,
    section on SMP and trust)."""
    assert instance.fingerprint is not None
    call.context.trust.set(call.peer, instance.fingerprint, level)
