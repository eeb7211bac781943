"""`otrfast.otr.install()` and `python -m otrfast.otr`: programs that import otr, unchanged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import otrfast

ROOT = Path(otrfast.__file__).parent.parent

PROGRAM = """
import sys
import otr
from otr import OTRSession, OTRState, OTRTransport, GenericOTRTransport, SMPStatus
from otr.cryptography import DSAPrivateKey
from otr.exceptions import IgnoreMessage, UnencryptedMessage, OTRError, EncryptedMessageError

def hear(to, line):
    try:
        to.handle_input(line, "text/plain")
    except IgnoreMessage:
        pass

key = DSAPrivateKey.generate()
alice = OTRSession(key, GenericOTRTransport(lambda line: hear(bob, line)), {3})
bob = OTRSession(DSAPrivateKey.generate(), GenericOTRTransport(lambda line: hear(alice, line)))
alice.start()
assert alice.state is bob.state is OTRState.Encrypted
assert bob.remote_public_key.fingerprint == key.public_key.fingerprint
print(sys.argv, __name__, bool(otr.__info__.__version__))
"""


def run(*args, program=None, cwd=None):
    """Run Python with the package; the directory of these tests is not on its path as `otr`."""
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


def test_otr_where_nothing_installs_it_then_missing_as_programs_expect(tmp_path):
    done = run("-c", "import otrfast.otr, otr", cwd=tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'otr'" in done.stderr


def test_install_lets_programs_import_otr():
    install = "import otrfast.otr; otrfast.otr.install(); otrfast.otr.install()\n"
    done = run("-", program=install + PROGRAM)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout


def test_installed_modules_are_the_layers_own():
    done = run(
        "-c",
        "import otrfast.otr as ours; ours.install()\n"
        "import otr, otr.cryptography, otr.exceptions, otr.__info__\n"
        "assert otr is ours and otr.cryptography is ours.cryptography\n"
        "assert otr.exceptions.OTRError is ours.exceptions.OTRError\n",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["otr", "otr.exceptions"])
def test_install_refuses_where_another_otr_is_imported(name):
    done = run(
        "-c",
        f"import sys, types; sys.modules[{name!r}] = types.ModuleType({name!r})\n"
        "import otrfast.otr\n"
        "try: otrfast.otr.install()\n"
        "except ImportError as error: print(error)\n"
        "assert 'otr.cryptography' not in sys.modules\n",
    )
    assert done.returncode == 0, done.stderr
    assert "before the first import of otr" in done.stdout


def test_an_otr_of_one_line_may_call_install(tmp_path, program):
    (tmp_path / "otr.py").write_text("import otrfast.otr\notrfast.otr.install()\n")
    done = run(str(program), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_program_is_run_with_its_arguments(program):
    done = run("-m", "otrfast.otr", str(program), "-x", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{[str(program), '-x', '--help']} __main__ True")


def test_a_module_is_run_with_its_arguments(tmp_path, program):
    done = run("-m", "otrfast.otr", "-m", "program", "-m", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'-m', 'x'] __main__ True" in done.stdout


def test_help_says_what_it_does():
    done = run("-m", "otrfast.otr", "--help")
    assert done.returncode == 0
    for word in ("PROGRAM", "-m MODULE", "examples:", "docs/python-otr.md"):
        assert word in done.stdout
    assert run("-m", "otrfast.otr", "--version").stdout.startswith("otrfast ")
