"""TLVs: the typed values after the text of a data message (protocol, "TLV record types")."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from otrfast._records import record


class TlvType(IntEnum):
    """The TLV types of the protocol."""

    PADDING = 0
    DISCONNECTED = 1
    SMP1 = 2
    SMP2 = 3
    SMP3 = 4
    SMP4 = 5
    SMP_ABORT = 6
    SMP1Q = 7
    EXTRA_KEY = 8


@record
class Tlv:
    """One TLV: a type of 16 bits and a value of up to 65,535 bytes."""

    type: int
    value: bytes


def encode_tlvs(tlvs: Iterable[Tlv]) -> bytes:
    """Return the TLVs one after another, each as SHORT type, SHORT length, value."""
    return b"".join(
        [
            tlv.type.to_bytes(2, "big") + len(tlv.value).to_bytes(2, "big") + tlv.value
            for tlv in tlvs
        ]
    )


def decode_tlvs(data: bytes, limit: int) -> list[Tlv]:
    """Return at most `limit` TLVs; a truncated last one is dropped without an error, as in
    libotr."""
    tlvs: list[Tlv] = []
    offset = 0
    while offset + 4 <= len(data) and len(tlvs) < limit:
        tlv_type = int.from_bytes(data[offset : offset + 2], "big")
        end = offset + 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        if end > len(data):
            break
        tlvs.append(Tlv(tlv_type, data[offset + 4 : end]))
        offset = end
    return tlvs
