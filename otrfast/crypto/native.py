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
from otrfast.crypto.core import check, description, ffi, lib, room, sized, taken
from otrfast.crypto.group import P, element, number
from otrfast.crypto.secret import Secret

__all__ = ["NativeBackend", "description"]

_MAC_BYTES = 20
_VALUE_BYTES = 32
_P_BYTES = lib.OTRF_DSA_P_BYTES
_Q_BYTES = lib.OTRF_DSA_Q_BYTES

# The functions of the fast lane by names of their own: each attribute of `lib` costs a look-up.
_string = ffi.string
_seal = lib.otrf_seal
_seal_full = lib.otrf_seal_full
_open_line = lib.otrf_open_line

# Buffers that no call is using. A call takes one for itself, so that neither another thread nor a
# signal handler can write over a result before it is copied out.
_idle: list[Any] = []
_take = _idle.pop
_give = _idle.append


def _buffer() -> Any:
    """Take an idle buffer, or make one."""
    try:
        return _take()
    except IndexError:
        return ffi.gc(_pointer(lib.otrf_buffer_new()), lib.otrf_buffer_free)


def _pointer(pointer: Any) -> Any:
    """Return a pointer of the core. Raises `MemoryError` where it is NULL."""
    if not pointer:
        check(lib.OTRF_ERR_MEMORY)
    return pointer


class NativeDataKeys(Secret):
    """`backend.DataKeys` in the core."""

    __slots__ = ("_handle", "_head", "_prefix")

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_data_keys_free)
        self._head: bytes | None = None
        self._prefix: bytes | None = None

    @property
    def send_counter(self) -> int:
        counter: int = lib.otrf_data_keys_send_counter(self._handle)
        return counter

    @property
    def receive_counter(self) -> int:
        counter: int = lib.otrf_data_keys_receive_counter(self._handle)
        return counter

    @property
    def verified(self) -> bool:
        return bool(lib.otrf_data_keys_verified(self._handle))

    def _use_prefix(self, prefix: bytes) -> None:
        check(lib.otrf_data_keys_prefix(self._handle, prefix, len(prefix)))
        self._prefix = prefix

    def _use_head(self, head: bytes) -> None:
        check(lib.otrf_data_keys_head(self._handle, head, len(head)))
        self._head = head

    def seal(self, prefix: bytes, text: bytes, tlvs: bytes, revealed: bytes) -> bytes:
        if prefix != self._prefix:
            self._use_prefix(prefix)
        try:
            buffer = _take()
        except IndexError:
            buffer = _buffer()
        if tlvs or revealed:
            line = _seal_full(
                buffer, self._handle, text, len(text), tlvs, len(tlvs), revealed, len(revealed)
            )
        else:
            line = _seal(buffer, self._handle, text, len(text))
        if not line:
            _refuse_seal(buffer)
        sealed: bytes = _string(line)
        _give(buffer)
        return sealed

    def seal_many(self, prefix: bytes, texts: Sequence[bytes]) -> list[bytes]:
        if not texts:
            return []
        if prefix != self._prefix:
            self._use_prefix(prefix)
        joined = b"\0".join(texts)
        total = ffi.new("size_t *")
        buffer = _buffer()
        lines = lib.otrf_seal_many(buffer, total, self._handle, joined, len(joined), len(texts))
        if not lines:
            if lib.otrf_buffer_status(buffer) != lib.OTRF_ERR_SIZE:
                _refuse_seal(buffer)
            return [self.seal(prefix, text, b"", b"") for text in texts]
        sealed: bytes = ffi.unpack(lines, total[0])
        _give(buffer)
        return sealed.split(b"\n")

    def open(self, authenticated: bytes, counter: int, ciphertext: bytes, mac: bytes) -> bytes:
        plaintext = room(len(ciphertext))
        check(
            lib.otrf_open(
                plaintext,
                self._handle,
                authenticated,
                len(authenticated),
                counter,
                ciphertext,
                len(ciphertext),
                sized(mac, _MAC_BYTES),
            )
        )
        return taken(plaintext)

    def open_line(self, head: bytes, line: bytes) -> bytes | None:
        if head != self._head:
            self._use_head(head)
        try:
            buffer = _take()
        except IndexError:
            buffer = _buffer()
        found = _open_line(buffer, self._handle, line, len(line))
        text: bytes | None = _string(found) if found else None
        _give(buffer)
        return text

    def open_many(self, head: bytes, lines: Sequence[bytes]) -> list[bytes]:
        if head != self._head:
            self._use_head(head)
        joined = b"\n".join(lines)
        total = ffi.new("size_t *")
        buffer = _buffer()
        found = lib.otrf_open_many(buffer, total, self._handle, joined, len(joined), len(lines))
        texts: bytes = ffi.unpack(_pointer(found), total[0])
        _give(buffer)
        if texts:
            return texts.split(b"\0")
        return self._open_each(head, lines)

    def _open_each(self, head: bytes, lines: Sequence[bytes]) -> list[bytes]:
        """`open_many` one by one, for lines that can not be joined: one has a newline in it."""
        texts: list[bytes] = []
        for line in lines:
            text = self.open_line(head, line)
            if text is None:
                break
            texts.append(text)
        return texts

    def receive_mac_key(self) -> bytes:
        out = room(_MAC_BYTES)
        lib.otrf_data_keys_receive_mac(out, self._handle)
        return taken(out)

    def extra_key(self) -> bytes:
        out = room(32)
        lib.otrf_data_keys_extra(out, self._handle)
        return taken(out)


