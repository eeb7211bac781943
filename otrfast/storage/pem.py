"""DSA private keys in PEM, without a passphrase: PKCS#8, and the traditional form of OpenSSL.

PKCS#8 is written; both are read.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError
from otrfast.storage.base64_text import from_base64

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s*(.*?)\s*-----END \1-----", re.DOTALL)
_ENCRYPTED_HEADER = b"Proc-Type:"
_PKCS8: Final = b"PRIVATE KEY"
_DSA: Final = b"DSA PRIVATE KEY"
_ENCRYPTED: Final = b"ENCRYPTED PRIVATE KEY"
_LINE = 64
_MAX_BYTES = 4096  # a 3072-bit key has about 1,300 in the longer form
_INTEGER, _OCTETS, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_LONG = 0x80  # the length is in the bytes that follow
_DSA_OID = bytes.fromhex("2a8648ce380401")  # 1.2.840.10040.4.1


class OtherKey(KeyFileError):
    """The file holds a private key, but an encrypted one or one of another type."""


def write_private(numbers: DsaNumbers, x: int) -> bytes:
    """Return a private key as PKCS#8 in PEM."""
    parameters = _element(_SEQUENCE, b"".join(map(_integer, (numbers.p, numbers.q, numbers.g))))
    algorithm = _element(_SEQUENCE, _element(_OID, _DSA_OID) + parameters)
    der = _element(_SEQUENCE, _integer(0) + algorithm + _element(_OCTETS, _integer(x)))
    text = b64encode(der)
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return b"\n".join([b"-----BEGIN PRIVATE KEY-----", *lines, b"-----END PRIVATE KEY-----", b""])


def read_private(data: bytes) -> tuple[int, int, int, int]:
    """Return p, q, g and x of the private key in a file.

    Raises `OtherKey` for an encrypted key and one of another type, `KeyFileError` for what is no
    private key or is damaged.
    """
    found = _PEM.search(data)
    if found is None or not found[1].endswith(_PKCS8):
        raise KeyFileError("expected a private key in PEM")
    label, body = found[1], found[2]
    if label == _ENCRYPTED or body.startswith(_ENCRYPTED_HEADER):
        raise OtherKey("expected a key without a passphrase, found an encrypted key")
    if label not in (_PKCS8, _DSA):
        raise OtherKey(f"expected a DSA key, found one of another type: {label.decode()}")
    der = from_base64(body)
    if der is None or len(der) > _MAX_BYTES:
        raise KeyFileError("expected a key in base64")
    try:
        return _read_pkcs8(der) if label == _PKCS8 else _read_traditional(der)
    except (IndexError, ValueError):
        raise KeyFileError("expected a DSA key in DER; this one is damaged") from None


def _read_pkcs8(der: bytes) -> tuple[int, int, int, int]:
    key = _Der(_Der(der).whole(_SEQUENCE))
    key.integer()  # the version
    algorithm = _Der(key.element(_SEQUENCE))
    if algorithm.element(_OID) != _DSA_OID:
        raise OtherKey("expected a DSA key, found one of another type")
    parameters = _Der(algorithm.element(_SEQUENCE))
    p, q, g = parameters.integer(), parameters.integer(), parameters.integer()
    return p, q, g, _Der(key.element(_OCTETS)).integer()


def _read_traditional(der: bytes) -> tuple[int, int, int, int]:
    key = _Der(_Der(der).whole(_SEQUENCE))
    _, p, q, g, _, x = [key.integer() for _ in range(6)]
    return p, q, g, x


class _Der:
    """The elements of a DER encoding, read in order. Raises `IndexError` or `ValueError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def element(self, tag: int) -> bytes:
        data, at = self._data, self._at
        if data[at] != tag:
            raise ValueError("another element was expected")
        size, start = data[at + 1], at + 2
        if size >= _LONG:
            count = size - _LONG
            size, start = int.from_bytes(data[start : start + count], "big"), start + count
        self._at = start + size
        if self._at > len(data):
            raise ValueError("the element is truncated")
        return data[start : self._at]

    def whole(self, tag: int) -> bytes:
        """Return the element that everything is in."""
        content = self.element(tag)
        if self._at != len(self._data):
            raise ValueError("something follows the key")
        return content

    def integer(self) -> int:
        content = self.element(_INTEGER)
        if not content:
            raise ValueError("a number without bytes")
        return int.from_bytes(content, "big", signed=True)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG + len(length))) + length + content


def _integer(number: int) -> bytes:
    return _element(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
