"""The commands of the toolkit: parse, sesskeys, mackey, readforge, modify, remac.

The arguments are those of libotr's programs of the same names. A command that fails writes the
reason in one line to the standard error stream and returns 1.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from otrfast._records import record
from otrfast.crypto import kdf
from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load
from otrfast.crypto.group import P, element
from otrfast.errors import OtrError, ToolkitError
from otrfast.toolkit import arguments, describe, forgery
from otrfast.toolkit.arguments import Run
from otrfast.toolkit.describe import Field
from otrfast.toolkit.insight import Insight
from otrfast.toolkit.log import Entry, Malformed, data_messages, put, read_log
from otrfast.wire import lines as wire
from otrfast.wire.messages import DataMessage

_NUMBER = re.compile("0[xX][0-9a-fA-F]{1,16}|[0-9]{1,16}")
_SHOWN = 48  # digits of a value that --brief does not shorten: any hash, MAC or key of a message


def parse(args: Namespace) -> int:
    """Show every field of every message; return 1 if one is unreadable. Raises `ToolkitError` if
    there is none."""
    backend = load()
    aes_keys = [_hex(key, 16, "AES key") for key in args.aes_key]
    mac_keys = [_hex(key, forgery.MAC_BYTES, "MAC key") for key in args.mac_key]
    entries: Iterable[Entry] = read_log(_lines(args.file))
    if args.revealed:
        entries = list(entries)
        for _, message in data_messages(entries):
            mac_keys += forgery.revealed_mac_keys(message)
    insight = Insight(backend, aes_keys, mac_keys)
    found = status = 0
    for entry in entries:
        content, found = entry.content, entry.number
        _show(entry, describe.fields(content) + insight.about(content), brief=args.brief)
        status |= isinstance(content, Malformed)
    if not found:
        raise ToolkitError("expected OTR messages, found none")
    return status


def sesskeys(args: Namespace) -> int:
    """Show the keys that result from a D-H private key and a D-H public key."""
    private = _hex(args.our_privkey, None, "our_privkey")
    derived = forgery.session_keys(load(), private, _element(args.their_pubkey, "their_pubkey"))
    keys = derived.keys
    _print(f"we are: the {'high' if derived.high else 'low'} end")
    for name, value in (
        ("our public key", describe.number(derived.public)),
        ("session id (version 1)", derived.session_id.hex()),
        ("ssid (of an AKE)", derived.ssid.hex()),
        ("sending AES key", keys.send_aes.hex()),
        ("sending MAC key", keys.send_mac.hex()),
        ("receiving AES key", keys.receive_aes.hex()),
        ("receiving MAC key", keys.receive_mac.hex()),
        ("extra symmetric key", keys.extra.hex()),
    ):
        _print(f"{name}: {value}")
    return 0


def mackey(args: Namespace) -> int:
    """Show the MAC key of an AES key."""
    aes_key = _hex(args.aes_enc_key, 16, "aes_enc_key")
    _print(f"AES key: {aes_key.hex()}")
    _print(f"MAC key: {kdf.mac_key(aes_key, load().sha1).hex()}")
    return 0


def readforge(args: Namespace) -> int:
    """Show the texts that an AES key decrypts, or replace the text of a message."""
    backend = load()
    aes_key = _hex(args.aes_enc_key, 16, "aes_enc_key")
    mac_key = kdf.mac_key(aes_key, backend.sha1)
    log = _Log.read(args)
    fitting = log.fitting(backend, mac_key)
    if args.newmsg is None:
        if not fitting:
            raise ToolkitError(f"the AES key decrypts none of {log.candidates}")
        for entry, message in fitting:
            plain = forgery.decrypt(backend, message, aes_key)
            _show(entry, describe.plaintext(plain, backend))
        return 0
    # any message can provide the header of a new text
    entry, message = (fitting or log.messages)[0]
    if fitting:
        was, *_ = describe.plaintext(forgery.decrypt(backend, message, aes_key), backend)
        _tell("readforge", f"the old text was {was[1]}")
    else:
        _tell("readforge", "the old text is unknown: the message has another key")
    forged = forgery.forge(backend, message, aes_key, os.fsencode(args.newmsg))
    log.write(entry, forged, whole=args.whole)
    return 0


def modify(args: Namespace) -> int:
    """Replace a guessed text within a message."""
    backend = load()
    mac_key = _hex(args.mackey, forgery.MAC_BYTES, "mackey")
    old, new = os.fsencode(args.old_text), os.fsencode(args.new_text)
    offset = _number(args.offset, 0xFFFFFFFF, "offset")
    log = _Log.read(args)
    fitting = log.fitting(backend, mac_key)
    if not fitting:
        raise ToolkitError(f"the MAC key authenticates none of {log.candidates}")
    entry, message = fitting[0]
    forged = forgery.modify(backend, message, mac_key, old, new, offset)
    log.write(entry, forged, whole=args.whole)
    return 0


def remac(args: Namespace) -> int:
    """Make a data message from its parts."""
    version = int(args.version)
    sender = _number(args.sender_instance, 0xFFFFFFFF, "sender_instance")
    receiver = _number(args.receiver_instance, 0xFFFFFFFF, "receiver_instance")
    if version == 2 and (sender or receiver):
        raise ToolkitError(f"version 2 needs 0 for both instance tags, not {sender} and {receiver}")
    message = DataMessage(
        version,
        sender,
        receiver,
        flags=_number(args.flags, 0xFF, "flags"),
        sender_keyid=_number(args.snd_keyid, 0xFFFFFFFF, "snd_keyid"),
        recipient_keyid=_number(args.rcv_keyid, 0xFFFFFFFF, "rcv_keyid"),
        next_key=_element(args.pubkey, "pubkey"),
        counter=int.from_bytes(_hex(args.counter, 8, "counter"), "big"),
        ciphertext=_hex(args.encdata, None, "encdata"),
        authenticated=b"",
        mac=b"",
        old_mac_keys=_hex(args.revealed_mackeys, None, "revealed_mackeys"),
    )
    mac_key = _hex(args.mackey, forgery.MAC_BYTES, "mackey")
    _print(wire.encode_message(forgery.remac(load(), message, mac_key).encode()).decode())
    return 0


@record
class _Log:
    """A transcript and the data messages that a command may work on."""

    lines: Sequence[bytes]
    messages: list[tuple[Entry, DataMessage]]

    @classmethod
    def read(cls, args: Namespace) -> _Log:
        """Read the input. Raises `ToolkitError` if it has no data message, or not the one that
        `--message` selects."""
        lines = list(_lines(args.input))
        messages = list(data_messages(read_log(lines)))
        if not messages:
            raise ToolkitError("expected data messages, found none")
        if args.message is not None:
            number = _number(args.message, 0xFFFFFFFF, "--message")
            messages = [found for found in messages if found[0].number == number]
            if not messages:
                raise ToolkitError(f"expected a data message, message {number} is none")
        return cls(lines, messages)

    @property
    def candidates(self) -> str:
        """The number of messages, as a text."""
        count = len(self.messages)
        return f"{count} data message{'s' * (count > 1)}"

    def fitting(self, backend: Backend, mac_key: bytes) -> list[tuple[Entry, DataMessage]]:
        """Return the messages that a MAC key authenticates."""
        return [found for found in self.messages if forgery.mac_holds(backend, found[1], mac_key)]

    def write(self, entry: Entry, message: DataMessage, *, whole: bool) -> None:
        """Write a message, or the `whole` transcript with it instead of `entry`."""
        if whole:
            sys.stdout.flush()
            sys.stdout.buffer.write(put(self.lines, entry, message))
        else:
            _print(wire.encode_message(message.encode()).decode())


def _show(entry: Entry, fields: Sequence[Field], *, brief: bool = False) -> None:
    first, last = entry.places[0].row.first, entry.places[-1].row.last
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    pieces = f", {len(entry.places)} pieces" if len(entry.places) > 1 else ""
    _print(f"[{entry.number}] {describe.title(entry.content)} ({where}{pieces})")
    _show_fields(fields, brief, "  ")


def _show_fields(fields: Sequence[Field], brief: bool, indent: str) -> None:
    for name, value in fields:
        if not isinstance(value, str):
            _print(f"{indent}{name}:{'' if value else ' none'}")
            _show_fields(value, brief, indent + "  ")
        elif brief and len(value) > _SHOWN and not value.startswith('"'):
            _print(f"{indent}{name}: {value[:16]}... ({len(value) // 2} bytes)")
        else:
            _print(f"{indent}{name}:{' ' * bool(value)}{value}")


def _lines(name: str) -> Iterable[bytes]:
    """Return the lines of a file, or of the standard input if the name is "-"."""
    if name == "-":
        return sys.stdin.buffer
    with Path(name).open("rb") as file:
        return file.readlines()


def _hex(digits: str, length: int | None, name: str) -> bytes:
    """Return bytes from hexadecimal digits; an error does not contain them: they may be secret."""
    if length is not None and len(digits) != 2 * length:
        raise ToolkitError(f"{name} must be {2 * length} hexadecimal digits, not {len(digits)}")
    try:
        if digits.split() == [digits] or not digits:
            return bytes.fromhex(digits)
    except ValueError:
        pass
    raise ToolkitError(f"{name} must be an even number of hexadecimal digits")


def _element(digits: str, name: str) -> bytes:
    value = int.from_bytes(_hex(digits, None, name), "big")
    if value >= P:
        raise ToolkitError(f"{name} must be below the prime of the group")
    return element(value)


def _number(digits: str, highest: int, name: str) -> int:
    """Return a decimal number, or a hexadecimal number after 0x."""
    value = -1
    if _NUMBER.fullmatch(digits):
        value = int(digits, 16 if digits[:2].lower() == "0x" else 10)
    if not 0 <= value <= highest:
        raise ToolkitError(f"{name} must be a number from 0 to {highest}")
    return value


def _print(line: str) -> None:
    """Write a line; characters that the terminal's encoding lacks are escaped."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _tell(name: str, what: str) -> None:
    """Write a line to the standard error stream: the results may be redirected."""
    sys.stderr.write(f"otrfast {name}: {what}\n")


def _guarded(name: str, run: Run) -> Run:
    """Return `run` with one line and a status for its errors."""

    def guarded(args: Namespace) -> int:
        try:
            status = run(args)
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader has closed the pipe; Python must not write to it again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except OtrError as error:
            _tell(name, str(error))
            return 1
        return status

    return guarded


def register(subparsers: arguments.SubParsers) -> None:
    """Add the six commands."""
    commands: dict[str, Callable[[Namespace], int]] = {
        "parse": parse,
        "sesskeys": sesskeys,
        "mackey": mackey,
        "readforge": readforge,
        "modify": modify,
        "remac": remac,
    }
    for name, run in commands.items():
        arguments.add(subparsers, name, _guarded(name, run))
