"""The samples of a page: its Python, and the commands of its console blocks with their output."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_END = "end of the output of one command"
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)


def console(page):
    """Return the (command, output) pairs of a page, in order."""
    pairs = []
    for kind, block in _BLOCK.findall(page.read_text()):
        if kind == "console":
            _, *parts = _COMMAND.split(block)
            outputs = (output.removeprefix("\n") for output in parts[1::2])
            pairs += zip(parts[::2], outputs, strict=True)
    return pairs


def python(page):
    """Return the Python samples of a page."""
    return [block for kind, block in _BLOCK.findall(page.read_text()) if kind == "python"]


def run(commands, directory):
    """Run commands in one shell, in a directory with the log of the pages; return the output of
    each."""
    shutil.copy(DOCS / "conversation.log", directory)
    programs = directory / "bin"
    programs.mkdir()
    program = programs / "otrfast"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m otrfast.cli "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    script = "".join(f"{{ {command}\n}} 2>&1; echo {_END}\n" for command in commands)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *outputs, rest = done.stdout.split(f"{_END}\n")
    assert (rest, done.stderr) == ("", "")
    return outputs
