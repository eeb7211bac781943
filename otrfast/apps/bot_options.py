"""What the bots of all networks are told: who they are, whom they trust, what they answer."""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from otrfast.account import Account
from otrfast.aio import JournalStore
from otrfast.apps import store_keys
from otrfast.errors import KeyFileError, LocalError
from otrfast.journal import SqliteJournal
from otrfast.journal.keys import UserKey
from otrfast.policy import Policy
from otrfast.protocol.identity import MIN_INSTANCE_TAG
from otrfast.storage import PrivateKey

BY_FLAG = "flag"
"""The level of trust of keys that the command line names."""

_FINGERPRINT_BYTES = 20


class BotError(LocalError):
    """The bot cannot run: what it was given does not do, or the server does not let it in."""


def add_identity(parser: argparse.ArgumentParser, who: str = "the bot") -> None:
    """Add the arguments that say where key, trust and conversations are kept."""
    group = parser.add_argument_group(
        f"who {who} is",
        f"Without --store and --key {who} has a new key at each start, and is a stranger to all "
        "who have verified it.",
    )
    group.add_argument(
        "--store",
        metavar="FILE",
        type=Path,
        help=f"keep key, trust and conversations in FILE, which is made at first use: {who} goes "
        "on with its conversations after a restart or crash (see docs/store.md for what that "
        "costs)",
    )
    group.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        help="the private key, as `otrfast keygen` writes it; with --store it is copied into a "
        "new store",
    )
    store_keys.add_arguments(parser)


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say who may talk, and what secrets are expected."""
    group = parser.add_argument_group("who may talk")
    group.add_argument(
        "--require-trust",
        action="store_true",
        help="answer trusted keys only: those of --trust, --trust-first-use, or a shared secret "
        "that was checked",
    )
    group.add_argument(
        "--trust",
        metavar="PEER=FINGERPRINT",
        type=known_key,
        action="append",
        default=[],
        help="trust this key of a peer: 40 hexadecimal digits; may be given several times",
    )
    group.add_argument(
        "--trust-first-use",
        action="store_true",
        help="trust the first key that a peer shows, and no other one by itself",
    )
    group.add_argument(
        "--smp-secrets",
        metavar="FILE",
        type=Path,
        help="answer peers that ask to check a shared secret (SMP): each line of FILE is a peer, "
        "a space, and the secret; other peers' requests are aborted",
    )


def add_password(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where the password is."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--password-env", metavar="NAME", help="the environment variable with the password"
    )
    source.add_argument(
        "--password-file", metavar="FILE", type=Path, help="the file with the password in line 1"
    )


def add_ca(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says whose certificates are trusted."""
    parser.add_argument(
        "--ca",
        metavar="FILE",
        type=Path,
        help="trust the certificates in FILE (PEM) in place of the system's for TLS",
    )


def password_of(arguments: argparse.Namespace, whose: str) -> str:
    """Return the password, asked for at the terminal if no argument names its source. Raises
    `BotError` if it is empty."""
    if arguments.password_env is not None:
        password = os.environ.get(arguments.password_env, "")
        source = f"the environment variable {arguments.password_env}"
    elif arguments.password_file is not None:
        text: str = arguments.password_file.read_text(encoding="utf-8")
        password, source = text.partition("\n")[0].removesuffix("\r"), arguments.password_file
    else:
        password, source = getpass.getpass(f"Password of {whose}: "), "the terminal"
    if not password:
        raise BotError(f"expected a password from {source}, it is empty")
    return password


def address(argument: str) -> tuple[str, int]:
    """Return the host and the port of `HOST:PORT`."""
    host, _, port = argument.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, not {argument!r}")
    return host.strip("[]"), int(port)


def known_key(argument: str) -> tuple[str, bytes]:
    """Return the peer and the fingerprint of `PEER=FINGERPRINT`."""
    peer, _, digits = argument.rpartition("=")
    try:
        fingerprint = bytes.fromhex(digits)
    except ValueError:
        fingerprint = b""
    if not peer or len(fingerprint) != _FINGERPRINT_BYTES:
        raise argparse.ArgumentTypeError(
            f"expected PEER=FINGERPRINT with 40 hexadecimal digits, not {argument!r}"
        )
    return peer, fingerprint


def read_secrets(path: Path | None, name: Callable[[str], str]) -> dict[str, bytes]:
    """Return the peers' secrets in a file; `name` gives a peer's name its usual form. Raises
    `KeyFileError` for a line without a secret."""
    if path is None:
        return {}
    secrets: dict[str, bytes] = {}
    lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        peer, _, secret = line.strip().partition(" ")
        if not secret.strip():
            raise KeyFileError(f"{path}: expected a peer, a space and a secret in line {number}")
        secrets[name(peer)] = os.fsencode(secret.strip())
    return secrets


def policy_of(arguments: argparse.Namespace) -> Policy:
    """Return the policy of a bot."""
    return Policy.ALWAYS | (Policy.REQUIRE_TRUST if arguments.require_trust else Policy.NEVER)


def store_key(arguments: argparse.Namespace) -> UserKey | None:
    """Return the key of the store, asked for at the terminal if no argument names its source; None
    without a store."""
    if arguments.store is None:
        return None
    return store_keys.ask(arguments, arguments.store, has_passphrase=True)


def instance_tag(address: str) -> int:
    """Return the instance tag of a bot that keeps none: the same one at each start, so that a peer
    who has missed a crash is answered, and not taken for one who writes to another client."""
    digest = hashlib.sha256(address.encode()).digest()
    return MIN_INSTANCE_TAG + int.from_bytes(digest, "big") % (2**32 - MIN_INSTANCE_TAG)


@asynccontextmanager
async def opened(
    arguments: argparse.Namespace,
    key: UserKey | None,
    name: str,
    protocol: str,
    address: str,
    policy: Policy,
    *,
    trailing_tab: bool = False,
) -> AsyncIterator[tuple[Account, JournalStore | None]]:
    """Open an account, and its store if it has one. `address` is `name` with what tells several
    clients of one account apart."""
    private_key = None if arguments.key is None else PrivateKey.load(arguments.key)
    if key is None:
        account = Account(
            name,
            protocol,
            private_key or PrivateKey.generate(),
            policy=policy,
            instance_tag=instance_tag(address),
            answer_unknown_v2=True,  # nobody else is on the account
            trailing_tab=trailing_tab,
        )
        yield account, None
        return
    async with SqliteJournal(arguments.store, key) as journal:
        me = await journal.identity(name, protocol, private_key=private_key)
        account = Account(
            name,
            protocol,
            me.private_key,
            policy=policy,
            instance_tag=me.instance_tag,
            trust=me.trust,
            answer_unknown_v2=True,
            trailing_tab=trailing_tab,
        )
        yield account, JournalStore(account, journal)
