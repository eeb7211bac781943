"""Debian's profanity and mcabber as Alice's client, each with its own OTR support."""

import os
import shutil
import time

import pytest

from otrfast import PrivateKey
from xmpp.prosody import HOST, PASSWORD
from xmpp.terminal import ESCAPES, PATIENCE, Terminal

ALICE, BOT = f"alice@{HOST}", f"bot@{HOST}"


class Client(Terminal):
    """A client that is logged in, in a home directory of its own. `begin`, `ask` and so on are what
    a person types; `heard` is what it has written to its log of the conversation."""

    name: str
    STARTED: str
    ENDED: str
    ASKED: tuple[str, ...]
    KNOWN: str
    NOT_KNOWN: str

    def __init__(self, server, home):
        self.server, self.home = server, home
        home.mkdir(exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("XDG_")
        } | {"HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        super().__init__(self.prepare(), environment)
        self.log_in()

    def save_key(self, path, protocol):
        """Give the client a key: making one takes it seconds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            PrivateKey.generate().save(path, account=ALICE, protocol=protocol)

    def heard(self):
        """All that its logs hold, as text."""
        return "".join(path.read_text(errors="replace") for path in self.logs() if path.is_file())

    def wait_to_hear(self, *texts):
        """Wait until each text is in its log, said or heard."""
        for text in texts:
            self.wait_until(lambda text=text: text in self.heard(), text)

    def wait_until(self, true, wanted):
        until = time.monotonic() + PATIENCE
        while not true():
            seen = ESCAPES.sub(b"", self.drawn[-3000:])
            assert time.monotonic() < until, (wanted, self.heard()[-2000:], seen)
            time.sleep(0.05)

    def greet(self, bot):
        """Begin a private conversation."""
        at = self.mark()
        self.begin()
        bot.wait_for("private, version")
        self.wait_for(self.STARTED, after=at)


class Profanity(Client):
    name = "profanity"
    STARTED = "OTR session started"
    ENDED = "OTR session ended"
    ASKED = ("wants to authenticate your identity",)
    KNOWN = "OTR session trusted."
    NOT_KNOWN = "OTR session untrusted."

    def prepare(self):
        data, settings = self.home / ".local/share/profanity", self.home / ".config/profanity"
        data.mkdir(parents=True, exist_ok=True)
        settings.mkdir(parents=True, exist_ok=True)
        (data / "accounts").write_text(
            f"[alice]\nenabled=true\njid={ALICE}\nserver=127.0.0.1\nport={self.server.port}\n"
            f"password={PASSWORD}\nresource=profanity\ntls.policy=trust\n"
        )
        (settings / "profrc").write_text(
            "[ui]\nsplash=false\nenc.warn=true\n[logging]\nchlog=true\n"
            "[otr]\nlog=on\npolicy=manual\n[connection]\nautoping=0\nreconnect=1\n"
        )
        keys = data / "otr" / ALICE.replace("@", "_at_")
        self.save_key(keys / "keys.txt", "xmpp")
        (keys / "fingerprints.txt").touch()  # without it the key does not count as loaded
        return ["profanity", "-a", "alice"]

    def log_in(self):
        self.wait_for("logged in successfully")
        self.type(f"/msg {BOT}")

    def logs(self):
        return (self.home / ".local/share/profanity/chatlogs").rglob("*.log")

    def begin(self):
        self.type("/otr start")

    def end(self):
        self.type("/otr end")

    def say(self, text):
        self.type(text)

    def check(self, secret, question=None):
        self.type(
            f"/otr secret {secret}" if question is None else f'/otr question "{question}" {secret}'
        )

    def answer(self, secret, question=None):
        self.type(f"/otr {'secret' if question is None else 'answer'} {secret}")


class Mcabber(Client):
    name = "mcabber"
    REDRAW = b"\x0c"  # it draws what has changed of a line: a second success would be nothing
    STARTED = "OTR: channel"
    ENDED = "OTR: channel closed"
    ASKED = ("$secret", "Question:")
    KNOWN = "Success!"
    NOT_KNOWN = "Failure."

    def prepare(self):
        home = self.home / ".mcabber"
        home.mkdir(exist_ok=True)
        (home / "histo").mkdir(mode=0o700, exist_ok=True)
        (home / "mcabberrc").write_text(
            f"set jid = {ALICE}\nset password = {PASSWORD}\nset server = 127.0.0.1\n"
            f"set port = {self.server.port}\nset resource = mcabber\nset tls = 1\n"
            "set ssl_ignore_checks = 1\nset logging = 1\n"
            f"set logging_dir = {home}/histo/\nset otr = 1\nset otr_dir = {home}/otr/\n"
            "set log_win_height = 30\nset roster_win_width = 20\n"
            f"set tracelog_level = 2\nset tracelog_file = {home}/trace\n"
            "otrpolicy default manual\n"
        )
        (home / "mcabberrc").chmod(0o600)
        home.chmod(0o700)
        self.save_key(home / "otr" / f"{ALICE}.key", "jabber")
        return ["mcabber"]

    def log_in(self):
        self.wait_for("Your status has been set")
        self.type(f"/add {BOT}")
        self.wait_for("Sent presence notification request")
        self.type(f"/roster search {BOT}")
        self.type("")  # into the window of the conversation, where it tells of OTR

    def logs(self):
        return (self.home / ".mcabber/histo").rglob("*")

    def begin(self):
        self.type(f"/otr start {BOT}")

    def end(self):
        self.type(f"/otr stop {BOT}")

    def say(self, text):
        if len(text) < 1000:
            self.type(f"/say_to {BOT} {text}")
            return
        (path := self.home / "text").write_text(text)  # its input line takes no more
        self.type(f"/say_to -f {path} {BOT}")

    def check(self, secret, question=None):
        self.type(f"/otr smpq {BOT} {secret}")  # it asks no questions

    def answer(self, secret, question=None):
        self.type(f"/otr smpr {BOT} {secret}")


CLIENTS = [
    pytest.param(
        kind,
        id=kind.name,
        marks=pytest.mark.skipif(
            shutil.which(kind.name) is None, reason=f"{kind.name} is not installed"
        ),
    )
    for kind in (Profanity, Mcabber)
]
