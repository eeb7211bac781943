"""potr's cryptographic names: the group, the states of a key exchange, and `CryptEngine`."""

from __future__ import annotations

from otrfast.crypto import group
from otrfast.crypto.backend import DH_EXPONENT_BYTES, DataKeys, DhKey
from otrfast.environment import Environment
from otrfast.potr import proto
from otrfast.potr.compatcrypto import (
    AESCTR,
    PK,
    SHA1,
    SHA1HMAC,
    SHA256,
    SHA256HMAC,
    Counter,
    getrandbits,
    randrange,
)
from otrfast.potr.engine import (
    STATE_AWAITING_DHKEY,
    STATE_AWAITING_REVEALSIG,
    STATE_AWAITING_SIG,
    STATE_NONE,
    STATE_V1_SETUP,
    AuthKeyExchange,
    CryptEngine,
    logger,
)
from otrfast.potr.names import InvalidParameterError
from otrfast.potr.smp import (
    SMPPROG_CHEATED,
    SMPPROG_FAILED,
    SMPPROG_OK,
    SMPPROG_SUCCEEDED,
    SMPHandler,
)
from otrfast.potr.utils import bytes_to_long, long_to_bytes, pack_mpi, read_mpi

__all__ = [
    "AESCTR",
    "DH",
    "DH_BITS",
    "DH_GENERATOR",
    "DH_MAX",
    "DH_MODULUS",
    "DH_MODULUS_2",
    "PK",
    "SHA1",
    "SHA1HMAC",
    "SHA256",
    "SHA256HMAC",
    "SHA256HMAC160",
    "SMPPROG_CHEATED",
    "SMPPROG_FAILED",
    "SMPPROG_OK",
    "SMPPROG_SUCCEEDED",
    "SM_ORDER",
    "STATE_AWAITING_DHKEY",
    "STATE_AWAITING_REVEALSIG",
    "STATE_AWAITING_SIG",
    "STATE_NONE",
    "STATE_V1_SETUP",
    "AuthKeyExchange",
    "Counter",
    "CryptEngine",
    "DHSession",
    "InvalidParameterError",
    "SMPHandler",
    "bytes_to_long",
    "check_exp",
    "check_group",
    "getrandbits",
    "logger",
    "long_to_bytes",
    "pack_mpi",
    "proto",
    "randrange",
    "read_mpi",
]

DH_MODULUS = group.P
DH_MODULUS_2 = group.P - 2
DH_GENERATOR = group.G
DH_BITS = 1536
DH_MAX = 2**DH_BITS
SM_ORDER = group.Q


def check_group(n: int) -> bool:
    """Whether a number is a valid public value: 2 .. p-2."""
    return 2 <= n <= DH_MODULUS_2


def check_exp(n: int) -> bool:
    """Whether a number is a valid exponent: 1 .. q-1."""
    return 1 <= n < SM_ORDER


def SHA256HMAC160(key: bytes, data: bytes) -> bytes:
    """Return the first 20 bytes of the authentication code."""
    return SHA256HMAC(key, data)[:20]


class DH:
    """A D-H key pair; its private key stays in the engine."""

    def __init__(self) -> None:
        environment = Environment()
        self.key: DhKey = environment.backend.dh_key(environment.random(DH_EXPONENT_BYTES))
        self.pub: int = group.number(self.key.public)


class DHSession:
    """The keys of one pair of D-H keys; they stay in the engine."""

    def __init__(self, keys: DataKeys) -> None:
        self.keys = keys

    @classmethod
    def create(cls, dh: DH, y: int) -> DHSession:
        """Return the keys that we share with the holder of `y`."""
        return cls(dh.key.agree(group.element(y)).data_keys(dh.pub > y))
