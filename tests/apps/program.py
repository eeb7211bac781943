"""The program `otrfast`, run as a user runs it."""

import os
import subprocess
import sys

WAIT = 60  # seconds until a test stops a process


def otrfast(*arguments, given=b"", environment=None):
    """Run a command with `given` on its standard input; return the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "otrfast.cli", *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=WAIT,
        env={**os.environ, "COLUMNS": "140", **(environment or {})},
    )
