"""Fixtures that run our commands and libotr's programs.

If libotr's programs are not installed, their tests are skipped with the reason; with `CI=true` they
fail.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from otrfast.cli import main

from .conversation import Conversation


class Ran(NamedTuple):
    """The status and output of a command."""

    status: int
    out: bytes
    err: bytes


class _StandardInput:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.fixture
def otrfast(monkeypatch, capfdbinary):
    """Run a command of ours: otrfast(*arguments, data=b"")."""

    def run(*arguments, data=b""):
        capfdbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", _StandardInput(data))
        status = main([os.fsdecode(argument) for argument in arguments])
        sys.stdout.flush()
        return Ran(status, *capfdbinary.readouterr())

    return run


@pytest.fixture(scope="session")
def libotr():
    """Run a program of libotr: libotr(name, *arguments, data=b"")."""
    if shutil.which("otr_parse") is None:
        pytest.skip("libotr's toolkit is not installed (apt install libotr5-bin)")

    def run(name, *arguments, data=b""):
        command = [f"otr_{name}", *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(params=[2, 3], ids=["v2", "v3"])
def version(request):
    return request.param


@pytest.fixture
def conversation(version):
    return Conversation(version)
