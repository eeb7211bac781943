"""The pure backend: Python's `pow()`, hashlib, hmac and pycryptodome's AES; with `gmpy2.powmod`
the `gmpy2` one.

It is the honest baseline that the C core is measured against and checked against. What it
cannot do is keep secrets in constant time or wipe them: Python's integers are immutable and its
`pow()` leaks.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from otrfast.crypto import dsa_numbers
from otrfast.crypto.backend import (
    DataFields,
    DhKey,
    DsaNumbers,
    Exponent,
    SharedSecret,
    StateKey,
)
from otrfast.crypto.group import P, element, number
from otrfast.crypto.pure_handles import (
    ModexpFunction,
    PureDhKey,
    PureExponent,
    PureFixedBase,
    PureSigningKey,
    aes_ctr,
    data_fields,
    in_group,
    sha1,
    sha256,
)
from otrfast.crypto.pure_state import PureStateKey
from otrfast.errors import BackendUnavailable


class PureBackend:
    """`backend.Backend` on a function like `pow` of three integers."""

    def __init__(self, name: str, modexp: ModexpFunction) -> None:
        self.name = name
        self._modexp = modexp

    def sha1(self, data: bytes) -> bytes:
        return sha1(data)

    def sha256(self, data: bytes) -> bytes:
        return sha256(data)

    def hmac_sha1(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sha1")

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sha256")

    def aes_ctr(self, key: bytes, counter: bytes, data: bytes) -> bytes:
        return aes_ctr(key, counter, data)

    def equal(self, a: bytes, b: bytes) -> bool:
        return hmac.compare_digest(a, b)

    def dh_key(self, exponent: bytes) -> DhKey:
        return PureDhKey(number(exponent), self._modexp)

    def dh_keys(self, exponents: Sequence[bytes]) -> list[DhKey]:
        return [self.dh_key(exponent) for exponent in exponents]

    def agree_many(self, pairs: Sequence[tuple[DhKey, bytes]]) -> list[SharedSecret | None]:
        return [key.agree(public) if self.in_group(public) else None for key, public in pairs]

    def in_group(self, element: bytes) -> bool:
        return in_group(number(element))

    def read_message(self, line: bytes, layouts: dict[int, bytes]) -> None:
        return None

    def write_message(self, head: bytes, layout: bytes, values: tuple[Any, ...]) -> None:
        return None

    def state_key(self, data_key: bytes) -> StateKey:
        return PureStateKey(data_key, self._modexp)

    def fields(self, raw: bytes, at: int, layout: bytes) -> None:
        return None

    def data_message(self, header: bytes, line: bytes) -> DataFields | None:
        return data_fields(header, line)

    def exponent(self, value: bytes) -> Exponent:
        return PureExponent(number(value), self._modexp)

    def fixed_base(self, element: bytes) -> PureFixedBase:
        return PureFixedBase(number(element), self._modexp)

    def double_modexp(
        self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes
    ) -> bytes:
        first = self._modexp(number(base1), number(exponent1), P)
        second = self._modexp(number(base2), number(exponent2), P)
        return element(first * second % P)

    def multiply(self, a: bytes, b: bytes) -> bytes:
        return element(number(a) * number(b) % P)

    def divide(self, a: bytes, b: bytes) -> bytes:
        return element(number(a) * pow(number(b), -1, P) % P)

    def dsa_generate(self, seed: bytes) -> PureSigningKey:
        numbers, x = dsa_numbers.generate(seed, self._modexp)
        return PureSigningKey(numbers, x, self._modexp)

    def dsa_key(self, numbers: DsaNumbers, x: int) -> PureSigningKey:
        dsa_numbers.check_private(numbers, x, self._modexp)
        return PureSigningKey(numbers, x, self._modexp)

    def dsa_verify(self, numbers: DsaNumbers, value: bytes, signature: bytes) -> bool:
        return dsa_numbers.verify(numbers, value, signature, self._modexp)

    def dsa_check(self, numbers: DsaNumbers) -> bool:
        return dsa_numbers.check(numbers, self._modexp)

    def dsa_examine(self, p: int, q: int, secret: bytes) -> bool:
        return dsa_numbers.examine(p, q, secret, self._modexp)


def pure_backend(name: str) -> PureBackend:
    """Return the backend `pure` or `gmpy2`. Raises `BackendUnavailable` for any other name."""
    if name == "pure":
        return PureBackend(name, pow)
    if name == "gmpy2":
        from gmpy2 import powmod

        return PureBackend(
            name, lambda base, exponent, modulus: int(powmod(base, exponent, modulus))
        )
    raise BackendUnavailable(f"no backend is called {name!r}: choose native, gmpy2 or pure")
