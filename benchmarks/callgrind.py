"""Instructions per operation, counted by callgrind: the same on every run, whatever else the
machine does.

    python benchmarks/callgrind.py [OPERATION ...]          count and print
    python benchmarks/callgrind.py --record                 write instructions.json, and the table
                                                            of docs/performance.md
    python benchmarks/callgrind.py --check                  compare with it; 1 for a rise

Each operation runs in a process of its own under valgrind: first to warm up, then to be counted,
with both ends of the conversation and Python's own instructions in it. The C core's share is what
its shared object executed itself: GMP's is apart. Random bytes and hashes are seeded, and what
lives when counting begins is set aside for the garbage collector, so that its passes cost what the
operation itself leaves behind and nothing else.

Valgrind knows no AVX-512, VAES or SHA instructions. At the level avx2 exponentiations are this
package's own code, which is what a change here can make slower; at aesni they are GMP's.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import instructions
from instructions import Count

from otrfast.apps.bench import replace_figures

RECORDED = Path(__file__).with_name("instructions.json")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
OPERATIONS = {
    # name: (the work, how many operations it does, how often to warm up, how often counted);
    # D-H keys are made eight at a time: each end needs a multiple of that many
    "ake": ("duo.connect()", 1, 8, 24),
    "ping_100": ("duo.ping_pong(2, SHORT)", 2, 16, 32),
    "ping_10k": ("duo.ping_pong(2, LONG)", 2, 16, 32),
    "ping_batch": ("crowd.ping_pong(2, SHORT)", 128, 1, 1),
    "burst_100": ("duo.burst(100, SHORT)", 100, 2, 10),
    "burst_10k": ("duo.burst(10, LONG)", 10, 2, 10),
    "burst_many_100": ("duo.burst_many(100, SHORT)", 100, 2, 10),
    "burst_many_10k": ("duo.burst_many(10, LONG)", 10, 2, 10),
    "smp": ("duo.smp()", 1, 1, 2),
}
GATE = ("ake", "ping_100", "ping_batch", "burst_100", "burst_many_100")
LEVELS = ("portable", "aesni", "avx2")
LEVEL = "avx2"
LIMIT = 2.0  # per cent

MARK = "getpgid"  # a function of the C library that nothing else here calls
PROGRAM = """
import gc, os
os.urandom = __import__("random").Random(7).randbytes
import otrfast
from otrfast.apps.workloads import Crowd, Duo
SHORT, LONG = b"a" * 100, b"a" * 10000
{ends}
for _ in range({warm}):
    {work}
gc.collect()
gc.freeze()
os.getpgid(0)
for _ in range({counted}):
    {work}
os.getpgid(0)
"""
ENVIRONMENT = """
import json, platform, re, sys, sysconfig
import otrfast
from otrfast.apps.info import facts
from pathlib import Path
facts = facts()
loaded = [getattr(module, "__file__", None) for module in sys.modules.values()]
folder = str(Path(otrfast.__file__).parent)
core, = {path for path in loaded if path and path.startswith(folder) and path.endswith(".so")}
compiled = re.findall(rb"GCC: \\([^)]*\\) [0-9.]+|clang version [0-9.]+", Path(core).read_bytes())
optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
print(json.dumps({
    "core": core,
    "environment": {
        "machine": platform.machine(),
        "level": facts["level"],
        "python": platform.python_version(),
        "python build": platform.python_compiler() + (", optimised" if optimised else ""),
        "compiler": re.sub(r"GCC: \\(.*\\)", "gcc", max(compiled, default=b"unknown").decode()),
        "gmp": facts["gmp"].split()[0],
        "libc": " ".join(platform.libc_ver()),
    },
}))
"""
COST = re.compile(r"(?:[+-]?\d+|\*) \d+$")
OBJECT = re.compile(r"(c?ob)=\((\d+)\)\s*(\S*)")


class Target(NamedTuple):
    """What is counted: the environment variables that choose it, and its core's file."""

    variables: dict[str, str]
    core: str
    environment: dict[str, str]


