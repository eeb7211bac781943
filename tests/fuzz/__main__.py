"""Fuzz one target for long: `python3 tests/fuzz TARGET [AMOUNT] [SEED]`.

C targets (line, base64, group, dsa) take seconds, 60 at first, and need clang with libFuzzer. What
they find is written to the directory in which they were started. `receive` and `records` are the
lines of strangers and the TLVs of a dishonest peer; they take a number of executions for each
version and state, 10,000 at first.
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from adversarial.states import STATES

from fuzz import receiving, targets
from otrfast.crypto.backends import load


def fuzz_c(name: str, seconds: int) -> int:
    """Run a C target; returns its exit status."""
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        program = targets.compiled(room, (name,))[name]
        corpus = room / "corpus"
        targets.sow(name, corpus)
        slowest = f"-timeout={targets.SLOWEST}"
        result = targets.fuzz(name, program, corpus, f"-max_total_time={seconds}", slowest)
        sys.stdout.write(result.stderr[-3000:])
        for found in room.glob(f"{name}-*"):
            sys.stdout.write(f"found: {shutil.copy(found, '.')}\n")
    return result.returncode


def fuzz_sessions(name: str, count: int, seed: int) -> None:
    """Run a stateful target in all states."""
    receive, states = {
        "receive": (receiving.receive_from_strangers, STATES),
        "records": (receiving.receive_from_a_dishonest_peer, receiving.SMP_STATES),
    }[name]
    backend = load()
    for version in (2, 3):
        for state in states:
            receive(backend, version, state, count, seed)
            sys.stdout.write(f"version {version}, {state}: {count} executions, nothing found\n")
            sys.stdout.flush()


def main() -> int:
    names = (*targets.TARGETS, "receive", "records")
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.stdout.write(__doc__ or "")
        return 2
    name, *numbers = sys.argv[1:]
    amount, seed = [*map(int, numbers), *(0, 0)][:2]
    if name in targets.TARGETS:
        return fuzz_c(name, amount or 60)
    fuzz_sessions(name, amount or 10_000, seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
