"""DSA on Python integers, for the pure backend: sign, verify, check, generate (FIPS 186-4, RFC
6979).

OTR signs the 32 bytes of an HMAC read as one number and reduced modulo q, not truncated to q's
length, so no stock "sign this digest" function fits. Every function takes the modexp function to
compute with.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from itertools import islice
from math import gcd

from otrfast.crypto.backend import DsaNumbers

ModexpFunction = Callable[[int, int, int], int]

SIZE = (1024, 160)  # a signature in OTR has 40 bytes
"""The (p, q) sizes in bits that a key may have (FIPS 186-4, section 4.2)."""

_SIGN_TRIES = 8  # sound numbers need a second one once in 2^159 times
_OWN_ROUNDS = 40  # Miller-Rabin, for random numbers of our own
_Q_ROUNDS, _P_ROUNDS = 6, 1  # for a peer's: docs/arithmetic.md, "A peer's primes"
_SMALL_PRIMES = tuple(
    n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))
)


class _Drbg:
    """HMAC-DRBG on SHA-256 as RFC 6979 section 3.2 runs it."""

    def __init__(self, material: bytes) -> None:
        self._key, self._value = bytes(32), b"\x01" * 32
        self.update(b"\0" + material)
        self.update(b"\x01" + material)

    def update(self, data: bytes) -> None:
        self._key = hmac.digest(self._key, self._value + data, "sha256")
        self._value = hmac.digest(self._key, self._value, "sha256")

    def bytes(self, length: int) -> bytes:
        out = b""
        while len(out) < length:
            self._value = hmac.digest(self._key, self._value, "sha256")
            out += self._value
        return out[:length]


def _nonces(q: int, x: int, value: bytes, random: bytes) -> Iterator[int]:
    """Yield the candidate nonces of RFC 6979, `random` as additional data (section 3.6)."""
    size = (q.bit_length() + 7) // 8
    excess = size * 8 - q.bit_length()
    h = int.from_bytes(value, "big") % q
    drbg = _Drbg(x.to_bytes(size, "big") + h.to_bytes(size, "big") + random)
    while True:
        k = int.from_bytes(drbg.bytes(size), "big") >> excess
        if 0 < k < q:
            yield k
        drbg.update(b"\0")


def sign(numbers: DsaNumbers, x: int, value: bytes, random: bytes, modexp: ModexpFunction) -> bytes:
    """Sign `value` (32 bytes, a number modulo q) and return r || s, each as long as q. Raises
    `ValueError` if the numbers allow no signature."""
    p, q, g, _ = numbers
    size = (q.bit_length() + 7) // 8
    for k in islice(_nonces(q, x, value, random), _SIGN_TRIES):
        r = modexp(g, k, p) % q
        s = pow(k, -1, q) * (int.from_bytes(value, "big") + x * r) % q
        if r and s:
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    raise ValueError("DSA numbers that cannot be used")


def verify(numbers: DsaNumbers, value: bytes, signature: bytes, modexp: ModexpFunction) -> bool:
    """Check r || s over `value`."""
    p, q, g, y = numbers
    size = (q.bit_length() + 7) // 8
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    if not (0 < r < q and 0 < s < q):
        return False
    if gcd(s, q) != 1:
        return False
    w = pow(s, -1, q)
    u1 = int.from_bytes(value, "big") * w % q
    return modexp(g, u1, p) * modexp(y, r * w % q, p) % p % q == r


def check(numbers: DsaNumbers, modexp: ModexpFunction) -> bool:
    """Whether a public key is sound: its sizes and the orders of its numbers."""
    p, q, g, y = numbers
    if (p.bit_length(), q.bit_length()) != SIZE or (p - 1) % q or p % 2 == 0 or q % 2 == 0:
        return False
    if not (2 <= g <= p - 2 and 2 <= y <= p - 2):
        return False
    return gcd(g - 1, p) == 1 and modexp(g, q, p) == 1 and modexp(y, q, p) == 1


def examine(p: int, q: int, secret: bytes, modexp: ModexpFunction) -> bool:
    """Whether p and q pass Miller-Rabin with bases that follow from them and `secret`."""
    if (p.bit_length(), q.bit_length()) != SIZE:
        return False
    raw = p.to_bytes(128, "big") + q.to_bytes(20, "big")
    expansion = _Expansion(hmac.digest(secret, raw, "sha256"))
    return _passes(q, _Q_ROUNDS, expansion, modexp) and _passes(p, _P_ROUNDS, expansion, modexp)


def check_private(numbers: DsaNumbers, x: int, modexp: ModexpFunction) -> None:
    """Raise `ValueError` unless x is the private exponent of the numbers."""
    p, q, g, y = numbers
    if (p.bit_length(), q.bit_length()) != SIZE or not 0 < x < q or modexp(g, x, p) != y:
        raise ValueError("these numbers are not a DSA private key")


def generate(seed: bytes, modexp: ModexpFunction) -> tuple[DsaNumbers, int]:
    """Make a 1024/160-bit key from 32 random bytes: (numbers, private exponent)."""
    drbg = _Drbg(seed)
    while True:
        q = int.from_bytes(drbg.bytes(20), "big") | 1 << 159 | 1
        if _is_prime(q, modexp):
            break
    p = _find_p(q, drbg, modexp)
    g, h = 1, 2
    while g == 1:
        g, h = modexp(h, (p - 1) // q, p), h + 1
    x = int.from_bytes(drbg.bytes(32), "big") % (q - 1) + 1
    return DsaNumbers(p, q, g, modexp(g, x, p)), x


def _find_p(q: int, drbg: _Drbg, modexp: ModexpFunction) -> int:
    while True:
        start = int.from_bytes(drbg.bytes(128), "big") | 1 << 1023
        start -= (start - 1) % (2 * q)
        for p in range(start, start + 8192 * q, 2 * q):
            if p.bit_length() == 1024 and _is_prime(p, modexp):
                return p


def _is_prime(n: int, modexp: ModexpFunction) -> bool:
    """Trial division, then Miller-Rabin with bases from a hash of n."""
    if any(n % prime == 0 for prime in _SMALL_PRIMES):
        return False
    seed = hashlib.sha256(n.to_bytes((n.bit_length() + 7) // 8, "big")).digest()
    return _passes(n, _OWN_ROUNDS, _Expansion(seed), modexp)


class _Expansion:
    """Bytes without end: HMAC-SHA256 of a counter under a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed, self._counter, self._left = seed, 0, b""

    def bytes(self, length: int) -> bytes:
        while len(self._left) < length:
            block = hmac.digest(self._seed, self._counter.to_bytes(4, "big"), "sha256")
            self._counter += 1
            self._left += block
        out, self._left = self._left[:length], self._left[length:]
        return out

    def base(self, n: int) -> int:
        """Return a number of 2 .. n-2 for Miller-Rabin."""
        size = (n.bit_length() + 63) // 64 * 8
        while not 2 <= (base := int.from_bytes(self.bytes(size), "big") % n) <= n - 2:
            pass
        return base


def _passes(n: int, rounds: int, expansion: _Expansion, modexp: ModexpFunction) -> bool:
    """Whether an odd n > 4 passes `rounds` rounds of Miller-Rabin."""
    if n % 2 == 0:
        return False
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    odd = (n - 1) >> twos
    for _ in range(rounds):
        a = modexp(expansion.base(n), odd, n)
        if a in (1, n - 1):
            continue
        for _ in range(twos - 1):
            a = a * a % n
            if a == n - 1:
                break
        else:
            return False
    return True
