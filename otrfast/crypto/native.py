"""The native backend: `backend.Backend` on the C core, each secret in a handle that it wipes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from otrfast.crypto.backend import (
    ELEMENT_BYTES,
    SMP_EXPONENT_BYTES,
    DataFields,
    DhKey,
    DsaNumbers,
    Exponent,
    SharedSecret,
)
from otrfast.crypto.core import (
    call,
    check,
    description,
    direct,
    failure,
    ffi,
    lib,
    pointer,
    sized,
)
from otrfast.crypto.group import P, element, number
from otrfast.crypto.secret import Secret

__all__ = ["NativeBackend", "description"]

_VALUE_BYTES = 32
_P_BYTES = lib.OTRF_DSA_P_BYTES
_Q_BYTES = lib.OTRF_DSA_Q_BYTES


class NativeExponent(Secret):
    """`backend.Exponent` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_exponent_free)

    def modexp_g(self) -> bytes:
        return call(ELEMENT_BYTES, lib.otrf_exponent_power_fixed, self._handle)

    def modexp(self, base: bytes) -> bytes:
        base = sized(base, ELEMENT_BYTES)
        return call(ELEMENT_BYTES, lib.otrf_exponent_power, self._handle, base)

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        if not isinstance(secret, NativeExponent):
            raise TypeError("the exponents of one proof come from one backend")
        handles = self._handle, secret._handle
        challenge = sized(challenge, _VALUE_BYTES)
        return call(ELEMENT_BYTES, lib.otrf_exponent_response, *handles, challenge)


class NativeFixedBase(Secret):
    """`backend.FixedBase` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_base_free)

    def modexp(self, exponent: Exponent) -> bytes:
        if not isinstance(exponent, NativeExponent):
            raise TypeError("a base and its exponents come from one backend")
        return call(ELEMENT_BYTES, lib.otrf_base_power, self._handle, exponent._handle)

    def double_modexp(self, exponent: bytes, other: bytes, other_exponent: bytes) -> bytes:
        first = exponent, len(exponent)
        second = sized(other, ELEMENT_BYTES), other_exponent, len(other_exponent)
        return call(ELEMENT_BYTES, lib.otrf_base_double_power, self._handle, *first, *second)


class NativeSigningKey(Secret):
    """`backend.SigningKey` in the core; `sign` is the core's own."""

    __slots__ = ("_key", "numbers", "sign")

    def __init__(self, key: Any) -> None:
        self._key = key
        self.sign: Callable[[bytes, bytes], bytes] = key.sign
        p, q, g, y, _ = map(number, key.numbers())
        self.numbers = DsaNumbers(p, q, g, y)

    def private_number(self) -> int:
        return number(self._key.numbers()[4])


@lru_cache(maxsize=1024)  # a key is used again and again, or checked and then used
def _dsa_arguments(numbers: DsaNumbers) -> list[bytes] | None:
    """Return p, q, g, y as the core takes them, big-endian without leading zeros; None unless all
    are above 0."""
    if min(numbers) <= 0:
        return None
    return [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in numbers]


class NativeBackend:
    """`backend.Backend` on the C core."""

    name = "native"
    dh_batch = 8  # side by side on IFMA; elsewhere one call, and one change of threads, for all

    # written by hand in csrc/binding/, and called without a frame of Python in between
    sha1: Callable[[bytes], bytes] = staticmethod(direct.sha1)
    sha256: Callable[[bytes], bytes] = staticmethod(direct.sha256)
    hmac_sha1: Callable[[bytes, bytes], bytes] = staticmethod(direct.hmac_sha1)
    hmac_sha256: Callable[[bytes, bytes], bytes] = staticmethod(direct.hmac_sha256)
    aes_ctr: Callable[[bytes, bytes, bytes], bytes] = staticmethod(direct.aes_ctr)
    equal: Callable[[bytes, bytes], bool] = staticmethod(direct.equal)
    in_group: Callable[[bytes], bool] = staticmethod(direct.in_group)
    dh_keys: Callable[[Sequence[bytes]], list[DhKey]] = staticmethod(direct.dh_keys)
    agree_many: Callable[[Sequence[tuple[DhKey, bytes]]], list[SharedSecret | None]] = staticmethod(
        direct.agree_many
    )

    encode_message: Callable[[bytes], bytes] = staticmethod(direct.encode_message)
    decode_message: Callable[[bytes], bytes | None] = staticmethod(direct.decode_message)
    fields: Callable[[bytes, int, bytes], tuple[Any, ...] | None] = staticmethod(direct.fields)
    data_message: Callable[[bytes, bytes], DataFields | None] = staticmethod(direct.data_message)

    def dh_key(self, exponent: bytes) -> DhKey:
        return self.dh_keys([exponent])[0]

    def exponent(self, value: bytes) -> Exponent:
        if len(value) > SMP_EXPONENT_BYTES:
            raise ValueError(f"an exponent of {len(value)} bytes")
        return NativeExponent(pointer(lib.otrf_exponent_new(value, len(value))))

    def fixed_base(self, element: bytes) -> NativeFixedBase:
        out = ffi.new("otrf_base **")
        check(lib.otrf_base_new(out, sized(element, ELEMENT_BYTES)))
        return NativeFixedBase(out[0])

    def double_modexp(
        self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes
    ) -> bytes:
        first = sized(base1, ELEMENT_BYTES), exponent1, len(exponent1)
        second = sized(base2, ELEMENT_BYTES), exponent2, len(exponent2)
        return call(ELEMENT_BYTES, lib.otrf_double_power, *first, *second)

    def multiply(self, a: bytes, b: bytes) -> bytes:
        factors = sized(a, ELEMENT_BYTES), sized(b, ELEMENT_BYTES)
        return call(ELEMENT_BYTES, lib.otrf_multiply, *factors)

    def divide(self, a: bytes, b: bytes) -> bytes:
        from gmpy2 import invert  # for SMP alone, which most programs never run

        return self.multiply(a, element(int(invert(number(b), P))))

    def dsa_generate(self, seed: bytes) -> NativeSigningKey:
        return NativeSigningKey(direct.dsa_generate(seed))

    def dsa_key(self, numbers: DsaNumbers, x: int) -> NativeSigningKey:
        sizes = _P_BYTES, _Q_BYTES, _P_BYTES, _P_BYTES, _Q_BYTES
        try:
            full = [n.to_bytes(size, "big") for n, size in zip((*numbers, x), sizes, strict=True)]
        except OverflowError:
            raise failure(lib.OTRF_ERR_KEY) from None
        return NativeSigningKey(direct.dsa_key(*full))

    def dsa_verify(self, numbers: DsaNumbers, value: bytes, signature: bytes) -> bool:
        arguments = _dsa_arguments(numbers)
        return arguments is not None and direct.dsa_verify(*arguments, value, signature)

    def dsa_check(self, numbers: DsaNumbers, primality: bool) -> bool:
        arguments = _dsa_arguments(numbers)
        return arguments is not None and direct.dsa_check(*arguments, primality)
