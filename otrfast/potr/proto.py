"""potr's message classes: queries, tagged texts, errors, and the encoded messages of version 2.

The conversation uses the engine's messages; these classes are for programs that make, compare or
read messages themselves. Reading is strict: a truncated field is refused.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from otrfast.potr.tlv import (
    SMP1QTLV,
    SMP1TLV,
    SMP2TLV,
    SMP3TLV,
    SMP4TLV,
    SMPABORTTLV,
    SMPTLV,
    TLV,
    DisconnectTLV,
    ExtraKeyTLV,
    PaddingTLV,
    UnknownTLV,
    registertlv,
    tlvClasses,
)
from otrfast.potr.utils import pack_data, pack_mpi, read_data, read_mpi, unpack
from otrfast.wire import lines as wire
from otrfast.wire.messages import IGNORE_UNREADABLE

__all__ = [
    "MESSAGE_TAGS",
    "MESSAGE_TAG_BASE",
    "MSGFLAGS_IGNORE_UNREADABLE",
    "MSGTYPE_DATA",
    "MSGTYPE_DH_COMMIT",
    "MSGTYPE_DH_KEY",
    "MSGTYPE_ERROR",
    "MSGTYPE_NOTOTR",
    "MSGTYPE_QUERY",
    "MSGTYPE_REVEALSIG",
    "MSGTYPE_SIGNATURE",
    "MSGTYPE_TAGGEDPLAINTEXT",
    "MSGTYPE_UNKNOWN",
    "MSGTYPE_V1_KEYEXCH",
    "OTRTAG",
    "SMP1QTLV",
    "SMP1TLV",
    "SMP2TLV",
    "SMP3TLV",
    "SMP4TLV",
    "SMPABORTTLV",
    "SMPTLV",
    "TLV",
    "AKEMessage",
    "DHCommit",
    "DHKey",
    "DataMessage",
    "DisconnectTLV",
    "Encoded",
    "Error",
    "ExtraKeyTLV",
    "GenericOTRMessage",
    "OTRMessage",
    "PaddingTLV",
    "Query",
    "RevealSig",
    "Signature",
    "TaggedPlaintext",
    "UnknownTLV",
    "messageClasses",
    "pack_data",
    "pack_mpi",
    "parse",
    "read_data",
    "read_mpi",
    "registermessage",
    "registertlv",
    "tlvClasses",
    "unpack",
]

OTRTAG = wire.OTR_TAG
MESSAGE_TAG_BASE = wire.WHITESPACE_BASE
MESSAGE_TAGS: dict[int, bytes] = dict(wire.WHITESPACE_VERSIONS)

MSGTYPE_NOTOTR = 0
MSGTYPE_TAGGEDPLAINTEXT = 1
MSGTYPE_QUERY = 2
MSGTYPE_DH_COMMIT = 3
MSGTYPE_DH_KEY = 4
MSGTYPE_REVEALSIG = 5
MSGTYPE_SIGNATURE = 6
MSGTYPE_V1_KEYEXCH = 7
MSGTYPE_DATA = 8
MSGTYPE_ERROR = 9
MSGTYPE_UNKNOWN = -1

MSGFLAGS_IGNORE_UNREADABLE = IGNORE_UNREADABLE

_ERROR_MARK = wire.ERROR_MARK
_HEAD = "!HB"
_HEAD_DIGITS = 4

Layout: TypeAlias = Iterable[tuple[str, str | bytes | int]]

messageClasses: dict[tuple[int, int], type[OTRMessage]] = {}

M = TypeVar("M", bound="type[OTRMessage]")


def registermessage(cls: M) -> M:
    """Register a message class by its version and type."""
    if not hasattr(cls, "parsePayload"):
        raise TypeError(f"expected a message class with parsePayload(), not {cls.__name__}")
    messageClasses[cls.version, cls.msgtype] = cls
    return cls


class OTRMessage:
    """A message of the protocol; `bytes` gives the line that carries it."""

    __slots__ = ("payload",)
    version = 0x0002
    msgtype = 0

    def _values(self) -> list[Any]:
        """Return the values that equal messages share: those of the slots of their classes."""
        slots = [slot for cls in type(self).__mro__ for slot in cls.__dict__.get("__slots__", ())]
        return [getattr(self, slot) for slot in slots if slot != "payload"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._values() == other._values()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    @classmethod
    def parsePayload(cls, data: bytes) -> OTRMessage:
        """Read a message from its base64, without the four digits of version and type."""
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        raise NotImplementedError

    def __str__(self) -> str:
        return bytes(self).decode("utf-8", "replace")


class Encoded(OTRMessage):
    """An encoded message of the engine."""

    __slots__ = ("line",)

    def __init__(self, line: bytes) -> None:
        self.line: bytes = line

    def __bytes__(self) -> bytes:
        return self.line

    def __repr__(self) -> str:
        return f"<proto.Encoded({len(self.line)} bytes)>"


class Error(OTRMessage):
    """An error for a person to read; `error` follows the colon, and mostly begins with a space."""

    __slots__ = ("error",)

    def __init__(self, error: bytes) -> None:
        super().__init__()
        self.error: bytes = error

    def __repr__(self) -> str:
        return f"<proto.Error({self.error!r})>"

    def __bytes__(self) -> bytes:
        return _ERROR_MARK + self.error


class Query(OTRMessage):
    """An offer of versions."""

    __slots__ = ("versions",)

    def __init__(self, versions: Collection[int] = frozenset()) -> None:
        super().__init__()
        self.versions: Collection[int] = versions

    @classmethod
    def parse(cls, data: bytes) -> Query:
        """Read the part of a query after `?OTR`."""
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        versions = {1} if data.startswith(b"?") else set()
        offered = data.removeprefix(b"?")
        if offered.startswith(b"v"):
            versions.update(int(chr(digit)) for digit in offered if digit in b"0123456789")
        return Query(versions)

    def __repr__(self) -> str:
        return f"<proto.Query(versions={self.versions!r})>"

    def __bytes__(self) -> bytes:
        first = b"?" if 1 in self.versions else b""
        others = b"".join(b"%d" % version for version in sorted(self.versions) if version != 1)
        return OTRTAG + first + b"v" + others + b"?"


class TaggedPlaintext(Query):
    """A text followed by an offer of versions in spaces and tabs."""

    __slots__ = ("msg",)

    def __init__(self, msg: bytes, versions: Collection[int]) -> None:
        super().__init__(versions)
        self.msg: bytes = msg

    def __bytes__(self) -> bytes:
        return self.msg + MESSAGE_TAG_BASE + b"".join(MESSAGE_TAGS[each] for each in self.versions)

    def __repr__(self) -> str:
        return f"<proto.TaggedPlaintext(versions={self.versions!r},msg={self.msg!r})>"

    @classmethod
    def parse(cls, data: bytes) -> TaggedPlaintext:
        """Read a tagged text; the part after the tag belongs to the text. Raises `TypeError`."""
        found = wire.classify(data)
        if not isinstance(found, wire.TaggedText):
            raise TypeError(f"expected a tagged text, not {data[:20]!r}")
        return TaggedPlaintext(found.text, set(found.versions))


class GenericOTRMessage(OTRMessage):
    """An encoded message, described by `fields`: names with "data" (counted bytes), a format of
    `struct`, or a number of bytes."""

    __slots__ = ("data",)
    fields: ClassVar[Layout] = ()
    data: dict[str, Any]

    def __init__(self, *args: Any) -> None:
        super().__init__()
        names = [name for name, _ in self.fields]
        if len(args) != len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} fields, not {len(args)}")
        object.__setattr__(self, "data", dict(zip(names, args, strict=True)))

    def __getattr__(self, attr: str) -> Any:
        if attr != "data" and attr in self.data:
            return self.data[attr]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {attr!r}")

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in ("data", "payload"):
            object.__setattr__(self, attr, val)
        else:
            getattr(self, attr)
            self.data[attr] = val

    def __bytes__(self) -> bytes:
        return wire.encode_message(
            struct.pack(_HEAD, self.version, self.msgtype) + self.getPayload()
        )

    def __repr__(self) -> str:
        values = ",".join(f"{name}={self.data[name]!r}" for name, _ in self.fields)
        return f"<proto.{type(self).__name__}({values})>"

    @classmethod
    def parsePayload(cls, data: bytes) -> Self:
        """Read a message from its base64, without the four digits of version and type.

        Raises `struct.error` for a truncated field, `ValueError` for invalid base64.
        """
        rest = base64.b64decode(data.partition(b".")[0])
        values = []
        for _, kind in cls.fields:
            value, rest = _read_field(kind, rest)
            values.append(value)
        return cls(*values)

    def getPayload(self, *ffilter: str) -> bytes:
        """Return the binary form of all fields except those in `ffilter`."""
        return b"".join(
            _write_field(kind, self.data[name]) for name, kind in self.fields if name not in ffilter
        )


def _read_field(kind: str | bytes | int, data: bytes) -> tuple[Any, bytes]:
    if kind == "data":
        return read_data(data)
    if isinstance(kind, int):
        value, rest = unpack(f"{kind}s", data)
    else:
        value, rest = unpack(kind, data)
    return value, rest


def _write_field(kind: str | bytes | int, value: Any) -> bytes:
    if kind == "data":
        return pack_data(value)
    return bytes(value) if isinstance(kind, int) else struct.pack(kind, value)


class AKEMessage(GenericOTRMessage):
    """A message of the key exchange."""

    __slots__ = ()


@registermessage
class DHCommit(AKEMessage):
    """The initiator's commitment to its g^x."""

    __slots__ = ()
    msgtype = 0x02
    fields: ClassVar[Layout] = (("encgx", "data"), ("hashgx", "data"))


