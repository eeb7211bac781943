"""`otrfast.potr.install()` and `python -m otrfast.potr`: programs that import potr, unchanged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import otrfast

ROOT = Path(otrfast.__file__).parent.parent

PROGRAM = """
import sys
import potr
import potr.context
from potr import crypt
from potr.context import Context, Account, STATE_ENCRYPTED, NotOTRMessage
from potr.compatcrypto import generateDefaultKey
from potr.compatcrypto.pycrypto import DSAKey

class Chat(Context):
    def getPolicy(self, key):
        return key == "ALLOW_V2"
    def inject(self, msg, appdata=None):
        self.other.receiveMessage(msg)

class Me(Account):
    contextclass = Chat
    def loadPrivkey(self):
        return None
    def savePrivkey(self):
        assert isinstance(self.getPrivkey(), DSAKey)

alice, bob = (Me(name, "test", 0).getContext("peer") for name in ("alice", "bob"))
alice.other, bob.other = bob, alice
bob.receiveMessage(b"?OTRv2?")
assert alice.state == bob.state == STATE_ENCRYPTED
print(sys.argv, __name__, potr.VERSION >= (1, 0, 0, "beta5"), "pycrypto" in sys.modules)
"""


def run(*args, program=None, cwd=None):
    """Run Python with the package; the directory of these tests is not on its path as `potr`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *args],
        input=program,
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd,
        timeout=60,
        check=False,
    )


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_install_lets_programs_import_potr():
    install = "import otrfast.potr; otrfast.potr.install(); otrfast.potr.install()\n"
    done = run("-", program=install + PROGRAM)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout


def test_installed_modules_are_the_layers_own():
    done = run(
        "-c",
        "import otrfast.potr as ours; ours.install()\n"
        "import potr, potr.context, potr.crypt, potr.proto, potr.utils, potr.compatcrypto\n"
        "import potr.compatcrypto.pycrypto\n"
        "assert potr is ours and potr.context is ours.context\n"
        "assert potr.context.Context is ours.context.Context\n",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["potr", "potr.context"])
def test_install_refuses_where_another_potr_is_imported(name):
    done = run(
        "-c",
        f"import sys, types; sys.modules[{name!r}] = types.ModuleType({name!r})\n"
        "import otrfast.potr\n"
        "try: otrfast.potr.install()\n"
        "except ImportError as error: print(error)\n"
        "assert 'potr.proto' not in sys.modules\n",
    )
    assert done.returncode == 0, done.stderr
    assert "before the first import of potr" in done.stdout


def test_a_potr_of_one_line_may_call_install(tmp_path, program):
    (tmp_path / "potr.py").write_text("import otrfast.potr\notrfast.potr.install()\n")
    done = run(str(program), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_program_is_run_with_its_arguments(program):
    done = run("-m", "otrfast.potr", str(program), "-x", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{[str(program), '-x', '--help']} __main__ True")


def test_a_program_finds_the_modules_beside_it(tmp_path):
    (tmp_path / "beside.py").write_text("name = 'beside'\n")
    path = tmp_path / "program.py"
    path.write_text("import beside; print(beside.name)\n")
    assert run("-m", "otrfast.potr", str(path)).stdout == "beside\n"


def test_a_module_is_run_with_its_arguments(tmp_path, program):
    done = run("-m", "otrfast.potr", "-m", "program", "-m", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'-m', 'x'] __main__ True" in done.stdout


def test_a_command_on_the_path_is_run(tmp_path, program, monkeypatch):
    command = tmp_path / "some-client"
    command.write_text("#!/usr/bin/env python3\n" + PROGRAM)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    done = run("-m", "otrfast.potr", "some-client", "arg")
    assert done.returncode == 0, done.stderr
    assert "'arg'] __main__ True" in done.stdout


def test_a_program_that_is_not_there_is_named():
    done = run("-m", "otrfast.potr", "no-such-program")
    assert done.returncode == 2
    assert "no-such-program" in done.stderr
    assert run("-m", "otrfast.potr").returncode == 2


def test_help_says_what_it_does():
    done = run("-m", "otrfast.potr", "--help")
    assert done.returncode == 0
    for word in ("PROGRAM", "-m MODULE", "examples:", "docs/potr.md"):
        assert word in done.stdout
    assert run("-m", "otrfast.potr", "--version").stdout.startswith("otrfast ")


def test_a_programs_exit_status_is_passed_on(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import sys; sys.exit(7)\n")
    assert run("-m", "otrfast.potr", str(path)).returncode == 7
