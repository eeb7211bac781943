"""Key derivation: from a Diffie-Hellman secret to the keys of an AKE and of data messages.

The native backend does the same in C; this is the pure backend's and the toolkit's copy of the
formulas (OTRv3, "D-H Key Message" and "Computing AES keys, MAC keys, and the secure session
id").
"""

from __future__ import annotations

from collections.abc import Callable

from otrfast._records import record

Hash = Callable[[bytes], bytes]


@record
class AkeSide:
    """The keys that protect the X of one side of an AKE."""

    c: bytes  # 16 bytes, of AES
    m1: bytes  # 32 bytes
    m2: bytes  # 32 bytes

    def __repr__(self) -> str:
        return "<AkeSide: redacted>"


@record
class AkeKeyBytes:
    """The session id and the keys of an AKE, as bytes."""

    ssid: bytes  # 8 bytes, public
    initiator: AkeSide
    responder: AkeSide


@record
class DataKeyBytes:
    """The keys of one pair of D-H keys, as bytes."""

    send_aes: bytes  # 16 bytes
    send_mac: bytes  # 20 bytes
    receive_aes: bytes  # 16 bytes
    receive_mac: bytes  # 20 bytes
    extra: bytes  # 32 bytes

    def __repr__(self) -> str:
        return "<DataKeyBytes: redacted>"


def secret_bytes(secret: int) -> bytes:
    """Return `secbytes`: the shared secret as an MPI, its 4-byte length included."""
    magnitude = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
    return len(magnitude).to_bytes(4, "big") + magnitude


def ake_keys(secbytes: bytes, sha256: Hash) -> AkeKeyBytes:
    """Derive the session id and the keys of an AKE."""
    ssid, c, m1, m2, m1_prime, m2_prime = (sha256(bytes([n]) + secbytes) for n in range(6))
    return AkeKeyBytes(ssid[:8], AkeSide(c[:16], m1, m2), AkeSide(c[16:], m1_prime, m2_prime))


def mac_key(aes_key: bytes, sha1: Hash) -> bytes:
    """Return the MAC key that goes with an AES key: whoever can read can also forge."""
    return sha1(aes_key)


def data_keys(secbytes: bytes, high: bool, sha1: Hash, sha256: Hash) -> DataKeyBytes:
    """Derive the keys of a pair; `high` where our public key is the numerically greater one."""
    send_byte, receive_byte = (b"\x01", b"\x02") if high else (b"\x02", b"\x01")
    send_aes = sha1(send_byte + secbytes)[:16]
    receive_aes = sha1(receive_byte + secbytes)[:16]
    return DataKeyBytes(
        send_aes,
        mac_key(send_aes, sha1),
        receive_aes,
        mac_key(receive_aes, sha1),
        sha256(b"\xff" + secbytes),
    )
