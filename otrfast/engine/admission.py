"""What the limits on rates allow a peer to make us do now."""

from __future__ import annotations

from otrfast.engine.conversation import Conversation
from otrfast.limits import spend
from otrfast.protocol.call import Call


def may_exchange(conversation: Conversation, call: Call) -> bool:
    """Whether the peer may make us start or answer one more key exchange; if not, the limit is
    reported."""
    context = conversation.context
    limits, usage = context.limits, context.usage
    trusted = context.trust.trusts(conversation.peer)
    # peers without a trusted key can fill nine tenths of what there is
    most = limits.pending_akes if trusted else limits.pending_akes * 9 // 10
    of_peer = spend(conversation.akes, call.now, limits.ake_burst, limits.ake_rate)
    known = not trusted and bool(context.trust.of(conversation.peer))
    limit = "known_ake_rate" if known else "account_ake_rate"
    rate = limits.known_ake_rate if known else limits.account_ake_rate
    shared = usage.known_akes if known else usage.akes
    of_all = shared if trusted else spend(shared, call.now, rate, rate)
    if usage.pending_akes >= most:
        call.limited("pending_akes")
    elif of_peer is None:
        call.limited("ake_burst")
    elif of_all is None:
        call.limited(limit)
    else:
        conversation.akes = of_peer
        if known:
            usage.known_akes = of_all
        else:
            usage.akes = of_all
        return True
    return False


def may_answer_error(conversation: Conversation, call: Call) -> bool:
    """Whether an error reply, or a query caused by an error, may be sent now; if not, the limit
    is reported. Two programs must not answer each other forever."""
    context = conversation.context
    limits, usage = context.limits, context.usage
    rate = limits.account_error_rate
    left = spend(usage.errors, call.now, rate, rate)
    if call.now - conversation.error_at < limits.error_interval:
        call.limited("error_interval")
    elif left is None:
        call.limited("account_error_rate")
    else:
        conversation.error_at, usage.errors = call.now, left
        return True
    return False


def may_run_smp(conversation: Conversation, now: float) -> bool:
    """Whether the peer may start one more SMP run."""
    limits = conversation.context.limits
    left = spend(conversation.smps, now, limits.smp_burst, limits.smp_rate)
    if left is None:
        return False
    conversation.smps = left
    return True
