"""Records: frozen classes with named values, such as events, messages and states.

`dataclasses.dataclass(frozen=True, slots=True)` makes equal classes, but imports `inspect` and
compiles the methods of each class: `import otrfast` then takes 69 ms of processor time instead of
29 (CPython 3.11), too much for plug-ins and commands, and a key exchange takes 1 to 4 % longer.
Records share their methods; those with equally many fields share the code of `__init__`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import FunctionType
from typing import Any, Final, NoReturn, TypeVar, cast, dataclass_transform

R = TypeVar("R")
_MISSING: Final[Any] = object()


class _Field:
    def __init__(self, default: Any, factory: Any, shown: bool, compare: bool) -> None:
        self.default, self.factory, self.repr, self.compare = default, factory, shown, compare
        self.optional = default is not _MISSING or factory is not _MISSING


def field(
    *, default: Any = _MISSING, factory: Any = _MISSING, repr: bool = True, compare: bool = True
) -> Any:
    """Return the settings of a field: its default, or a function that makes one for each
    instance; whether `repr` shows it; whether comparison and hash use it."""
    return _Field(default, factory, repr, compare)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(plain: type[R]) -> type[R]:
    """Make a class a record: its fields are its annotations, after the fields of its base.

    Instances are compared and hashed by class and values, and copied, pickled and matched by
    position. `__init__` calls `__post_init__` if there is one. A method that the class defines
    itself stays. Raises `TypeError` if a field without a default follows a field with one.
    """
    namespace, own, hints = _SHARED | vars(plain), {}, {}
    for name, hint in plain.__annotations__.items():
        if not str(hint).startswith(("ClassVar", "typing.ClassVar")):
            value, hints[name] = namespace.pop(name, _MISSING), hint
            own[name] = value if isinstance(value, _Field) else field(default=value)
    fields: dict[str, _Field] = getattr(plain, "__record__", {}) | own
    defaults = [each.default for each in fields.values() if each.optional]
    if any(each.optional for each in list(fields.values())[: -len(defaults) or None]):
        raise TypeError("a field without a default follows a field with a default")
    compared = attrgetter("__class__", *[name for name, each in fields.items() if each.compare])
    namespace |= {"__record__": fields, "__compared__": compared, "__match_args__": tuple(fields)}
    namespace |= {"__slots__": tuple(own), "__qualname__": plain.__qualname__}
    for name in ("__dict__", "__weakref__"):  # descriptors of the class without slots
        namespace.pop(name, None)
    metaclass: Any = type(plain)
    made: Any = metaclass(plain.__name__, plain.__bases__, namespace)
    put = [_setter(getattr(made, name).__set__, each.factory) for name, each in fields.items()]
    shared = _initialiser(len(fields), hasattr(made, "__post_init__"))(*put)
    code = shared.__code__.replace(co_varnames=("self", *fields))
    module = getattr(sys.modules.get(made.__module__), "__dict__", {})  # it resolves the hints
    init = FunctionType(code, module, "__init__", tuple(defaults), shared.__closure__)
    init.__annotations__ = getattr(plain.__init__, "__annotations__", {}) | hints | {"return": None}
    init.__qualname__ = f"{made.__qualname__}.__init__"
    made.__init__ = init
    return cast("type[R]", made)


def replace(instance: R, /, **changes: Any) -> R:
    """Return a record equal to `instance` except in the fields that `changes` names."""
    made: Any = type(instance)
    values = {name: getattr(instance, name) for name in made.__match_args__}
    return cast("R", made(**values | changes))


def _setter(put: Callable[[Any, Any], None], factory: Any) -> Callable[[Any, Any], None]:
    """Return the function that fills a slot: `__setattr__` refuses to."""
    if factory is _MISSING:
        return put
    return lambda self, value: put(self, factory() if value is _MISSING else value)


@cache
def _initialiser(count: int, checked: bool) -> Callable[..., Any]:
    """Return a function that makes an `__init__` from `count` setters."""
    setters = "".join(f"set_{k}, " for k in range(count))
    arguments = "".join(f", value_{k}" for k in range(count))
    lines = [f"set_{k}(self, value_{k})" for k in range(count)]
    body = "; ".join(lines + ["self.__post_init__()"] * checked) or "pass"
    scope: dict[str, Any] = {"__name__": __name__}
    exec(f"def make({setters}):\n def __init__(self{arguments}): {body}\n return __init__", scope)
    return cast("Callable[..., Any]", scope["make"])


def _eq(self: Any, other: Any) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    return self.__compared__(self) == self.__compared__(other)


def _repr(self: Any) -> str:
    shown = [f"{k}={getattr(self, k)!r}" for k, each in self.__record__.items() if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(self: Any, name: str, value: object = None) -> NoReturn:
    raise AttributeError(f"{type(self).__qualname__} is frozen: {name!r} cannot be set or deleted")


_SHARED: Final[dict[str, Any]] = {
    "__eq__": _eq,
    "__hash__": lambda self: hash(self.__compared__(self)),
    "__repr__": _repr,
    "__reduce__": lambda self: (type(self), tuple([getattr(self, k) for k in self.__match_args__])),
    "__replace__": replace,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
