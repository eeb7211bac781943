"""Walks: which files of the package one call goes through, and how often it comes back to one.

    python benchmarks/walks.py [--files] [WALK ...]

A walk is the sequence of files in which the calls and returns of Python functions happen
(`sys.setprofile`) while one public call of a warm conversation runs: a file is named again only
if another was between.

files         distinct files of the package in the walk; the `__init__` of a record, which is
              written when its module is loaded, comes from no file and is left out
returns       steps of the walk into a file that was left before
Python calls  functions of the package that were called
C core        calls of functions of the compiled core; making an object of its types is not seen
builtins      calls of all other functions written in C: len, list.append, the clock

Functions of the standard library are left out. Only public names are used, so that the same
program measures any state of the package; OTRFAST_PURE=1 shows the pure backend.
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import otrfast

PACKAGE = str(Path(otrfast.__file__).parent) + os.sep
TEXT = b"a" * 100
AKE_MESSAGES = {
    b"?OTR:AAMC": "DH-Commit received",
    b"?OTR:AAMK": "D-H Key received",
    b"?OTR:AAMR": "Reveal Signature received",
    b"?OTR:AAMS": "Signature received",
}
COLUMNS = ("files", "returns", "Python calls", "C core", "builtins")
ROW = "{:28}{:>8}{:>10}{:>15}{:>9}{:>11}"


class Walk(NamedTuple):
    """What one call went through: files in order, and how many calls of each kind."""

    files: tuple[str, ...]
    calls: Counter

    @property
    def figures(self):
        """The row of the table."""
        distinct = len(set(self.files))
        counted = [self.calls[kind] for kind in ("python", "core", "builtin")]
        return [distinct, len(self.files) - distinct, *counted]


def file_of(code):
    """Return the path of a function's file in the package; None for one of elsewhere."""
    return code.co_filename.removeprefix(PACKAGE) if PACKAGE in code.co_filename else None


def is_core(function):
    """Whether a function written in C is one of the compiled core."""
    owner = getattr(function, "__self__", None)
    names = (function.__module__, type(owner).__module__, getattr(owner, "__name__", None))
    return any(str(name).startswith("otrfast.") for name in names)


def walk(call, argument):
    """Return the result of `call(argument)`, and its walk."""
    files, calls = [], Counter()

    def step(frame, event, function):
        file = file_of(frame.f_code)
        if file is None:
            return
        if event in ("call", "return"):
            calls["python"] += event == "call"
            if files[-1:] != [file]:
                files.append(file)
        elif event == "c_call":
            calls["core" if is_core(function) else "builtin"] += 1

    sys.setprofile(step)
    try:
        result = call(argument)
    finally:
        sys.setprofile(None)
    return result, Walk(tuple(files), calls)


def accounts():
    """Return two accounts that have not spoken."""
    return [
        otrfast.Account(name, "demo", otrfast.PrivateKey.generate(), policy=otrfast.Policy.ALLOW_V3)
        for name in ("alice", "bob")
    ]


def key_exchange(alice, bob):
    """Return the walks of the messages of a key exchange that `alice` asks for."""
    walks = {}
    lines = [(bob, alice, line) for line in alice.start().wire]
    while lines:
        here, there, line = lines.pop(0)
        outcome, taken = walk(here.receive, line)
        walks[AKE_MESSAGES.get(line[:9])] = taken
        lines += [(there, here, each) for each in outcome.wire]
    return {name: walks[name] for name in AKE_MESSAGES.values()}


def alternating(alice, bob):
    """Return the walks of a text that answers one of the peer's, so that keys rotate."""
    bob.receive(alice.send(TEXT).wire[0])
    sent, sending = walk(bob.send, TEXT)
    _, receiving = walk(alice.receive, sent.wire[0])
    return {"message sent, alternating": sending, "message received, alternating": receiving}


def burst(alice, bob):
    """Return the walks of a text that follows others in the same direction."""
    for _ in range(3):
        bob.receive(alice.send(TEXT).wire[0])
    sent, sending = walk(alice.send, TEXT)
    _, receiving = walk(bob.receive, sent.wire[0])
    return {"message sent, burst": sending, "message received, burst": receiving}


def measure():
    """Return all walks by name, of the last of some conversations: those before warm it up."""
    ends = accounts()
    for number in range(3):
        alice, bob = (account.session(f"peer {number}") for account in ends)
        exchange = key_exchange(alice, bob)
        for _ in range(3):
            answers = alternating(alice, bob)
        walks = answers | burst(alice, bob) | exchange
    return walks


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("walk", nargs="*", help="a part of a walk's name; all walks by default")
    parser.add_argument("--files", action="store_true", help="print the files in order too")
    options = parser.parse_args()
    chosen = {
        name: taken
        for name, taken in measure().items()
        if not options.walk or any(part.lower() in name.lower() for part in options.walk)
    }
    print(ROW.format("walk", *COLUMNS))
    for name, taken in chosen.items():
        print(ROW.format(name, *taken.figures))
    for name, taken in chosen.items() if options.files else ():
        print(f"\n{name}")
        for number, file in enumerate(taken.files):
            print(f"  {file}" + ("  (again)" if file in taken.files[:number] else ""))


if __name__ == "__main__":
    main()
