"""The libotr helper, its keys, and sides to put on a network.

Where libotr is not installed these tests are skipped with the reason; with `CI=true` that is a
failure.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from otrfast import Policy as OurPolicy

from .duo import VERSIONS, Duo, MakeDuo, Workshop
from .libotr import LibotrMissing, LibotrProcess, Policy, build_helper
from .sides import LibotrSide

START_OF_TIME = 1_000_000_000


@pytest.fixture(scope="session")
def helper_program(built_once: Callable[..., Path]) -> Path:
    try:
        return built_once("libotr", build_helper) / "libotr_peer"
    except LibotrMissing as missing:
        pytest.skip(f"interop tests need libotr: {missing}")


@pytest.fixture(scope="session")
def session_process(helper_program: Path) -> Iterator[LibotrProcess]:
    process = LibotrProcess(helper_program)
    yield process
    assert process.close() == 0


@pytest.fixture(scope="session")
def key_files(
    session_process: LibotrProcess, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """For each account a private key file that libotr wrote."""
    directory = tmp_path_factory.mktemp("keys")
    files = {account: directory / f"{account}.private_key" for account in ("alice", "bob")}
    for account, path in files.items():
        session_process.generate_keys(path, [account])
    return files


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
def make_libotr(
    process: LibotrProcess, key_files: dict[str, Path]
) -> Iterator[Callable[..., LibotrSide]]:
    """A maker of libotr sides: (account, peer, policy, max_fragment, instance_tag)."""
    made: list[LibotrSide] = []

    def make(
        account: str,
        peer: str,
        policy: Policy = Policy.MANUAL,
        max_fragment: int = 0,
        instance_tag: int = 0,
    ) -> LibotrSide:
        side = LibotrSide(
            process, account, peer, key_files[account], policy, max_fragment, instance_tag
        )
        made.append(side)
        return side

    yield make
    for side in made:
        side.otr.free()


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def version(request: pytest.FixtureRequest) -> int:
    """A protocol version."""
    assert isinstance(request.param, int)
    return request.param


@pytest.fixture
def workshop(process: LibotrProcess, key_files: dict[str, Path], seed: int) -> Workshop:
    return Workshop(process, key_files, seed, START_OF_TIME)


@pytest.fixture
def make_duo(workshop: Workshop, seed: int) -> Iterator[MakeDuo]:
    """A maker of duos: version, and by choice policies, fragment limits and a case number."""
    made: list[Duo] = []

    def make(
        version: int,
        ours: OurPolicy | None = None,
        theirs: OurPolicy | None = None,
        our_limit: int = 0,
        their_limit: int = 0,
        case: int = 0,
    ) -> Duo:
        default = VERSIONS[version]
        policies = (default if ours is None else ours, default if theirs is None else theirs)
        duo = Duo(workshop, version, seed + case, policies, (our_limit, their_limit))
        made.append(duo)
        return duo

    yield make
    for duo in made:
        duo.theirs.otr.free()


@pytest.fixture
def duo(make_duo: MakeDuo, version: int) -> Duo:
    return make_duo(version)
