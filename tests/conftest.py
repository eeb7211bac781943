"""The backends that the engine's suite runs on: the same tests, one after another, on each.

`--backend NAME` (may be repeated) narrows them down. Tests that ask for `fast_backend` compute so
much that Python's own `pow()` would take minutes over them: they run on the other two.

Which tests are `long`, or a `sample`, is explained in pyproject.toml; which skips stand in CI, in
skips.py.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers import Pair
from hypothesis import settings

from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load

pytest_plugins = ("pytester", "skips", "gateways")

BACKENDS = ("native", "gmpy2", "pure")

settings.register_profile("short", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("long", deadline=None, derandomize=True, max_examples=500)
settings.load_profile("short")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        action="append",
        choices=BACKENDS,
        help="run the engine's tests on this backend only (may be repeated)",
    )


ROOT = Path(__file__).resolve().parent.parent
REBUILD = "python3 -m pip --python .venv/bin/python install -q -e '.[test]'"


def stale(built: Path, sources: Path) -> Path | None:
    """The newest source of the C core, if it is newer than the shared object `built`."""
    read = [path for path in sources.rglob("*") if path.suffix in {".c", ".h"}]
    newest = max([*read, sources / "build_native.py"], key=lambda path: path.stat().st_mtime)
    return newest if newest.stat().st_mtime > built.stat().st_mtime else None


def pytest_configure() -> None:
    """Stop where the checkout's shared object is older than its sources: what the tests then say
    would be about other code."""
    if os.environ.get("OTRFAST_PURE") == "1":
        return
    core = find_spec("otrfast.crypto._native")
    if core is None or core.origin is None or not Path(core.origin).is_relative_to(ROOT):
        return
    if changed := stale(Path(core.origin), ROOT / "csrc"):
        raise pytest.UsageError(
            f"{changed.relative_to(ROOT)} is newer than the shared object of the C core."
            f" Build it again: {REBUILD}"
        )


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses among the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = config.getoption("--backend")
    if chosen:
        items[:] = [item for item in items if _on_backend(item, chosen)]
    for item in items:
        samples = list(item.iter_markers("sample"))
        if samples and not any(_has(item, mark.kwargs) for mark in samples):
            item.add_marker(pytest.mark.long)


def _on_backend(item: pytest.Item, chosen: list[str]) -> bool:
    return all(
        _parameters(item).get(fixture, chosen[0]) in chosen
        for fixture in ("backend", "fast_backend")
    )


def _has(item: pytest.Item, wanted: dict[str, object]) -> bool:
    """Whether each of these parameters of a test has the value wanted, or one of a list."""
    parameters = _parameters(item)
    return all(
        parameters[name] in (value if isinstance(value, list) else [value])
        for name, value in wanted.items()
    )


def _parameters(item: pytest.Item) -> dict[str, object]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def _load(name: str) -> Backend:
    if name == "native" and os.environ.get("OTRFAST_PURE") == "1":
        pytest.skip("OTRFAST_PURE=1 asks for a run without the C core")
    return load(name)


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend."""
    return _load(request.param)


@pytest.fixture(scope="session", params=BACKENDS[:2])
def fast_backend(request: pytest.FixtureRequest) -> Backend:
    """The backends for tests with many exponentiations."""
    return _load(request.param)


@pytest.fixture(scope="session")
def quick() -> Backend:
    """One backend, the fastest that is there, for what no backend can have a say in."""
    return load("gmpy2" if os.environ.get("OTRFAST_PURE") == "1" else "native")


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number of the test's own, the same in every run."""
    return zlib.crc32(request.node.name.encode()) + 1


@pytest.fixture
def pair(backend: Backend, version: int, seed: int) -> Pair:
    """Alice and Bob, who have not spoken yet."""
    return Pair(backend, version, seed)


@pytest.fixture
def secured(pair: Pair) -> Pair:
    """Alice and Bob in a private conversation, which Alice has started."""
    pair.establish()
    return pair


@pytest.fixture(scope="session")
def built_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], object]], Path]:
    """A maker of directories, each filled by the first worker of a run that asks for its name."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the run's, of which each worker has a part

    def once(name: str, build: Callable[[Path], object]) -> Path:
        directory = root / f"built-{name}"
        with (root / f"built-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():
                directory.mkdir()
                try:
                    build(directory)
                except BaseException:
                    directory.rename(f"{directory}-failed-{os.getpid()}")
                    raise
        return directory

    return once
