"""Padding of sent messages by TLV 0, so that their lengths tell less (protocol, "TLV record
types")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otrfast._records import record
from otrfast.wire.tlv import Tlv, TlvType

_TLV_HEAD: Final = 4
_NUL: Final = 1
_MAX_VALUE: Final = 0xFFFF


@record
class Padding:
    """Pad the plain text, zero byte and TLVs included, to a multiple of `multiple` bytes.

    With `random` up to that many whole further multiples are added, as many as the random source
    says (0..255). Raises `ValueError` for a multiple outside 2..4096 or a count outside 0..15.
    """

    multiple: int = 256
    random: int = 0

    def __post_init__(self) -> None:
        if not (2 <= self.multiple <= 4096 and 0 <= self.random <= 15):
            raise ValueError("a multiple of 2..4096 bytes, and 0..15 random ones on top")

    def tlv(self, length: int, random: Callable[[int], bytes]) -> Tlv:
        """Return the TLV for a message of `length` bytes of text and other TLVs."""
        missing = -(length + _NUL + _TLV_HEAD) % self.multiple
        extra = random(1)[0] % (self.random + 1) * self.multiple
        return Tlv(TlvType.PADDING, bytes(min(missing + extra, _MAX_VALUE)))
