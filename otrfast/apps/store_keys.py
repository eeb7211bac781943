"""Sources of a store's key: a passphrase, a variable or a command; and of a new one."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from otrfast.apps import passphrase
from otrfast.journal.errors import WrongKey
from otrfast.journal.keys import UserKey, key_command, parse_key


def add_arguments(parser: argparse.ArgumentParser, *, new: bool = False) -> None:
    """Add the arguments that select the source of the key, or of the new one."""
    what, prefix = ("the new key", "new-") if new else ("the key", "")
    group = parser.add_argument_group(
        f"where {what} comes from",
        "Asked for at the terminal, as a passphrase, unless one of these is given. A key is 32 "
        "bytes, written as 64 hexadecimal digits or base64.",
    )
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        f"--{prefix}key-env", metavar="NAME", help="the environment variable with the key"
    )
    source.add_argument(
        f"--{prefix}key-command",
        metavar="COMMAND",
        help="a command that prints the key, such as 'secret-tool lookup otr store'",
    )
    source.add_argument(
        f"--{prefix}passphrase-env",
        metavar="NAME",
        help="the environment variable with the passphrase",
    )
    source.add_argument(
        f"--{prefix}passphrase-command",
        metavar="COMMAND",
        help="a command that prints the passphrase in the first line",
    )


def given(arguments: argparse.Namespace) -> bool:
    """Whether the arguments name a source of the key."""
    return any(
        getattr(arguments, name) is not None
        for name in ("key_env", "key_command", "passphrase_env", "passphrase_command")
    )


def ask(arguments: argparse.Namespace, path: Path, *, has_passphrase: bool) -> UserKey:
    """Return the key of a store. Raises `WrongKey`, `KeyFileError`."""
    if arguments.key_env is not None:
        return _from_environment(arguments.key_env)
    if arguments.key_command is not None:
        return key_command(arguments.key_command)
    if not has_passphrase and not given(arguments):
        raise WrongKey(
            f"{path}: expected the key of the store, which is no passphrase: give --key-env NAME or"
            " --key-command COMMAND"
        )
    return passphrase.ask(arguments, path)


def ask_new(arguments: argparse.Namespace, path: Path) -> UserKey:
    """Return the new key of a store. Raises `WrongKey`, `KeyFileError`."""
    if arguments.new_key_env is not None:
        return _from_environment(arguments.new_key_env)
    if arguments.new_key_command is not None:
        return key_command(arguments.new_key_command)
    sources = argparse.Namespace(
        passphrase_env=arguments.new_passphrase_env,
        passphrase_command=arguments.new_passphrase_command,
    )
    return passphrase.ask(sources, path, new=True)


def _from_environment(name: str) -> bytes:
    value = os.environ.get(name)
    if not value:
        raise WrongKey(f"the environment variable {name} is not set, or empty")
    return parse_key(os.fsencode(value), f"the environment variable {name}")
