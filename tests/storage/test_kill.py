"""Files after a process was killed while it saved keys, trust and tags: completely old or new."""

from __future__ import annotations

import os
import random
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

from otrfast import Trust
from otrfast.storage import load_trust, save_instance_tag, save_trust
from otrfast.storage.private_key import PrivateKey

from .conftest import names_in

KILLS = 50
LONGEST = 0.03  # seconds: several rounds of saving
NAMES = ("keys", "trust", "tags")


def savers(directory: Path, keys: list[PrivateKey]) -> list[Callable[[], None]]:
    """Return the functions that save the old files and the new ones."""

    def save(key: PrivateKey, peers: int, tag: int) -> None:
        trust = Trust()
        for number in range(peers):
            trust.set(f"peer {number}", bytes((number % 256,)) * 20, "verified")
        key.save(directory / "keys", "alice", "irc", replace=True)
        save_trust(directory / "trust", "alice", "irc", trust)
        save_instance_tag(directory / "tags", "alice", "irc", tag)

    return [lambda: save(keys[0], 2000, 0x100), lambda: save(keys[1], 1000, 0x200)]


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in NAMES}


def saving_process(save_old: Callable[[], None], save_new: Callable[[], None]) -> int:
    """Start a process that saves the one and the other alternately, until it is killed; return when
    it has begun."""
    at_work, tell = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.write(tell, b"!")
            while True:
                save_new()
                save_old()
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(at_work, 1) == b"!"
    os.close(at_work)
    return process


def test_killed_writer_leaves_a_whole_file(tmp_path, keys, seed):
    generator = random.Random(seed)
    save_old, save_new = savers(tmp_path, keys)
    save_new()
    new = contents(tmp_path)
    save_old()
    old = contents(tmp_path)
    kills = half_done = 0
    while kills < KILLS or not half_done:  # some must be between the first byte and the rename
        assert kills < 20 * KILLS
        kills += 1
        process = saving_process(save_old, save_new)
        time.sleep(generator.uniform(0, LONGEST))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        for name, found in contents(tmp_path).items():
            assert found in (old[name], new[name]), f"{name}: {len(found)} bytes"
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        half_done += len(set(names_in(tmp_path)) - set(NAMES))
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save_new()
    assert contents(tmp_path) == new
    assert set(names_in(tmp_path)) == set(NAMES), "half-written files are left"
    assert len(list(load_trust(tmp_path / "trust", "alice", "irc"))) == 1000
