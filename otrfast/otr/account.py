"""The engine's account behind a private key, and its limits."""

from __future__ import annotations

from math import inf
from typing import Final

from otrfast.account import Account
from otrfast.crypto.dsa import KeyPair
from otrfast.environment import Environment
from otrfast.limits import Limits

_ANY_NUMBER = 1 << 60

LIMITS: Final = Limits(
    message_size=32 * 1024 * 1024,
    ake_burst=1000,
    ake_rate=100.0,
    account_ake_rate=1e6,
    examination_rate=1e6,
    ake_retry=inf,
    pending_akes=_ANY_NUMBER,
    assembled_bytes=_ANY_NUMBER,
    smp_burst=1000,
    smp_rate=100.0,
    smp_question=60_000,
    held_age=inf,
)
"""The engine's limits, as wide as programs for python-otr expect: a message may be an image. The
limits on one session hold; those on the account are off, since the program decides how many
sessions there are. No timer runs here, so nothing may wait for a rate."""


def engine_account(key_pair: KeyPair, environment: Environment) -> Account:
    """Return a new account for a private key. It sends no errors and no texts of its own, and
    lets two sessions with the same key talk to each other."""
    return Account(
        "",
        "otr",
        key_pair,
        limits=LIMITS,
        environment=environment,
        query_text=b"",
        error_text=b"",
        allow_own_key=True,
    )
