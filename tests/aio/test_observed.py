"""What another process finds in a bot's memory and in its store: while a conversation is live its
keys, after it was saved and closed none of them, and in the files none at any time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from crypto import levels
from helpers import HandClock, make_account, parsed
from observed_bot import drawn
from observer import hmac_states, regions, round_keys

from otrfast import Policy
from otrfast.crypto import kdf
from otrfast.crypto.backend import DH_EXPONENT_BYTES
from otrfast.crypto.pure import pure_backend

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="reads the memory of a process through /proc"
)

PROGRAM = Path(__file__).with_name("observed_bot.py")
SEED = "the seed of the observed bot"
DRAWS = 200


def names_in(data: bytes, wanted: dict[str, bytes]) -> set[str]:
    """Which of the wanted values are in the data: one walk over it, for all of them."""
    starts = {value[:8] for value in wanted.values()}
    found = [at for at in range(len(data)) if data[at : at + 8] in starts]
    return {name for name, value in wanted.items() for at in found if data.startswith(value, at)}


class Observer:
    """A peer of the bot that learns every key of the conversation from its own side of it, and the
    bot's exponents from the seed."""

    def __init__(self, path: Path, level: str, monkeypatch) -> None:
        self.path = path
        self.keys: list[kdf.DataKeyBytes] = []
        self.exchanges: list[kdf.AkeKeyBytes] = []
        self.shared: set[bytes] = set()
        self.revealed: set[bytes] = set()
        monkeypatch.setattr(kdf, "data_keys", self._recorded(kdf.data_keys, self.keys))
        monkeypatch.setattr(kdf, "ake_keys", self._recorded(kdf.ake_keys, self.exchanges))
        account = make_account(pure_backend("pure"), "alice", 1, HandClock(), Policy.ALLOW_V3)
        self.session = account.session("bot")
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(path), SEED],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"OTRFAST_LEVEL": level},
        )  # fmt: skip

    def _recorded(self, plain, record):
        def derive(secret, *more):
            self.shared.add(secret)
            record.append(plain(secret, *more))
            return record[-1]

        return derive

    def command(self, *words: str) -> None:
        """Have the bot do something, and hear what it says of it, until all is said."""
        commands = [words]
        while commands:
            print(*commands.pop(0), file=self.process.stdin, flush=True)
            word, *lines = self.process.stdout.readline().split()
            assert word == "ok"
            for line in map(bytes.fromhex, lines):
                self._note(line)
                commands += [("line", out.hex()) for out in self.session.receive(line).wire]

    def _note(self, line: bytes) -> None:
        message = parsed(line)
        macs = getattr(message, "old_mac_keys", b"")
        self.revealed |= {macs[at : at + 20] for at in range(0, len(macs), 20)}

    def talk(self) -> None:
        """Exchange keys unless that was done, then rotate them."""
        if self.session.state.value != "encrypted":
            for line in self.session.start().wire:
                self.command("line", line.hex())
        assert self.session.state.value == "encrypted"
        for number in range(3):
            for line in self.session.send(b"text %d" % number).wire:
                self._note(line)
                self.command("line", line.hex())
            self.command("say", b"answer".hex())
        self.command("wipe")

    def secrets(self) -> dict[str, bytes]:
        """What must not be found, by name: parts long enough to be nothing else."""
        found = {}
        for number in range(DRAWS):
            exponent = drawn(SEED.encode(), number, DH_EXPONENT_BYTES)
            found[f"exponent {number}"] = exponent[8:24]
            found[f"exponent {number} as limbs"] = exponent[::-1][8:24]
        for number, secret in enumerate(sorted(self.shared)):
            found[f"shared {number}"] = secret[60:92]
            found[f"shared {number} as limbs"] = secret[::-1][64:96]
        for number, each in enumerate(self.exchanges):
            for name, side in (("initiator", each.initiator), ("responder", each.responder)):
                found[f"exchange {number} {name} c"] = side.c
                found[f"exchange {number} {name} m1"] = side.m1
                found[f"exchange {number} {name} m2"] = side.m2
        for number, keys in enumerate(self.keys):
            for name, key in (("send", keys.send_aes), ("receive", keys.receive_aes)):
                found[f"{name} aes {number}"] = key
                for place, part in enumerate(round_keys(key)):
                    found[f"{name} round key {number} {place}"] = part
            for name, key in (("send", keys.send_mac), ("receive", keys.receive_mac)):
                if key in self.revealed:
                    continue  # it is public
                found[f"{name} mac {number}"] = key
                for place, part in enumerate(hmac_states(key)):
                    found[f"{name} HMAC state {number} {place}"] = part
            found[f"extra {number}"] = keys.extra
        return found

    def in_memory(self) -> set[tuple[str, str]]:
        """The secrets that are in the bot's memory, each with the name of its region."""
        return {
            (name, region)
            for region, data in regions(self.process.pid, "rw")
            for name in names_in(data.replace(bytes(512), b""), self.secrets())
        }

    def in_files(self) -> set[str]:
        """The secrets that are in the files of the store."""
        beside = sorted(self.path.parent.glob(self.path.name + "*"))
        raw = b"".join(path.read_bytes() for path in beside)
        assert raw.startswith(b"SQLite format 3")
        return names_in(raw, self.secrets())

    def close(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


def test_names_in_then_a_value_is_found_at_any_place_and_a_part_of_one_is_not():
    wanted = {"one": bytes(range(16)), "other": bytes(range(100, 116))}
    for shift in range(9):
        assert names_in(bytes(shift) + wanted["one"] + b"x", wanted) == {"one"}
    assert names_in(wanted["one"][:15] + wanted["other"][1:], wanted) == set()


@pytest.mark.parametrize(
    "level",
    [
        *(pytest.param(level, marks=pytest.mark.long) for level in levels.NATIVE[:-1]),
        *levels.NATIVE[-1:],
    ],
)
def test_conversation_when_saved_and_closed_then_no_key_of_it_is_left_in_memory_or_file(
    tmp_path, monkeypatch, level
):
    observer = Observer(tmp_path / "bot.db", level, monkeypatch)
    try:
        for _ in range(2):  # the second time with a conversation that was restored
            observer.talk()
            assert (tmp_path / "bot.db-wal").stat().st_size > 0  # it is emptied when all is quiet
            assert observer.in_files() == set()
            seen = {name.split()[0] for name, _ in observer.in_memory()}
            assert {"exponent", "send", "receive"} <= seen, "the observer does not see live keys"
            observer.command("close")
            observer.command("wipe")
            assert observer.in_memory() == set()
            assert observer.in_files() == set()
            observer.command("open")
        assert observer.session.state.value == "encrypted"
        assert len(observer.exchanges) == 1
        observer.command("close")
    finally:
        observer.close()
