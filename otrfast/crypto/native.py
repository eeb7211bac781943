"""The native backend: `backend.Backend` on the C core, each secret in a handle that it wipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otrfast.crypto.backend import (
    DH_EXPONENT_BYTES,
    ELEMENT_BYTES,
    SMP_EXPONENT_BYTES,
    AkeKeys,
    DhKey,
    DsaNumbers,
    Exponent,
    SharedSecret,
)
from otrfast.crypto.core import (
    LANES,
    call,
    check,
    description,
    ffi,
    level,
    lib,
    pointer,
    room,
    sized,
    taken,
)
from otrfast.crypto.group import P, element, number
from otrfast.crypto.native_data import NativeDataKeys, adopt
from otrfast.crypto.secret import Secret

__all__ = ["NativeBackend", "description"]

_VALUE_BYTES = 32
_P_BYTES = lib.OTRF_DSA_P_BYTES
_Q_BYTES = lib.OTRF_DSA_Q_BYTES

# Where the keys of an AKE stand in what the core derives, in the order of `AkeKeys`.
_AKE_CUTS = (0, 8), (8, 24), (24, 40), (40, 72), (72, 104), (104, 136), (136, 168)


class NativeSharedSecret(Secret):
    """`backend.SharedSecret` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_shared_free)

    def ake_keys(self) -> AkeKeys:
        keys = call(lib.OTRF_AKE_BYTES, lib.otrf_shared_ake, self._handle)
        return AkeKeys._make([keys[start:stop] for start, stop in _AKE_CUTS])

    def data_keys(self, high: bool) -> NativeDataKeys:
        return adopt(lib.otrf_data_keys_new(self._handle, high))


class NativeDhKey(Secret):
    """`backend.DhKey` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_dh_free)

    @property
    def public(self) -> bytes:
        return bytes(ffi.buffer(lib.otrf_dh_public(self._handle), ELEMENT_BYTES))

    def agree(self, public: bytes) -> NativeSharedSecret:
        out = ffi.new("otrf_shared **")
        check(lib.otrf_dh_agree(out, self._handle, sized(public, ELEMENT_BYTES)))
        return NativeSharedSecret(out[0])


class NativeExponent(Secret):
    """`backend.Exponent` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_exponent_free)

    def power_g(self) -> bytes:
        return call(ELEMENT_BYTES, lib.otrf_exponent_power_fixed, self._handle)

    def power(self, base: bytes) -> bytes:
        base = sized(base, ELEMENT_BYTES)
        return call(ELEMENT_BYTES, lib.otrf_exponent_power, self._handle, base)

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        if not isinstance(secret, NativeExponent):
            raise TypeError("the exponents of one proof come from one backend")
        handles = self._handle, secret._handle
        challenge = sized(challenge, _VALUE_BYTES)
        return call(ELEMENT_BYTES, lib.otrf_exponent_response, *handles, challenge)


class NativeSigningKey(Secret):
    """`backend.SigningKey` in the core."""

    __slots__ = ("_handle", "numbers")

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_dsa_free)
        p, q, g, y, _ = self._export()
        self.numbers = DsaNumbers(p, q, g, y)

    def _export(self) -> list[int]:
        """Return p, q, g, y, x."""
        out = [room(size) for size in (_P_BYTES, _Q_BYTES, _P_BYTES, _P_BYTES, _Q_BYTES)]
        lib.otrf_dsa_export(*out, self._handle)
        return [number(taken(value)) for value in out]

    def sign(self, value: bytes, random: bytes) -> bytes:
        value, random = sized(value, _VALUE_BYTES), sized(random, _VALUE_BYTES)
        return call(lib.OTRF_SIGNATURE_BYTES, lib.otrf_dsa_sign, self._handle, value, random)

    def private_number(self) -> int:
        return self._export()[4]


