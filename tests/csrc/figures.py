"""Print what exponentiations and signatures cost: `python3 tests/csrc/figures.py [LEVEL]`.

Each beside `mpz_powm` of the same GMP, interleaved in one run; the second figure says how many
times faster it is. Compiled with -O3, as the package is.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import build

if __name__ == "__main__":
    level = sys.argv[1] if len(sys.argv) > 1 else "ifma"
    with tempfile.TemporaryDirectory() as name:
        core = build.objects(Path(name), "-O3")
        program = build.program("figures", core, Path(name) / "figures")
        command = [program, build.gmp(), str(build.LEVELS[level])]
        status = subprocess.run(command, check=False).returncode
    sys.exit(status)
