"""Records: classes whose instances hold named values and never change.

What `dataclasses.dataclass(frozen=True, slots=True)` makes, at a tenth of its cost when a module
is loaded and about half of it for each instance: all records share their methods, and those with
equally many fields the code of `__init__`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import FunctionType
from typing import Any, ClassVar, Final, NoReturn, TypeVar, dataclass_transform, get_origin

R = TypeVar("R")

_MISSING: Final[Any] = object()


class Field:
    """What `field` says of one field of a record; its name and annotation are set by `record`."""

    __slots__ = ("compare", "default", "default_factory", "name", "repr", "type")

    def __init__(self, default: Any, default_factory: Any, shown: bool, compare: bool) -> None:
        self.name: str = ""
        self.type: Any = None
        self.default: Any = default
        self.default_factory: Any = default_factory
        self.repr: bool = shown
        self.compare: bool = compare


def field(
    *,
    default: Any = _MISSING,
    default_factory: Any = _MISSING,
    repr: bool = True,  # noqa: A002  dataclasses.field's name for it
    compare: bool = True,
) -> Any:
    """Say more of a field than its annotation does: its default, or a function that makes one
    for each instance, whether `repr` shows it, whether it counts in comparison and hash."""
    return Field(default, default_factory, repr, compare)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(plain: type[R]) -> type[R]:
    """Make a class a record: its annotations are its fields, after those of the record that it
    is derived from.

    Instances are compared by class and values, hashed, shown, copied and pickled by their values
    and matched by position; their attributes can not be set or deleted. `__post_init__` is
    called where there is one, and a method that the class writes itself stays. To the functions
    of `dataclasses` records are dataclasses.
    """
    namespace = {**_SHARED, **vars(plain)}
    own = []
    for name, annotation in plain.__annotations__.items():
        if not _is_class_variable(annotation):
            value = namespace.pop(name, _MISSING)
            each = value if isinstance(value, Field) else Field(value, _MISSING, True, True)
            each.name, each.type = name, annotation
            own.append(each)
    fields = [*getattr(plain, "__record__", ()), *own]
    names = tuple([each.name for each in fields])
    namespace["__record__"] = tuple(fields)
    namespace["__compared__"] = attrgetter(
        "__class__", *[each.name for each in fields if each.compare]
    )
    namespace["__match_args__"] = names
    namespace["__slots__"] = tuple([each.name for each in own])
    namespace.pop("__dict__", None)  # made anew, or not at all, by what `__slots__` says
    namespace.pop("__weakref__", None)
    metaclass: Any = type(plain)
    made = metaclass(plain.__name__, plain.__bases__, namespace)
    result: type[R] = made
    make = _initialiser(len(fields), hasattr(made, "__post_init__"))
    shared = make(*[_setter(made, each) for each in fields])
    code = shared.__code__.replace(co_varnames=("self", *names))
    around = getattr(sys.modules.get(made.__module__), "__dict__", {})  # for its annotations
    init = FunctionType(code, around, "__init__", _defaults(fields), shared.__closure__)
    init.__annotations__ = {each.name: each.type for each in fields} | {"return": None}
    init.__qualname__ = f"{made.__qualname__}.__init__"
    made.__init__ = init
    return result


def replace(instance: R, /, **changes: Any) -> R:
    """Return a record like `instance`, but for the fields named in `changes`."""
    made: Any = type(instance)
    values = {each.name: getattr(instance, each.name) for each in made.__record__}
    result: R = made(**values | changes)
    return result


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.startswith("ClassVar")
    return get_origin(annotation) is ClassVar


def _defaults(fields: list[Field]) -> tuple[Any, ...]:
    """The defaults of the last arguments; those that are made for each instance are missing."""
    optional = [
        each.default is not _MISSING or each.default_factory is not _MISSING for each in fields
    ]
    if optional != sorted(optional):
        raise TypeError("a field without a default follows one that has")
    return tuple([each.default for each, has in zip(fields, optional, strict=True) if has])


def _setter(made: type, each: Field) -> Callable[[Any, Any], None]:
    """What puts a value into its slot, past the `__setattr__` that refuses to."""
    put: Callable[[Any, Any], None] = getattr(made, each.name).__set__
    factory = each.default_factory
    if factory is _MISSING:
        return put
    return lambda self, value: put(self, factory() if value is _MISSING else value)


@cache
def _initialiser(count: int, checked: bool) -> Callable[..., Any]:
    """Return a function that takes `count` setters and returns an `__init__` for them.

    Its arguments are to be given their names.
    """
    setters = "".join(f"set_{k}, " for k in range(count))
    arguments = "".join(f", value_{k}" for k in range(count))
    lines = [f"set_{k}(self, value_{k})" for k in range(count)]
    lines += ["self.__post_init__()"] if checked else []
    body = "; ".join(lines) or "pass"
    scope: dict[str, Any] = {"__name__": __name__}
    exec(f"def make({setters}):\n def __init__(self{arguments}): {body}\n return __init__", scope)
    make: Callable[..., Any] = scope["make"]
    return make


def _eq(self: Any, other: Any) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    return self.__compared__(self) == self.__compared__(other)


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _repr(self: Any) -> str:
    shown = [f"{each.name}={getattr(self, each.name)!r}" for each in self.__record__ if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _reduce(self: Any) -> tuple[type, tuple[Any, ...]]:
    return type(self), tuple([getattr(self, each.name) for each in self.__record__])


def _setattr(self: Any, name: str, value: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> NoReturn:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


@cache
def _as_dataclass(made: Any) -> Any:
    """The dataclass with the fields of a record."""
    import dataclasses

    fields = []
    for each in made.__record__:
        options = {"repr": each.repr, "compare": each.compare}
        for option in ("default", "default_factory"):
            if getattr(each, option) is not _MISSING:
                options[option] = getattr(each, option)
        fields.append((each.name, each.type, dataclasses.field(**options)))
    return dataclasses.make_dataclass(made.__name__, fields, frozen=True)


class _OfDataclass:
    """What `dataclasses` has noted of the dataclass with the same fields. It is made when it is
    first asked for: `dataclasses` and what it imports are a tenth of the package's import time."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, made: type) -> Any:
        return getattr(_as_dataclass(made), self._name)


_SHARED: Final = {
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__reduce__": _reduce,
    "__replace__": replace,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__dataclass_fields__": _OfDataclass("__dataclass_fields__"),
    "__dataclass_params__": _OfDataclass("__dataclass_params__"),
}
