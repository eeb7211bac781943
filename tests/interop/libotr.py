"""libotr in a helper process, built from `peer/*.c` and driven by a line protocol.

`peer/libotr_peer.c` lists its commands.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from pathlib import Path

SOURCES = Path(__file__).parent / "peer"
PROTOCOL = "test"

TAG_BEST = 1
TAG_RECENT = 2
TAG_RECENT_RECEIVED = 3
TAG_RECENT_SENT = 4


class LibotrMissing(Exception):
    """libotr's headers, its library or a C compiler are not on this machine."""


class LibotrError(Exception):
    """libotr refused a call; `code` is libgpg-error's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"libgpg-error {code}")
        self.code = code


class Policy(IntFlag):
    """libotr's policy bits and bundles."""

    NEVER = 0
    V1 = 0x01
    V2 = 0x02
    V3 = 0x04
    REQUIRE_ENCRYPTION = 0x08
    SEND_WHITESPACE_TAG = 0x10
    WHITESPACE_START_AKE = 0x20
    ERROR_START_AKE = 0x40
    MANUAL = V2 | V3
    OPPORTUNISTIC = MANUAL | SEND_WHITESPACE_TAG | WHITESPACE_START_AKE | ERROR_START_AKE
    ALWAYS = MANUAL | REQUIRE_ENCRYPTION | WHITESPACE_START_AKE | ERROR_START_AKE


