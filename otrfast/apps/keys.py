"""`otrfast keys`, `keygen` and `fingerprint`: commands for files of keys and trust."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from otrfast.apps import key_files, passphrase
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import human_fingerprint
from otrfast.errors import KeyFileError
from otrfast.storage.clients import CLIENTS, file_name, kind_of_name
from otrfast.storage.contents import Contents, Kind
from otrfast.storage.names import shown
from otrfast.storage.private_key import PrivateKey
from otrfast.storage.stored_key import StoredKey

FORMS = (
    "Read are: libotr's key, fingerprint and instance-tag files (Pidgin, Adium, irssi, "
    "profanity, mcabber, Psi, Vacuum, QutIM, Kopete, BitlBee), python-potr's .key3 and .fpr "
    "(weechat, gajim), Jitsi's sip-communicator.properties, ChatSecure's otr_keystore and "
    "otr_keystore.ofcaes, and files that otrfast has encrypted."
)
UNSOUND = (
    "What is damaged, or a key of another size than 1024/160, is left out and named with the "
    "reason on the standard error stream; the exit status is then 1."
)
ENCRYPTED = (
    "With --encrypt the key file is encrypted with a passphrase (scrypt, ChaCha20-Poly1305); "
    "an encrypted file stays encrypted."
)

Subparsers = argparse._SubParsersAction  # noqa: SLF001  argparse gives it no public name


def _say(line: str) -> None:
    """Print a line; characters that the terminal's encoding lacks are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _owner(account: str, protocol: str) -> str:
    return f"{shown(account) or '(no name)'} on {shown(protocol) or '(no protocol)'}"


def _fingerprint(key: StoredKey) -> str:
    return human_fingerprint(key.fingerprint(load()))


def run_keygen(arguments: argparse.Namespace) -> int:
    """Generate a key, save it and print its fingerprint."""
    key = PrivateKey.generate()
    stored = StoredKey(
        arguments.account, arguments.protocol, key.public.numbers, key.signing.private_number()
    )
    key_files.put({(arguments.file, Kind.KEYS): Contents(keys=[stored])}, arguments)
    _say(human_fingerprint(key.fingerprint))
    return 0


def run_fingerprint(arguments: argparse.Namespace) -> int:
    """Print the fingerprints of a key file."""
    sources = key_files.Sources([], arguments)
    contents = key_files.get(arguments.file, arguments)
    sources.report(arguments.file, contents)
    keys = contents.of(arguments.account, arguments.protocol).keys
    if not keys:
        raise KeyFileError(f"{arguments.file}: holds no such key")
    for key in keys:
        owner = f"  {_owner(*key.owner)}" if len(contents.keys) > 1 else ""
        _say(_fingerprint(key) + owner)
    return int(sources.incomplete)


def _listing(contents: Contents) -> Iterator[str]:
    for key in contents.keys:
        yield f"  key           {_fingerprint(key)}  {_owner(*key.owner)}"
    for known in contents.fingerprints:
        of = f"{shown(known.peer)}, to {_owner(*known.owner)}"
        level = shown(known.level) or "not trusted"
        yield f"  fingerprint   {human_fingerprint(known.fingerprint)}  {of}: {level}"
    for stored in contents.tags:
        yield f"  instance tag  {stored.tag:08x}  {_owner(*stored.owner)}"


def run_list(arguments: argparse.Namespace) -> int:
    """Print the contents of files, without private numbers."""
    sources = key_files.Sources(arguments.files, arguments, every=True)
    for source, contents in sources:
        _say(shown(str(source)))
        for line in _listing(contents.of(arguments.account, arguments.protocol)):
            _say(line)
    return int(sources.incomplete)


def _chosen(arguments: argparse.Namespace, contents: Contents) -> Contents:
    contents = contents.of(arguments.account, arguments.protocol)
    return contents.renamed(arguments.new_account, arguments.new_protocol)


def _all_chosen(arguments: argparse.Namespace, sources: key_files.Sources) -> Contents:
    """Return what all sources hold. Raises `KeyFileError` if they disagree."""
    together = Contents()
    for source, contents in sources:
        chosen = _chosen(arguments, contents)
        together = key_files.joined(together, chosen, source, arguments)
    return together


def _put(targets: Mapping[tuple[Path, Kind], Contents], arguments: argparse.Namespace) -> None:
    key_files.put(targets, arguments)
    for (path, kind), contents in targets.items():
        _say(f"{shown(str(path))}: {key_files.count(contents, kind)} {kind.value}")


def run_convert(arguments: argparse.Namespace) -> int:
    """Write the contents of one file into a file of another form."""
    sources = key_files.Sources([], arguments)
    found = key_files.get(arguments.source, arguments)
    sources.report(arguments.source, found)
    contents = _chosen(arguments, found)
    kind = arguments.to and Kind(arguments.to)
    if kind is None:
        kind = kind_of_name(arguments.target) or key_files.first_kind(contents)
    if not key_files.count(contents, kind):
        raise KeyFileError(f"{arguments.source}: holds no {kind.value} of that account")
    _put({(arguments.target, kind): contents}, arguments)
    return int(sources.incomplete)


def run_import(arguments: argparse.Namespace) -> int:
    """Add the contents of other programs' files to ours."""
    paths = {
        Kind.KEYS: arguments.keys,
        Kind.FINGERPRINTS: arguments.fingerprints,
        Kind.INSTANCE_TAGS: arguments.instance_tags,
    }
    if not any(paths.values()):
        raise KeyFileError("expected a target: give --keys, --fingerprints or --instance-tags")
    sources = key_files.Sources(arguments.sources, arguments)
    contents = _all_chosen(arguments, sources)
    found = {kind: key_files.count(contents, kind) for kind in paths}
    _put(
        {(path, kind): contents for kind, path in paths.items() if path and found[kind]}, arguments
    )
    for kind, path in paths.items():
        if found[kind] and not path:
            _say(f"left out: {found[kind]} {kind.value} (import them with --{kind.value} FILE)")
    return int(sources.incomplete)


