"""The measured processes, one for each engine and dispatch level."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import otrfast
from otrfast.errors import BackendUnavailable

_LEVELS: Final = {
    "native-ifma": "ifma",
    "native-avx2": "avx2",
    "native-gmp": "vaes",
    "potr-layer": "ifma",
    "otr-layer": "ifma",
}
_LIBOTR_SOURCE: Final = Path(otrfast.__file__).parents[1] / "benchmarks" / "libotr_bench.c"


class Engine:
    """A worker process, which answers requests with lists of figures."""

    def __init__(self, command: list[str], variant: str, *, introduces_itself: bool) -> None:
        environment = dict(os.environ)
        if variant in _LEVELS:
            environment["OTRFAST_LEVEL"] = _LEVELS[variant]
            environment.pop("OTRFAST_PURE", None)
        self.variant = variant
        self._command = command
        # a process group of its own: Ctrl-C at the terminal is for us, and we end the process
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            process_group=0,
        )
        self.about: dict[str, str] = {}
        self._answering = False
        if introduces_itself:
            try:
                hello = self._answer()
            except KeyboardInterrupt:
                self.close()
                raise
            if "absent" in hello:
                self.close()
                raise BackendUnavailable(hello["absent"])
            self.about = hello["about"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        self._answering = True
        line = self._process.stdout.readline()
        self._answering = False
        if not line:
            raise BackendUnavailable(f"{self.variant} stopped with {self._process.wait()}")
        return json.loads(line)

    def ask(self, metric: str, count: int) -> list[float]:
        """Return `count` figures for `metric`, or one over `count` conversations. Raises
        `BackendUnavailable` if the process has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # then there is no answer
            self._process.stdin.write(f"{metric}:{count}\n")
            self._process.stdin.flush()
        answer = self._answer()
        self.about |= {"library": answer["library"]} if "library" in answer else {}
        return [float(sample) for sample in answer["samples"]]

    def close(self) -> None:
        """End the process; at once if it was interrupted at work."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._answering:
            self._process.kill()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Engines:
    """The engines by name; `absent` has the reasons for missing ones."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._libotr: Path | None = None
        self.absent: dict[str, str] = {}

    def start(self, variant: str) -> Engine | None:
        """Return a new process for `variant`; None if it is not available."""
        try:
            if variant == "libotr":
                command = [str(self._libotr or self._build_libotr()), "3"]
                return Engine(command, variant, introduces_itself=False)
            command = [sys.executable, "-m", "otrfast.apps.bench.worker", variant]
            return Engine(command, variant, introduces_itself=True)
        except BackendUnavailable as error:
            self.absent[variant] = str(error)
            return None

    def _build_libotr(self) -> Path:
        """Compile the program that drives libotr. Raises `BackendUnavailable`."""
        if not _LIBOTR_SOURCE.exists():
            raise BackendUnavailable(
                "libotr needs benchmarks/libotr_bench.c, which is only in the source tree"
            )
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise BackendUnavailable("libotr's driver needs a C compiler (apt install gcc)")
        program = self._scratch / "libotr_bench"
        command = [compiler, "-O2", "-o", str(program), str(_LIBOTR_SOURCE), "-lotr", "-lgcrypt"]
        built = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - the same
        if built.returncode:
            raise BackendUnavailable("libotr is not installed (apt install libotr5-dev)")
        self._libotr = program
        return program


@contextmanager
def known_engines() -> Iterator[Engines]:
    """Yield the engines, with a directory for compiled programs."""
    with TemporaryDirectory(prefix="otrfast-bench-") as scratch:
        yield Engines(Path(scratch))