def _number_bytes(value: int) -> bytes:
    """Return a number big-endian without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _dsa_arguments(numbers: DsaNumbers) -> list[Any] | None:
    """Return p, q, g, y as the core takes them, with their lengths; None unless all are above 0."""
    if min(numbers) <= 0:
        return None
    arguments: list[Any] = []
    for value in numbers:
        data = _number_bytes(value)
        arguments += [data, len(data)]
    return arguments


class NativeBackend:
    """`backend.Backend` on the C core."""

    name = "native"
    lanes = LANES if level == "ifma" else 1

    def sha1(self, data: bytes) -> bytes:
        return call(20, lib.otrf_sha1, data, len(data))

    def sha256(self, data: bytes) -> bytes:
        return call(32, lib.otrf_sha256, data, len(data))

    def hmac_sha1(self, key: bytes, data: bytes) -> bytes:
        return call(20, lib.otrf_hmac_sha1, key, len(key), data, len(data))

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        return call(32, lib.otrf_hmac_sha256, key, len(key), data, len(data))

    def aes_ctr(self, key: bytes, counter: bytes, data: bytes) -> bytes:
        out = room(len(data))
        lib.otrf_aes_ctr(out, sized(key, 16), sized(counter, 16), data, len(data))
        return taken(out)

    def equal(self, a: bytes, b: bytes) -> bool:
        return len(a) == len(b) and bool(lib.otrf_equal(a, b, len(a)))

    def dh_key(self, exponent: bytes) -> NativeDhKey:
        out = ffi.new("otrf_dh_key **")
        check(lib.otrf_dh_new(out, sized(exponent, DH_EXPONENT_BYTES)))
        return NativeDhKey(out[0])

    def dh_keys(self, exponents: Sequence[bytes]) -> list[DhKey]:
        joined = b"".join([sized(exponent, DH_EXPONENT_BYTES) for exponent in exponents])
        out = ffi.new("otrf_dh_key *[]", len(exponents))
        check(lib.otrf_dh_new_many(out, joined, len(exponents)))
        return [NativeDhKey(handle) for handle in out]

    def agree_many(self, pairs: Sequence[tuple[DhKey, bytes]]) -> list[SharedSecret | None]:
        keys = []
        for key, _ in pairs:
            if not isinstance(key, NativeDhKey):
                raise TypeError("the D-H keys come from this backend")
            keys.append(key._handle)
        publics = b"".join([sized(public, ELEMENT_BYTES) for _, public in pairs])
        out = ffi.new("otrf_shared *[]", len(keys))
        check(lib.otrf_dh_agree_many(out, ffi.new("otrf_dh_key *[]", keys), publics, len(keys)))
        return [NativeSharedSecret(handle) if handle else None for handle in out]

    def in_group(self, element: bytes) -> bool:
        return bool(lib.otrf_in_group(sized(element, ELEMENT_BYTES)))

    def exponent(self, value: bytes) -> Exponent:
        if len(value) > SMP_EXPONENT_BYTES:
            raise ValueError(f"an exponent of {len(value)} bytes")
        return NativeExponent(pointer(lib.otrf_exponent_new(value, len(value))))

    def double_power(self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes) -> bytes:
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
        return NativeSigningKey(pointer(lib.otrf_dsa_generate(sized(seed, 32))))

    def dsa_key(self, numbers: DsaNumbers, x: int) -> NativeSigningKey:
        p, q, g, y = numbers
        try:
            handle = lib.otrf_dsa_new(
                p.to_bytes(_P_BYTES, "big"),
                q.to_bytes(_Q_BYTES, "big"),
                g.to_bytes(_P_BYTES, "big"),
                y.to_bytes(_P_BYTES, "big"),
                x.to_bytes(_Q_BYTES, "big"),
            )
        except OverflowError:
            handle = None
        if not handle:
            check(lib.OTRF_ERR_KEY)
        return NativeSigningKey(handle)

    def dsa_verify(self, numbers: DsaNumbers, value: bytes, signature: bytes) -> bool:
        arguments = _dsa_arguments(numbers)
        if arguments is None or len(signature) != lib.OTRF_SIGNATURE_BYTES:
            return False
        return bool(lib.otrf_dsa_verify(*arguments, sized(value, _VALUE_BYTES), signature))

    def dsa_check(self, numbers: DsaNumbers, primality: bool) -> bool:
        arguments = _dsa_arguments(numbers)
        return arguments is not None and bool(lib.otrf_dsa_check(*arguments, primality))
