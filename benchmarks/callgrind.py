"""Instructions per operation, counted by callgrind: the same on every run, whatever else the
machine does.

    python benchmarks/callgrind.py [METRIC ...]

Each operation runs under valgrind a few times and then some times more; the difference is the
price of one, with both ends of the conversation and Python's own instructions in it. The C
core's share of it is what its shared object executed itself: GMP's is apart. Valgrind knows no
AVX-512 and no SHA instructions: the level is aesni, and the powers are GMP's.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OPERATIONS = {
    # name: (the work, how many operations it does, how often it runs at first, how often more)
    "ake": ("duo.connect()", 1, 20, 40),  # garbage collections fall unevenly on few
    "ping_100": ("duo.ping_pong(2, SHORT)", 2, 2, 8),
    "ping_10k": ("duo.ping_pong(2, LONG)", 2, 2, 8),
    "ping_batch": ("crowd.ping_pong(2, SHORT)", 128, 1, 1),
    "burst_100": ("duo.burst(100, SHORT)", 100, 2, 8),
    "burst_10k": ("duo.burst(10, LONG)", 10, 2, 8),
    "burst_many_100": ("duo.burst_many(100, SHORT)", 100, 2, 8),
    "burst_many_10k": ("duo.burst_many(10, LONG)", 10, 2, 8),
    "smp": ("duo.smp()", 1, 1, 2),
}
PROGRAM = """
import os
os.urandom = __import__("random").Random(7).randbytes
from otrfast.apps.workloads import Crowd, Duo
from otrfast.crypto.backends import load
SHORT, LONG = b"a" * 100, b"a" * 10000
{ends}
for _ in range({times}):
    {work}
"""
COST = re.compile(r"(?:[+-]?\d+|\*) \d+$")
OBJECT = re.compile(r"(c?ob)=\((\d+)\)\s*(\S*)")


def ends(work):
    return "crowd = Crowd(load(), 64)" if work.startswith("crowd") else "duo = Duo(load())"


def count(work, times):
    """Return the instructions of a whole run, by the object file that executed them."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "callgrind.out"
        program = PROGRAM.format(ends=ends(work), times=times, work=work)
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        environment = os.environ | {"OTRFAST_LEVEL": "aesni", "PYTHONHASHSEED": "0"}
        subprocess.run(
            [*command, sys.executable, "-c", program],
            check=True,
            capture_output=True,
            env=environment,
        )
        return by_object(out.read_text(encoding="utf-8", errors="replace").splitlines())


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


def share(more, less, part):
    return sum(more[name] - less.get(name, 0) for name in more if part in Path(name).name)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("metric", nargs="*", help=f"of {', '.join(OPERATIONS)}; all by default")
    chosen = parser.parse_args().metric or list(OPERATIONS)
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (apt install valgrind)")
    print(f"{'instructions':16}{'in all':>14}{'C core':>14}{'GMP':>14}{'the rest':>14}")
    for metric in chosen:
        work, units, first, more = OPERATIONS[metric]
        less, all_of_it = count(work, first), count(work, first + more)
        per = more * units
        core = share(all_of_it, less, "_native") / per
        gmp = share(all_of_it, less, "gmp") / per
        total = share(all_of_it, less, "") / per
        print(f"{metric:16}{total:14,.0f}{core:14,.0f}{gmp:14,.0f}{total - core - gmp:14,.0f}")


if __name__ == "__main__":
    main()
