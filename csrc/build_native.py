"""Describe `otrfast.crypto._native` to cffi: the public header, and each C file below this directory.

Into the same shared object goes `otrfast.crypto._direct`, which is written by hand: python/.
"""

import sys
import sysconfig
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

BEGIN, END = "/* cdef: begin */", "/* cdef: end */"


def declarations() -> str:
    """Return the part of the public header that stands between its two marks, for cffi to read."""
    header = (HERE / "include" / "otrfast.h").read_text(encoding="utf-8")
    return header.split(BEGIN, 1)[1].split(END, 1)[0]


def relative(path: Path) -> str:
    """Return `path` as setuptools wants it: relative to the directory of setup.py, with slashes."""
    return path.relative_to(ROOT).as_posix()


# a free-threaded interpreter has no stable ABI
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")

ffi = FFI()
ffi.cdef(declarations())
ffi.set_source(
    "otrfast.crypto._native",
    '#include "otrfast.h"',
    sources=sorted(relative(path) for path in HERE.rglob("*.c")),
    depends=sorted(relative(path) for path in HERE.rglob("*.h")),
    include_dirs=[relative(HERE), relative(HERE / "include")],
    extra_compile_args=["-std=gnu11", "-O3", "-fvisibility=hidden"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
    py_limited_api=LIMITED,
)

if __name__ == "__main__":
    sys.exit("this file is run by setup.py: python3 -m pip install .")
