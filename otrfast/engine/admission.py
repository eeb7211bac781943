"""What the limits on rates allow a peer to make us do now."""

from __future__ import annotations

from otrfast.engine.conversation import Conversation
from otrfast.limits import Bucket, reserve, spend
from otrfast.protocol.call import Call


def exchange_at(conversation: Conversation, call: Call) -> float | None:
    """Return when we start or answer one more key exchange for the peer: now, or when the rate of
    all such peers allows it; None if that is refused, and the limit reported."""
    context = conversation.context
    limits, usage = context.limits, context.usage
    trusted = context.trust.trusts(conversation.peer)
    of_peer = spend(conversation.akes, call.now, limits.ake_burst, limits.ake_rate)
    known = not trusted and bool(context.trust.of(conversation.peer))
    rate = limits.known_ake_rate if known else limits.account_ake_rate
    shared = usage.known_akes if known else usage.akes
    of_all = (shared, call.now) if trusted else _reserve(shared, rate, call)
    if not may_be_pending(conversation, call):
        return None
    if of_peer is None:
        call.limited("ake_burst")
        return None
    if of_all is None:
        call.limited("known_ake_rate" if known else "account_ake_rate")
        return None
    conversation.akes = of_peer
    bucket, when = of_all
    if known:
        usage.known_akes = bucket
    else:
        usage.akes = bucket
    return when


def may_be_pending(conversation: Conversation, call: Call) -> bool:
    """Whether there may be one more unfinished key exchange; if not, the limit is reported."""
    context = conversation.context
    most = context.limits.pending_akes
    if not context.trust.trusts(conversation.peer):
        most = most * 9 // 10  # peers without a trusted key can fill nine tenths of what there is
    if context.usage.pending_akes < most:
        return True
    call.limited("pending_akes")
    return False


def error_answer_at(conversation: Conversation, call: Call) -> float | None:
    """Return when an error reply, or a query caused by an error, is sent: now, or when the rate of
    all peers without a trusted key allows it; None if that is refused, and the limit reported. Two
    programs must not answer each other forever."""
    context = conversation.context
    limits, usage = context.limits, context.usage
    if call.now - conversation.error_at < limits.error_interval:
        call.limited("error_interval")
        return None
    if context.trust.trusts(conversation.peer):  # unknown peers must not have it wait
        conversation.error_at = call.now
        return call.now
    of_all = _reserve(usage.errors, limits.account_error_rate, call)
    if of_all is None:
        call.limited("account_error_rate")
        return None
    usage.errors, conversation.error_at = of_all
    return conversation.error_at


def _reserve(bucket: Bucket, rate: float, call: Call) -> tuple[Bucket, float] | None:
    """Take a token of one of the account's rates, whose burst is that of one second."""
    return reserve(bucket, call.now, rate, rate, call.context.limits.wait(rate))


def may_run_smp(conversation: Conversation, now: float) -> bool:
    """Whether the peer may start one more SMP run."""
    limits = conversation.context.limits
    left = spend(conversation.smps, now, limits.smp_burst, limits.smp_rate)
    if left is None:
        return False
    conversation.smps = left
    return True
