"""Build the C core as a cffi extension for the stable ABI; with OTRFAST_PURE=1 leave it out."""

import os
import sysconfig

from setuptools import setup
from setuptools.command.build_ext import build_ext

REMEDY = """
The C core of otrfast could not be built: the compiler's own message stands above.
  * It needs a C compiler and Python's headers. On Debian or Ubuntu: apt install gcc python3-dev
  * Or set OTRFAST_PURE=1 and install again: everything then runs in Python, and much slower.
"""


class BuildExt(build_ext):
    """Stop a failed build with the remedy, not with a traceback."""

    def build_extensions(self) -> None:
        try:
            super().build_extensions()
        except Exception as error:
            raise SystemExit(f"{error}\n{REMEDY}") from error


def arguments() -> dict[str, object]:
    """Return what the extension adds to the arguments of `setup`."""
    pure = os.environ.get("OTRFAST_PURE", "")
    if pure not in ("", "0", "1"):
        raise SystemExit(f"expected OTRFAST_PURE to be 0 or 1, found {pure!r}")
    if pure == "1":
        return {}
    added: dict[str, object] = {
        "cffi_modules": ["csrc/build_native.py:ffi"],
        "cmdclass": {"build_ext": BuildExt},
    }
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        added["options"] = {"bdist_wheel": {"py_limited_api": "cp311"}}
    return added


setup(**arguments())
