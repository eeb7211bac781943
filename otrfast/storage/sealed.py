"""Encrypted files: a key from a passphrase by scrypt, encryption by ChaCha20-Poly1305.

The header is `otrfseal`, version 1, log2(N), r, p (one byte each), 16 bytes of salt and 12 of
nonce; the ciphertext and its tag of 16 bytes follow. The tag also authenticates the header.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

from otrfast._records import record
from otrfast.errors import KeyFileError

MAGIC: Final = b"otrfseal"
VERSION: Final = 1

_SALT_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_BYTES = 32
_PARAMETERS = slice(len(MAGIC) + 1, len(MAGIC) + 4)
_HEADER_BYTES = _PARAMETERS.stop + _SALT_BYTES + _NONCE_BYTES
_MAX_MEMORY = 1 << 28
_MAX_P = 8


@record
class Cost:
    """scrypt's parameters; scrypt needs 128 * r * 2^log_n bytes of memory."""

    log_n: int = 17
    r: int = 8
    p: int = 1

    @property
    def bearable(self) -> bool:
        """Whether a file may require this cost: it is spent before the header is authenticated."""
        return (
            1 <= self.log_n < 32
            and self.r >= 1
            and 1 <= self.p <= _MAX_P
            and 128 * self.r << self.log_n <= _MAX_MEMORY
        )


DEFAULT_COST: Final = Cost()
"""128 MiB, about half a second."""


def is_sealed(data: bytes) -> bool:
    """Whether a file is encrypted in this form."""
    return data.startswith(MAGIC)


def seal(
    data: bytes,
    passphrase: str | bytes,
    random: Callable[[int], bytes],
    cost: Cost = DEFAULT_COST,
) -> bytes:
    """Encrypt a file. Raises `KeyFileError` for an empty passphrase."""
    from Crypto.Cipher import ChaCha20_Poly1305

    header = (
        MAGIC + bytes((VERSION, cost.log_n, cost.r, cost.p)) + random(_SALT_BYTES + _NONCE_BYTES)
    )
    cipher = ChaCha20_Poly1305.new(key=_key(passphrase, header, cost), nonce=header[-_NONCE_BYTES:])
    cipher.update(header)
    ciphertext, tag = cipher.encrypt_and_digest(data)
    return header + ciphertext + tag


def unseal(data: bytes, passphrase: str | bytes | None) -> bytes:
    """Return the decrypted file, or the file itself if it is not encrypted.

    Raises `KeyFileError` for a missing passphrase, for one that is not needed, and, with the same
    text for both, for a wrong passphrase and a changed file.
    """
    if not is_sealed(data):
        if passphrase is not None:
            raise KeyFileError("expected no passphrase: the file is not encrypted")
        return data
    if passphrase is None:
        raise KeyFileError("expected a passphrase: the file is encrypted")
    if len(data) < _HEADER_BYTES + _TAG_BYTES:
        raise KeyFileError("the encrypted file is truncated")
    if data[len(MAGIC)] != VERSION:
        raise KeyFileError(
            f"expected version {VERSION} of the encrypted form, found {data[len(MAGIC)]}"
        )
    cost = Cost(*data[_PARAMETERS])
    if not cost.bearable:
        raise KeyFileError("the encrypted file has scrypt parameters above the limit")
    return _open(data, passphrase, cost)


def _open(data: bytes, passphrase: str | bytes, cost: Cost) -> bytes:
    from Crypto.Cipher import ChaCha20_Poly1305

    header, ciphertext = data[:_HEADER_BYTES], data[_HEADER_BYTES:-_TAG_BYTES]
    cipher = ChaCha20_Poly1305.new(key=_key(passphrase, header, cost), nonce=header[-_NONCE_BYTES:])
    cipher.update(header)
    try:
        plaintext: bytes = cipher.decrypt_and_verify(ciphertext, data[-_TAG_BYTES:])
    except ValueError:
        raise KeyFileError("the passphrase is wrong, or the encrypted file was changed") from None
    return plaintext


def _key(passphrase: str | bytes, header: bytes, cost: Cost) -> bytes:
    from Crypto.Protocol.KDF import scrypt

    secret = passphrase_bytes(passphrase)
    salt = header[-_SALT_BYTES - _NONCE_BYTES : -_NONCE_BYTES]
    key = scrypt(secret, salt, _KEY_BYTES, N=1 << cost.log_n, r=cost.r, p=cost.p)
    assert isinstance(key, bytes)
    return key


def passphrase_bytes(passphrase: str | bytes) -> bytes:
    """Return the bytes of a passphrase: UTF-8 of its NFC form, which is the same from any
    keyboard.

    Raises `KeyFileError` for an empty one.
    """
    if not passphrase:
        raise KeyFileError("the passphrase is empty")
    if isinstance(passphrase, bytes):
        return passphrase
    return unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
