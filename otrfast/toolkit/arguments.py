"""The arguments and the help text of each command of the toolkit."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

Run = Callable[[Namespace], int]
SubParsers: TypeAlias = "_SubParsersAction[ArgumentParser]"

Option = tuple[tuple[str, ...], dict[str, Any]]


class _Command(NamedTuple):
    summary: str
    description: str
    options: tuple[Option, ...]
    example: str


def _option(*names: str, **settings: Any) -> Option:
    return names, settings


_AES_KEY = _option("aes_enc_key", help="AES key, 32 hexadecimal digits")
_MAC_KEY = _option("mackey", help="MAC key, 40 hexadecimal digits")
_IN_A_LOG = (
    _option("--input", default="-", metavar="FILE", help="read FILE, not the standard input"),
    _option("--message", metavar="N", help="work on message N, as `otrfast parse` numbers them"),
)
_WHOLE = _option(
    "--whole",
    action="store_true",
    help="write the whole log with the new message in its place",
)

_COMMANDS = {
    "parse": _Command(
        "show every field of the OTR messages in a log",
        """\
Finds the OTR messages of a log and shows every field of each: queries, errors and whitespace
tags, the four messages of a key exchange, data messages with the MAC keys that they reveal.
Ordinary lines, and what a client wrote in front of a message, are passed over; a message that
came in fragments or was wrapped is shown once, when it is whole. With the keys of a message its
text and its TLVs are shown too. The status is 1 where something could not be read.""",
        (
            _option("file", nargs="?", default="-", metavar="FILE", help="default: standard input"),
            _option(
                "--aes-key",
                action="append",
                default=[],
                metavar="KEY",
                help="show text and TLVs of the messages that this AES key opens; may be repeated",
            ),
            _option(
                "--mac-key",
                action="append",
                default=[],
                metavar="KEY",
                help="show which messages were made with this MAC key; may be repeated",
            ),
            _option(
                "--revealed",
                action="store_true",
                help="do so for every MAC key that the log itself reveals",
            ),
            _option("--brief", action="store_true", help="shorten the long values"),
        ),
        "otrfast parse --brief --revealed conversation.log",
    ),
    "sesskeys": _Command(
        "show the keys that follow from two Diffie-Hellman keys",
        """\
Computes all that two ends share who have these Diffie-Hellman keys: session ids, an AES key and
a MAC key for each direction, the extra symmetric key. It also shows our public key. Which end is
which follows from the public keys: the one with the greater number is the high end.""",
        (
            _option("our_privkey", help="our private exponent, hexadecimal digits"),
            _option("their_pubkey", help="their public key, hexadecimal digits"),
        ),
        "otrfast sesskeys 05 08",
    ),
    "mackey": _Command(
        "show the MAC key that goes with an AES key",
        """\
Computes the MAC key from the AES key. Whoever can read a message can therefore make one, too.""",
        (_AES_KEY,),
        "otrfast mackey 00112233445566778899aabbccddeeff",
    ),
    "readforge": _Command(
        "read the data messages that an AES key opens, or forge one",
        """\
Without newmsg: shows the text and the TLVs of every data message that the AES key opens.

With newmsg: takes the first data message that the key opens, or the first of all where it opens
none, puts newmsg in the place of its text and TLVs, makes its MAC anew, and writes the message.
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
        "change a guessed text in a data message that can not be read",
        """\
Takes the first data message that was made with the MAC key and, where old_text stands at an
offset of it, puts new_text of the same length, makes the MAC anew, and writes the message. No
key to its text is needed: in counter mode to change a bit of the cipher text is to change that
bit of the text. Where old_text was guessed wrong, the message holds neither text.""",
        (
            _MAC_KEY,
            _option("old_text", help="what is believed to stand there"),
            _option("new_text", help="what will stand there"),
            _option("offset", help="where, in bytes from the start of the text"),
            *_IN_A_LOG,
            _WHOLE,
        ),
        "otrfast modify b964fb176f3639fc1325243f105be148c190856e nine five 30 < message",
    ),
    "remac": _Command(
        "make a data message from its parts",
        """\
Makes a data message of the given parts, with a MAC by the given key. The data are encrypted
already. Numbers are decimal, or hexadecimal after 0x; all the others are hexadecimal digits, and
'' where there are none.""",
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
