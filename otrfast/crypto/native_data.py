"""The keys of a pair in the C core, and the way of data messages through it: one by one on the fast
lane, and many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from otrfast.crypto.core import call, check, ffi, lib, pointer, room, sized, taken
from otrfast.crypto.secret import Secret

_MAC_BYTES = lib.OTRF_MAC_BYTES
_EXTRA_KEY_BYTES = 32

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


def _new_buffer() -> Any:
    return ffi.gc(pointer(lib.otrf_buffer_new()), lib.otrf_buffer_free)


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
        return call(_MAC_BYTES, lib.otrf_data_keys_receive_mac, self._handle)

    def extra_key(self) -> bytes:
        return call(_EXTRA_KEY_BYTES, lib.otrf_data_keys_extra, self._handle)


def _refuse_seal(buffer: Any) -> None:
    """Raise why nothing was sealed."""
    status = lib.otrf_buffer_status(buffer)
    if status == lib.OTRF_ERR_COUNTER:
        raise OverflowError("all counters of these keys are used up")
    check(status)
