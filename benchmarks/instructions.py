"""Recorded instruction counts: the file that keeps them, and what a fresh count is compared with.

`callgrind.py` counts; nothing here needs valgrind.
"""

import json
from typing import NamedTuple

# what has to agree before two counts can be compared, and how many parts of its version
COMPARED = {
    "machine": 1,
    "level": 1,
    "python": 2,
    "python build": 9,
    "compiler": 1,
    "gmp": 9,
    "libc": 9,
    "valgrind": 2,
}
TITLES = {
    "ake": "key exchange",
    "ping_100": "an alternating message, 100 B",
    "ping_10k": "an alternating message, 10 KB",
    "ping_batch": "an alternating message, 64 peers at once",
    "burst_100": "a message of a burst, 100 B",
    "burst_10k": "a message of a burst, 10 KB",
    "burst_many_100": "a message of a burst, 100 B, one call",
    "burst_many_10k": "a message of a burst, 10 KB, one call",
    "smp": "SMP, a whole run",
}
ROW = "{:16}{:>14}{:>14}{:>10}{:>10}{:>10}  {}"


class Count(NamedTuple):
    """Instructions of one operation, both ends of the conversation together: all of them, those
    of the C core's shared object, and those of GMP."""

    total: float
    core: float
    gmp: float

    @property
    def rest(self):
        """What Python, its extension modules and the C library executed."""
        return self.total - self.core - self.gmp


class Change(NamedTuple):
    """One operation, counted twice."""

    name: str
    recorded: Count
    now: Count

    def percent(self, part="total"):
        """By how many per cent a part of the count has risen."""
        before, after = getattr(self.recorded, part), getattr(self.now, part)
        return round(100 * (after - before) / before, 2) + 0.0 if before else 0.0  # no -0.00


def write(path, environment, counts):
    """Write counts as JSON, with the environment that they hold for."""
    instructions = {
        name: {part: round(getattr(count, part)) for part in ("total", "core", "gmp", "rest")}
        for name, count in counts.items()
    }
    text = json.dumps({"environment": environment, "instructions": instructions}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read(path):
    """Return the environment and the counts of a file."""
    found = json.loads(path.read_text(encoding="utf-8"))
    counts = {
        name: Count(each["total"], each["core"], each["gmp"])
        for name, each in found["instructions"].items()
    }
    return found["environment"], counts


def differences(recorded, now):
    """Return a line for each part of two environments that makes counts incomparable."""

    def version(environment, name):
        return environment.get(name, "unknown").split(".")[: COMPARED[name]]

    return [
        f"{name}: {recorded.get(name, 'unknown')} recorded, {now.get(name, 'unknown')} here"
        for name in COMPARED
        if version(recorded, name) != version(now, name)
    ]


def markdown(counts):
    """Return the counts as a table for a page."""
    lines = ["| instructions | in all | C core | GMP | Python and the rest |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name, count in counts.items():
        whole = Count(*map(round, count))
        parts = [f"{part:,}" for part in (whole.total, whole.core, whole.gmp, whole.rest)]
        lines.append(f"| {TITLES[name]} | {' | '.join(parts)} |")
    return "\n".join(lines)


def changes(recorded, now):
    """Return what became of the operations that are in both counts, in the order of `now`."""
    return [Change(name, recorded[name], now[name]) for name in now if name in recorded]


def exceeded(compared, limit):
    """Return the names of the operations that rose by more than `limit` per cent."""
    return [change.name for change in compared if change.percent() > limit]


def table(compared, limit):
    """Return the lines of a table of changes."""
    lines = [ROW.format("instructions", "recorded", "now", "change", "C core", "rest", "").rstrip()]
    for change in compared:
        before, after = f"{change.recorded.total:,.0f}", f"{change.now.total:,.0f}"
        parts = [f"{change.percent(part):+.2f} %" for part in ("total", "core", "rest")]
        mark = f"more than {limit:g} %" if change.percent() > limit else ""
        lines.append(ROW.format(change.name, before, after, *parts, mark).rstrip())
    return lines
