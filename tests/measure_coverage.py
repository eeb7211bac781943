"""Coverage of the package (lines) and of its C core (lines and branches), with one command.

    python3 -m pip --python .venv/bin/python install coverage pytest-cov gcovr 'setuptools>=77'
    .venv/bin/python tests/measure_coverage.py [--keep DIRECTORY] [TEST ...]

The tracked files are copied, the core is built in the copy with gcc and without optimisation, and
the tests run there: with the native backend alone, but for those of the backends. Left out are
tests that need other programs, repeat others at length, or ask for what an optimised build alone
has: no branch on a secret, no key left on the stack, hardening, an answer within a second.

A branch is counted once where a function is inlined in many places: for this build alone,
`always_inline` is off. The exit status is 1 where a figure is below its target, or a test fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {"Python lines": 95.0, "C lines": 95.0, "C branches": 90.0}
LEFT_OUT = (
    "tests/interop",
    "tests/fuzz",
    "tests/adversarial/test_long_runs.py",
    "tests/crypto/test_memory.py",
    "tests/csrc/test_constant_time.py",
    "tests/otr/test_otr_install.py",
    "tests/potr/test_potr_install.py",
    "tests/test_documents.py",
    "tests/test_packaging.py",
)
TOO_SLOW_OR_BARE = (
    "tests/apps/test_demo.py::test_demo_when_every_text_comes_back_succeeds",
    "tests/csrc/test_lifecycle.py::test_memory_under_memcheck_then_no_error_and_0_bytes_lost",
    "tests/csrc/test_lifecycle.py::test_secrets_when_their_handles_are_gone_then_no_trace_in_memory",
    # coverage's own tracer does not live through a failing allocation
    "tests/engine/test_interruptions.py::"
    "test_failing_allocations_then_no_key_stream_twice_and_nothing_stays_counted",
)
CRYPTO = "tests/crypto"  # its fixtures choose backends and dispatch levels themselves
LONG = ("test_dsa_levels.py", "test_gmp.py", "test_kernels.py", "test_lifecycle.py")
RUNS = (
    ("--backend=native", f"--ignore={CRYPTO}", "tests"),
    (CRYPTO,),
    ("-m", "long", *(f"tests/csrc/{name}" for name in LONG)),
)
COMPILER = """#!/bin/sh
exec gcc "$@" -O0 --coverage -fprofile-update=prefer-atomic -Dalways_inline=__unused__
"""
SETTINGS = """
[run]
source = otrfast
parallel = true
patch = subprocess
data_file = {place}/coverage
[report]
exclude_also =
    if TYPE_CHECKING:
    \\.\\.\\.$
"""


def run(*command, cwd, variables):
    """Run a program; return whether it succeeded."""
    return subprocess.run(command, cwd=cwd, env=variables, check=False).returncode == 0


def copied(place):
    """Copy the tracked files to `place`."""
    listed = subprocess.run(
        ("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)


def compiler(place):
    """Return the variables in which `cc` builds for coverage, and the copy is imported."""
    programs = place / "coverage-bin"
    programs.mkdir()
    (programs / "cc").write_text(COMPILER, encoding="utf-8")
    (programs / "cc").chmod(0o755)
    return os.environ | {
        "CC": str(programs / "cc"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(place),
    }


def tested(place, variables, tests, jobs):
    """Run the tests; return whether all passed."""
    settings = place / "settings.ini"
    settings.write_text(SETTINGS.format(place=place), encoding="utf-8")
    passed = True
    for number, chosen in enumerate([tests] if tests else RUNS):
        passed &= run(
            sys.executable, "-m", "pytest", "-q", "-n", str(jobs), "-p", "no:cacheprovider",
            f"--basetemp={place / f'tests-{number}'}", "--cov", f"--cov-config={settings}",
            "--cov-report=", *["--cov-append"] * bool(number),
            *(f"--ignore={each}" for each in LEFT_OUT),
            *(f"--deselect={each}" for each in TOO_SLOW_OR_BARE), *chosen,
            cwd=place, variables=variables,
        )  # fmt: skip
    return passed


def python_figures(place, variables):
    """Print what is not covered of the package; return its figure."""
    coverage = (sys.executable, "-m", "coverage")
    options = ("--rcfile", str(place / "settings.ini"))
    run(*coverage, "report", *options, "--skip-covered", "-m", cwd=place, variables=variables)
    out = place / "python.json"
    run(*coverage, "json", "-q", *options, "-o", str(out), cwd=place, variables=variables)
    found = json.loads(out.read_text(encoding="utf-8"))
    return {"Python lines": found["totals"]["percent_covered"]}


def c_figures(place, variables):
    """Print what is not covered of the core; return its figures."""
    out = place / "c.json"
    for metric in ("line", "branch"):
        run(
            sys.executable, "-m", "gcovr", "--root", str(place), "--filter", "csrc/",
            "--merge-mode-functions=separate", f"--txt-metric={metric}", "--txt", "-",
            "--gcov-ignore-parse-errors=suspicious_hits.warn_once_per_file",
            "--json-summary", str(out), cwd=place, variables=variables,
        )  # fmt: skip
    found = json.loads(out.read_text(encoding="utf-8"))
    return {"C lines": found["line_percent"], "C branches": found["branch_percent"]}


def measure(place, tests, jobs):
    """Measure in an empty folder; return the exit status."""
    copied(place)
    variables = compiler(place)
    build = ("setup.py", "-q", "build_ext", "--inplace")
    if not run(sys.executable, *build, cwd=place, variables=variables):
        return 1
    passed = tested(place, variables, tests, jobs)
    figures = python_figures(place, variables) | c_figures(place, variables)
    for name, figure in figures.items():
        short = "" if figure >= TARGETS[name] else "  short of it"
        print(f"{name:14}{figure:6.1f} %, target {TARGETS[name]:g} %{short}")  # noqa: T201
    return 0 if passed and all(figures[name] >= TARGETS[name] for name in figures) else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("test", nargs="*", help="run these alone")
    add("--jobs", type=int, default=2, help="test processes at a time (%(default)s)")
    add("--keep", type=Path, metavar="DIRECTORY", help="a new folder to measure in and to keep")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True)
        return measure(options.keep.resolve(), options.test, options.jobs)
    with TemporaryDirectory(prefix="otrfast-coverage-") as place:
        return measure(Path(place), options.test, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
