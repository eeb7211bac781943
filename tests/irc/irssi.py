"""irssi with its OTR module, driven in a pseudo-terminal: a person on the other side."""

import os
import pty
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

PATIENCE = 60

_CONFIGURATION = """
servers = ({{ address = "127.0.0.1"; chatnet = "test"; port = "{port}"; autoconnect = "yes"; }});
chatnets = {{ test = {{ type = "IRC"; nick = "{nick}"; }}; }};
settings = {{
  core = {{ real_name = "x"; user_name = "x"; nick = "{nick}"; server_reconnect_time = "1sec";
    timestamp_format = ""; }};
  "irc/core" = {{ cmd_queue_speed = "10msec"; cmds_max_at_once = "50"; }};
  "fe-common/core" = {{ term_charset = "UTF-8"; autolog = "no"; activity_hide_level = "ALL"; }};
  "fe-text" = {{ paste_detect_time = "0"; paste_verify_line_count = "0"; }};
}};
"""

MODULES = list(Path("/usr/lib").glob("*/irssi/modules/libotr_core.so"))


class Irssi:
    """An irssi; what it shows is in its log, without the screen's paint."""

    keys = None
    """A key, made once for all."""

    def __init__(self, directory, server, nick="alice"):
        directory.mkdir()
        self.nick = nick
        self._log = directory / "log"
        (directory / "config").write_text(_CONFIGURATION.format(port=server.port, nick=nick))
        (directory / "startup").write_text(f"LOG OPEN {self._log} ALL\nLOAD otr\n")
        (directory / "otr").mkdir()
        keys = directory / "otr" / "otr.key"
        if Irssi.keys is not None:
            keys.write_bytes(Irssi.keys)
        master, slave = pty.openpty()
        environment = os.environ | {"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        environment |= {"COLUMNS": "200", "LINES": "50"}
        self.process = subprocess.Popen(
            ["irssi", "--home", str(directory)],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._terminal = master
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        self.seen = 0
        self.wait_for("End of MOTD")
        if Irssi.keys is None:
            self.type("/otr genkey test")  # the account has the name of the network
            self.wait_for("generation for")
            self.wait_for("completed")
            Irssi.keys = keys.read_bytes()

    def talk_to(self, nick):
        """Open a window for a conversation, and go there."""
        self.type(f"/query {nick}")
        self.wait_for(f"query in test with {nick}")

    def hear(self, nick, text):
        """Wait for a text."""
        return self.wait_for(f"<{nick}> {text}\n")

    def lines_until(self, who, end):
        """Wait for a text that ends with a word; return what somebody has said until then."""
        until = time.monotonic() + 2 * PATIENCE
        while True:
            lines = [line for line in self.shown().splitlines() if f"{who} " in line]
            said = [line.partition(f"{who} ")[2] for line in lines]
            if said and said[-1].endswith(end):
                return said
            assert time.monotonic() < until, said
            time.sleep(0.2)

    def _drain(self):
        try:
            while os.read(self._terminal, 65536):
                pass
        except OSError:
            return

    def type(self, text):
        """Type a line."""
        data = text.encode() + b"\n"
        for start in range(0, len(data), 512):
            os.write(self._terminal, data[start : start + 512])
            time.sleep(0.01)

    def shown(self):
        """Return what was shown since the last `wait_for` that found something."""
        return (
            self._log.read_bytes().decode(errors="replace")[self.seen :]
            if self._log.exists()
            else ""
        )

    def wait_for(self, words, patience=PATIENCE):
        """Wait until words are shown, and read on behind them later; return what was before."""
        until = time.monotonic() + patience
        while words not in (shown := self.shown()):
            assert time.monotonic() < until, f"{words!r} is not in {shown!r}"
            assert self.process.poll() is None
            time.sleep(0.05)
        before, _, _ = shown.partition(words)
        self.seen += len(before) + len(words)
        return before

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
        os.close(self._terminal)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


needs_irssi = pytest.mark.skipif(
    shutil.which("irssi") is None or not MODULES,
    reason="irssi or its OTR module is not installed",
)
