"""An otrfast session as a side."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from otrfast import Account, Outcome, Policy, PrivateKey, Session, events
from otrfast.environment import Environment

from .frames import kind_of, read_data
from .sides import ENCRYPTED, FINISHED, PLAIN, Diary, ExtraKey, Smp, Text

_STATES = {"PLAINTEXT": PLAIN, "ENCRYPTED": ENCRYPTED, "FINISHED": FINISHED}


@dataclass
class HandClock:
    """A clock that moves when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def make_account(
    name: str, key: Path, policy: Policy, clock: Callable[[], float], seed: int, tag: int = 0
) -> Account:
    """Return an account on a hand-turned clock and seeded randomness."""
    environment = Environment(clock=clock, random=random.Random(seed).randbytes)
    return Account(
        name,
        "test",
        PrivateKey.load(key),
        policy=policy,
        environment=environment,
        instance_tag=tag or None,
    )


class OtrfastSide:
    """A session of an account as a side."""

    def __init__(self, account: Account, peer: str, max_fragment: int = 0) -> None:
        self.account = account.name
        self.peer = peer
        self.session: Session = account.session(peer, max_fragment=max_fragment)
        self.trust = account.trust
        self.diary = Diary()
        self.events: list[events.Event] = []
        self.silent: list[bytes] = []
        """Data messages of which nothing was said, though the peer wants to know."""

    def take(self, outcome: Outcome) -> list[bytes]:
        """Note the events; return the lines."""
        self.events += outcome.events
        for event in outcome.events:
            self._note(event)
        return list(outcome.wire)

    def _note(self, event: events.Event) -> None:
        diary = self.diary
        match event:
            case events.MessageReceived(text=text, encrypted=encrypted):
                diary.texts.append(Text(text, encrypted))
            case events.UnencryptedReceived(text=text):
                diary.texts.append(Text(text, encrypted=False))
            case events.SmpRequested(question=question):
                diary.smp.append(Smp("asked", question))
            case events.SmpProgress():
                diary.smp.append(Smp("progress"))
            case events.SmpSucceeded():
                diary.smp.append(Smp("success"))
            case events.SmpFailed():
                diary.smp.append(Smp("failure"))
            case events.SmpAborted(by_peer=True):
                diary.smp.append(Smp("aborted"))
            case events.SmpCheated():
                diary.smp.append(Smp("cheated"))
            case (
                events.ExtraKeyReceived(key=key, use=use, data=data)
                | events.ExtraKeySent(key=key, use=use, data=data)
            ):
                diary.keys.append(ExtraKey(use, data, key))
            case events.SecureStarted(refreshed=refreshed):
                diary.secure.append("still_secure" if refreshed else "gone_secure")
            case events.SecureEnded(by_peer=by_peer):
                diary.secure.append("ended" if by_peer else "gone_insecure")
            case events.MessageRejected(error=error):
                diary.problems.append(type(error).__name__)
            case events.PeerError():
                diary.problems.append("general_error")
            case events.MessageUndelivered():
                diary.problems.append("undelivered")
            case events.Limited(limit=limit):
                diary.problems.append(f"limited {limit}")

    def receive(self, line: bytes) -> list[bytes]:
        outcome = self.session.receive(line)
        if not outcome.events and kind_of(line) == "data" and not read_data(line).flags:
            self.silent.append(line)
        return self.take(outcome)

    def send(self, text: bytes) -> list[bytes]:
        return self.take(self.session.send(text))

    def start(self) -> list[bytes]:
        return self.take(self.session.start())

    def end(self) -> list[bytes]:
        return self.take(self.session.end())

    def tick(self) -> list[bytes]:
        """Let time-outs that are due happen."""
        return self.take(self.session.tick())

    def smp_start(self, secret: bytes, question: bytes | None = None) -> list[bytes]:
        return self.take(self.session.smp_start(secret, question))

    def smp_answer(self, secret: bytes) -> list[bytes]:
        return self.take(self.session.smp_answer(secret))

    def smp_abort(self) -> list[bytes]:
        return self.take(self.session.smp_abort())

    def extra_key(self, use: int, data: bytes = b"") -> list[bytes]:
        return self.take(self.session.extra_key(use, data))

    @property
    def state(self) -> int:
        return _STATES[self.session.state.name]

    @property
    def version(self) -> int:
        return self.session.version or 0

    @property
    def ssid(self) -> bytes:
        return self.session.ssid or b""

    @property
    def bold_half(self) -> int:
        halves = self.session.ssid_halves
        assert halves is not None
        return halves[2]

    @property
    def peer_fingerprint(self) -> bytes:
        return self.session.fingerprint or b""

    @property
    def trusted(self) -> bool:
        return bool(self.trust.level(self.peer, self.peer_fingerprint))

    def texts_by_instance(self) -> dict[int, list[bytes]]:
        """Return the encrypted texts under the tag of the device that sent them."""
        texts: dict[int, list[bytes]] = {}
        for event in self.events:
            if isinstance(event, events.MessageReceived) and event.encrypted:
                texts.setdefault(event.instance, []).append(event.text)
        return texts
