"""The description of the measured machine and software."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from otrfast.apps.bench.metrics import COLUMNS

_CPUINFO: Final = Path("/proc/cpuinfo")
_INSTRUCTIONS: Final = (
    "aes", "sha_ni", "vaes", "avx2", "bmi2",
    "avx512f", "avx512_vbmi", "avx512vbmi", "avx512ifma",
)  # fmt: skip


def _cpu() -> tuple[str, str]:
    """Return the processor's name, and its instructions that matter here."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    found = set(flags[1].split()) if flags else set()
    return (
        name[1] if name else platform.machine(),
        " ".join(each for each in _INSTRUCTIONS if each in found),
    )


def describe(about: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the machine and the software by name; `about` is what the engines report."""
    cpu, instructions = _cpu()
    machine = {
        "processor": cpu,
        "cores": str(os.cpu_count()),
        "instructions": instructions,
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for variant in COLUMNS:
        told = dict(about.get(variant, {}))
        if "gmp" in told:
            version, _, place = told["gmp"].partition(" (")
            # the path of the file is left out: its origin is enough
            machine["gmp"] = f"{version} ({'of gmpy2' if 'gmpy2' in place else 'of the system'})"
        if "level" in told:
            machine[variant] = f"level {told['level']}"
        if "library" in told:
            machine[variant] = told["library"]
    return machine
