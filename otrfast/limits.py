"""The bounds on what peers can make an account keep and compute; each one that bites is reported
by `events.Limited`."""

from __future__ import annotations

from typing import Final

from otrfast._records import record


@record
class Limits:
    """Every bound, with its default. Sizes in bytes, times in seconds; rates are token buckets
    of (burst, per second)."""

    message_size: int = 64 * 1024
    """A line after reassembly, checked before its base64 is decoded."""
    commit_size: int = 512
    """A binary DH-Commit or D-H Key message."""
    signature_size: int = 4096
    """A binary Reveal Signature or Signature message."""
    tlvs: int = 64
    """TLVs read in one data message."""

    ake_burst: int = 5
    ake_rate: float = 0.1
    """Key exchanges that one peer can make us start or answer."""
    account_ake_rate: float = 200.0
    """The same for all peers whose fingerprint is not known, per second; the burst is one
    second's worth."""
    ake_timeout: float = 60.0
    """How long the secrets of an unfinished key exchange are kept."""
    ake_retry: float = 10.0
    """When an exchange that our side started is tried once more, plus up to half of it at
    random."""
    pending_akes: int = 10_000
    """Unfinished key exchanges in the whole account."""

    unauthenticated_instances: int = 8
    instances: int = 32
    """Devices of one peer."""
    peers: int = 100_000
    """Peers in the whole account; the idle plain-text ones make room first."""
    idle_peer: float = 600.0
    """After so long without a word, a peer in plain text with no history is forgotten."""
    idle_session: float | None = None
    """After so long without a word, an encrypted session is ended; None: never."""

    assemblies: int = 4
    """Unfinished fragmented messages of one peer."""
    stranger_assembly: int = 3072
    """Bytes in all fragments of one peer's devices that have never shown a key: enough for any
    message of a key exchange."""
    assembly_timeout: float = 60.0
    assembled_bytes: int = 64 * 1024 * 1024
    """Bytes of fragments in the whole account."""

    smp_burst: int = 3
    smp_rate: float = 0.05
    """SMP runs that one peer can start."""
    smp_question: int = 1024

    error_interval: float = 10.0
    """Between two error replies, or two queries caused by errors, to one peer."""
    account_error_rate: float = 100.0
    """The same for the whole account, per second."""

    held_texts: int = 32
    held_bytes: int = 256 * 1024
    """Texts of one peer that wait for encryption."""
    account_held_bytes: int = 64 * 1024 * 1024
    held_age: float = 60.0
    """How long a text waits before it is handed back."""

    heartbeat_interval: float = 60.0
    """Silence of ours after which a received text is answered by an empty message, so that keys
    keep turning."""


Bucket = tuple[float, float]
"""A rate with a burst: how many tokens were taken and had not grown again, and when that was. A
plain value, since every peer has two."""

FULL: Final[Bucket] = (0.0, 0.0)
"""None taken."""


def spend(bucket: Bucket, now: float, burst: float, rate: float) -> Bucket | None:
    """Return the bucket with a token less, None where it has none: `burst` can be taken at once,
    and `rate` a second in the long run."""
    taken, when = bucket
    missing = max(0.0, taken - (now - when) * rate)
    return None if missing + 1 > burst else (missing + 1, now)
