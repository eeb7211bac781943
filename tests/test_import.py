"""The modules that `import otrfast` loads, and its public names."""

from __future__ import annotations

import subprocess
import sys

import otrfast

HEAVY = {
    "Crypto", "argparse", "ast", "asyncio", "dataclasses", "dis", "gmpy2", "hashlib",
    "inspect", "json", "logging", "pathlib", "random", "rich", "shutil", "socket", "ssl",
    "subprocess", "tempfile", "threading", "tokenize", "urllib",
}  # fmt: skip
PACKAGE = {
    "otrfast.apps", "otrfast.cli", "otrfast.otr", "otrfast.potr", "otrfast.storage",
    "otrfast.toolkit",
}  # fmt: skip
BACKENDS = {"otrfast.crypto.native", "otrfast.crypto.pure"}
LOADED = """
import sys
before = set(sys.modules)  # an installed hook may import modules at start-up
{}
print(*set(sys.modules) - before)
"""


def loaded(code: str) -> set[str]:
    """The modules that a new interpreter imports for `code`."""
    command = [sys.executable, "-c", LOADED.format(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_package_when_imported_then_nothing_heavy_with_it():
    modules = loaded("import otrfast")
    assert not modules & (HEAVY | PACKAGE | BACKENDS)


def test_public_names_then_all_there_and_the_errors_are_those_of_errors():
    for name in otrfast.__all__:
        found = getattr(otrfast, name)
        if isinstance(found, type) and issubclass(found, Exception):
            assert found is getattr(otrfast.errors, name)
    assert otrfast.human_fingerprint(bytes(20)) == " ".join(["0" * 8] * 5)


def test_native_backend_when_loaded_then_none_of_what_the_others_need():
    modules = loaded("import otrfast; otrfast.Environment()")
    assert not modules & (HEAVY | PACKAGE | {"otrfast.crypto.pure"})


def test_program_when_no_extra_is_installed_then_it_starts():
    blocked = "asyncirc", "irclib", "slixmpp", "prometheus_client"
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from otrfast.cli import main\n"
        "main(['--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "proxy" in done.stdout
