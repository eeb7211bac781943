"""The arguments and help texts of the toolkit's commands."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable
from typing import Any, TypeAlias

from otrfast._records import record

Run = Callable[[Namespace], int]
SubParsers: TypeAlias = "_SubParsersAction[ArgumentParser]"

Option = tuple[tuple[str, ...], dict[str, Any]]


@record
class _Command:
    summary: str
    description: str
    options: tuple[Option, ...]
    example: str


def _option(*names: str, **settings: Any) -> Option:
    return names, settings


_AES_KEY = _option("aes_enc_key", help="AES key, 32 hexadecimal digits")
_MAC_KEY = _option("mackey", help="MAC key, 40 hexadecimal digits")
_IN_A_LOG = (
    _option("--input", default="-", metavar="FILE", help="read FILE instead of the standard input"),
    _option("--message", metavar="N", help="work on message N, as `otrfast parse` numbers them"),
)
_WHOLE = _option(
    "--whole",
    action="store_true",
    help="write the whole log with the new message instead of the old one",
)

_COMMANDS = {
    "parse": _Command(
        "show every field of the OTR messages in a log",
        """\
Finds the OTR messages of a log and shows every field of each: queries, errors and whitespace
tags, the four messages of a key exchange, data messages with the MAC keys that they reveal.
Ordinary lines, and the text of a client before a message, are skipped; a fragmented or wrapped
message is shown once, when it is complete. If the keys of a message are given, its text and TLVs
are shown too. The status is 1 if something is unreadable.""",
        (
            _option("file", nargs="?", default="-", metavar="FILE", help="default: standard input"),
            _option(
                "--aes-key",
                action="append",
                default=[],
                metavar="KEY",
                help="show text and TLVs of the messages with this AES key; may be repeated",
            ),
            _option(
                "--mac-key",
                action="append",
                default=[],
                metavar="KEY",
                help="show the messages with this MAC key; may be repeated",
            ),
            _option(
                "--revealed",
                action="store_true",
                help="do so for every MAC key that the log reveals",
            ),
            _option("--brief", action="store_true", help="shorten the long values"),
        ),
        "otrfast parse --brief --revealed conversation.log",
    ),
    "sesskeys": _Command(
        "show the keys that result from two Diffie-Hellman keys",
        """\
Computes the values that the holders of two Diffie-Hellman keys share: session ids, an AES key and
a MAC key for each direction, the extra symmetric key. It also shows our public key. The end with
the greater public key is the high end.""",
        (
            _option("our_privkey", help="our private exponent, hexadecimal digits"),
            _option("their_pubkey", help="their public key, hexadecimal digits"),
        ),
        "otrfast sesskeys 05 08",
    ),
    "mackey": _Command(
        "show the MAC key of an AES key",
        """\
Computes the MAC key from the AES key. Anyone who can read a message can therefore forge one.""",
        (_AES_KEY,),
        "otrfast mackey 00112233445566778899aabbccddeeff",
    ),
    "readforge": _Command(
        "read the data messages that an AES key decrypts, or forge one",
        """\
Without newmsg: shows the text and TLVs of every data message that the AES key decrypts.

With newmsg: takes the first data message that the key decrypts, or the first data message if it
decrypts none, replaces its text and TLVs by newmsg, computes a new MAC, and writes the message.
Its header, its counter and the MAC keys that it reveals stay.""",
        (
            _AES_KEY,
            _option("newmsg", nargs="?", help="the new text"),
            *_IN_A_LOG,
            _WHOLE,
        ),
        "otrfast readforge fe4c708590a2074e8a7feee2a161e7f9 'See you at five' < message",
    ),
    "modify": _Command(
        "change a guessed text in a data message without its AES key",
        """\
Takes the first data message that the MAC key authenticates, replaces old_text at an offset by
new_text of the same length, computes a new MAC, and writes the message. The AES key is not
needed: in counter mode a changed bit of the ciphertext changes the same bit of the text. If
old_text is a wrong guess, the result is neither text.""",
        (
            _MAC_KEY,
            _option("old_text", help="the guessed text"),
            _option("new_text", help="the text to replace it"),
            _option("offset", help="the offset of old_text, in bytes from the start of the text"),
            *_IN_A_LOG,
            _WHOLE,
        ),
        "otrfast modify b964fb176f3639fc1325243f105be148c190856e nine five 30 < message",
    ),
    "remac": _Command(
        "make a data message from its parts",
        """\
Makes a data message from its parts, with a MAC by the given key. The data are already encrypted.
Numbers are decimal, or hexadecimal after 0x; the other parts are hexadecimal digits, '' if
empty.""",
        (
            _MAC_KEY,
            _option("sender_instance", help="instance tag"),
            _option("receiver_instance", help="instance tag"),
            _option("flags", help="0, or 1 for IGNORE_UNREADABLE"),
            _option("snd_keyid", help="key id of the sender"),
            _option("rcv_keyid", help="key id of the recipient"),
            _option("pubkey", help="the sender's next Diffie-Hellman public key"),
            _option("counter", help="16 hexadecimal digits"),
            _option("encdata", help="the encrypted text"),
            _option("revealed_mackeys", help="MAC keys, 40 digits each, one after another"),
            _option(
                "--version",
                choices=("2", "3"),
                default="3",
                help="protocol version (default: 3); in version 2 both instances are 0",
            ),
        ),
        "otrfast remac c3edad4fb63ea290ca955a82173d81f3ec1fb0c2 4369 8738 0 1 1 08"
        " 0000000000000001 9c7e8383f508 ''",
    ),
}


def add(subparsers: SubParsers, name: str, run: Run) -> None:
    """Add one command."""
    command = _COMMANDS[name]
    parser = subparsers.add_parser(
        name,
        help=command.summary,
        description=command.description,
        epilog=f"example:\n  {command.example}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for names, settings in command.options:
        parser.add_argument(*names, **settings)
    parser.set_defaults(run=run)
