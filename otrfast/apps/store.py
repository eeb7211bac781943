"""`otrfast store`: what a store holds, whether it is sound, and what is done to the whole of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otrfast.apps import store_keys
from otrfast.crypto.dsa import human_fingerprint
from otrfast.journal import upkeep
from otrfast.journal.database import opening
from otrfast.journal.store import Settings, Store
from otrfast.storage.names import shown
from otrfast.trust import Trust

IN_USE = (
    "One process uses a store at a time: stop the bot first. A failure changes nothing, is named "
    "on the standard error stream, and ends with status 1."
)
_NAMES = {
    "conversation": "conversations",
    "inbox": "lines received, not answered",
    "outbox": "lines to send",
    "event": "texts and events not shown",
    "known": "peers with known keys",
}

Subparsers = argparse._SubParsersAction  # noqa: SLF001  argparse gives it no public name


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


@contextmanager
def _attached(path: Path) -> Iterator[Store]:
    store = Store(Settings(str(path), create=False))
    try:
        with opening():
            yield store
    finally:
        store.close()


def _unlock(store: Store, arguments: argparse.Namespace) -> None:
    has_passphrase = store.has_passphrase()
    store.unlock(store_keys.ask(arguments, arguments.file, has_passphrase=has_passphrase))


def run_info(arguments: argparse.Namespace) -> int:
    """Print what a store holds."""
    with _attached(arguments.file) as store:
        found = upkeep.counts(store)
        if store_keys.given(arguments):
            _unlock(store, arguments)
            _say_account(store)
        _say(f"opened by      {'a passphrase' if found.passphrase else 'a key of 32 bytes'}")
        _say(f"file           {found.file_bytes:,} bytes, {found.shards} shards")
        _say(f"epoch          {found.epoch}")
        _say(f"anchor         {'used' if found.anchored else 'none'}")
        _say(f"data keys      {found.data_keys}")
        for table, name in _NAMES.items():
            _say(f"{found.rows[table]:>14,} {name}")
    return 0


def _say_account(store: Store) -> None:
    identity = store.read_identity(Trust())
    if identity is None:
        _say("account        none yet")
        return
    _say(f"account        {shown(identity.account)} on {shown(identity.protocol)}")
    _say(f"fingerprint    {human_fingerprint(identity.private_key.fingerprint)}")
    _say(f"instance tag   {identity.instance_tag:08x}")


def run_check(arguments: argparse.Namespace) -> int:
    """Read every page and open every row."""
    with _attached(arguments.file) as store:
        _unlock(store, arguments)
        report = upkeep.check(store)
        for problem in report.problems:
            sys.stderr.write(f"otrfast: {store.path}: {problem}\n")
        if report.problems:
            sys.stderr.write(
                "otrfast: put a backup back, or copy the file away and run `otrfast store"
                " forget-sessions` if only conversations, lines or events are damaged\n"
            )
            return 1
        _say(f"sound: {report.rows:,} rows")
    return 0


def run_forget_sessions(arguments: argparse.Namespace) -> int:
    """Delete the conversations of a store."""
    with _attached(arguments.file) as store:
        _unlock(store, arguments)
        _say(f"forgotten: {upkeep.forget_sessions(store):,} conversations")
    return 0


def run_rekey(arguments: argparse.Namespace) -> int:
    """Have another key open a store."""
    with _attached(arguments.file) as store:
        _unlock(store, arguments)
        upkeep.rekey(store, store_keys.ask_new(arguments, arguments.file))
        _say("sealed again: only the new key opens the store")
    return 0


def register(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the commands to the program."""
    store = subparsers.add_parser(
        "store",
        help="look into, check and rekey the file of a bot's conversations",
        description="Work with the file in which a bot keeps its key, its trust and its "
        f"conversations. {IN_USE}",
    )
    commands = store.add_subparsers(metavar="COMMAND", required=True)
    parser = _command(
        commands,
        "info",
        "print what a store holds",
        "Print how many conversations, lines and events FILE holds; with a key, which account it "
        "is of. Without a key, this is what anybody can see who has the file.",
    )
    parser.set_defaults(run=run_info)
    parser = _command(
        commands,
        "check",
        "read all of a store and report damage",
        "Read every page of FILE and open every row of it with the store's keys. Nothing is "
        "written. What is damaged is named by its table, and the exit status is then 1.",
    )
    parser.set_defaults(run=run_check)
    parser = _command(
        commands,
        "forget-sessions",
        "delete all conversations",
        "Delete from FILE the conversations, the lines to and from the network, and the data keys "
        "that what remains of them in the file could be read with. The account's key, the trust, "
        "and texts that were not shown yet stay. Peers' clients begin new key exchanges.",
    )
    parser.set_defaults(run=run_forget_sessions)
    parser = _command(
        commands,
        "rekey",
        "have another key open a store",
        "Seal every row of FILE again, in one transaction, so that only the new key opens it. The "
        "old key opens older copies of the file still, and nothing that is written from now on.",
    )
    store_keys.add_arguments(parser, new=True)
    parser.set_defaults(run=run_rekey)


def _command(
    commands: Subparsers[argparse.ArgumentParser], name: str, short: str, description: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=short, description=f"{description} {IN_USE}")
    parser.add_argument("file", metavar="FILE", type=Path)
    store_keys.add_arguments(parser)
    return parser
