"""python-potr's key files, `.key3`: the key type and p, q, g, y, x as MPIs, without a name.

otr.js, otr3 and x/crypto write the same form in base64 or hexadecimal; both are read.
"""

from __future__ import annotations

import re
from typing import Final

from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import DecodeError, KeyFileError
from otrfast.storage.base64_text import from_base64
from otrfast.storage.stored_key import StoredKey
from otrfast.wire.fields import Reader, mpi_of

DSA_TYPE: Final = b"\0\0"

_MAX_BYTES = 4096
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")


def is_key3(data: bytes) -> bool:
    """Whether a file may be such a key, in binary, base64 or hexadecimal."""
    return _binary(data).startswith(DSA_TYPE)


def read_key3(data: bytes, account: str, protocol: str) -> StoredKey:
    """Return the key of a file; the file does not name its owner. Raises `KeyFileError`."""
    reader = Reader(_binary(data))
    try:
        if reader.take(len(DSA_TYPE), "type") != DSA_TYPE:
            raise KeyFileError("expected a python-potr key")
        p, q, g, y, x = (int.from_bytes(reader.counted(name), "big") for name in "pqgyx")
        reader.finish()
    except DecodeError as error:
        raise KeyFileError(f"expected a python-potr key: {error}") from None
    return StoredKey(account, protocol, DsaNumbers(p, q, g, y), x)


def write_key3(key: StoredKey) -> bytes:
    """Return the file that holds the key; it does not name the owner."""
    return DSA_TYPE + b"".join(map(mpi_of, (*key.numbers, key.private_number())))


def _binary(data: bytes) -> bytes:
    if data.startswith(DSA_TYPE) or len(data) > _MAX_BYTES:
        return data[:_MAX_BYTES]
    text = b"".join(data.split())
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    decoded = from_base64(text)
    return data if decoded is None else decoded
