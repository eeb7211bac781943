"""The native backend: `backend.Backend` on the C core, each secret in a handle that it wipes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

# A batch goes to the core in chunks of so many messages, or of so many bytes; but not of fewer
# messages than the core can hash at a time.
_CHUNK = 128
_CHUNK_BYTES = 64 << 10
_LANES = 16

# Up to this length, splitting texts at zero bytes is faster than cutting them out one by one.
_SHORT = 200

# The functions of the fast lane by names of their own: each attribute of `lib` costs a look-up.
_string = ffi.string
_seal = lib.otrf_seal
_seal_full = lib.otrf_seal_full
_open_line = lib.otrf_open_line


def _pointer(pointer: Any) -> Any:
    """Return a pointer of the core. Raises `MemoryError` where it is NULL."""
    if not pointer:
        check(lib.OTRF_ERR_MEMORY)
    return pointer


def _new_buffer() -> Any:
    return ffi.gc(_pointer(lib.otrf_buffer_new()), lib.otrf_buffer_free)


# Buffers that no call is using. A call takes one for itself, so that neither another thread nor a
# signal handler can write over a result before it is copied out. There are some to begin with: a
# list that never runs empty is not reallocated.
_idle: list[Any] = [_new_buffer() for _ in range(8)]
_take = _idle.pop
_give = _idle.append


def _buffer() -> Any:
    """Take an idle buffer, or make one."""
    try:
        return _take()
    except IndexError:
        return _new_buffer()


def _cut_lines(buffer: Any, ends: Any, count: int) -> list[bytes]:
    """Return the lines that `otrf_seal_many` has left in a buffer."""
    stops = ffi.unpack(ends, count)
    lines = ffi.buffer(lib.otrf_buffer_data(buffer), stops[-1])
    return [lines[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _cut_texts(buffer: Any, ends: Any, count: int) -> list[bytes]:
    """Return the texts that `otrf_open_many` has left in a buffer."""
    total = ends[count - 1]
    texts = ffi.buffer(lib.otrf_buffer_data(buffer), total)
    if total < _SHORT * count:
        split: list[bytes] = texts[:].split(b"\0")
        return split
    stops = ffi.unpack(ends, count)
    starts = [0, *[stop + 1 for stop in stops]]
    return [texts[start:stop] for start, stop in zip(starts, stops, strict=False)]


def _chunks(parts: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut a batch into pieces that the core handles within the processor's cache."""
    step = _CHUNK
    if parts:
        longer = max(len(parts[0]), len(parts[-1])) + 1
        step = max(min(_CHUNK, _CHUNK_BYTES // longer), _LANES)
    return (parts[at : at + step] for at in range(0, len(parts), step))


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
        if prefix != self._prefix:
            check(lib.otrf_data_keys_prefix(self._handle, prefix, len(prefix)))
        self._prefix = prefix

    def _use_head(self, head: bytes) -> None:
        if head != self._head:
            check(lib.otrf_data_keys_head(self._handle, head, len(head)))
        self._head = head

    def seal(self, prefix: bytes, text: bytes, tlvs: bytes, revealed: bytes) -> bytes:
        if prefix is not self._prefix:
            self._use_prefix(prefix)
        try:
            buffer = _take()
        except IndexError:
            buffer = _new_buffer()
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
        if prefix is not self._prefix:
            self._use_prefix(prefix)
        lines: list[bytes] = []
        for chunk in _chunks(texts):
            lines += self._seal_chunk(prefix, chunk)
        return lines

    def _seal_chunk(self, prefix: bytes, texts: Sequence[bytes]) -> list[bytes]:
        joined = b"\0".join(texts)
        ends = ffi.new("size_t[]", len(texts))
        buffer = _buffer()
        if not lib.otrf_seal_many(buffer, ends, self._handle, joined, len(joined), len(texts)):
            if lib.otrf_buffer_status(buffer) != lib.OTRF_ERR_SIZE:
                _refuse_seal(buffer)
            # a text has a zero byte in it: alone it is carried all the same
            return [self.seal(prefix, text, b"", b"") for text in texts]
        lines = _cut_lines(buffer, ends, len(texts))
        _give(buffer)
        return lines

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
        if head is not self._head:
            self._use_head(head)
        try:
            buffer = _take()
        except IndexError:
            buffer = _new_buffer()
        found = _open_line(buffer, self._handle, line, len(line))
        text: bytes | None = _string(found) if found else None
        _give(buffer)
        return text

    def open_many(self, head: bytes, lines: Sequence[bytes]) -> list[bytes]:
        if head is not self._head:
            self._use_head(head)
        texts: list[bytes] = []
        for chunk in _chunks(lines):
            opened = self._open_chunk(chunk)
            texts += opened
            if len(opened) < len(chunk):
                break
        return texts

    def _open_chunk(self, lines: Sequence[bytes]) -> list[bytes]:
        joined = b"\n".join(lines)
        ends = ffi.new("size_t[]", len(lines))
        buffer = _buffer()
        opened = lib.otrf_open_many(buffer, ends, self._handle, joined, len(joined), len(lines))
        texts = _cut_texts(buffer, ends, opened) if opened else self._open_each(lines)
        _give(buffer)
        return texts

    def _open_each(self, lines: Sequence[bytes]) -> list[bytes]:
        """Open one by one what can not be joined: a line has a newline in it."""
        texts: list[bytes] = []
        for line in lines:
            text = self.open_line(self._head or b"", line)
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
        return taken(out)

    def sha256(self, data: bytes) -> bytes:
        out = room(32)
        lib.otrf_sha256(out, data, len(data))
        return taken(out)

    def hmac_sha1(self, key: bytes, data: bytes) -> bytes:
        out = room(20)
        lib.otrf_hmac_sha1(out, key, len(key), data, len(data))
        return taken(out)

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        out = room(32)
        lib.otrf_hmac_sha256(out, key, len(key), data, len(data))
        return taken(out)

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
