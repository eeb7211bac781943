"""What a test sees of either end of a conversation, whichever library runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .libotr import LibotrPeer, LibotrProcess, Policy, Report

PLAIN, ENCRYPTED, FINISHED = range(3)


@dataclass(frozen=True)
class Text:
    """A text that was shown to the user."""

    data: bytes
    encrypted: bool


@dataclass(frozen=True)
class Smp:
    """An SMP event by its common name: asked, progress, success, failure, aborted, cheated."""

    name: str
    question: bytes | None = None


@dataclass(frozen=True)
class ExtraKey:
    """An extra symmetric key, on the side that asked for it and on the other."""

    use: int
    data: bytes
    key: bytes


@dataclass
class Diary:
    """All that one side has told its user, in order."""

    texts: list[Text] = field(default_factory=list)
    smp: list[Smp] = field(default_factory=list)
    keys: list[ExtraKey] = field(default_factory=list)
    secure: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def encrypted(self) -> list[bytes]:
        """Return the texts that came encrypted."""
        return [text.data for text in self.texts if text.encrypted]

    def smp_names(self) -> list[str]:
        """Return the SMP events without their progress reports."""
        return [event.name for event in self.smp if event.name != "progress"]


class Side(Protocol):
    """One end of a conversation; every call returns the lines to send."""

    account: str
    peer: str
    diary: Diary

    def receive(self, line: bytes) -> list[bytes]:
        """Take a line from the peer."""

    def send(self, text: bytes) -> list[bytes]:
        """Send a text as the state says."""

    def start(self) -> list[bytes]:
        """Ask for a private conversation."""

    def end(self) -> list[bytes]:
        """End it."""

    def smp_start(self, secret: bytes, question: bytes | None = None) -> list[bytes]:
        """Start the SMP."""

    def smp_answer(self, secret: bytes) -> list[bytes]:
        """Answer the peer's SMP."""

    def smp_abort(self) -> list[bytes]:
        """Abort the SMP."""

    def extra_key(self, use: int, data: bytes = b"") -> list[bytes]:
        """Announce the extra symmetric key, and write it into the diary."""

    @property
    def state(self) -> int:
        """PLAIN, ENCRYPTED or FINISHED."""

    @property
    def version(self) -> int:
        """The protocol version of the session."""

    @property
    def ssid(self) -> bytes:
        """The session id, 8 bytes."""

    @property
    def bold_half(self) -> int:
        """Which half of the session id this side shows in bold: 0 or 1."""

    @property
    def peer_fingerprint(self) -> bytes:
        """The fingerprint that the peer proved."""

    @property
    def trusted(self) -> bool:
        """Whether the peer's fingerprint is trusted."""


_SMP_NAMES = {
    "ask_answer": "asked",
    "ask_secret": "asked",
    "in_progress": "progress",
    "abort": "aborted",
}


class LibotrSide:
    """A libotr user as a side."""

    def __init__(
        self,
        process: LibotrProcess,
        account: str,
        peer: str,
        keys: Path,
        policy: Policy = Policy.MANUAL,
        max_fragment: int = 0,
        instance_tag: int = 0,
    ) -> None:
        self.account = account
        self.peer = peer
        self.otr = LibotrPeer(process, account, peer, policy, max_fragment, instance_tag, keys)
        self.diary = Diary()
        self.reports: list[Report] = []

    def take(self, reports: list[Report]) -> list[bytes]:
        """Note the reports; return the lines."""
        self.reports += reports
        wire = []
        for report in reports:
            match report.kind:
                case "inject":
                    wire.append(report.data("data"))
                case "text":
                    self.diary.texts.append(
                        Text(report.data("data"), report.number("encrypted") == 1)
                    )
                case "smp":
                    self._take_smp(report)
                case "symkey":
                    self.diary.keys.append(
                        ExtraKey(report.number("use"), report.data("data"), report.data("key"))
                    )
                case "gone_secure" | "still_secure" | "gone_insecure":
                    self.diary.secure.append(report.kind)
                case "msg":
                    self._take_message_event(report)
                case "tlv" if report.number("type") == 1:
                    self.diary.secure.append("ended")
        return wire

    def _take_smp(self, report: Report) -> None:
        event = report.word("event")
        question = report.data("question") if event == "ask_answer" else None
        self.diary.smp.append(Smp(_SMP_NAMES.get(event, event), question))

    def _take_message_event(self, report: Report) -> None:
        event = report.word("event")
        if event == "unencrypted":
            self.diary.texts.append(Text(report.data("text"), encrypted=False))
        elif event not in ("heartbeat_sent", "heartbeat_received"):
            self.diary.problems.append(event)

    def receive(self, line: bytes) -> list[bytes]:
        return self.take(self.otr.receive(line))

    def send(self, text: bytes) -> list[bytes]:
        return self.take(self.otr.send(text))

    def start(self) -> list[bytes]:
        return self.take(self.otr.query())

    def end(self) -> list[bytes]:
        return self.take(self.otr.end())

    def smp_start(self, secret: bytes, question: bytes | None = None) -> list[bytes]:
        return self.take(self.otr.smp_start(secret, question))

    def smp_answer(self, secret: bytes) -> list[bytes]:
        return self.take(self.otr.smp_answer(secret))

    def smp_abort(self) -> list[bytes]:
        return self.take(self.otr.smp_abort())

    def extra_key(self, use: int, data: bytes = b"") -> list[bytes]:
        return self.take(self.otr.extra_key(use, data))

    @property
    def state(self) -> int:
        return self.otr.context().state

    @property
    def version(self) -> int:
        return self.otr.context().version

    @property
    def ssid(self) -> bytes:
        return self.otr.context().ssid

    @property
    def bold_half(self) -> int:
        return self.otr.context().half

    @property
    def peer_fingerprint(self) -> bytes:
        return self.otr.context().fingerprint

    @property
    def trusted(self) -> bool:
        return self.otr.context().trust != ""
