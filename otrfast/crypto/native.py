"""The native backend: `backend.Backend` on the C core, each secret in a handle that it wipes.

What is on the path of messages and key exchanges is the hand-written module's own (`_core`), called
without a frame of Python in between; what is rare (SMP, checking DSA numbers) goes through cffi
(`lib`). Nothing goes through both: csrc/python/core.h has the rule.
"""

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
    StateKey,
)
from otrfast.crypto.core import _core, check, description, failure, ffi, lib
from otrfast.crypto.group import P, element, number
from otrfast.crypto.secret import Secret

__all__ = ["NativeBackend", "description"]

_P_BYTES = lib.OTRF_DSA_P_BYTES
_Q_BYTES = lib.OTRF_DSA_Q_BYTES


def _sized(value: bytes, size: int) -> bytes:
    """Return `value`. Raises `ValueError` unless it has the `size` bytes that the core reads."""
    if len(value) != size:
        raise ValueError(f"{size} bytes expected, {len(value)} given")
    return value


_BYTES = ffi.typeof("uint8_t[]")
_ZEROS = bytes(ELEMENT_BYTES)


def _new_buffer() -> tuple[Any, Any]:
    out = ffi.new(_BYTES, ELEMENT_BYTES)
    return out, ffi.buffer(out)


# Buffers for elements that no call is using; a call takes one for itself, so that neither another
# thread nor a signal handler writes into it.
_idle = [_new_buffer() for _ in range(8)]
_take = _idle.pop
_give = _idle.append


def _element_of(function: Any, *arguments: Any) -> bytes:
    """Call a function whose first parameter is its output, an element; return this output.

    What the output was written into is wiped. A status other than OTRF_OK is raised.
    """
    try:
        pair = _take()
    except IndexError:
        pair = _new_buffer()
    out, view = pair
    status = function(out, *arguments)
    if status:
        check(status)
    result: bytes = view[:]
    view[:] = _ZEROS
    _give(pair)
    return result


class NativeExponent(Secret):
    """`backend.Exponent` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_exponent_free)

    def modexp_g(self) -> bytes:
        return _element_of(lib.otrf_exponent_modexp_g, self._handle)

    def modexp(self, base: bytes) -> bytes:
        return _element_of(lib.otrf_exponent_modexp, self._handle, _sized(base, ELEMENT_BYTES))

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        if not isinstance(secret, NativeExponent):
            raise TypeError("the exponents of one proof come from one backend")
        handles = self._handle, secret._handle
        challenge = _sized(challenge, lib.OTRF_CHALLENGE_BYTES)
        return _element_of(lib.otrf_exponent_response, *handles, challenge)


class NativeFixedBase(Secret):
    """`backend.FixedBase` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_fixed_base_free)

    def modexp(self, exponent: Exponent) -> bytes:
        if not isinstance(exponent, NativeExponent):
            raise TypeError("a base and its exponents come from one backend")
        return _element_of(lib.otrf_fixed_base_modexp, self._handle, exponent._handle)

    def double_modexp(self, exponent: bytes, other: bytes, other_exponent: bytes) -> bytes:
        first = exponent, len(exponent)
        second = _sized(other, ELEMENT_BYTES), other_exponent, len(other_exponent)
        return _element_of(lib.otrf_fixed_base_double_modexp_vartime, self._handle, *first, *second)


class NativeSigningKey(Secret):
    """`backend.SigningKey` in the core; `sign` is the core's own."""

    __slots__ = ("_key", "numbers", "sign")

    def __init__(self, key: _core.SigningKey) -> None:
        self._key = key
        self.sign: Callable[[bytes, bytes], bytes] = key.sign
        p, q, g, y, _ = map(number, key.numbers())
        self.numbers: DsaNumbers = DsaNumbers(p, q, g, y)

    def private_number(self) -> int:
        return number(self._key.numbers()[4])


