"""potr's TLVs: the typed records behind the text of a data message, as classes."""

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
    """A TLV of a type that no class is registered for, in bytes that were given to `TLV.parse`.

    Receiving a message never raises it: there, such a TLV is skipped.
    """


def registertlv(cls: T) -> T:
    """Make a TLV class known by its `typ`: it is used for received TLVs from then on."""
    if not hasattr(cls, "parsePayload"):
        raise TypeError("a TLV class that is registered has parsePayload()")
    if cls.typ is None:
        raise TypeError("a TLV class that is registered has a typ")
    tlvClasses[cls.typ] = cls
    return cls


class TLV:
    """One record; `bytes` gives its encoding."""

    __slots__ = ()
    typ: ClassVar[int | None] = None

    @classmethod
    def parsePayload(cls, data: bytes) -> TLV:
        """Read a record from its value."""
        raise NotImplementedError

    def getPayload(self) -> bytes:
        """Return the value."""
        raise NotImplementedError

    @classmethod
    def parse(cls, data: bytes) -> list[TLV]:
        """Return the records that `data` holds, in order.

        Raises `UnknownTLV` for a type without a class, `struct.error` where the last one is cut
        short.
        """
        records = decode_tlvs(data, len(data))
        if encode_tlvs(records) != data:
            raise struct.error("a TLV is cut short")
        for record in records:
            if record.type not in tlvClasses:
                raise UnknownTLV(data)
        return [tlvClasses[record.type].parsePayload(record.value) for record in records]

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
    """The end of the private conversation."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.DISCONNECTED.value

    def getPayload(self) -> bytes:
        return b""

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        if data:
            raise TypeError(f"a DisconnectTLV holds no data, but here is {data!r}")
        return cls()


class SMPTLV(TLV):
    """A message of the SMP: `dlen` numbers."""

    __slots__ = ("mpis",)
    dlen: ClassVar[int | None] = None

    def __init__(self, mpis: Sequence[int] | None = None) -> None:
        mpis = [] if mpis is None else mpis
        if self.dlen is None:
            raise TypeError("the class does not say how many numbers it has")
        if len(mpis) != self.dlen:
            raise TypeError(f"{type(self).__name__} has {self.dlen} numbers, not {len(mpis)}")
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
        raise TypeError("an SMP message has more data than numbers")
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
            raise ValueError("the question of an SMP message ends in a zero byte")
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
    """The SMP is broken off."""

    __slots__ = ()
    typ: ClassVar[int | None] = TlvType.SMP_ABORT.value
    dlen: ClassVar[int | None] = 0

    def getPayload(self) -> bytes:
        return b""


@registertlv
class ExtraKeyTLV(TLV):
    """The extra symmetric key is to be used for `appid`, 4 bytes; `appdata` belongs to that
    use."""

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
            raise ValueError(f"the use of an extra key is {_USE_BYTES} bytes, not {len(appid)}")
        return int.from_bytes(appid, "big")


def to_wire(tlvs: Sequence[TLV]) -> list[Tlv]:
    """Return TLVs in the engine's form."""
    return decode_tlvs(b"".join(map(bytes, tlvs)), len(tlvs))
