"""Many conversations on one event loop: `Gateway`, and the seam to a store."""

from otrfast.aio.gateway import Gateway
from otrfast.aio.messages import Message, Peer
from otrfast.aio.reports import (
    CallbackFailed,
    DeliveryUnknown,
    GatewayClosed,
    LineFailed,
    TransportFailed,
)
from otrfast.aio.store import Batch, MemoryStore, Store, Undelivered

__all__ = [
    "Batch",
    "CallbackFailed",
    "DeliveryUnknown",
    "Gateway",
    "GatewayClosed",
    "LineFailed",
    "MemoryStore",
    "Message",
    "Peer",
    "Store",
    "TransportFailed",
    "Undelivered",
]
