"""The two doors into the core: what cffi serves and what the hand-written module serves, and that
nothing is served by both."""

import inspect
import re
from pathlib import Path

import pytest
from mypy import stubtest

from . import levels

pytestmark = pytest.mark.skipif(not levels.NATIVE, reason="the pure backend was asked for")

ROOT = Path(__file__).resolve().parents[2]

if levels.NATIVE:
    from otrfast.crypto.core import _core, lib


def served_by_cffi():
    return {name for name in dir(lib) if name.startswith("otrf_")}


def found(pattern, *paths):
    """What a pattern finds in files."""
    return {name for path in paths for name in re.findall(pattern, path.read_text("utf-8"))}


def test_no_function_of_the_core_is_served_by_both_doors():
    by_hand = found(r"\botrf_\w+", *(ROOT / "csrc/python").glob("*.[ch]"))
    assert "otrf_open_line" in by_hand
    assert "otrf_multiply" in served_by_cffi()
    assert served_by_cffi() & by_hand == set()


def test_cffi_serves_no_more_than_is_used():
    crypto = ROOT / "otrfast/crypto"
    used = found(r"\blib\.(otrf_\w+)", crypto / "core.py", crypto / "native.py")
    assert served_by_cffi() == used


def test_stub_of_the_hand_written_module_says_what_is_in_it(monkeypatch, capsys):
    configuration = str(ROOT / "pyproject.toml")
    monkeypatch.chdir(ROOT)
    arguments = ["otrfast.crypto._core", "--mypy-config-file", configuration]
    status = stubtest.test_stubs(stubtest.parse_options(arguments), use_builtins_fixtures=False)
    assert status == 0, capsys.readouterr().out


def members():
    for name, member in vars(_core).items():
        if inspect.isclass(member):
            for own, method in vars(member).items():
                if callable(method):
                    yield f"{name}.{own}", method
        elif callable(member):
            yield name, member


def test_everything_by_hand_tells_its_signature_and_what_it_does():
    everything = dict(members())
    assert "DataKeys.open_line" in everything
    for name, member in everything.items():
        assert inspect.signature(member) is not None, name
        assert member.__doc__, name