def run_export(arguments: argparse.Namespace) -> int:
    """Write our files under the names and in the forms of another program."""
    sources = key_files.Sources(arguments.sources, arguments)
    contents = _all_chosen(arguments, sources)
    targets = {}
    for kind, pattern in CLIENTS[arguments.client].items():
        for account in key_files.accounts(contents, kind) if "{account}" in pattern else [None]:
            path = arguments.directory / file_name(pattern, account or "", arguments.nick)
            part = contents.of(account, None)
            if key_files.count(part, kind):
                targets[path, kind] = part
    _put(targets, arguments)
    return int(sources.incomplete)


def register(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add the commands to the program."""
    _register_keygen(subparsers)
    _register_fingerprint(subparsers)
    keys = subparsers.add_parser(
        "keys",
        help="list, convert, import and export key files",
        description=f"Work with the files of keys and trust of OTR programs. {FORMS}",
    )
    commands = keys.add_subparsers(metavar="COMMAND", required=True)
    _register_list(commands)
    _register_convert(commands)
    _register_import(commands)
    _register_export(commands)


def _register_keygen(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "keygen",
        help="generate a private key",
        description="Generate a DSA key, add it to FILE in libotr's form, and print its "
        "fingerprint. Other accounts' keys in FILE stay; so does a key of the same "
        f"account, unless --replace. {ENCRYPTED}",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--account", default="", help="the owner of the key (default: none)")
    parser.add_argument("--protocol", default="", help="such as xmpp, irc, prpl-jabber")
    _add_writing(parser)
    parser.set_defaults(run=run_keygen)


def _register_fingerprint(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "fingerprint",
        help="print the fingerprint of a private key",
        description="Print the fingerprint of the key in FILE; if there are several, of each "
        f"key with its account. {FORMS} {UNSOUND}",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    _add_selection(parser)
    passphrase.add_arguments(parser)
    parser.set_defaults(run=run_fingerprint)


def _register_list(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "list",
        help="list the contents of files",
        description="Print the keys, fingerprints and instance tags in files, without private "
        "numbers. A directory stands for every key file in it; what else it holds is named as "
        f"passed over. {FORMS} {UNSOUND}",
    )
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help="a file, or a directory of them"
    )
    _add_selection(parser)
    passphrase.add_arguments(parser)
    parser.set_defaults(run=run_list)


def _register_convert(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "convert",
        help="write the contents of a file in another form",
        description="Write the contents of SOURCE into TARGET, in the form that TARGET's name or "
        "--to selects. The contents of TARGET stay; if the two files disagree, nothing is "
        f"written, unless --replace. {UNSOUND} {ENCRYPTED}",
        epilog=FORMS,
    )
    parser.add_argument("source", metavar="SOURCE", type=Path)
    parser.add_argument("target", metavar="TARGET", type=Path)
    parser.add_argument("--to", choices=[kind.value for kind in Kind], help="the form of TARGET")
    _add_copying(parser, run_convert)


def _register_import(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="add other programs' keys and fingerprints to ours",
        description="Add the contents of other programs' files to our own, in libotr's forms. A "
        "directory stands for the files with known names in it, or, if there are none, for every "
        "key file; what else it holds is named as passed over. If an account has different keys "
        "in two files, both fingerprints are printed and nothing is written, unless --replace. An "
        f"import never lowers a level of trust. {UNSOUND} {ENCRYPTED}",
        epilog=FORMS,
    )
    parser.add_argument("sources", metavar="SOURCE", type=Path, nargs="+")
    parser.add_argument("--keys", metavar="FILE", type=Path, help="for private keys")
    parser.add_argument("--fingerprints", metavar="FILE", type=Path, help="for fingerprints")
    parser.add_argument("--instance-tags", metavar="FILE", type=Path, help="for instance tags")
    _add_copying(parser, run_import)


def _register_export(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "export",
        help="write our keys and fingerprints for another program",
        description="Write the contents of our files into DIRECTORY, in the form and with the "
        "names that another program expects; existing files there are extended. "
        "Private keys are not encrypted, unless --encrypt, since only otrfast "
        "reads its encrypted form. Close the other program first: most programs "
        f"rewrite their files when they end. {UNSOUND}",
    )
    parser.add_argument("sources", metavar="SOURCE", type=Path, nargs="+")
    parser.add_argument("directory", metavar="DIRECTORY", type=Path)
    parser.add_argument(
        "--for", dest="client", choices=sorted(CLIENTS), default="libotr", help="(default: libotr)"
    )
    parser.add_argument("--nick", metavar="NAME", help="BitlBee's user, whose name its files have")
    _add_copying(parser, run_export)


def _add_copying(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """Add the arguments of a command that copies contents from files to files."""
    _add_selection(parser)
    _add_renaming(parser)
    _add_writing(parser)
    parser.set_defaults(run=run)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", help="only the contents of this account")
    parser.add_argument("--protocol", help="only the contents of accounts on this protocol")


def _add_renaming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--new-account", metavar="NAME", help="the account's name in the written files"
    )
    parser.add_argument(
        "--new-protocol", metavar="NAME", help="the protocol's name in the written files"
    )


def _add_writing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--replace", action="store_true", help="replace keys and tags that differ")
    parser.add_argument("--encrypt", action="store_true", help="encrypt key files that are written")
    passphrase.add_arguments(parser)
