"""Clients on a pseudo-terminal, driven as a person drives them."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
import time

PATIENCE = 20
_ROWS, _COLUMNS = 60, 400  # wide enough that no line of ours is broken
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?>=!]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][A-Za-z0-9]|.)",
    re.DOTALL,
)


class Terminal:
    """A program with a terminal. What it has drawn is looked through without blanks and control
    sequences, as it may move the cursor where a blank would be."""

    REDRAW = b""
    """The key that has everything drawn again."""

    def __init__(self, command, environment):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(command[0], list(map(str, command)), environment)
        size = struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)
        self.drawn = b""
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                data = b""
            with self._changed:
                self.drawn += data
                self._changed.notify_all()
            if not data:
                return

    def type(self, line):
        """Type a line and Enter."""
        data = line.encode() + b"\r"
        while data:
            data = data[os.write(self.terminal, data[:256]) :]
            time.sleep(0.005)

    def mark(self):
        """A place in what was drawn."""
        return len(self.drawn)

    def wait_for(self, *words, after=0):
        """Wait until one of these is drawn; return it."""
        wanted = {"".join(each.split()): each for each in words}
        until = time.monotonic() + PATIENCE

        def seen():
            text = b"".join(ESCAPES.sub(b"", self.drawn[after:]).split())
            return next((wanted[each] for each in wanted if each.encode() in text), None)

        with self._changed:
            while (found := seen()) is None:
                left = until - time.monotonic()
                text = ESCAPES.sub(b"", self.drawn[after:]).decode(errors="replace")
                assert left > 0, f"expected {words} in {text[-3000:]}"
                if not self._changed.wait(min(left, 0.5)) and self.REDRAW:
                    os.write(self.terminal, self.REDRAW)
        return found

    def close(self):
        """End the program."""
        os.kill(self.process, signal.SIGTERM)
        until = time.monotonic() + 5
        while os.waitpid(self.process, os.WNOHANG)[0] == 0:
            if time.monotonic() > until:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                break
            time.sleep(0.01)
        os.close(self.terminal)
        self._reader.join(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