@registermessage
class DHKey(AKEMessage):
    """The responder's g^y."""

    __slots__ = ()
    msgtype = 0x0A
    fields: ClassVar[Layout] = (("gy", "data"),)


@registermessage
class RevealSig(AKEMessage):
    """The initiator's g^x, with its key and signature."""

    __slots__ = ()
    msgtype = 0x11
    fields: ClassVar[Layout] = (("rkey", "data"), ("encsig", "data"), ("mac", 20))

    def getMacedData(self) -> bytes:
        """Return the bytes that the MAC covers."""
        return pack_data(self.encsig)


@registermessage
class Signature(AKEMessage):
    """The responder's key and signature."""

    __slots__ = ()
    msgtype = 0x12
    fields: ClassVar[Layout] = (("encsig", "data"), ("mac", 20))

    def getMacedData(self) -> bytes:
        """Return the bytes that the MAC covers."""
        return pack_data(self.encsig)


@registermessage
class DataMessage(GenericOTRMessage):
    """One encrypted text with its TLVs."""

    __slots__ = ()
    msgtype = 0x03
    fields: ClassVar[Layout] = (
        ("flags", b"!B"),
        ("skeyid", b"!I"),
        ("rkeyid", b"!I"),
        ("dhy", "data"),
        ("ctr", 8),
        ("encmsg", "data"),
        ("mac", 20),
        ("oldmacs", "data"),
    )

    def getMacedData(self) -> bytes:
        """Return the bytes that the MAC covers."""
        return struct.pack(_HEAD, self.version, self.msgtype) + self.getPayload("mac", "oldmacs")


def parse(line: bytes) -> Any:
    """Return the message in a line; the line itself if it is an ordinary text, or a message that
    is malformed or has no class."""
    match wire.classify(line):
        case wire.TaggedText():
            return TaggedPlaintext.parse(line)
        case wire.Query(versions=versions):
            return Query(set(versions))
        case wire.ErrorText():
            return Error(line.partition(_ERROR_MARK)[2])
        case wire.EncodedMessage(line=encoded):
            digits = encoded.removeprefix(wire.ENCODED_PREFIX)
            try:
                head = struct.unpack(_HEAD, base64.b64decode(digits[:_HEAD_DIGITS]))
                return messageClasses[head].parsePayload(digits[_HEAD_DIGITS:])
            except (KeyError, ValueError, struct.error):
                return line
    return line
