"""docs/bot.md: its program keeps its identity over a restart, and survives an end and a crash;
its other samples run."""

import queue
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from otrfast import Account, MessageState, Policy, PrivateKey, events
from otrfast.errors import ConversationFinished
from otrfast.storage import load_instance_tag, load_trust
from otrfast.wire.tlv import Tlv, TlvType

ROOT = Path(__file__).parent.parent
PROGRAM, *SAMPLES = re.findall(
    r"(?ms)^```python[^\n]*\n(.*?)^```$", (ROOT / "docs" / "bot.md").read_text()
)
PATIENCE = 30


class Bot:
    """The program of the page in a process of its own, in a directory that may outlive it."""

    def __init__(self, directory):
        (directory / "bot.py").write_text(PROGRAM)
        self._process = subprocess.Popen(
            [sys.executable, "bot.py"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.fingerprint = self._process.stderr.readline().decode().partition(": ")[2].strip()

    def _read(self):
        for line in self._process.stdout:
            peer, _, rest = line.rstrip(b"\n").partition(b"\t")
            self._lines.put((peer.decode(), rest))
        self._lines.put(None)

    def tell(self, peer, line):
        self._process.stdin.write(peer.encode() + b"\t" + line + b"\n")
        self._process.stdin.flush()

    def hear(self):
        """Return the next (peer, line), None once the program has ended."""
        return self._lines.get(timeout=PATIENCE)

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def close(self):
        """Have it end by itself; return what it still said."""
        self._process.stdin.close()
        said = list(iter(self.hear, None))
        assert self._process.wait(PATIENCE) == 0, self._process.stderr.read()
        return said


class Person:
    """A peer of the bot."""

    def __init__(self, name):
        self.name = name
        self.session = Account(name, "xmpp", PrivateKey.generate()).session("bot", max_fragment=400)
        self.seen = []

    def do(self, bot, outcome, until):
        """Send what an outcome holds, and go on until an event of a class has come."""
        self._send(bot, outcome)
        while not any(isinstance(event, until) for event in self.seen):
            peer, line = bot.hear()
            assert peer == self.name
            assert len(line) <= 400
            self._send(bot, self.session.receive(line))
        found = next(event for event in self.seen if isinstance(event, until))
        self.seen = []
        return found

    def _send(self, bot, outcome):
        self.seen += outcome.events
        for line in outcome.wire:
            bot.tell(self.name, line)

    def ask(self, bot, text):
        return self.do(bot, self.session.send(text), events.MessageReceived).text


@pytest.fixture
def start(tmp_path):
    running = []

    def start():
        running.append(Bot(tmp_path))
        return running[-1]

    yield start
    for bot in running:
        bot.kill()


def test_bot_answers_long_texts_and_keeps_its_identity_over_a_restart(start, tmp_path):
    alice, bot = Person("alice"), start()
    first = alice.do(bot, alice.session.start(), events.SecureStarted)
    assert alice.ask(bot, b"hello") == b"you said hello"
    assert alice.ask(bot, b"x" * 2000) == b"you said " + b"x" * 2000
    alice.do(bot, alice.session.smp_start(b"blue"), events.SmpSucceeded)
    for peer, line in bot.close():
        assert peer == "alice"
        alice.session.receive(line)
    assert alice.session.state is MessageState.FINISHED
    with pytest.raises(ConversationFinished):
        alice.session.send(b"still there?")
    tag = load_instance_tag(tmp_path / "bot.tags", "bot@example.org", "xmpp")
    trusted = dict(load_trust(tmp_path / "bot.trust", "bot@example.org", "xmpp").of("alice"))
    assert list(trusted.values()) == ["smp"]

    alice.session.end()
    again = start()
    assert again.fingerprint == bot.fingerprint
    second = alice.do(again, alice.session.start(), events.SecureStarted)
    assert (second.fingerprint, second.instance) == (first.fingerprint, tag)
    assert alice.ask(again, b"hello") == b"you said hello"
    again.close()
    kept = load_trust(tmp_path / "bot.trust", "bot@example.org", "xmpp").of("alice")
    assert dict(kept) == trusted


def test_bot_goes_on_after_a_peer_has_ended(start):
    alice, bot = Person("alice"), start()
    for _ in range(2):
        alice.do(bot, alice.session.start(), events.SecureStarted)
        assert alice.ask(bot, b"hello") == b"you said hello"
        alice._send(bot, alice.session.end())


def test_bot_goes_on_after_a_text_that_came_with_the_end(start):
    alice, bot = Person("alice"), start()
    for _ in range(2):
        alice.do(bot, alice.session.start(), events.SecureStarted)
        assert alice.ask(bot, b"hello") == b"you said hello"
        goodbye = (Tlv(TlvType.DISCONNECTED, b""),)
        alice._send(bot, alice.session.send(b"and goodbye", tlvs=goodbye))
        alice.session.end()


def test_bot_that_was_killed_asks_for_new_keys(start):
    alice, bot = Person("alice"), start()
    alice.do(bot, alice.session.start(), events.SecureStarted)
    bot.kill()
    again = start()
    alice.do(again, alice.session.send(b"lost"), events.SecureStarted)
    assert alice.ask(again, b"hello") == b"you said hello"


def test_bot_breaks_off_a_check_for_which_it_has_no_secret(start):
    bob, bot = Person("bob"), start()
    bob.do(bot, bob.session.start(), events.SecureStarted)
    bob.do(bot, bob.session.smp_start(b"blue"), events.SmpAborted)


def test_other_samples_of_the_page_run():
    account = Account("bot", "xmpp", PrivateKey.generate(), policy=Policy.ALWAYS)
    peer = Person("alice")
    session = account.session("alice")
    received = []

    def carry(sender, receiver, outcome):
        received.extend(outcome.events)
        for line in outcome.wire:
            carry(receiver, sender, receiver.receive(line))

    carry(session, peer.session, session.start())
    received.clear()
    carry(peer.session, session, peer.session.send(b"hello"))
    (event,) = received
    for sample in SAMPLES:
        names = {
            "account": account, "answer": b"yes", "event": event, "session": session,
            "time": __import__("time"),
            "image": b"\0\1", "line": peer.session.seal(b"\0\1").wire[0],
        }  # fmt: skip
        exec(sample, names)
