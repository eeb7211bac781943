"""Memory of a session, objects that the garbage collector tracks for it, and time to import.

    python benchmarks/footprint.py [CHECKOUT ...]

One column for each checkout with the core built in it; the installed package by default.

session       bytes that are allocated for one end of a conversation, after a key exchange and
              four messages: Python's and the C core's, each rounded up as malloc does
idle peer     the same of a peer that has said one thing in plain text
tracked       objects that the collector tracks for the two ends of a conversation
import        milliseconds of processor time of `import otrfast` in a new interpreter, compiled
              before: the median of many, in which the checkouts take turns
modules       modules that it loads

Only public names are used, so that the same program measures any state of the package.
"""

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

WARM = 100  # conversations made before memory is looked at: what comes once is not counted
IMPORT = """
import sys, time
before, start = len(sys.modules), time.process_time()
import otrfast
print(time.process_time() - start, len(sys.modules) - before)
"""
ROWS = ("session", "idle peer", "tracked", "import", "modules")


class Mallinfo2(ctypes.Structure):
    """What glibc's mallinfo2 returns; of its fields two are asked for."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def allocated():
    """Return the bytes that malloc has given out (glibc 2.33 or later)."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo2
    found = mallinfo2()
    return found.uordblks + found.hblkhd


def growth(make, count):
    """Return by how much one of `count` things that are made and kept raises the allocated bytes,
    and the objects that the collector tracks, by type."""
    for number in range(WARM):
        make(-1 - number)
    gc.collect()
    bytes_before, before = allocated(), Counter(type(each).__name__ for each in gc.get_objects())
    for number in range(count):
        make(number)
    gc.collect()
    grown = (allocated() - bytes_before) / count
    after = Counter(type(each).__name__ for each in gc.get_objects())
    kinds = {kind: round((after[kind] - before[kind]) / count, 2) for kind in after}
    return grown, {kind: n for kind, n in kinds.items() if n >= 0.5}


def memory(conversations):
    """Return the figures that this process can measure of the package it imports."""
    import otrfast

    limits = otrfast.Limits(ake_burst=1 << 40, account_ake_rate=1e9)
    alice, bob, idle = (
        otrfast.Account(name, "demo", otrfast.PrivateKey.generate(), limits=limits)
        for name in ("alice", "bob", "idle")
    )

    def converse(number):
        ends = [account.session(number) for account in (alice, bob)]
        carry(ends, ends[0].start().wire)
        for turn in range(4):
            sent = ends[turn % 2].send(b"four messages")
            ends[1 - turn % 2].receive(sent.wire[0])

    both, kinds = growth(converse, conversations)
    peer, _ = growth(lambda n: idle.session(f"peer{n}").receive(b"good morning"), conversations)
    tracked = sum(kinds.values())
    return {"session": both / 2, "idle peer": peer, "tracked": tracked, "kinds": kinds}


def carry(ends, wire):
    """Carry the lines of a key exchange to and fro; the first of `ends` has said `wire`."""
    speaker = 0
    while wire:
        speaker = 1 - speaker
        wire = [answer for line in wire for answer in ends[speaker].receive(line).wire]


def child(variables, *arguments):
    """Return what a new interpreter prints."""
    command = (sys.executable, "-P", *arguments)
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True)
    return done.stdout


def measure(builds, rounds, conversations):
    """Return the figures of each checkout; None is the installed package."""
    with TemporaryDirectory() as cache:
        variables = {
            build: os.environ
            | {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
            | ({"PYTHONPATH": str(build.resolve())} if build else {})
            for build in builds
        }
        memory_of = ("--memory", "--conversations", str(conversations))
        figures = [
            json.loads(child(variables[each] | {"PYTHONMALLOC": "malloc"}, __file__, *memory_of))
            for each in builds
        ]
        samples = [[child(variables[each], "-c", IMPORT) for each in builds] for _ in range(rounds)]
    for number, each in enumerate(figures):
        seconds, modules = zip(*(sample[number].split() for sample in samples[1:]), strict=True)
        each |= {"import": 1000 * median(map(float, seconds)), "modules": int(modules[0])}
    return figures


def show(builds, figures, *, objects):
    """Print a column for each checkout."""
    print(f"{'':14}" + "".join(f"{build.name if build else 'installed':>14}" for build in builds))
    for row in ROWS:
        digits = 1 if row in ("import", "tracked") else 0
        print(f"{row:14}" + "".join(f"{each[row]:14,.{digits}f}" for each in figures))
    kinds = Counter()
    for each in figures:
        kinds |= Counter(each["kinds"])
    for kind, _ in kinds.most_common() if objects else ():
        print(f"  {kind:26}" + "".join(f"{each['kinds'].get(kind, 0):14.1f}" for each in figures))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("build", nargs="*", type=Path, metavar="CHECKOUT", help="what is measured")
    add("--rounds", type=int, default=40, help="interpreters that import it (%(default)s)")
    add("--conversations", type=int, default=1000, help="kept for memory (%(default)s)")
    add("--objects", action="store_true", help="print the tracked objects by type")
    add("--memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(memory(options.conversations)))
        return
    builds = options.build or [None]
    show(builds, measure(builds, options.rounds, options.conversations), objects=options.objects)


if __name__ == "__main__":
    main()
