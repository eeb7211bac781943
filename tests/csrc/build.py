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
INCLUDES = (f"-I{CORE}", f"-I{CORE / 'include'}")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
LEVELS = {"portable": 0, "aesni": 1, "vaes": 2, "avx2": 3, "ifma": 4}

IFMA_SOURCES = ("field/ifma.c", "field/ifma_x8.c", "group/ifma_x8_group.c", "dsa/ifma_x8_prime.c")
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


def sources() -> list[Path]:
    """Return the C files of the core, without those of its Python module."""
    return sorted(path for path in CORE.rglob("*.c") if path.parent.name != "python")


def object_name(source: Path) -> str:
    """Return the name of a source's object file: files of one name stand in several folders."""
    return "_".join(source.relative_to(CORE).with_suffix(".o").parts)


def objects(directory: Path, *options: str, emulated: bool = False) -> list[Path]:
    """Compile every file of the core into `directory`; returns the object files.

    `emulated` ones run the IFMA kernels on any processor and under valgrind, in plain C.
    """
    compiler, files = tool("cc"), sources()
    built = [directory / object_name(source) for source in files]
    flags = ("-std=c11", "-O2", "-g", "-fPIC", *INCLUDES, *options)
    if emulated:
        flags += ("-DOTRF_EMULATED_IFMA",)
    jobs = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, output in zip(files, built, strict=True):
            replaced = source.relative_to(CORE).as_posix() in IFMA_SOURCES
            own = EMULATION if emulated and replaced else ()
            jobs.append(pool.submit(run, compiler, *flags, *own, "-c", source, "-o", output))
    for job in jobs:
        job.result()
    return built


def program(name: str, core: list[Path], output: Path, *options: str) -> Path:
    """Compile tests/csrc/`name`.c and link it with the core."""
    flags = ("-std=c11", "-O2", "-g", *INCLUDES, *WARNINGS, *options)
    run(tool("cc"), *flags, HERE / f"{name}.c", *core, "-o", output, "-ldl", "-lm")
    return output


def _wheel_gmp() -> list[str]:
    """The GMP that a gmpy2 wheel carries: a C program cannot load the extension module itself."""
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
