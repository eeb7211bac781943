"""How the core is found and started: the default, its levels, its GMP, and what is said when it
cannot run."""

import importlib.util
import os
import subprocess
import sys
from functools import partial

import pytest

from otrfast.crypto import backends
from otrfast.errors import BackendUnavailable

PURE = os.environ.get("OTRFAST_PURE") == "1"
BUILT = importlib.util.find_spec("otrfast.crypto._native") is not None

needs_core = pytest.mark.skipif(PURE and not BUILT, reason="installed without the C core")


def run(code, **environment):
    """Run code in a fresh interpreter; returns what it printed."""
    environment = {**os.environ, "OTRFAST_PURE": "0", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


DESCRIBE = "from otrfast.crypto.native import description as d; print(d()['level'], d()['gmp'])"
MODEXP = (
    "from otrfast.crypto.native import NativeBackend as N;"
    "print(int.from_bytes(N().dh_key(bytes(39) + bytes([9])).public, 'big'))"
)


def test_default_backend_is_native():
    assert PURE or backends.load().name == "native"


def test_pure_backend_by_the_environment():
    code = "from otrfast.crypto.backends import load; print(load().name)"
    assert run(code, OTRFAST_PURE="1") == "pure"


def test_unknown_backend_is_refused():
    with pytest.raises(BackendUnavailable):
        backends.load("openssl")


@needs_core
@pytest.mark.parametrize("level", ["portable", "aesni", "vaes", "avx2", "ifma"])
def test_level_by_the_environment_is_never_exceeded(level):
    order = ["portable", "aesni", "vaes", "avx2", "ifma"]
    used = run(DESCRIBE, OTRFAST_LEVEL=level).split()[0]
    assert order.index(used) <= order.index(level)


@needs_core
def test_unknown_level_is_refused():
    assert "OTRFAST_LEVEL" in run(DESCRIBE, OTRFAST_LEVEL="avx1024")


@needs_core
def test_gmp_of_gmpy2_can_be_used():
    assert "gmpy2" in run(DESCRIBE, OTRFAST_GMP="gmpy2").split("(")[1]
    assert run(MODEXP, OTRFAST_GMP="gmpy2") == "512"


@needs_core
def test_unknown_gmp_is_refused():
    assert "OTRFAST_GMP" in run(DESCRIBE, OTRFAST_GMP="mpir")


@needs_core
def test_core_in_several_interpreters_of_one_process():
    try:
        import _xxsubinterpreters as interpreters

        create = partial(interpreters.create, isolated=False)
    except ImportError:  # Python 3.13
        import _interpreters as interpreters

        create = partial(interpreters.create, "legacy")
    code = (
        "import otrfast.crypto.native as native\n"
        "key = native.NativeBackend().dh_key(bytes(39) + bytes([9]))\n"
        "assert key.public == (2**9).to_bytes(192, 'big')"
    )
    for _ in range(3):
        interpreter = create()
        assert interpreters.run_string(interpreter, code) is None
        interpreters.destroy(interpreter)


def test_missing_core_is_said_with_its_remedy():
    code = (
        "import sys; sys.modules['otrfast.crypto._native'] = None\n"
        "from otrfast.crypto.backends import load\n"
        "from otrfast.errors import BackendUnavailable\n"
        "try: load('native')\n"
        "except BackendUnavailable as error: print(error)"
    )
    said = run(code)
    assert "python3-dev" in said
    assert "OTRFAST_PURE=1" in said


def test_divide_when_gmpy2_is_missing_then_the_same(monkeypatch):
    """The core finds the system's GMP; a secret can then be checked as well."""
    from otrfast.crypto.group import P, element
    from otrfast.crypto.native import NativeBackend

    native = NativeBackend()
    with_gmpy2 = native.divide(element(5), element(7))
    monkeypatch.setitem(sys.modules, "gmpy2", None)
    assert native.divide(element(5), element(7)) == with_gmpy2 == element(5 * pow(7, -1, P) % P)
