"""The binary messages of OTRv2 and OTRv3, one declarative class each (protocol, "The protocol:
messages").

The annotated fields are in their order in the message; the codec of a class is made from them
when the module is loaded.
"""

# annotations are not postponed here: the codecs are made from their values

from collections.abc import Callable
from operator import attrgetter
from struct import Struct, calcsize
from typing import Any, ClassVar, Final, NoReturn, TypeVar, dataclass_transform, get_args

from otrfast._records import record
from otrfast.errors import DecodeError, VersionMismatch
from otrfast.wire.fields import (
    AesKey,
    Byte,
    Ctr,
    Data,
    Element,
    Hash256,
    Int,
    Kind,
    Mac,
    MacCovered,
    Reader,
)

VERSIONS: Final = (2, 3)
"""The supported protocol versions."""

IGNORE_UNREADABLE: Final = 0x01
"""The flag of a data message that is dropped without an error if it cannot be read."""

_HEAD_FIELDS = {  # the instance tags are in version 3 only
    "version": "H",
    "message type": "B",
    "sender instance tag": "I",
    "receiver instance tag": "I",
}
_HEAD = Struct(">" + "".join(_HEAD_FIELDS.values()))
_SHORT_HEAD = Struct(_HEAD.format[:3])


MessageReader = Callable[[bytes, dict[int, bytes]], tuple[Any, ...] | None]
"""Reads the type, header and fields of the message in a line, by the `LAYOUT` of each type; None
for a line that `decode` has to look at (`backend.Backend.read_message`)."""

MessageWriter = Callable[[bytes, bytes, tuple[Any, ...]], bytes | None]
"""Writes the line with a message from its head, its `LAYOUT` and the values of its fields; None if
`Message.encode` has to (`backend.Backend.write_message`)."""


@record
class Message:
    """The header of all messages: the version and, in version 3, the two instance tags (0 in
    version 2)."""

    TYPE: ClassVar[int]
    CODEC: ClassVar[tuple[tuple[str, Kind], ...]]
    LAYOUT: ClassVar[bytes]
    VALUES: ClassVar["attrgetter[tuple[Any, ...]]"]  # of the header and the fields

    version: int
    sender: int
    receiver: int

    def encode(self) -> bytes:
        """Return the message in its binary form."""
        version, sender, receiver, *values = self.VALUES(self)
        parts = [kind.write(value) for (_, kind), value in zip(self.CODEC, values, strict=True)]
        return b"".join([self.head(version, sender, receiver), *parts])

    def write(self, writer: MessageWriter) -> bytes | None:
        """Return the line with the message, None if `writer` leaves it to `encode`."""
        version, sender, receiver, *values = self.VALUES(self)
        return writer(self.head(version, sender, receiver), self.LAYOUT, tuple(values))

    @classmethod
    def head(cls, version: int, sender: int, receiver: int) -> bytes:
        """Return the header: version, type and, in version 3, the instance tags."""
        if version == 3:
            return _HEAD.pack(version, cls.TYPE, sender, receiver)
        return _SHORT_HEAD.pack(version, cls.TYPE)


M = TypeVar("M", bound=Message)
_TYPES: dict[int, type[Message]] = {}
_LAYOUTS: dict[int, bytes] = {}


@dataclass_transform(frozen_default=True)
def _message(message_type: int) -> Callable[[type[M]], type[M]]:
    """Make a record a message class: register its type byte, and make its codec."""

    def decorate(plain: type[M]) -> type[M]:
        made = record(plain)
        made.TYPE = message_type
        made.CODEC = tuple(
            (name, get_args(annotation)[1]) for name, annotation in made.__annotations__.items()
        )
        made.LAYOUT = b"".join([kind.code for _, kind in made.CODEC])
        made.VALUES = attrgetter(*made.__match_args__)
        _TYPES[message_type] = made
        _LAYOUTS[message_type] = made.LAYOUT
        return made

    return decorate


@_message(0x02)
class DHCommit(Message):
    """The initiator's commitment to its g^x."""

    encrypted_gx: Data
    hashed_gx: Hash256


@_message(0x0A)
class DHKey(Message):
    """The responder's g^y."""

    gy: Element


@_message(0x11)
class RevealSignature(Message):
    """The key that opens the commitment, and the initiator's signature."""

    r: AesKey
    encrypted_signature: Data
    mac: Mac


@_message(0x12)
class Signature(Message):
    """The responder's signature."""

    encrypted_signature: Data
    mac: Mac


@_message(0x03)
class DataMessage(Message):
    """One encrypted text with its TLVs."""

    flags: Byte
    sender_keyid: Int
    recipient_keyid: Int
    next_key: Element
    counter: Ctr
    ciphertext: Data
    authenticated: MacCovered
    mac: Mac
    old_mac_keys: Data

    @property
    def ignore_unreadable(self) -> bool:
        """Whether an unreadable message is dropped without an error."""
        return bool(self.flags & IGNORE_UNREADABLE)


def read(line: bytes, reader: MessageReader) -> Message | None:
    """Return the message in a line, None if `reader` leaves it to `decode`."""
    found = reader(line, _LAYOUTS)
    return None if found is None else _TYPES[found[0]](*found[1:])


def decode(raw: bytes) -> Message:
    """Return the message in `raw`, read to its last byte.

    Raises `VersionMismatch` for a version other than 2 and 3, `DecodeError` for any other
    malformed message.
    """
    if len(raw) < _SHORT_HEAD.size:
        _refuse_head(raw)
    version, message_type = _SHORT_HEAD.unpack_from(raw)
    if version not in VERSIONS:
        raise VersionMismatch(f"expected version 2 or 3, found {version}")
    made = _TYPES.get(message_type)
    if made is None:
        raise DecodeError("message type", 2)
    sender = receiver = 0
    start = _SHORT_HEAD.size
    if version == 3:
        start = _HEAD.size
        if len(raw) < start:
            _refuse_head(raw)
        _, _, sender, receiver = _HEAD.unpack_from(raw)
    reader = Reader(raw, start)
    values = [kind.read(reader, name) for name, kind in made.CODEC]
    reader.finish()
    return made(version, sender, receiver, *values)


def _refuse_head(raw: bytes) -> NoReturn:
    """Raise `DecodeError` for the truncated field of the header."""
    reader = Reader(raw)
    for name, code in _HEAD_FIELDS.items():
        reader.take(calcsize(">" + code), name)
    raise AssertionError("the header is complete")
