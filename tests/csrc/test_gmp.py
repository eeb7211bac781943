"""Opening GMP at run time: what is refused, and that the tables are the same with every GMP."""

import ctypes
import shutil
import subprocess

import pytest

from . import build

pytestmark = pytest.mark.long

OK, NO_GMP = 0, -2


NAMES = (
    "otrf_cpu_use",
    "otrf_dsa_generate_vartime",
    "otrf_gmp_open",
    "otrf_gmp_version",
    "otrf_modexp_g",
)


@pytest.fixture(scope="module")
def shared(core, built_once):
    """The core as a shared library."""
    return built_once("shared", lambda place: link(core, place)) / "core.so"


def link(core, place):
    exports = place / "exports"
    exports.write_text("{ global: " + "; ".join(NAMES) + "; local: *; };\n")
    options = ("-shared", f"-Wl,--version-script={exports}")
    build.run(build.tool("cc"), *options, *core, "-o", place / "core.so")


@pytest.fixture
def library(shared, tmp_path):
    """A copy of it that no other test has opened GMP in."""
    opened = ctypes.CDLL(shutil.copy(shared, tmp_path))
    opened.otrf_gmp_version.restype = ctypes.c_char_p
    opened.otrf_dsa_generate_vartime.restype = ctypes.c_void_p
    return opened


def test_before_gmp_is_open_every_power_is_refused(library):
    out = ctypes.create_string_buffer(b"\xff" * 192, 192)
    assert library.otrf_modexp_g(out, bytes(40), ctypes.c_size_t(40)) == NO_GMP
    assert out.raw == bytes(192)
    assert library.otrf_dsa_generate_vartime(bytes(32)) is None
    assert library.otrf_gmp_version() == b""


def test_a_library_that_is_not_gmp_is_refused(library, tmp_path):
    source = tmp_path / "other.c"
    other = tmp_path / "other.so"
    source.write_text(
        'const int __gmp_bits_per_limb = 32; const char *const __gmp_version = "9.9";\n'
        "int answer(void); int answer(void) { return 42; }\n"
    )
    build.run(build.tool("cc"), "-shared", "-fPIC", source, "-o", other)
    for path in (b"libdoesnotexist.so", bytes(other)):
        assert library.otrf_gmp_open(path) == NO_GMP
    assert library.otrf_gmp_version() == b""


def test_gmp_opens_and_tells_its_version(library):
    assert library.otrf_gmp_open(build.gmp().encode()) == OK
    assert library.otrf_gmp_version().split(b".")[0] == b"6"


def test_a_power_of_another_length_is_refused(library):
    assert library.otrf_gmp_open(build.gmp().encode()) == OK
    out = ctypes.create_string_buffer(b"\xff" * 192, 192)
    for length in (0, 1, 39, 41, 191, 193, 200, 2**64 - 8):
        assert library.otrf_modexp_g(out, bytes(200), ctypes.c_size_t(length)) == -6
        assert out.raw == bytes(192)


def test_the_core_links_no_gmp(core, tmp_path):
    built = build.program("kernels", core, tmp_path / "kernels")
    needed = subprocess.run(["ldd", built], capture_output=True, text=True, check=True).stdout
    assert "gmp" not in needed
