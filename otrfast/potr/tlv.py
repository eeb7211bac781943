"""potr's TLV classes: the typed values after the text of a data message."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import ClassVar, Self, TypeVar

from otrfast.potr.utils import pack_mpi, read_mpi, unpack
from otrfast.wire.tlv import Tlv, TlvType, decode_tlvs, encode_tlvs

_USE_BYTES = 4

tlvClasses: dict[int, type[TLV]] = {}

T = TypeVar("T", bound="type[TLV]")


class UnknownTLV(RuntimeError):
    """A TLV of an unregistered type in the argument of `TLV.parse`. In a received message such a
    TLV is skipped."""


def registertlv(cls: T) -> T:
    """Register a TLV class by its `typ`, for received TLVs."""
    if not hasattr(cls, "parsePayload"):
        raise TypeError(f"expected a TLV class with parsePayload(), not {cls.__name__}")
    if cls.typ is None:
        raise TypeError(f"expected a TLV class with a typ, not {cls.__name__}")
    tlvClasses[cls.typ] = cls
    return cls


class TLV:
    """One TLV; `bytes` gives its encoding."""

    __slots__ = ()
    typ: ClassVar[int | None] = None

    @classmethod
    def parsePayload(cls, data: bytes) -> TLV:
        """Read a TLV from its value."""
        raise NotImplementedError

    def getPayload(self) -> bytes:
        """Return the value."""
        raise NotImplementedError

    @classmethod
    def parse(cls, data: bytes) -> list[TLV]:
        """Return the TLVs in `data`, in order.

        Raises `UnknownTLV` for a type without a class, `struct.error` if the last one is
        truncated.
        """
        tlvs = decode_tlvs(data, len(data))
        if encode_tlvs(tlvs) != data:
            raise struct.error("a TLV is truncated")
        for tlv in tlvs:
            if tlv.type not in tlvClasses:
                raise UnknownTLV(data)
        return [tlvClasses[tlv.type].parsePayload(tlv.value) for tlv in tlvs]

    def __bytes__(self) -> bytes:
        assert self.typ is not None
        return encode_tlvs([Tlv(self.typ, self.getPayload())])

    def __str__(self) -> str:
        return bytes(self).decode("utf-8", "replace")

    def __repr__(self) -> str:
        value = self.getPayload()
        return f"<{type(self).__name__}(typ={self.typ},len={len(value)},val={value!r})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.getPayload() == other.getPayload()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]


@registertlv
class PaddingTLV(TLV):
    """Bytes without a meaning."""

    __slots__ = ("padding",)
    typ: ClassVar[int | None] = TlvType.PADDING.value

    def __init__(self, padding: bytes) -> None:
        self.padding: bytes = padding

    def getPayload(self) -> bytes:
        return self.padding

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        return cls(data)


@registertlv
class DisconnectTLV(TLV):
    """The end of the private conversation; `received` if it came from the peer."""

    typ: ClassVar[int | None] = TlvType.DISCONNECTED.value
    received: bool = False

    def getPayload(self) -> bytes:
        return b""

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        if data:
            raise TypeError(f"expected a DisconnectTLV without data, found {data!r}")
        return cls()


class SMPTLV(TLV):
    """A message of the SMP: `dlen` numbers."""

    __slots__ = ("mpis",)
    dlen: ClassVar[int | None] = None

    def __init__(self, mpis: Sequence[int] | None = None) -> None:
        mpis = [] if mpis is None else mpis
        if self.dlen is None:
            raise TypeError(f"expected a class with dlen, not {type(self).__name__}")
        if len(mpis) != self.dlen:
            raise TypeError(f"{type(self).__name__} takes {self.dlen} numbers, not {len(mpis)}")
        self.mpis: Sequence[int] = mpis

    def getPayload(self) -> bytes:
        return struct.pack("!I", len(self.mpis)) + b"".join(map(pack_mpi, self.mpis))

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        return cls(_read_mpis(data) if cls.dlen else _nothing(data))


def _read_mpis(data: bytes) -> list[int]:
    count, data = unpack("!I", data)
    mpis = []
    for _ in range(count):
        number, data = read_mpi(data)
        mpis.append(number)
    _nothing(data)
    return mpis


def _nothing(data: bytes) -> list[int]:
    if data:
        raise TypeError(f"expected the end of an SMP message, found {len(data)} more bytes")
    return []


@registertlv
class SMP1TLV(SMPTLV):
    """Message 1, without a question."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP1.value
    dlen: ClassVar[int | None] = 6


@registertlv
class SMP1QTLV(SMPTLV):
    """Message 1 with a question, `msg`; no `SMP1TLV`."""

    __slots__ = ("msg",)
    typ: ClassVar[int | None] = TlvType.SMP1Q.value
    dlen: ClassVar[int | None] = 6

    def __init__(self, msg: bytes, mpis: Sequence[int] | None) -> None:
        self.msg: bytes = msg
        super().__init__(mpis)

    def getPayload(self) -> bytes:
        return self.msg + b"\0" + super().getPayload()

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        question, zero, numbers = data.partition(b"\0")
        if not zero:
            raise ValueError("expected a zero byte after the question of an SMP message")
        return cls(question, _read_mpis(numbers))


@registertlv
class SMP2TLV(SMPTLV):
    """Message 2."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP2.value
    dlen: ClassVar[int | None] = 11


@registertlv
class SMP3TLV(SMPTLV):
    """Message 3."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP3.value
    dlen: ClassVar[int | None] = 8


@registertlv
class SMP4TLV(SMPTLV):
    """Message 4."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP4.value
    dlen: ClassVar[int | None] = 3


@registertlv
class SMPABORTTLV(SMPTLV):
    """The abort of an SMP."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP_ABORT.value
    dlen: ClassVar[int | None] = 0

    def getPayload(self) -> bytes:
        return b""


@registertlv
class ExtraKeyTLV(TLV):
    """A request to use the extra symmetric key for `appid`, 4 bytes, with `appdata`."""

    __slots__ = ("appdata", "appid")
    typ: ClassVar[int | None] = TlvType.EXTRA_KEY.value

    def __init__(self, appid: bytes, appdata: bytes | None) -> None:
        self.appid: bytes = appid
        self.appdata: bytes = b"" if appdata is None else appdata

    def getPayload(self) -> bytes:
        return self.appid + self.appdata

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        return cls(data[:_USE_BYTES], data[_USE_BYTES:])

    @staticmethod
    def use(appid: bytes) -> int:
        """Return an `appid` as a number. Raises `ValueError` unless it has 4 bytes."""
        if len(appid) != _USE_BYTES:
            raise ValueError(f"the use of an extra key has {_USE_BYTES} bytes, not {len(appid)}")
        return int.from_bytes(appid, "big")


def to_wire(tlvs: Sequence[TLV]) -> list[Tlv]:
    """Return TLVs in the engine's form."""
    return decode_tlvs(b"".join(map(bytes, tlvs)), len(tlvs))
