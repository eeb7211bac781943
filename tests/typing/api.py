"""The public API as a program uses it: read by mypy and basedpyright, never run.

Where a name's type changes, a line here no longer checks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import assert_type

import otrfast
from otrfast import (
    Account,
    Environment,
    Limits,
    LocalError,
    MessageState,
    OtrError,
    Outcome,
    Padding,
    Policy,
    PrivateKey,
    Recipient,
    RemoteError,
    Session,
    Trust,
    backend_name,
    events,
    journal,
)

assert_type(backend_name(), str)
assert_type(otrfast.__version__, str)

key: PrivateKey = PrivateKey.generate()
assert_type(PrivateKey.load(Path("bot.key")), PrivateKey)
key.save("bot.key")
assert_type(key.fingerprint, bytes)

account = Account(
    "bot@example.org",
    "xmpp",
    key,
    policy=Policy.ALLOW_V3 | Policy.REQUIRE_ENCRYPTION,
    limits=Limits(ake_burst=4),
    environment=Environment(),
)
assert_type(account.name, str)
assert_type(account.fingerprint, bytes)
assert_type(account.tick(), list[tuple[Hashable, Outcome]])
assert_type(account.receive_many([("alice", b"?OTRv3?")]), list[Outcome])
trust: Trust = account.trust

session: Session = account.session("alice", max_fragment=1000)
assert_type(session.state, MessageState)
assert_type(session.next_deadline, float | None)
assert_type(session.fingerprint, bytes | None)

outcome: Outcome = session.start()
assert_type(outcome.wire, tuple[bytes, ...])
assert_type(outcome.events, tuple[events.Event, ...])

send: Callable[[bytes], Outcome] = session.send
receive: Callable[[bytes], Outcome] = session.receive
answers: list[Outcome] = [
    session.end(),
    session.tick(),
    session.smp_start(b"secret"),
    session.smp_start(b"secret", b"question?"),
    session.smp_answer(b"secret"),
    session.smp_abort(),
    session.extra_key(1, b"data"),
]
many: Outcome = session.send_many([b"one", b"two"])


def describe(event: events.Event) -> str:
    """Take each event apart: attributes have the types that the page of events gives."""
    match event:
        case events.MessageReceived(text=text, encrypted=encrypted):
            assert_type(text, bytes)
            assert_type(encrypted, bool)
        case events.UnencryptedReceived(text=text):
            assert_type(text, bytes)
        case events.SecureStarted(fingerprint=fingerprint, ssid=ssid, version=version):
            assert_type(fingerprint, bytes)
            assert_type(ssid, bytes)
            assert_type(version, int)
        case events.SmpRequested(question=question):
            assert_type(question, bytes | None)
        case events.SmpProgress(percent=percent):
            assert_type(percent, int)
        case events.MessageRejected(error=error):
            assert_type(error, RemoteError)
        case _:
            pass
    return type(event).__name__


def refused(error: Exception) -> bool:
    """Both kinds of errors have one root."""
    kinds: tuple[type[OtrError], ...] = (LocalError, RemoteError)
    return isinstance(error, kinds)


padding: type[Padding] = Padding
recipient: type[Recipient] = Recipient


def store(path: Path, key: bytes) -> tuple[journal.Journal, journal.Shard]:
    """A store in a file is one of those that a gateway takes."""
    made: journal.Journal = journal.SqliteJournal(path, key)
    return made, made.shard(0)


async def saved(made: journal.SqliteJournal, trust: Trust) -> Account:
    """What a store keeps is what an account is made of."""
    me = await made.identity("bot", "irc")
    assert_type(await made.out(0), list[tuple[str, Sequence[bytes]]])
    assert_type(await made.shard(0).load(["alice"]), dict[str, journal.Saved])
    assert_type(made.wait(made.forget_sessions()), int)
    return Account(me.account, me.protocol, me.private_key, trust=me.trust)
