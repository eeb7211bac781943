"""Constant time, structural: memcheck on a core whose secrets are marked as undefined.

It reports each branch and each address that depends on a secret. valgrind knows no AVX-512, so what
is on it is left to the statistical test, `welch.py`.
"""

import subprocess

import pytest

from . import build

pytestmark = pytest.mark.long

MODEXPS = (
    *("modexp", "modexp_long", "modexp_g", "modexp_g_long", "modexp_many", "modexp_g_many"),
    *("dsa_sign", "dsa_new", "fixed_base_modexp"),
)
OTHERS = ("multiply", "response", "equal", "message", "ake")
SYMMETRIC = ("sha1", "sha256", "hmac_sha1", "hmac_sha256", "aes_ctr")
CASES = [
    *[("portable", case) for case in (*MODEXPS, *OTHERS, *SYMMETRIC)],
    *[("aesni", case) for case in ("message", "ake", *SYMMETRIC)],  # modexp as above
    *[("avx2", case) for case in MODEXPS],
]
CONTROLS = ("control_memcmp", "control_table", "control_mpz_powm")
REPORTED = 9


def built(directory, emulated):
    probe = directory / "probe.c"
    probe.write_text("#include <valgrind/memcheck.h>\n")
    if subprocess.run([build.tool("cc"), "-E", probe], capture_output=True, check=False).returncode:
        build.missing("valgrind/memcheck.h is not installed")
    core = build.objects(directory, "-DOTRF_MEMCHECK", emulated=emulated)
    options = ("-DOTRF_MEMCHECK", "-Wl,--wrap=otrf_equal")
    return build.program("constant_time", core, directory / "constant_time", *options)


@pytest.fixture(scope="module")
def harness(built_once):
    return built_once("memcheck", lambda place: built(place, emulated=False)) / "constant_time"


@pytest.fixture(scope="module")
def emulated_harness(built_once):
    directory = built_once("emulated-memcheck", lambda place: built(place, emulated=True))
    return directory / "constant_time"


def memcheck(harness, level, case):
    command = [build.tool("valgrind"), "-q", f"--error-exitcode={REPORTED}", harness]
    return subprocess.run(
        [*command, build.gmp(), str(build.LEVELS[level]), case],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(("level", "case"), CASES)
def test_no_branch_or_address_depends_on_a_secret(harness, level, case):
    result = memcheck(harness, level, case)
    if result.returncode == 2:
        pytest.skip(f"no dispatch level {level} under valgrind here")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("case", MODEXPS)
def test_ifma_kernels_written_out_in_c_depend_on_no_secret(emulated_harness, case):
    """Where the instructions themselves take the same time for all numbers, as their makers say."""
    result = memcheck(emulated_harness, "ifma", case)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("case", CONTROLS)
def test_memcheck_reports_code_that_leaks(harness, case):
    assert memcheck(harness, "portable", case).returncode == REPORTED
