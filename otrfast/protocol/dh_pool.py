"""D-H key pairs made ahead of their use."""

from __future__ import annotations

from collections.abc import Callable

from otrfast.crypto.backend import DH_EXPONENT_BYTES, Backend, DhKey
from otrfast.crypto.secret import Secret


class DhKeyPool(Secret):
    """D-H key pairs made `batch` at a time, since the processor may make eight for the price of
    three."""

    __slots__ = ("_backend", "_keys", "_random", "batch")

    def __init__(self, backend: Backend, random: Callable[[int], bytes], batch: int) -> None:
        self._backend = backend
        self._random = random
        self._keys: list[DhKey] = []
        self.batch: int = batch

    def take(self) -> DhKey:
        """Return a fresh key pair: nobody else ever gets it."""
        if self.batch == 1 and not self._keys:
            return self._backend.dh_key(self._random(DH_EXPONENT_BYTES))
        while not self._keys:
            self.fill(self.batch)
        try:
            return self._keys.pop()
        except IndexError:  # another thread was faster
            return self.take()

    def fill(self, count: int) -> None:
        """Make keys until `count` are there: idle time is well spent here."""
        missing = count - len(self._keys)
        if missing > 0:
            self._keys += self._backend.dh_keys(
                [self._random(DH_EXPONENT_BYTES) for _ in range(missing)]
            )

    def clear(self) -> None:
        """Wipe the keys that nobody has taken."""
        self._keys.clear()

    def __len__(self) -> int:
        return len(self._keys)
