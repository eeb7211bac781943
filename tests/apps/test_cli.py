"""The program as a whole: version, interruption, output that fails, file errors (issue G, 30)."""

from __future__ import annotations

import json
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import otrfast
from otrfast.crypto.backends import load
from otrfast.errors import BackendUnavailable

from .program import COMMAND, WAIT, on_terminal
from .program import otrfast as program

ROOT = Path(__file__).parents[2]


def test_g30_version_names_the_program_and_its_version():
    done = program("--version")
    assert done.returncode == 0
    assert done.stdout.decode() == f"otrfast {otrfast.__version__}\n"
    assert done.stderr == b""


ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("given", [b"", "pû\N{SNOWMAN} [bold]\n".encode(), b"\xff\xfe\n"])
def test_g30_demo_in_an_ascii_locale_ends_well(given):
    done = program("demo", "--partners", "1", "--no-rates", given=given, environment=ASCII)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert done.stdout.isascii()
    assert b"texts came back" in done.stdout


@pytest.mark.parametrize(
    "words", [("info",), ("--help",), ("bench", "--help"), ("keys", "list", "--help")]
)
def test_g30_command_in_an_ascii_locale_ends_well(words):
    done = program(*words, environment=ASCII)
    assert (done.returncode, done.stderr) == (0, b"")


def test_g30_demo_on_an_ascii_terminal_ends_well():
    command = [*COMMAND, "demo", "--partners", "1", "--no-rates"]
    output, status = on_terminal(command, environment=ASCII)
    assert status == 0, output
    assert b"Traceback" not in output


FULL = [
    ("info",),
    ("demo", "--partners", "1", "--no-rates"),
    ("mackey", "00" * 16),
    ("keygen", "key"),
    ("--version",),
]


@pytest.mark.parametrize("words", FULL, ids=lambda words: words[0])
def test_g30_output_that_cannot_be_written_is_an_error_of_one_line(words, tmp_path):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *words], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
            check=False, timeout=WAIT, cwd=tmp_path,
        )  # fmt: skip
    if words == ("--version",):  # argparse ignores the error
        assert b"Traceback" not in done.stderr
        return
    assert done.returncode == 1
    assert done.stderr.decode() == ("otrfast: cannot write the output: No space left on device\n")


