"""A read-only view of a dict that another thread may change while it is iterated over."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class View(Mapping[K, V]):
    """Look-ups are live; an iteration goes over what was there when it began."""

    __slots__ = ("_items",)

    def __init__(self, items: dict[K, V]) -> None:
        self._items = items

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: V | D | None = None) -> V | D | None:
        return self._items.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[K]:
        return iter(self._items.copy())

    def keys(self) -> KeysView[K]:
        return self._items.copy().keys()

    def values(self) -> ValuesView[V]:
        return self._items.copy().values()

    def items(self) -> ItemsView[K, V]:
        return self._items.copy().items()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"
