"""potr's cryptographic functions and classes, on the engine's backend."""

from otrfast.potr.compatcrypto.common import (
    DEFAULT_KEYTYPE,
    PK,
    generateDefaultKey,
    pkTypes,
    registerkeytype,
)
from otrfast.potr.compatcrypto.pycrypto import (
    AESCTR,
    SHA1,
    SHA1HMAC,
    SHA256,
    SHA256HMAC,
    Counter,
    DSAKey,
    getrandbits,
    randrange,
)

__all__ = [
    "AESCTR",
    "DEFAULT_KEYTYPE",
    "PK",
    "SHA1",
    "SHA1HMAC",
    "SHA256",
    "SHA256HMAC",
    "Counter",
    "DSAKey",
    "generateDefaultKey",
    "getrandbits",
    "pkTypes",
    "randrange",
    "registerkeytype",
]
