"""Sources of a passphrase: an environment variable, a command, or the terminal."""

from __future__ import annotations

import argparse
import getpass
import os
import shlex
import subprocess
import warnings
from pathlib import Path

from otrfast.errors import KeyFileError
from otrfast.storage.names import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the source of passphrases."""
    group = parser.add_argument_group(
        "passphrases", "Asked for at the terminal if a file needs one, unless one of these is given"
    )
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--passphrase-env", metavar="NAME", help="the environment variable with the passphrase"
    )
    source.add_argument(
        "--passphrase-command",
        metavar="COMMAND",
        help="a command that prints it in the first line, such as 'secret-tool lookup otr bot'",
    )


def ask(arguments: argparse.Namespace, path: Path, *, new: bool = False) -> str:
    """Return the passphrase of a file; the terminal asks twice for a new one. Raises
    `KeyFileError`."""
    if arguments.passphrase_env is not None:
        return _from_environment(arguments.passphrase_env)
    if arguments.passphrase_command is not None:
        return _from_command(arguments.passphrase_command)
    return _from_terminal(path, new=new)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise KeyFileError(f"the environment variable {name} is not set, or empty")
    return value


def _from_command(command: str) -> str:
    try:
        words = shlex.split(command)
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)  # noqa: S603
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be split into words"
        raise KeyFileError(f"the passphrase command did not run: {reason}") from None
    if done.returncode != 0:
        raise KeyFileError(f"the passphrase command ended with status {done.returncode}")
    line = done.stdout.partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise KeyFileError("expected a line of the passphrase command, it printed none")
    return line.decode("utf-8", "surrogateescape")


def _from_terminal(path: Path, *, new: bool) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # the input would be shown
            passphrase = getpass.getpass(
                f"{'New passphrase' if new else 'Passphrase'} for {shown(str(path))}: "
            )
            if new and getpass.getpass("The same again: ") != passphrase:
                raise KeyFileError("the two passphrases differ")
    except (EOFError, OSError, getpass.GetPassWarning):
        raise KeyFileError("no terminal to ask for a passphrase: see --passphrase-env") from None
    return passphrase