def build_helper(directory: Path) -> Path:
    """Compile the helper into `directory` and return its path; warnings are errors."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise LibotrMissing("no C compiler `cc`")
    program = directory / "libotr_peer"
    sources = sorted(str(path) for path in SOURCES.glob("*.c"))
    flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror"]
    command = [compiler, *flags, "-o", str(program), *sources, "-lotr", "-lgcrypt", "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return program
    missing = ("#include <libotr/", "#include <gcrypt", "cannot find -l")
    if any(sign in done.stderr for sign in missing):
        raise LibotrMissing("libotr5-dev is not installed")
    raise RuntimeError(f"the libotr helper does not compile:\n{done.stderr}")


def to_hex(data: bytes | str) -> str:
    """Return bytes (or a text's UTF-8) as the helper reads them."""
    return (data.encode() if isinstance(data, str) else data).hex() or "-"


@dataclass(frozen=True)
class Report:
    """One event line of the helper."""

    kind: str
    fields: dict[str, str]

    def number(self, name: str) -> int:
        """Return a field as a number."""
        return int(self.fields[name])

    def data(self, name: str) -> bytes:
        """Return a field as bytes."""
        value = self.fields[name]
        return b"" if value == "-" else bytes.fromhex(value)

    def word(self, name: str) -> str:
        """Return a field as it stands."""
        return self.fields[name]

    @classmethod
    def parse(cls, line: str) -> Report:
        """Read one line."""
        kind, *pairs = line.split()
        return cls(kind, dict(pair.split("=", 1) for pair in pairs))


class LibotrProcess:
    """The running helper: a clock, a seed, and any number of users."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="ascii",
        )
        self._ids = itertools.count()
        self.version = self._read()[0].data("version").decode()

    def close(self) -> int:
        """End the helper and return its exit status."""
        self._process.communicate()
        return self._process.returncode

    def command(self, *words: str | int) -> list[Report]:
        """Run one command; raises `LibotrError` where libotr reports one."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> list[Report]:
        assert self._process.stdout is not None
        reports: list[Report] = []
        for line in self._process.stdout:
            report = Report.parse(line)
            if report.kind == "ok":
                return reports
            if report.kind == "fail":
                raise LibotrError(report.number("error"))
            reports.append(report)
        raise RuntimeError(f"the libotr helper died with status {self._process.wait()}")

    def set_clock(self, seconds: int) -> None:
        """Set the time that libotr sees."""
        self.command("CLOCK", seconds)

    def set_seed(self, seed: int) -> None:
        """Make libotr's own draws repeatable."""
        self.command("SEED", seed)

    def generate_keys(self, path: Path, accounts: Sequence[str]) -> None:
        """Add a key for each account to a private key file, made where there is none."""
        pairs = itertools.chain.from_iterable((to_hex(name), to_hex(PROTOCOL)) for name in accounts)
        self.command("KEYGEN", to_hex(str(path)), *pairs)

    def next_id(self) -> int:
        """Return an endpoint number that was never used."""
        return next(self._ids) % 4096


@dataclass(frozen=True)
class Context:
    """What libotr keeps of one instance; `state` 0 is plain text, 1 encrypted, 2 finished."""

    master: bool
    state: int
    version: int
    ours: int
    theirs: int
    auth: int
    offer: int
    half: int
    smp: int
    ssid: bytes
    fingerprint: bytes
    trust: str

    @classmethod
    def of(cls, report: Report) -> Context:
        """Read a `context` line."""
        numbers = {name: report.number(name) for name in ("state", "version", "ours", "theirs")}
        more = {name: report.number(name) for name in ("auth", "offer", "half", "smp")}
        return cls(
            master=report.number("master") == 1,
            ssid=report.data("ssid"),
            fingerprint=report.data("fingerprint"),
            trust=report.data("trust").decode(),
            **numbers,
            **more,
        )


NO_CONTEXT = Context(True, 0, 0, 0, 0, 0, 0, 0, 0, b"", b"", "")


@dataclass(frozen=True)
class MacKeys:
    """The MAC keys of one pair of D-H keys that libotr holds."""

    ours: int
    theirs: int
    used: bool
    send: bytes
    receive: bytes


@dataclass
class LibotrPeer:
    """One libotr user talking to one peer account; several may be instances of one account."""

    process: LibotrProcess
    account: str
    peer: str
    policy: Policy = Policy.MANUAL
    max_fragment: int = 0
    instance_tag: int = 0
    keys: Path | None = None
    id: int = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.process.next_id()
        name, protocol = to_hex(self.account), to_hex(PROTOCOL)
        settings = (int(self.policy), self.max_fragment, self.instance_tag)
        self.process.command("NEW", self.id, name, protocol, *settings)
        if self.keys is not None:
            self.process.command("KEYS", self.id, to_hex(str(self.keys)))

    def _run(self, word: str, *words: str | int) -> list[Report]:
        return self.process.command(word, self.id, to_hex(self.peer), *words)

    def free(self) -> None:
        """Forget the user and all that it holds."""
        self.process.command("FREE", self.id)

    def set(self, what: str, value: int) -> None:
        """Change `policy`, `max`, `online`, `errors` or `courtesy`."""
        self.process.command("SET", self.id, what, value)

    def receive(self, line: bytes) -> list[Report]:
        """Hand a line that came from the peer to libotr."""
        return self._run("RECV", to_hex(line))

    def send(
        self, text: bytes, tlvs: Iterable[tuple[int, bytes]] = (), instance: int = TAG_BEST
    ) -> list[Report]:
        """Send a text, with TLVs if given, to an instance of the peer."""
        extra = [f"{kind}:{to_hex(value)}" for kind, value in tlvs]
        return self._run("SEND", instance, to_hex(text), *extra)

    def query(self) -> list[Report]:
        """Ask for a private conversation."""
        return self._run("QUERY")

    def end(self, instance: int = TAG_BEST) -> list[Report]:
        """End the private conversation."""
        return self._run("END", instance)

    def smp_start(
        self, secret: bytes, question: bytes | None = None, instance: int = TAG_BEST
    ) -> list[Report]:
        """Start the SMP, with a question if given."""
        if question is None:
            return self._run("SMP", instance, "start", to_hex(secret))
        return self._run("SMP", instance, "ask", to_hex(secret), to_hex(question))

    def smp_answer(self, secret: bytes, instance: int = TAG_BEST) -> list[Report]:
        """Answer the peer's SMP."""
        return self._run("SMP", instance, "answer", to_hex(secret))

    def smp_abort(self, instance: int = TAG_BEST) -> list[Report]:
        """Abort the SMP."""
        return self._run("SMP", instance, "abort")

    def extra_key(self, use: int, data: bytes = b"", instance: int = TAG_BEST) -> list[Report]:
        """Announce the use of the extra symmetric key; a `symkey` report has it."""
        return self._run("SYMKEY", instance, use, to_hex(data))

    def contexts(self) -> list[Context]:
        """Return the master context and those of each instance of the peer."""
        return [Context.of(report) for report in self._run("STATUS")]

    def context(self) -> Context:
        """Return the context that matters: an encrypted or finished one before all others."""
        contexts = self.contexts()
        if not contexts:
            return NO_CONTEXT
        return max(contexts, key=lambda context: (context.state, not context.master))

    def mac_keys(self, instance: int = TAG_BEST) -> list[MacKeys]:
        """Return the MAC keys that are alive."""
        return [
            MacKeys(
                report.number("ours"),
                report.number("theirs"),
                report.number("used") == 1,
                report.data("send"),
                report.data("receive"),
            )
            for report in self._run("MACKEYS", instance)
        ]

    def trust(self, fingerprint: bytes, level: str) -> None:
        """Set the trust level of a fingerprint of the peer."""
        self._run("TRUST", fingerprint.hex(), to_hex(level))

    def read_file(self, what: str, path: Path) -> None:
        """Read `keys`, `fingerprints` or `instags`."""
        self.process.command("FILE", self.id, "read", what, to_hex(str(path)))

    def write_file(self, what: str, path: Path) -> None:
        """Write `fingerprints` or `instags`."""
        self.process.command("FILE", self.id, "write", what, to_hex(str(path)))

    def own_fingerprint(self) -> bytes:
        """Return the fingerprint of our own key."""
        [report] = self.process.command("FINGERPRINT", self.id)
        return report.data("fingerprint")

    def poll(self) -> None:
        """Let libotr wipe what has grown old."""
        self.process.command("POLL", self.id)
