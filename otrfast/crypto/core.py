"""The compiled core: loading its two modules, opening GMP for it, its statuses as exceptions.

`lib` with `ffi` is the door of cffi, for what is rare; `_core` is the hand-written one, for the
path of messages and key exchanges. csrc/python/core.h has the rule and the reasons.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, Any

import otrfast.crypto
from otrfast.errors import (
    BackendUnavailable,
    BadMac,
    CounterReplayed,
    NotInGroup,
    StateDamaged,
    ThreadMisuse,
)

__all__ = ["_core", "check", "description", "failure", "ffi", "lib", "use_level"]

try:
    from otrfast.crypto import _native  # type: ignore[attr-defined]
except ImportError as _error:
    raise BackendUnavailable(
        f"the C core of otrfast is missing ({_error}): install otrfast again where a C compiler"
        " and Python's headers are (apt install gcc python3-dev), or set OTRFAST_PURE=1"
    ) from _error

ffi: Any = _native.ffi
lib: Any = _native.lib


def _sibling(name: str) -> ModuleType:
    """Import another module from the shared object that `_native` is in (PEP 489, "Multiple
    modules in one library")."""
    full_name = f"otrfast.crypto.{name}"
    spec = spec_from_file_location(full_name, _native.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[full_name] = module
    setattr(otrfast.crypto, name, module)
    return module


if TYPE_CHECKING:
    from otrfast.crypto import _core  # the stub beside this file
else:
    _core = _sibling("_core")

_LEVELS: dict[str, int] = {
    "portable": lib.OTRF_LEVEL_PORTABLE,
    "aesni": lib.OTRF_LEVEL_AESNI,
    "vaes": lib.OTRF_LEVEL_VAES,
    "avx2": lib.OTRF_LEVEL_AVX2,
    "ifma": lib.OTRF_LEVEL_IFMA,
}

_ERRORS: dict[int, tuple[type[Exception], str]] = {
    lib.OTRF_ERR_MEMORY: (MemoryError, "the C core got no memory"),
    lib.OTRF_ERR_GMP: (BackendUnavailable, "the C core has no usable GMP"),
    lib.OTRF_ERR_GROUP: (NotInGroup, "a Diffie-Hellman value outside 2 .. p-2"),
    lib.OTRF_ERR_MAC: (BadMac, "the MAC of a data message does not hold"),
    lib.OTRF_ERR_COUNTER: (CounterReplayed, "a data message came twice, or after a later one"),
    lib.OTRF_ERR_SIZE: (ValueError, "a length that the C core does not take"),
    lib.OTRF_ERR_KEY: (ValueError, "DSA numbers that cannot be used"),
    lib.OTRF_ERR_THREADS: (ThreadMisuse, "two threads use one session at the same time"),
    lib.OTRF_ERR_STATE: (StateDamaged, "a state that was sealed with another key, or damaged"),
}

_SYSTEM_GMP = ("libgmp.10.dylib",) if sys.platform == "darwin" else ("libgmp.so.10",)


def failure(status: int) -> Exception:
    """Return the exception that `status` stands for."""
    kind, text = _ERRORS[status]
    return kind(text)


_core.set_failure(failure)


def check(status: int) -> None:
    """Raise what `status` stands for, unless it is OTRF_OK."""
    if status != lib.OTRF_OK:
        raise failure(status)


def use_level(name: str) -> str:
    """Use the processor up to level `name`; returns the level in force, which may be lower.

    For start-up and tests: no other thread may be inside the core.
    """
    if name not in _LEVELS:
        raise BackendUnavailable(f"no level is called {name!r}: choose one of {', '.join(_LEVELS)}")
    used = lib.otrf_cpu_use(_LEVELS[name])
    return next(name for name, level in _LEVELS.items() if level == used)


def _gmp_paths() -> Iterator[str]:
    """Yield where GMP may be: the system's, then the one that gmpy2 brings along."""
    choice = os.environ.get("OTRFAST_GMP", "")
    if choice not in ("", "system", "gmpy2"):
        raise BackendUnavailable(f"OTRFAST_GMP is {choice!r}: system or gmpy2 expected")
    if choice != "gmpy2":
        yield from _SYSTEM_GMP
    if choice != "system":
        try:
            from gmpy2 import gmpy2
        except ImportError:
            return
        # a symbol asked of this module is looked for in the libraries it is linked with
        yield gmpy2.__file__


def _gmp_version() -> str:
    version: str = ffi.string(lib.otrf_gmp_version()).decode()
    return version


def _open_gmp() -> str:
    """Open GMP for the core; returns the path that was taken.

    The core is one for the whole process: if another interpreter in it has opened GMP, threads
    of that one may be computing with it.
    """
    if _gmp_version():
        return "opened by another interpreter"
    for path in _gmp_paths():
        if lib.otrf_gmp_open(os.fsencode(path)) == lib.OTRF_OK:
            return path
    raise BackendUnavailable(
        "no usable GMP was found: install gmpy2 (pip install gmpy2) or GMP itself"
        " (apt install libgmp10), or set OTRFAST_PURE=1 to run in Python"
    )


# the level comes first: it decides which tables are built when GMP is opened
level: str = use_level(os.environ.get("OTRFAST_LEVEL", "ifma"))
_gmp_path = _open_gmp()


def description() -> dict[str, str]:
    """Return what the core runs on: its level at start-up, and which GMP it found where."""
    return {"level": level, "gmp": f"{_gmp_version()} ({_gmp_path})"}
