"""Many conversations on one event loop: `Gateway`, and the seam to a store."""

from otrfast.aio.gateway import Gateway
from otrfast.aio.journal_store import JournalStore
from otrfast.aio.messages import Message, Peer
from otrfast.aio.reports import (
    CallbackFailed,
    DeliveryUnknown,
    GatewayClosed,
    LineFailed,
    PeerRenamed,
    TransportFailed,
)
from otrfast.aio.store import Batch, MemoryStore, Opened, Store, Undelivered

__all__ = [
    "Batch",
    "CallbackFailed",
    "DeliveryUnknown",
    "Gateway",
    "GatewayClosed",
    "JournalStore",
    "LineFailed",
    "MemoryStore",
    "Message",
    "Opened",
    "Peer",
    "PeerRenamed",
    "Store",
    "TransportFailed",
    "Undelivered",
]
