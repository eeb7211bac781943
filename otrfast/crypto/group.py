"""The Diffie-Hellman group of OTR: RFC 3526 group 5, generator 2."""

from __future__ import annotations

from typing import Final

from otrfast.crypto.backend import ELEMENT_BYTES

P: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF",
    16,
)
"""The 1536-bit prime."""

Q: Final = (P - 1) // 2
"""The order of the subgroup that SMP computes in; prime."""

G: Final = 2
"""The generator."""

G_ELEMENT: Final = G.to_bytes(ELEMENT_BYTES, "big")
"""The generator as an element."""


def number(element: bytes) -> int:
    """Return the value of big-endian bytes."""
    return int.from_bytes(element, "big")


def element(value: int) -> bytes:
    """Return a value below 2^1536 as an element: 192 bytes, big-endian."""
    return value.to_bytes(ELEMENT_BYTES, "big")