def _refuse_seal(buffer: Any) -> None:
    """Raise why nothing was sealed."""
    status = lib.otrf_buffer_status(buffer)
    if status == lib.OTRF_ERR_COUNTER:
        raise OverflowError("all counters of these keys are used up")
    check(status)


class NativeSharedSecret(Secret):
    """`backend.SharedSecret` in the core."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = ffi.gc(handle, lib.otrf_shared_free)

    def ake_keys(self) -> AkeKeys:
        out = room(lib.OTRF_AKE_BYTES)
        lib.otrf_shared_ake(out, self._handle)
        keys = taken(out)
        return AkeKeys(
            ssid=keys[:8],
            c=keys[8:24],
            c_prime=keys[24:40],
            m1=keys[40:72],
            m2=keys[72:104],
            m1_prime=keys[104:136],
            m2_prime=keys[136:168],
        )

    def data_keys(self, high: bool) -> NativeDataKeys:
        return NativeDataKeys(_pointer(lib.otrf_data_keys_new(self._handle, high)))


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
        out = room(ELEMENT_BYTES)
        check(lib.otrf_exponent_power_fixed(out, self._handle))
        return bytes(ffi.buffer(out))

    def power(self, base: bytes) -> bytes:
        out = room(ELEMENT_BYTES)
        check(lib.otrf_exponent_power(out, self._handle, sized(base, ELEMENT_BYTES)))
        return bytes(ffi.buffer(out))

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        if not isinstance(secret, NativeExponent):
            raise TypeError("the exponents of one proof come from one backend")
        out = room(ELEMENT_BYTES)
        challenge = sized(challenge, _VALUE_BYTES)
        check(lib.otrf_exponent_response(out, self._handle, secret._handle, challenge))
        return bytes(ffi.buffer(out))


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
        out = room(lib.OTRF_SIGNATURE_BYTES)
        value, random = sized(value, _VALUE_BYTES), sized(random, _VALUE_BYTES)
        check(lib.otrf_dsa_sign(out, self._handle, value, random))
        return bytes(ffi.buffer(out))

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

    def sha1(self, data: bytes) -> bytes:
        out = room(20)
        lib.otrf_sha1(out, data, len(data))
        return bytes(ffi.buffer(out))

    def sha256(self, data: bytes) -> bytes:
        out = room(32)
        lib.otrf_sha256(out, data, len(data))
        return bytes(ffi.buffer(out))

    def hmac_sha1(self, key: bytes, data: bytes) -> bytes:
        out = room(20)
        lib.otrf_hmac_sha1(out, key, len(key), data, len(data))
        return bytes(ffi.buffer(out))

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        out = room(32)
        lib.otrf_hmac_sha256(out, key, len(key), data, len(data))
        return bytes(ffi.buffer(out))

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
        return NativeExponent(_pointer(lib.otrf_exponent_new(value, len(value))))

    def double_power(self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes) -> bytes:
        out = room(ELEMENT_BYTES)
        base1, base2 = sized(base1, ELEMENT_BYTES), sized(base2, ELEMENT_BYTES)
        check(
            lib.otrf_double_power(
                out, base1, exponent1, len(exponent1), base2, exponent2, len(exponent2)
            )
        )
        return bytes(ffi.buffer(out))

    def multiply(self, a: bytes, b: bytes) -> bytes:
        out = room(ELEMENT_BYTES)
        check(lib.otrf_multiply(out, sized(a, ELEMENT_BYTES), sized(b, ELEMENT_BYTES)))
        return taken(out)

    def divide(self, a: bytes, b: bytes) -> bytes:
        return self.multiply(a, element(pow(number(b), -1, P)))

    def dsa_generate(self, seed: bytes) -> NativeSigningKey:
        return NativeSigningKey(_pointer(lib.otrf_dsa_generate(sized(seed, 32))))

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
