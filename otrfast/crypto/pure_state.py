"""Sealed states for the pure backend: the same bytes as the C core's."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from otrfast.crypto.backend import StatePart
from otrfast.crypto.group import number
from otrfast.crypto.pure_handles import (
    ModexpFunction,
    PureDataKeys,
    PureDhKey,
    PureSharedSecret,
    aes_ctr,
)
from otrfast.crypto.secret import Secret
from otrfast.errors import StateDamaged

_DATA_KEY_BYTES = 32
_MAC_BYTES = 32
_COUNTER_BYTES = 8
_HEAD_BYTES = 5  # of a part: its kind and its length
_REFUSED = "a state that was sealed with another key, or damaged"


class PureStateKey(Secret):
    """`backend.StateKey` on bytes objects."""

    __slots__ = ("_cipher", "_counter", "_mac", "_modexp")

    def __init__(self, data_key: bytes, modexp: ModexpFunction) -> None:
        if len(data_key) != _DATA_KEY_BYTES:
            raise ValueError(f"{_DATA_KEY_BYTES} bytes expected, {len(data_key)} given")
        master = hmac.digest(bytes(32), data_key, "sha256")
        self._cipher = hmac.digest(master, b"otrfast state cipher\1", "sha256")[:16]
        self._mac = hmac.digest(master, b"otrfast state mac\1", "sha256")
        self._counter = 0
        self._modexp = modexp

    def seal(self, associated: bytes, parts: Sequence[StatePart], /) -> bytes:
        text = b"".join([_written(part) for part in parts])
        self._counter += 1
        counter = self._counter.to_bytes(_COUNTER_BYTES, "big")
        sealed = counter + aes_ctr(self._cipher, counter + bytes(8), text)
        return sealed + self._tag(associated, sealed)

    def _tag(self, associated: bytes, sealed: bytes) -> bytes:
        head = len(associated).to_bytes(8, "big") + associated
        return hmac.digest(self._mac, head + sealed, "sha256")

    def open(self, associated: bytes, sealed: bytes, /) -> list[StatePart]:
        sealed, tag = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
        if len(sealed) < _COUNTER_BYTES:
            raise StateDamaged(_REFUSED)
        if not hmac.compare_digest(self._tag(associated, sealed), tag):
            raise StateDamaged(_REFUSED)
        text = aes_ctr(self._cipher, sealed[:8] + bytes(8), sealed[_COUNTER_BYTES:])
        parts: list[StatePart] = []
        while text:
            end = _HEAD_BYTES + int.from_bytes(text[1:_HEAD_BYTES], "big")
            if len(text) < max(end, _HEAD_BYTES):
                raise StateDamaged(_REFUSED)
            parts.append(self._read(text[:1], text[_HEAD_BYTES:end]))
            text = text[end:]
        return parts

    def _read(self, kind: bytes, state: bytes) -> StatePart:
        match kind, len(state):
            case b"b", _:
                return state
            case b"d", 232:
                return PureDhKey.restore(state, self._modexp)
            case b"s", 192:
                return PureSharedSecret(number(state))
            case b"k", 114:
                return PureDataKeys.restore(state)
        raise StateDamaged(_REFUSED)


def _written(part: StatePart) -> bytes:
    """Return a part as it stands in a state: its kind, its length, its bytes."""
    match part:
        case bytes():
            kind, state = b"b", part
        case PureDhKey():
            kind, state = b"d", part.export()
        case PureSharedSecret():
            kind, state = b"s", part.export()
        case PureDataKeys():
            kind, state = b"k", part.export()
        case _:
            raise TypeError("a part of a state is a bytes object or a handle of this backend")
    return kind + len(state).to_bytes(4, "big") + state
