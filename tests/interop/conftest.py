"""The libotr helper, its keys, and sides to put on a network.

Where libotr is not installed these tests are skipped with the reason; with `CI=true` they fail.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .libotr import LibotrMissing, LibotrProcess, Policy, build_helper
from .sides import LibotrSide

START_OF_TIME = 1_000_000_000


@pytest.fixture(scope="session")
def helper_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_helper(tmp_path_factory.mktemp("libotr"))
    except LibotrMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs libotr: {missing}")
        pytest.skip(f"interop tests need libotr: {missing}")


@pytest.fixture(scope="session")
def session_process(helper_program: Path) -> Iterator[LibotrProcess]:
    process = LibotrProcess(helper_program)
    yield process
    assert process.close() == 0


@pytest.fixture(scope="session")
def key_file(session_process: LibotrProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "otr.private_key"
    session_process.generate_keys(path, ["alice", "bob", "carol"])
    return path


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, the same in every run."""
    return zlib.crc32(request.node.nodeid.rpartition("/")[2].encode()) + 1


@pytest.fixture
def process(session_process: LibotrProcess, seed: int) -> LibotrProcess:
    session_process.set_clock(START_OF_TIME)
    session_process.set_seed(seed)
    return session_process


@pytest.fixture
def make_libotr(process: LibotrProcess, key_file: Path) -> Iterator[Callable[..., LibotrSide]]:
    """A maker of libotr sides: (account, peer, policy, max_fragment, instance_tag)."""
    made: list[LibotrSide] = []

    def make(
        account: str,
        peer: str,
        policy: Policy = Policy.MANUAL,
        max_fragment: int = 0,
        instance_tag: int = 0,
    ) -> LibotrSide:
        side = LibotrSide(process, account, peer, key_file, policy, max_fragment, instance_tag)
        made.append(side)
        return side

    yield make
    for side in made:
        side.otr.free()
