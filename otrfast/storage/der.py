"""DSA keys in DER, as programs in Java keep them: X.509 for the public half, PKCS#8 for the
whole."""

from __future__ import annotations

from typing import Any

from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError
from otrfast.storage.base64_text import from_base64

_MAX_BYTES = 2048  # a 3072-bit key has about 900
_SEQUENCE = b"\x30"


def public_numbers(text: str) -> DsaNumbers:
    """Return the public key that `text` holds as base64 of X.509 DER. Raises `KeyFileError`."""
    key = _key(text)
    return DsaNumbers(key.p, key.q, key.g, key.y)


def private_numbers(text: str) -> tuple[DsaNumbers, int]:
    """Return the numbers and x of the key that `text` holds as base64 of PKCS#8 DER. Raises
    `KeyFileError`."""
    key = _key(text)
    if not key.has_private():
        raise KeyFileError("a public key stands where a private one should")
    return DsaNumbers(key.p, key.q, key.g, key.y), key.x


def _key(text: str) -> Any:
    from Crypto.PublicKey import DSA

    der = from_base64(text.encode())
    if der is None or len(der) > _MAX_BYTES:
        raise KeyFileError("a key is not in base64")
    if not der.startswith(_SEQUENCE):
        raise KeyFileError("a key is not in DER")
    try:
        return DSA.import_key(der)
    except (ValueError, IndexError, TypeError, ArithmeticError):
        raise KeyFileError("a key is not a DSA key in DER, or it is damaged") from None
