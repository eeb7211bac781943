"""Descriptions of messages: every field of messages, TLVs and other lines, as names and values.

The fields are those of the codecs of `wire`, so a new field there is shown without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otrfast.crypto.backend import Backend
from otrfast.errors import RemoteError
from otrfast.protocol import smp
from otrfast.toolkit.forgery import MAC_BYTES
from otrfast.toolkit.log import Content, Malformed
from otrfast.wire.fields import Covered, Mpi, Reader, Unsigned
from otrfast.wire.lines import ErrorText, Query, TaggedText, Unsupported
from otrfast.wire.messages import IGNORE_UNREADABLE, Message
from otrfast.wire.tlv import Tlv, TlvType, decode_tlvs

Field = tuple[str, "str | list[Field]"]
"""A name, and a value or a list of fields."""

SMP_NUMBERS: Final = {
    TlvType.SMP1: "g2a c2 D2 g3a c3 D3",
    TlvType.SMP1Q: "g2a c2 D2 g3a c3 D3",
    TlvType.SMP2: "g2b c2 D2 g3b c3 D3 Pb Qb cP D5 D6",
    TlvType.SMP3: "Pa Qa cP D5 D6 Ra cR D7",
    TlvType.SMP4: "Rb cR D7",
}
"""The names of the numbers in each SMP message, from the protocol."""

_TLV_LIMIT = 65536
_TLV_NAMES = {kind.value: kind.name for kind in TlvType}


def title(content: Content) -> str:
    """Return the name of a message."""
    return type(content).__name__


def fields(content: Content) -> list[Field]:
    """Return the fields of a message, or of another line."""
    match content:
        case Message():
            return list(_message(content))
        case Query(versions=versions, before=before, after=after):
            return [_versions(versions), *_texts(before=before, after=after)]
        case TaggedText(versions=versions, text=text):
            return [_versions(versions), ("text", printable(text))]
        case ErrorText(text=text):
            return [("text", printable(text))]
        case Unsupported(version=version):
            return [("version", "unknown" if version is None else str(version))]
        case Malformed(error=error):
            return [("error", str(error))]


def plaintext(data: bytes, backend: Backend) -> list[Field]:
    """Return the text and the TLVs of a decrypted data message."""
    text, _, encoded = data.partition(b"\0")
    tlvs = decode_tlvs(encoded, _TLV_LIMIT)
    return [("text", printable(text)), *(_tlv(tlv, backend) for tlv in tlvs)]


def _tlv(tlv: Tlv, backend: Backend) -> Field:
    name = _TLV_NAMES.get(tlv.type, "unknown")
    head: list[Field] = [("type", f"{tlv.type} ({name})"), ("length", str(len(tlv.value)))]
    if tlv.type in SMP_NUMBERS:
        return "tlv", head + _smp(tlv, backend)
    if tlv.type == TlvType.EXTRA_KEY and len(tlv.value) >= 4:
        reader = Reader(tlv.value)
        return "tlv", [
            *head,
            ("use", str(reader.integer(4, "use"))),
            ("data", printable(reader.rest())),
        ]
    return "tlv", [*head, ("value", tlv.value.hex())]


def printable(text: bytes) -> str:
    """Return a text in quotes, with escapes for control characters."""
    shown = text.decode("utf-8", "backslashreplace")
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return f'"{safe}"'


def number(magnitude: bytes) -> str:
    """Return a number in hexadecimal digits, without leading zero bytes."""
    return magnitude.lstrip(b"\0").hex()


def _message(message: Message) -> Iterator[Field]:
    yield "version", str(message.version)
    if message.version == 3:
        yield "sender instance", _tag(message.sender)
        yield "receiver instance", _tag(message.receiver)
    for name, kind in message.CODEC:
        value = getattr(message, name)
        label = name.replace("_", " ")
        if name == "flags":
            yield label, f"{value} (IGNORE_UNREADABLE)" if value & IGNORE_UNREADABLE else f"{value}"
        elif name == "old_mac_keys":
            yield label, _mac_keys(value)
        elif isinstance(kind, Unsigned):
            yield label, f"{value:016x}" if kind.length == 8 else str(value)
        elif isinstance(kind, Mpi):
            yield label, number(value)
        elif not isinstance(kind, Covered):
            yield label, value.hex()


def _mac_keys(value: bytes) -> list[Field]:
    """Return the keys in the field; the last bytes may be an incomplete key."""
    keys = [value[at : at + MAC_BYTES] for at in range(0, len(value), MAC_BYTES)]
    return [
        (f"key {place}" if len(key) == MAC_BYTES else "rest", key.hex())
        for place, key in enumerate(keys, 1)
    ]


def _smp(tlv: Tlv, backend: Backend) -> list[Field]:
    try:
        message = smp.decode(tlv, backend)
    except RemoteError as error:
        return [("error", str(error)), ("value", tlv.value.hex())]
    question = message.question
    asked: Sequence[Field] = [] if question is None else [("question", printable(question))]
    names = SMP_NUMBERS[TlvType(tlv.type)].split()
    values = zip(names, message.values, strict=True)
    return [*asked, *((name, number(value)) for name, value in values)]


def _versions(versions: frozenset[int]) -> Field:
    return "versions", ", ".join(map(str, sorted(versions))) or "none"


def _texts(**texts: bytes) -> list[Field]:
    return [(f"text {name}", printable(text)) for name, text in texts.items() if text]


def _tag(tag: int) -> str:
    return f"{tag} (0x{tag:08x})"
