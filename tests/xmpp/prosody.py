"""A prosody of the test's own, on loopback, with two accounts and a component; a person on it."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

slixmpp = pytest.importorskip("slixmpp", reason="slixmpp is not installed")

from otrfast import events  # noqa: E402 - after the skip

HOST = "localhost"
PASSWORD = "a word"  # no secret: the server is the test's own
SECRET = "another"
PATIENCE = 30

_CONFIGURATION = """
run_as_root = true
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
plugin_paths = {{}}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "smacks", "carbons", "offline",
  "presence", "message", "iq", "c2s", "posix" }}
modules_disabled = {{ "s2s" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
c2s_direct_tls_ports = {{ }}
component_ports = {{ {component_port} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{ }}
https_ports = {{ }}
c2s_require_encryption = true
authentication = "internal_plain"
storage = "internal"
smacks_hibernation_time = 60
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{directory}/log" }} }}
ssl = {{ key = "{directory}/key.pem", certificate = "{directory}/certificate.pem" }}
VirtualHost "localhost"
Component "echo.localhost"
  component_secret = "{secret}"
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Prosody:
    """The server; it lives as long as the `with`."""

    def __init__(self, directory):
        self.directory = directory
        self.port, self.component_port = free_port(), free_port()
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
        accounts = directory / "data" / HOST / "accounts"
        accounts.mkdir(parents=True)
        for user in ("bot", "alice"):
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        configuration = directory / "prosody.cfg.lua"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=directory,
                port=self.port,
                component_port=self.component_port,
                secret=SECRET,
            )
        )
        self.process = subprocess.Popen(
            ["prosody", "-F", "--config", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self):
        until = time.monotonic() + PATIENCE
        for port in (self.port, self.component_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert self.process.poll() is None, (self.directory / "log").read_text()
                    assert time.monotonic() < until
                    time.sleep(0.02)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Bot:
    """`otrfast bot xmpp` in a process of its own."""

    def __init__(self, server, *arguments, jid="bot@localhost/one", port=None, online="online"):
        password = PASSWORD if port is None else SECRET
        environment = os.environ | {"BOT_PASSWORD": password, "BOT_KEY": "00" * 32}
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "otrfast.cli", "bot", "xmpp", jid,
                "--password-env", "BOT_PASSWORD", "--server", f"127.0.0.1:{port or server.port}",
                "--ca", str(server.certificate), *map(str, arguments),
            ],
            stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self.told = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(online)

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


class Person:
    """A client of its own kind on the other side: a session of the engine on a plain slixmpp."""

    def __init__(self, server, session, resource="desk", to="bot@localhost"):
        self.server, self.session, self.to = server, session, to
        self.events = asyncio.Queue()
        self.stanzas = []
        self.xmpp = slixmpp.ClientXMPP(f"alice@localhost/{resource}", PASSWORD)
        self.xmpp.enable_direct_tls = False
        self.xmpp.ca_certs = Path(server.certificate)
        self.xmpp.add_event_handler("message", self._on_message)

    async def __aenter__(self):
        online = asyncio.ensure_future(self.xmpp.wait_until("session_start", PATIENCE))
        self.xmpp.connect("127.0.0.1", self.server.port)
        await online
        self.xmpp.send_presence()
        return self

    async def __aexit__(self, *error):
        await self.xmpp.disconnect()

    def _on_message(self, message):
        self.stanzas.append(message)
        if message["type"] != "error" and message["body"]:
            self.take(self.session.receive(message["body"].encode()))

    def take(self, outcome):
        for line in outcome.wire:
            self.xmpp.send_message(mto=self.to, mbody=line.decode(), mtype="chat")
        for event in outcome.events:
            self.events.put_nowait(event)

    def say(self, text):
        self.take(self.session.send(text))

    async def hear(self, kind=events.MessageReceived):
        """Return the next event of a kind."""

        async def find():
            while not isinstance(event := await self.events.get(), kind):
                pass
            return event

        return await asyncio.wait_for(find(), PATIENCE)

    async def begin(self):
        self.take(self.session.start())
        return await self.hear(events.SecureStarted)


needs_prosody = pytest.mark.skipif(
    shutil.which("prosody") is None or shutil.which("openssl") is None,
    reason="prosody or openssl is not installed",
)
