"""DSA keys in DER, as Java programs write them: X.509 for public keys, PKCS#8 for private keys."""

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
        raise KeyFileError("expected a private key, found a public key")
    return DsaNumbers(key.p, key.q, key.g, key.y), key.x


def _key(text: str) -> Any:
    from Crypto.PublicKey import DSA

    der = from_base64(text.encode())
    if der is None or len(der) > _MAX_BYTES:
        raise KeyFileError("expected a key in base64")
    if not der.startswith(_SEQUENCE):
        raise KeyFileError("expected a key in DER")
    try:
        return DSA.import_key(der)
    except (ValueError, IndexError, TypeError, ArithmeticError):
        raise KeyFileError("expected a DSA key in DER; this is another key, or damaged") from None
