"""TLVs: the typed records behind the text of a data message (protocol, "TLV record types")."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple


class TlvType(IntEnum):
    """The record types that the protocol defines."""

    PADDING = 0
    DISCONNECTED = 1
    SMP1 = 2
    SMP2 = 3
    SMP3 = 4
    SMP4 = 5
    SMP_ABORT = 6
    SMP1Q = 7
    EXTRA_KEY = 8


class Tlv(NamedTuple):
    """One record: a type of 16 bits and a value of up to 65,535 bytes."""

    type: int
    value: bytes


def encode_tlvs(records: Iterable[Tlv]) -> bytes:
    """Return the records one after another, each SHORT type, SHORT length, value."""
    return b"".join(
        [
            record.type.to_bytes(2, "big") + len(record.value).to_bytes(2, "big") + record.value
            for record in records
        ]
    )


def decode_tlvs(data: bytes, limit: int) -> list[Tlv]:
    """Return up to `limit` records; a truncated last one ends the list without an error, as
    libotr reads it."""
    records: list[Tlv] = []
    offset = 0
    while offset + 4 <= len(data) and len(records) < limit:
        record_type = int.from_bytes(data[offset : offset + 2], "big")
        end = offset + 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        if end > len(data):
            break
        records.append(Tlv(record_type, data[offset + 4 : end]))
        offset = end
    return records