def target(build, level):
    """Return the package in the checkout `build`, or the installed one, at a dispatch level."""
    variables = os.environ | {
        "OTRFAST_LEVEL": level,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if build:
        variables["PYTHONPATH"] = str(build.resolve())
    known = json.loads(run([sys.executable, "-P", "-c", ENVIRONMENT], variables))
    valgrind = run(["valgrind", "--version"], variables).strip().removeprefix("valgrind-")
    return Target(variables, known["core"], known["environment"] | {"valgrind": valgrind})


def run(command, variables):
    """Return what a program prints; its complaint goes to the terminal where it fails."""
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{command[0]} stopped with {done.returncode}")
    return done.stdout


def count(operation, chosen):
    """Return the instructions of one operation."""
    work, units, warm, counted = OPERATIONS[operation]
    crowd = work.startswith("crowd")
    ends = f"{'crowd = Crowd' if crowd else 'duo = Duo'}(otrfast.Environment().backend"
    ends += ", 64)" if crowd else ")"
    program = PROGRAM.format(ends=ends, warm=warm, counted=counted, work=work)
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        valgrind += [f"--dump-before={MARK}", sys.executable, "-P", "-c", program]
        run(valgrind, chosen.variables)
        between = out.with_suffix(".2")  # the marks
        costs = by_object(between.read_text(encoding="utf-8", errors="replace").splitlines())
    per = units * counted
    core = costs.get(chosen.core, 0)
    gmp = sum(cost for name, cost in costs.items() if "gmp" in Path(name).name)
    return Count(sum(costs.values()) / per, core / per, gmp / per)


def by_object(lines):
    """Sum the self cost of each object file in callgrind's output."""
    names, totals = {}, {}
    current, inherited = "", False
    for line in lines:
        if found := OBJECT.match(line):
            kind, number, name = found.groups()
            if name:
                names[number] = name
            if kind == "ob":
                current = names[number]
        elif line.startswith("calls="):
            inherited = True  # the next line is the cost of what was called
        elif COST.match(line):
            if not inherited:
                totals[current] = totals.get(current, 0) + int(line.split()[1])
            inherited = False
    return totals


def count_all(names, chosen, jobs):
    """Return the counts of some operations, `jobs` of them at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(names, pool.map(lambda name: count(name, chosen), names), strict=True))


def show(environment, counts):
    """Print counts, and what they hold for."""
    print(", ".join(f"{name} {value}" for name, value in environment.items()))
    print(f"{'instructions':16}{'in all':>14}{'C core':>14}{'GMP':>14}{'the rest':>14}")
    for name, each in counts.items():
        print(f"{name:16}{each.total:14,.0f}{each.core:14,.0f}{each.gmp:14,.0f}{each.rest:14,.0f}")


def check(options):
    """Compare a fresh count with the recorded one; return the exit status."""
    again = "python benchmarks/callgrind.py --record"
    again += f" --level {options.level}" if options.level != LEVEL else ""
    again += f" --file {options.file}" if options.file != RECORDED else ""
    recorded_environment, recorded = instructions.read(options.file)
    chosen = target(options.build, options.level)
    unlike = instructions.differences(recorded_environment, chosen.environment)
    if unlike:
        print("Nothing is compared: the recorded counts hold for another environment.")
        print(*(f"  {line}" for line in unlike), sep="\n")
        print(f"Record them here first, for a state known to be good: {again}")
        return 0
    names = [name for name in options.operation or GATE if name in recorded]
    compared = instructions.changes(recorded, count_all(names, chosen, options.jobs))
    print(*instructions.table(compared, options.limit), sep="\n")
    if not (risen := instructions.exceeded(compared, options.limit)):
        return 0
    print(f"Risen by more than {options.limit:g} %: {', '.join(risen)}.")
    print(f"Where that is meant, record the counts anew: {again}")
    return 1


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("operation", nargs="*", help=f"of {', '.join(OPERATIONS)}; all by default, for --check "
        f"{', '.join(GATE)}")  # fmt: skip
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--record", action="store_true", help="write the counts to the file")
    mode.add_argument("--check", action="store_true", help="compare with those in the file")
    add("--file", type=Path, default=RECORDED, help="the recorded counts (%(default)s)")
    add("--build", type=Path, help="a checkout with the core built in it; the installed package "
        "by default")  # fmt: skip
    add("--level", choices=LEVELS, default=LEVEL, help="the dispatch level (%(default)s)")
    add("--limit", type=float, default=LIMIT, help="per cent that --check allows (%(default)s)")
    add("--jobs", type=int, default=2, help="operations counted at a time (%(default)s)")
    options = parser.parse_args()
    if unknown := set(options.operation) - set(OPERATIONS):
        parser.error(f"no such operation: {', '.join(sorted(unknown))}")
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (apt install valgrind)")
    if options.check and not options.file.exists():
        parser.error(f"there is no {options.file}: --record writes it")
    return options


def main():
    options = arguments()
    if options.check:
        return check(options)
    chosen = target(options.build, options.level)
    counts = count_all(options.operation or list(OPERATIONS), chosen, options.jobs)
    show(chosen.environment, counts)
    if options.record:
        instructions.write(options.file, chosen.environment, counts)
        if options.file == RECORDED and not options.operation:
            page = replace_figures(PAGE.read_text(), instructions.markdown(counts), "instructions")
            PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
