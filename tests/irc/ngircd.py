"""An ngircd of the test's own, on loopback; `otrfast bot irc` on it."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("asyncirc", reason="async-irc is not installed")

PATIENCE = 60

_CONFIGURATION = """
[Global]
Name = irc.test.example
Info = a server of a test
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = "hello"
PidFile = {directory}/pid
ServerUID = {user}
ServerGID = {user}
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 20
PingTimeout = 600
MaxPenaltyTime = {penalty}
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
[SSL]
Ports = {tls_port}
KeyFile = {directory}/key.pem
CertFile = {directory}/certificate.pem
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Ngircd:
    """The server; it lives as long as the `with`, or until `stop`."""

    def __init__(self, directory, penalty=0):
        """`penalty` is the longest one in seconds: 0 for none, -1 for those of ngircd."""
        self.directory = directory
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = directory / "certificate.pem"
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost",
                "-keyout", directory / "key.pem", "-out", self.certificate,
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        self._configuration = directory / "ngircd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                directory=directory,
                port=self.port,
                tls_port=self.tls_port,
                user=os.getuid(),
                penalty=penalty,
            )
        )

    def start(self):
        self._log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen(
            ["ngircd", "--nodaemon", "--config", str(self._configuration)],
            stdout=self._log,
            stderr=self._log,
        )
        until = time.monotonic() + PATIENCE
        for port in (self.port, self.tls_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert self.process.poll() is None, (self.directory / "log").read_text()
                    assert time.monotonic() < until
                    time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._log.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()


class Bot:
    """`otrfast bot irc` in a process of its own."""

    def __init__(self, server, *arguments, nick="bot", tls=False):
        environment = os.environ | {"BOT_KEY": "00" * 32}
        where = f"localhost:{server.tls_port}" if tls else f"127.0.0.1:{server.port}"
        security = ["--ca", str(server.certificate)] if tls else ["--no-tls"]
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "otrfast.cli", "bot", "irc", where, nick,
                *security, *map(str, arguments),
            ],
            stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self.told = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(f"{nick}: online")

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.told.append(line.decode())
                self._changed.notify_all()

    def wait_for(self, words, times=1):
        """Wait until the bot has told that so many times."""

        def told():
            return sum(words in line for line in self.told) >= times

        with self._changed:
            assert self._changed.wait_for(told, PATIENCE), self.told

    def stop(self):
        self.process.terminate()
        return self._ended()

    def kill(self):
        self.process.kill()
        return self._ended()

    def _ended(self):
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stderr.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.kill()


needs_ngircd = pytest.mark.skipif(
    shutil.which("ngircd") is None or shutil.which("openssl") is None,
    reason="ngircd or openssl is not installed",
)
