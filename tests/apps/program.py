"""The program `otrfast`, run as a user runs it."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "otrfast.cli"]
WAIT = 60  # seconds until a test stops a process


def otrfast(*arguments, given=b"", environment=None):
    """Run a command with `given` on its standard input; return the finished process."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=WAIT,
        env={**os.environ, "COLUMNS": "140", **(environment or {})},
    )


def on_terminal(command, environment=None, interrupt_after=None):
    """Run a command with a terminal; return its output and status. `interrupt_after` is the text
    after which Ctrl-C is pressed."""
    process, terminal = pty.fork()
    if process == 0:
        # A shell ignores SIGINT in what it starts in the background, and so would the command.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.environ.update({"TERM": "xterm", "COLUMNS": "140", **(environment or {})})
        os.execv(command[0], command)
    output, end = b"", time.monotonic() + WAIT
    pressed = interrupt_after is None
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            output += data
        if not pressed and interrupt_after in output:
            pressed = True
            os.write(terminal, b"\x03")
    else:
        os.kill(process, signal.SIGKILL)
    os.close(terminal)
    return output, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
