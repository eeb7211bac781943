"""The limits on the memory and work that peers can cause; `events.Limited` reports each excess."""

from __future__ import annotations

from typing import Final

from otrfast._records import record


@record
class Limits:
    """Every limit, with its default: sizes in bytes, times in seconds, rates as token buckets of
    (burst, per second)."""

    message_size: int = 256 * 1024
    """The size of a line after reassembly, checked before base64 is decoded."""
    commit_size: int = 512
    """The size of a binary DH-Commit or D-H Key message."""
    signature_size: int = 4096
    """The size of a binary Reveal Signature or Signature message."""
    tlvs: int = 64
    """TLVs that are read in one data message."""

    ake_burst: int = 5
    ake_rate: float = 0.1
    """Key exchanges that one peer can make us start or answer."""
    account_ake_rate: float = 200.0
    """The same for all peers without a known fingerprint, per second; the burst is that of one
    second."""
    known_ake_rate: float = 200.0
    """The same for all peers with a fingerprint that was seen before and is not trusted; trusted
    ones have their own rate alone."""
    waiting_requests: int = 10_000
    """What peers ask for above one of the account's rates (a key exchange, an examination, an
    answer to a message that could not be read) waits until that rate allows it, in order, as many
    for each rate and none longer than `ake_timeout`; then `tick` does it. What does not fit is
    refused."""
    examination_rate: float = 200.0
    """Examinations of the primes in keys that are new, for all peers, per second; the burst is
    that of one second. A key whose fingerprint `trust` knows is not examined, and a peer has one
    examination in a key exchange."""
    ake_timeout: float = 60.0
    """How long the secrets of an unfinished key exchange are kept."""
    ake_retry: float = 10.0
    """The time until the second try of an exchange that we started; a random part of up to half is
    added."""
    pending_akes: int = 10_000
    """Unfinished key exchanges in the whole account."""

    unauthenticated_instances: int = 8
    instances: int = 32
    """Instances of one peer."""
    peers: int = 100_000
    """Peers in the whole account, and a tenth more for those with a trusted key. If it is full, an
    idle peer in PLAINTEXT is forgotten, else a conversation without a trusted key: see
    `events.ConversationForgotten`."""
    idle_peer: float = 600.0
    """The silence after which a peer in PLAINTEXT without history is forgotten."""
    idle_finished: float | None = None
    """The silence after which a conversation that the peer has ended is forgotten, if no key of
    the peer is trusted; None: only when the account is full."""
    idle_session: float | None = None
    """The silence after which a private conversation is ended, and is FINISHED as after the end of
    the peer; None: never."""

    assemblies: int = 4
    """Incomplete messages of one peer."""
    stranger_assembly: int = 3072
    """Bytes in all fragments of a peer's unauthenticated instances: enough for any message of a
    key exchange."""
    assembly_timeout: float = 60.0
    assembled_bytes: int = 64 * 1024 * 1024
    """Bytes of fragments in the whole account."""

    smp_burst: int = 3
    smp_rate: float = 0.05
    """SMP runs that one peer can start."""
    smp_question: int = 1024

    error_interval: float = 10.0
    """The time between two error replies, or two queries caused by errors, to one peer."""
    account_error_rate: float = 100.0
    """The same for the whole account, per second."""

    held_texts: int = 32
    held_bytes: int = 256 * 1024
    """Texts to one peer that wait for encryption."""
    account_held_bytes: int = 64 * 1024 * 1024
    held_age: float = 60.0
    """How long a text waits before it is returned as undelivered."""

    heartbeat_interval: float = 60.0
    """The time without a message of ours after which a received text is answered by an empty
    message, so that keys rotate."""

    def wait(self, rate: float) -> float:
        """Return how many requests may wait for a rate: none longer than `ake_timeout`."""
        return min(self.waiting_requests, rate * self.ake_timeout)

    def __post_init__(self) -> None:
        """Raise `TypeError` or `ValueError` for a limit that is no positive number."""
        for name in type(self).__match_args__:
            value = getattr(self, name)
            if value is None and name in ("idle_session", "idle_finished"):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"Limits.{name} is a number, not a {type(value).__name__}")
            if not value >= (0 if name in _MAY_BE_ZERO else 1e-9):
                raise ValueError(f"Limits.{name} is a number above 0, not {value!r}")


_MAY_BE_ZERO = frozenset(
    {"ake_retry", "error_interval", "heartbeat_interval", "held_age", "waiting_requests"}
)

Bucket = tuple[float, float]
"""The state of a token bucket: the number of missing tokens, and the time of that count. It is a
plain tuple because every peer has two."""

FULL: Final[Bucket] = (0.0, 0.0)
"""No token is missing."""


def spend(bucket: Bucket, now: float, burst: float, rate: float) -> Bucket | None:
    """Return the bucket with a token less, None if it has none: `burst` can be taken at once,
    and `rate` a second in the long run."""
    taken, when = bucket
    missing = max(0.0, taken - (now - when) * rate)
    return None if missing + 1 > burst else (missing + 1, now)


def reserve(
    bucket: Bucket, now: float, burst: float, rate: float, most: float
) -> tuple[Bucket, float] | None:
    """Take a token now or, if none is there, the next one that nobody waits for: return the bucket
    and the time at which the token is there. None if that is more than `most` tokens away."""
    taken, when = bucket
    missing = max(0.0, taken - (now - when) * rate) + 1
    if missing > burst + most:
        return None
    return (missing, now), max(now, now + (missing - burst) / rate)
