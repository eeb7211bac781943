"""Describe `otrfast.crypto._native` to cffi: its declarations, and the C files below this folder.

Two doors lead into the core, by a rule: cffi serves what is rare (start-up, SMP, checking a peer's
DSA numbers); `otrfast.crypto._core`, written by hand in python/ and in the same shared object,
serves the path of messages and key exchanges (python/core.h says why). Nothing is served by both:
the public header marks what cffi gets.
"""

import re
import sys
import sysconfig
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

REGION = re.compile(r"/\* cdef: begin \*/\n(.*?)/\* cdef: end \*/", re.DOTALL)
ATTRIBUTE = re.compile(r"OTRF_NODISCARD\s+|\s+OTRF_NONNULL(?:_ALL|\([\d, ]+\))")


def declarations() -> str:
    """Return the regions of the public header that stand between its marks, for cffi to read.

    Less the three attributes that the header defines, which cffi does not know.
    """
    header = (HERE / "include" / "otrfast.h").read_text(encoding="utf-8")
    return ATTRIBUTE.sub("", "\n".join(REGION.findall(header)))


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
