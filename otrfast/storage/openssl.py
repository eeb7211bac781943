"""Files that `openssl enc -aes-256-cbc` has encrypted with a passphrase.

The form is `Salted__`, 8 bytes of salt, and the ciphertext with PKCS #7 padding, without
authentication. Key and IV come from one round of MD5 (OpenSSL before 1.1.0) or SHA-256; the file
does not say which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from otrfast.errors import KeyFileError
from otrfast.storage.sealed import passphrase_bytes

MAGIC: Final = b"Salted__"

_SALT_BYTES = 8
_KEY_BYTES = 32
_BLOCK_BYTES = 16
_HEADER_BYTES = len(MAGIC) + _SALT_BYTES


def candidates(data: bytes, passphrase: str | bytes) -> Iterator[bytes]:
    """Yield the possible plaintexts: for each digest, if its padding is valid.

    Raises `KeyFileError` for a file that is not in this form.
    """
    from Crypto.Cipher import AES

    salt, ciphertext = data[len(MAGIC) : _HEADER_BYTES], data[_HEADER_BYTES:]
    if not data.startswith(MAGIC) or not ciphertext or len(ciphertext) % _BLOCK_BYTES:
        raise KeyFileError("expected a file of `openssl enc`; this is another file, or truncated")
    secret = passphrase_bytes(passphrase)
    for digest in ("md5", "sha256"):
        material = _key_and_iv(digest, secret, salt)
        cipher = AES.new(material[:_KEY_BYTES], AES.MODE_CBC, iv=material[_KEY_BYTES:])
        plaintext: bytes = cipher.decrypt(ciphertext)
        padding = plaintext[-1]
        if 1 <= padding <= _BLOCK_BYTES and plaintext.endswith(bytes((padding,)) * padding):
            yield plaintext[:-padding]


def _key_and_iv(digest: str, secret: bytes, salt: bytes) -> bytes:
    """Return what EVP_BytesToKey makes with one round."""
    material = block = b""
    while len(material) < _KEY_BYTES + _BLOCK_BYTES:
        block = hashlib.new(digest, block + secret + salt, usedforsecurity=False).digest()
        material += block
    return material[: _KEY_BYTES + _BLOCK_BYTES]
