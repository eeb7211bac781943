"""Compile the core and C programs against it, and find a GMP that these can open."""

import ctypes
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CORE = HERE.parents[1] / "csrc"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
LEVELS = {"portable": 0, "aesni": 1, "vaes": 2, "avx2": 3, "ifma": 4}

IFMA_SOURCES = ("ifma", "lanes", "lanes_group", "lanes_prime")
EMULATION = (f"-I{HERE / 'emulated'}", "-DOTRF_TARGET_IFMA=", "-O1")


def missing(what: str) -> None:
    """Skip for want of `what`; in CI, where everything is installed, that is a failure."""
    pytest.skip(what)


def tool(name: str) -> str:
    """Return the path of a program that a test needs."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed")
    return str(path)


def run(*command: str | Path) -> None:
    """Run a compiler or linker; fail the test with what it said."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.fail(f"{command[0]}: {result.stderr}")


def objects(directory: Path, *options: str, emulated: bool = False) -> list[Path]:
    """Compile every file of the core into `directory`; returns the object files.

    `emulated` ones run the IFMA kernels on any processor and under valgrind, in plain C.
    """
    compiler, sources = tool("cc"), sorted(CORE.glob("*.c"))
    built = [directory / f"{source.stem}.o" for source in sources]
    flags = ("-std=c11", "-O2", "-g", "-fPIC", *options)
    if emulated:
        flags += ("-DOTRF_EMULATED_IFMA",)
    jobs = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, output in zip(sources, built, strict=True):
            own = EMULATION if emulated and source.stem in IFMA_SOURCES else ()
            jobs.append(pool.submit(run, compiler, *flags, *own, "-c", source, "-o", output))
    for job in jobs:
        job.result()
    return built


def program(name: str, core: list[Path], output: Path, *options: str) -> Path:
    """Compile tests/csrc/`name`.c and link it with the core."""
    flags = ("-std=c11", "-O2", "-g", f"-I{CORE}", *WARNINGS, *options)
    run(tool("cc"), *flags, HERE / f"{name}.c", *core, "-o", output, "-ldl", "-lm")
    return output


def _wheel_gmp() -> list[str]:
    """The GMP that a gmpy2 wheel carries: a C program can not load the extension module itself."""
    return [
        str(path)
        for folder in sys.path
        for path in sorted(Path(folder).glob("gmpy2.libs/libgmp-*.so*"))
    ]


def gmp() -> str:
    """Return a GMP that dlopen takes."""
    for name in ("libgmp.so.10", "libgmp.so", "libgmp.dylib", *_wheel_gmp()):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    missing("no GMP that a C program can open")
    raise AssertionError
