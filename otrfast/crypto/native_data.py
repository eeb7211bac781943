"""The keys of a pair in the C core: `backend.DataKeys`, in the extension's hand-written half."""

from __future__ import annotations

from typing import Any

from otrfast.crypto.core import failure, ffi, lane, pointer
from otrfast.crypto.secret import Secret


class NativeDataKeys(lane.DataKeys, Secret):  # type: ignore[misc]
    """`backend.DataKeys` in the core.

    All but `open` is in csrc/binding/lane_module.c. The base class owns the keys and wipes them.
    """

    __slots__ = ()

    def open(self, authenticated: bytes, counter: int, ciphertext: bytes, mac: bytes) -> bytes:
        opened: bytes | int = self.open_parsed(authenticated, counter, ciphertext, mac)
        if isinstance(opened, int):
            raise failure(opened)
        return opened


def adopt(made: Any) -> NativeDataKeys:
    """Take over data keys that the core made."""
    return NativeDataKeys(int(ffi.cast("uintptr_t", pointer(made))))
