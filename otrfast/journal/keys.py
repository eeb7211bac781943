"""The keys of a store: the user's key, and what it wraps.

The user's key, 32 bytes or a passphrase, gives a wrapping key. It wraps (XChaCha20-Poly1305) the
key of the names and one data key for each opening of the store. Everything else in the store is
sealed under a data key.
"""

from __future__ import annotations

import hmac
import re
import shlex
import subprocess
from base64 import b64decode
from collections.abc import Callable
from typing import Final

from otrfast._records import record
from otrfast.crypto.secret import Secret
from otrfast.errors import KeyFileError
from otrfast.journal.errors import StoreDamaged, WrongKey
from otrfast.storage.sealed import DEFAULT_COST, Cost, passphrase_bytes

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
_NONCE_BYTES = 24
_TAG_BYTES = 16
_HEX = re.compile(rb"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{43}=")
_RAW, _SCRYPT = 0, 1

Random = Callable[[int], bytes]
UserKey = bytes | str
"""32 bytes, or a passphrase."""


def key_command(command: str) -> bytes:
    """Run a command and return the key (32 bytes) that it prints: 64 hexadecimal digits, base64, or
    the bytes themselves.

    The command is split into words as a shell does, and no shell runs. Raises `WrongKey`.
    """
    try:
        done = subprocess.run(  # noqa: S603  the user's own command
            shlex.split(command), stdout=subprocess.PIPE, check=False
        )
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be split into words"
        raise WrongKey(f"the key command did not run: {reason}") from None
    if done.returncode != 0:
        raise WrongKey(f"the key command ended with status {done.returncode}")
    return parse_key(done.stdout, "the key command")


def parse_key(text: bytes, source: str) -> bytes:
    """Return the key that a text holds, in the forms of `key_command`; `source` is named in the
    error. Raises `WrongKey`."""
    if len(text) == KEY_BYTES:
        return text
    line = text.strip()
    if _HEX.fullmatch(line):
        return bytes.fromhex(line.decode())
    if _BASE64.fullmatch(line):
        return b64decode(line)
    raise WrongKey(
        f"expected a key of {KEY_BYTES} bytes from {source}, as 64 hexadecimal digits or base64"
    )


@record
class Derivation:
    """How the wrapping key follows from the user's: by scrypt with `cost`, or, without, by HMAC."""

    cost: Cost | None
    salt: bytes

    def dumps(self) -> bytes:
        """Return the bytes that the store keeps."""
        if self.cost is None:
            return bytes((_RAW, 0, 0, 0)) + self.salt
        return bytes((_SCRYPT, self.cost.log_n, self.cost.r, self.cost.p)) + self.salt

    @classmethod
    def loads(cls, data: bytes) -> Derivation:
        """Read what `dumps` wrote. Raises `StoreDamaged`."""
        if len(data) != 4 + SALT_BYTES or data[0] not in (_RAW, _SCRYPT):
            raise StoreDamaged("the store does not say how its key is derived")
        if data[0] == _RAW:
            return cls(None, data[4:])
        cost = Cost(*data[1:4])
        if not cost.bearable:
            raise StoreDamaged("the store has scrypt parameters above the limit")
        return cls(cost, data[4:])

    def wrapping_key(self, key: UserKey) -> WrappingKey:
        """Return the key that wraps. Raises `WrongKey` for a key of the other kind, or of another
        length."""
        check_key(key)
        if isinstance(key, str):
            if self.cost is None:
                raise WrongKey("expected a key of 32 bytes: the store has no passphrase")
            return WrappingKey(_scrypt(key, self.salt, self.cost))
        if self.cost is not None:
            raise WrongKey("expected a passphrase: the store was not made with a key of bytes")
        return WrappingKey(hmac.digest(key, b"otrfast store\1" + self.salt, "sha256"))


def new_derivation(key: UserKey, random: Random, cost: Cost = DEFAULT_COST) -> Derivation:
    """Return the derivation for a new store, or for a new key of one. Raises `WrongKey`."""
    check_key(key)
    return Derivation(cost if isinstance(key, str) else None, random(SALT_BYTES))


def check_key(key: object) -> None:
    """Raise `TypeError` or `WrongKey` for what cannot be the key of any store."""
    if isinstance(key, str):
        if not key:
            raise WrongKey("the passphrase is empty")
    elif not isinstance(key, bytes):
        raise TypeError(f"a store's key is bytes or a passphrase, not {type(key).__name__}")
    elif len(key) != KEY_BYTES:
        raise WrongKey(f"expected a key of {KEY_BYTES} bytes, {len(key)} were given")


def _scrypt(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    from Crypto.Protocol.KDF import scrypt

    try:
        secret = passphrase_bytes(passphrase)
    except KeyFileError as error:
        raise WrongKey(str(error)) from None
    key = scrypt(secret, salt, KEY_BYTES, N=1 << cost.log_n, r=cost.r, p=cost.p)
    assert isinstance(key, bytes)
    return key


class WrappingKey(Secret):
    """Wraps other keys: XChaCha20-Poly1305 with a random nonce of 24 bytes before the ciphertext
    and the tag of 16 bytes."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def wrap(self, purpose: bytes, secret: bytes, random: Random) -> bytes:
        """Encrypt a key; `purpose` says which it is, and is authenticated with it."""
        from Crypto.Cipher import ChaCha20_Poly1305

        nonce = random(_NONCE_BYTES)
        cipher = ChaCha20_Poly1305.new(key=self._key, nonce=nonce)
        cipher.update(purpose)
        ciphertext, tag = cipher.encrypt_and_digest(secret)
        return nonce + bytes(ciphertext) + bytes(tag)

    def unwrap(self, purpose: bytes, wrapped: bytes) -> bytes:
        """Decrypt a key. Raises `WrongKey`."""
        from Crypto.Cipher import ChaCha20_Poly1305

        if len(wrapped) != _NONCE_BYTES + KEY_BYTES + _TAG_BYTES:
            raise WrongKey("the key is wrong, or the store was changed")
        cipher = ChaCha20_Poly1305.new(key=self._key, nonce=wrapped[:_NONCE_BYTES])
        cipher.update(purpose)
        try:
            secret: bytes = cipher.decrypt_and_verify(
                wrapped[_NONCE_BYTES:-_TAG_BYTES], wrapped[-_TAG_BYTES:]
            )
        except ValueError:
            raise WrongKey("the key is wrong, or the store was changed") from None
        return secret
