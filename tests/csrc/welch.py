"""Constant time, statistical: `python3 tests/csrc/welch.py [LEVEL] [SECONDS]`.

Welch's t between the times for a fixed secret and for random ones, function by function. It belongs
on a quiet machine: not a test of the suite. Prints a table; exits with 1 if a function differs,
or if the control, which is not constant-time, does not.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import build

if __name__ == "__main__":
    level = sys.argv[1] if len(sys.argv) > 1 else "ifma"
    seconds = sys.argv[2] if len(sys.argv) > 2 else "5"
    with tempfile.TemporaryDirectory() as name:
        program = build.program("welch", build.objects(Path(name), "-O3"), Path(name) / "welch")
        result = subprocess.run(
            [program, build.gmp(), str(build.LEVELS[level]), seconds], check=False
        )
    sys.exit(result.returncode)