@lru_cache(maxsize=1024)  # a key is used again and again, or checked and then used
def _dsa_arguments(*numbers: int) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Return p, q, g, y as the core takes them, big-endian without leading zeros; None unless all
    are above 0."""
    if min(numbers) <= 0:
        return None
    p, q, g, y = [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in numbers]
    return p, q, g, y


def _inverse(value: int) -> int:
    """Return 1/value mod p. Public values; `pow` takes ten times as long as gmpy2, which the core
    can do without."""
    try:
        from gmpy2 import invert
    except ImportError:
        return pow(value, -1, P)
    return int(invert(value, P))


class NativeBackend:
    """`backend.Backend` on the C core."""

    name = "native"

    sha1: staticmethod[[bytes], bytes] = staticmethod(_core.sha1)
    sha256: staticmethod[[bytes], bytes] = staticmethod(_core.sha256)
    hmac_sha1: staticmethod[[bytes, bytes], bytes] = staticmethod(_core.hmac_sha1)
    hmac_sha256: staticmethod[[bytes, bytes], bytes] = staticmethod(_core.hmac_sha256)
    aes_ctr: staticmethod[[bytes, bytes, bytes], bytes] = staticmethod(_core.aes_ctr)
    equal: staticmethod[[bytes, bytes], bool] = staticmethod(_core.equal)
    in_group: staticmethod[[bytes], bool] = staticmethod(_core.in_group)
    dh_keys: staticmethod[[Sequence[bytes]], list[DhKey]] = staticmethod(_core.dh_keys)
    agree_many: staticmethod[[Sequence[tuple[DhKey, bytes]]], list[SharedSecret | None]] = (
        staticmethod(_core.agree_many)
    )
    read_message: staticmethod[[bytes, dict[int, bytes]], tuple[int | bytes, ...] | None] = (
        staticmethod(_core.read_message)
    )
    write_message: staticmethod[[bytes, bytes, tuple[int | bytes, ...]], bytes] = staticmethod(
        _core.write_message
    )
    fields: staticmethod[[bytes, int, bytes], tuple[int | bytes, ...] | None] = staticmethod(
        _core.fields
    )
    state_key: staticmethod[[bytes], StateKey] = staticmethod(_core.state_key)
    data_message: staticmethod[[bytes, bytes], DataFields | None] = staticmethod(_core.data_message)

    def dh_key(self, exponent: bytes) -> DhKey:
        return _core.dh_keys([exponent])[0]

    def exponent(self, value: bytes) -> Exponent:
        if len(value) > SMP_EXPONENT_BYTES:
            raise ValueError(f"at most {SMP_EXPONENT_BYTES} bytes expected, {len(value)} given")
        handle = lib.otrf_exponent_new(value, len(value))
        if not handle:
            check(lib.OTRF_ERR_MEMORY)
        return NativeExponent(handle)

    def fixed_base(self, element: bytes) -> NativeFixedBase:
        out = ffi.new("otrf_fixed_base **")
        check(lib.otrf_fixed_base_new(out, _sized(element, ELEMENT_BYTES)))
        return NativeFixedBase(out[0])

    def double_modexp(
        self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes
    ) -> bytes:
        first = _sized(base1, ELEMENT_BYTES), exponent1, len(exponent1)
        second = _sized(base2, ELEMENT_BYTES), exponent2, len(exponent2)
        return _element_of(lib.otrf_double_modexp_vartime, *first, *second)

    def multiply(self, a: bytes, b: bytes) -> bytes:
        factors = _sized(a, ELEMENT_BYTES), _sized(b, ELEMENT_BYTES)
        return _element_of(lib.otrf_multiply, *factors)

    def divide(self, a: bytes, b: bytes) -> bytes:
        return self.multiply(a, element(_inverse(number(b))))

    def dsa_generate(self, seed: bytes) -> NativeSigningKey:
        return NativeSigningKey(_core.dsa_generate(seed))

    def dsa_key(self, numbers: DsaNumbers, x: int) -> NativeSigningKey:
        sizes = _P_BYTES, _Q_BYTES, _P_BYTES, _P_BYTES, _Q_BYTES
        try:
            full = [n.to_bytes(size, "big") for n, size in zip((*numbers, x), sizes, strict=True)]
        except OverflowError:
            raise failure(lib.OTRF_ERR_KEY) from None
        return NativeSigningKey(_core.dsa_key(*full))

    def dsa_verify(self, numbers: DsaNumbers, value: bytes, signature: bytes) -> bool:
        arguments = _dsa_arguments(numbers.p, numbers.q, numbers.g, numbers.y)
        return arguments is not None and _core.dsa_verify(*arguments, value, signature)

    def dsa_check(self, numbers: DsaNumbers) -> bool:
        arguments = _dsa_arguments(numbers.p, numbers.q, numbers.g, numbers.y)
        if arguments is None:
            return False
        flat = [part for value in arguments for part in (value, len(value))]
        return bool(lib.otrf_dsa_check_vartime(*flat))

    def dsa_examine(self, p: int, q: int, secret: bytes) -> bool:
        try:
            full = p.to_bytes(_P_BYTES, "big"), q.to_bytes(_Q_BYTES, "big")
        except OverflowError:
            return False
        return bool(lib.otrf_dsa_examine_vartime(*full, _sized(secret, lib.OTRF_SEED_BYTES)))
