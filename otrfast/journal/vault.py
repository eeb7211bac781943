"""What the rows of a store are sealed with: the data keys, by the number of their generation, and
the key of the names."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from threading import Lock
from typing import Final

from otrfast.crypto.backend import Backend, StateKey, StatePart
from otrfast.crypto.secret import Secret
from otrfast.errors import StateDamaged
from otrfast.journal.errors import StoreDamaged
from otrfast.journal.keys import Random, WrappingKey

NAME_BYTES: Final = 16
STORE_ID_BYTES: Final = 16
_DATA_KEY_BYTES = 32
_ASSOCIATED_STATE = b"otrfast state\1"
_ASSOCIATED_ROW = b"otrfast row\1"


def name_bytes(name: str) -> bytes:
    """Return the bytes of any name; no two names have the same."""
    return name.encode("utf-8", "surrogatepass")


def name_of(data: bytes) -> str:
    """Return the name of these bytes. Raises `StoreDamaged`."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise StoreDamaged("the store holds a name that is none") from None


def prefixed(part: bytes) -> bytes:
    """Return a part with its length before it, 4 bytes."""
    return len(part).to_bytes(4, "big") + part


class SharedKey(Secret):
    """A `StateKey` that threads may share: the engine seals in one, the store in another, and the
    nonce is a counter."""

    __slots__ = ("_key", "_lock")

    def __init__(self, key: StateKey) -> None:
        self._key = key
        self._lock = Lock()

    def seal(self, associated: bytes, parts: Sequence[StatePart], /) -> bytes:
        with self._lock:
            return self._key.seal(associated, parts)

    def open(self, associated: bytes, sealed: bytes, /) -> list[StatePart]:
        return self._key.open(associated, sealed)


class Vault(Secret):
    """The unlocked keys of a store; `current` is the generation that seals."""

    __slots__ = ("_backend", "_generations", "_names", "_random", "_wrapping", "current", "store")

    def __init__(
        self,
        store: bytes,
        wrapping: WrappingKey,
        names: bytes,
        backend: Backend,
        random: Random,
    ) -> None:
        """`store` is the identifier of the store (16 bytes), `names` its key of names (32)."""
        self.store: bytes = store
        self.current: int = 0  # until `start`: a key that has sealed before must not again
        self._wrapping = wrapping
        self._names = names
        self._backend = backend
        self._random = random
        self._generations: dict[int, SharedKey] = {}

    def name(self, peer: str) -> bytes:
        """Return what stands for a peer in a key: the first 16 bytes of an HMAC of its name."""
        return hmac.digest(self._names, name_bytes(peer), "sha256")[:NAME_BYTES]

    def wrapped_names(self) -> bytes:
        """Return the key of the names, wrapped."""
        return self._wrapping.wrap(purpose_of_names(self.store), self._names, self._random)

    def start(self, generation: int) -> bytes:
        """Make the data key of a new generation and seal with it from now on; return it wrapped."""
        data_key = self._random(_DATA_KEY_BYTES)
        self._generations[generation] = SharedKey(self._backend.state_key(data_key))
        self.current = generation
        return self._wrapping.wrap(self._purpose(generation), data_key, self._random)

    def add(self, generation: int, wrapped: bytes) -> None:
        """Unlock an older generation. Raises `WrongKey`."""
        data_key = self._wrapping.unwrap(self._purpose(generation), wrapped)
        self._generations[generation] = SharedKey(self._backend.state_key(data_key))

    def drop(self, generations: Sequence[int]) -> None:
        """Forget older generations."""
        for generation in generations:
            self._generations.pop(generation, None)

    def _purpose(self, generation: int) -> bytes:
        return b"data" + self.store + generation.to_bytes(8, "big")

    def key(self, number: int) -> StateKey:
        """Return the key of a generation. Raises `StoreDamaged` if the store has none for it."""
        found = self._generations.get(number)
        if found is None:
            raise StoreDamaged(f"the store holds no key for what it sealed in opening {number}")
        return found

    def seal(self, place: bytes, *parts: bytes) -> bytes:
        """Seal a row of the store's own under the current generation; `place` says where it is."""
        return self.key(self.current).seal(self._row(place, self.current), parts)

    def open(self, place: bytes, generation: int, sealed: bytes) -> list[bytes]:
        """Return the parts of a row. Raises `StoreDamaged`."""
        key = self.key(generation)
        try:
            parts = key.open(self._row(place, generation), sealed)
        except StateDamaged:
            raise StoreDamaged(f"a row of {_shown(place)} in the store is damaged") from None
        return [part for part in parts if isinstance(part, bytes)]

    def _row(self, place: bytes, generation: int) -> bytes:
        return _ASSOCIATED_ROW + self.store + generation.to_bytes(8, "big") + place

    def associated(self, owner: bytes, peer: str, generation: int, version: int) -> bytes:
        """Return what a conversation is sealed together with: the format, the store (16 bytes),
        generation and version (8 each), then owner and peer, each after its length (4)."""
        numbers = generation.to_bytes(8, "big") + version.to_bytes(8, "big")
        names = prefixed(owner) + prefixed(name_bytes(peer))
        return _ASSOCIATED_STATE + self.store + numbers + names


def purpose_of_names(store: bytes) -> bytes:
    """Return what the key of the names is wrapped together with."""
    return b"names" + store


def _shown(place: bytes) -> str:
    return place.partition(b"\0")[0].decode()