def test_g30_closed_output_is_no_traceback():
    for command in ("info >&-", "info | true", "mackey 00112233445566778899aabbccddeeff >&-"):
        done = subprocess.run(
            f"{sys.executable} -m otrfast.cli {command}", shell=True, capture_output=True,
            check=False, timeout=WAIT,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("value", ["yes", "true", "2", "01", " 1", "pure", "no"])
def test_g30_unknown_value_of_otrfast_pure_is_an_error(value, monkeypatch):
    monkeypatch.setenv("OTRFAST_PURE", value)
    with pytest.raises(BackendUnavailable) as caught:
        load()
    assert str(caught.value) == f"expected OTRFAST_PURE to be 0 or 1, found {value!r}"
    assert load("pure").name == "pure"


def test_g30_known_values_of_otrfast_pure_choose_the_backend():
    for value, name in (("1", "pure"), ("0", "native"), ("", "native")):
        if name == "native" and otrfast.backend_name() == "pure":
            continue
        done = program("info", environment={"OTRFAST_PURE": value})
        assert done.returncode == 0
        assert name in done.stdout.decode()
    done = program("info", environment={"OTRFAST_PURE": "yes"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"otrfast: expected OTRFAST_PURE to be 0 or 1, found 'yes'\n"


def test_g30_unknown_value_of_otrfast_pure_stops_the_build(monkeypatch):
    built = []
    setuptools = ModuleType("setuptools")
    setuptools.setup = lambda **arguments: built.append(arguments)
    commands = ModuleType("setuptools.command")
    monkeypatch.setitem(sys.modules, "setuptools.command", commands)
    for name in ("build_ext", "bdist_wheel"):
        command = ModuleType(f"setuptools.command.{name}")
        setattr(command, name, object)
        monkeypatch.setitem(sys.modules, command.__name__, command)
    monkeypatch.setitem(sys.modules, "setuptools", setuptools)
    monkeypatch.setenv("OTRFAST_PURE", "yes")
    with pytest.raises(SystemExit, match="expected OTRFAST_PURE to be 0 or 1, found 'yes'"):
        runpy.run_path(str(ROOT / "setup.py"))
    assert built == []
    for value, has_core in (("1", False), ("0", True), ("", True)):
        monkeypatch.setenv("OTRFAST_PURE", value)
        runpy.run_path(str(ROOT / "setup.py"))
        assert ("cffi_modules" in built.pop()) is has_core


READING = [
    ("fingerprint", "FILE"),
    ("keys", "list", "FILE"),
    ("keys", "convert", "FILE", "target"),
    ("keys", "import", "FILE", "--keys", "target"),
    ("keys", "export", "FILE", "."),
    ("parse", "FILE"),
    ("readforge", "00" * 16, "--input", "FILE"),
    ("bench", "--figures", "FILE"),
    ("bench", "--claims", "FILE"),
]
WRITING = [
    ("keygen", "FILE"),
    ("keys", "convert", "ours", "FILE"),
    ("keys", "import", "ours", "--keys", "FILE"),
    ("bench", "--json", "FILE"),
    ("bench", "--markdown", "FILE"),
    ("bench", "--chart", "FILE.svg"),
]


def run_on(words, name, directory):
    done = subprocess.run(
        [*COMMAND, *(word.replace("FILE", name) for word in words)],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=WAIT, cwd=directory,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr.decode()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_g30_file_that_cannot_be_read_reads_alike_in_all_commands(words, tmp_path):
    errors = run_on(words, "none", tmp_path)
    assert errors == "otrfast: cannot read none: No such file or directory\n"


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_g30_file_that_cannot_be_written_reads_alike_in_all_commands(words, tmp_path, key_file):
    (tmp_path / "ours").write_bytes(key_file)
    name = "none/file"
    errors = run_on(words, name, tmp_path)
    shown = words[-1].replace("FILE", name)
    assert errors == f"otrfast: cannot write {shown}: No such file or directory\n"


@pytest.fixture(scope="module")
def key_file():
    return otrfast.PrivateKey.generate().dumps("bot", "irc")


@pytest.mark.parametrize("content", [b"\xff", b"words", b"[]", b"{}", b'{"samples": 5}', b"null"])
def test_g30_figures_of_another_form_are_an_error_of_one_line(content, tmp_path):
    (tmp_path / "figures").write_bytes(content)
    errors = run_on(("bench", "--figures", "FILE"), "figures", tmp_path)
    assert re.fullmatch(r"otrfast: (cannot read )?figures.*\n", errors)


def test_g30_help_and_pages_agree_on_how_long_a_bench_takes():
    said = " ".join(program("bench", "--help").stdout.decode().split())
    page = " ".join((ROOT / "docs" / "performance.md").read_text().split())
    for words in ("It takes some minutes", "about four minutes"):
        assert words in said
        assert words in page


def test_g30_demo_says_what_it_does_before_the_table_of_rates():
    done = program("demo", "--partners", "1", given=b"hello\n", environment=ASCII)
    assert done.returncode == 0
    shown = done.stdout.decode()
    before, _, _ = shown.partition("Rates per second")
    assert re.search(r"Measuring rates of .*pure, for about \d+ seconds\n", before)


@pytest.mark.parametrize("after", [b"starting", b"key exchange"])
def test_g30_ctrl_c_in_bench_ends_quietly(after):
    engine = ["--engine", "pure", "--only", "ake"]
    output, status = on_terminal([*COMMAND, "bench", *engine], interrupt_after=after)
    assert status == 130, output
    for word in (b"Traceback", b"Error", b"Exception"):
        assert word not in output
    assert output.rindex(b"\x1b[?25h") > output.rindex(b"\x1b[?25l")  # the cursor is shown


def test_g30_interrupted_worker_of_the_bench_is_ended_at_once(tmp_path):
    from otrfast.apps.bench.engines import Engines

    engine = Engines(tmp_path).start("pure")
    assert engine is not None
    engine._answering = True  # as Ctrl-C leaves it
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 5
    assert engine._process.returncode == -signal.SIGKILL


def test_g30_json_of_the_bench_is_checked_before_anything_is_measured(tmp_path):
    (tmp_path / "kept").write_text(json.dumps({}))
    assert "cannot write" in run_on(("bench", "--json", "FILE"), "none/kept", tmp_path)
