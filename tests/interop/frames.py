"""A second reading of the wire, independent of the engine: kinds of lines, data messages."""

from __future__ import annotations

import base64
import hmac
import re
import struct
from dataclasses import dataclass, replace

_KINDS = {b"C": "commit", b"K": "key", b"R": "reveal", b"S": "signature", b"D": "data"}


def kind_of(line: bytes) -> str:
    """Name what a line is: query, commit, key, reveal, signature, data, fragment, error, plain."""
    if line.startswith((b"?OTR|", b"?OTR,")):
        return "fragment"
    if match := re.match(rb"\?OTR:AA[IM](.)", line):
        return _KINDS[match[1]]
    if line.startswith(b"?OTR Error:"):
        return "error"
    return "query" if re.match(rb"\?OTR\??v?", line) else "plain"


@dataclass(frozen=True)
class DataFrame:
    """A data message; `head` is all before the counter, the version 3 tags included."""

    version: int
    flags: int
    sender_keyid: int
    recipient_keyid: int
    head: bytes
    counter: int
    ciphertext: bytes
    mac: bytes
    revealed: tuple[bytes, ...]

    @property
    def authenticated(self) -> bytes:
        """What the MAC covers."""
        return self.head + struct.pack(">QI", self.counter, len(self.ciphertext)) + self.ciphertext

    def made_with(self, mac_key: bytes) -> bool:
        """Tell whether the MAC is that of this key."""
        return hmac.digest(mac_key, self.authenticated, "sha1") == self.mac

    def forged(self, mac_key: bytes, counter: int, flip: int) -> DataFrame:
        """Return the message with this counter and its first byte changed, under this key's MAC."""
        text = bytes([self.ciphertext[0] ^ flip]) + self.ciphertext[1:]
        changed = replace(self, counter=counter, ciphertext=text)
        return replace(changed, mac=hmac.digest(mac_key, changed.authenticated, "sha1"))

    def encode_message(self) -> bytes:
        """Return the line."""
        keys = b"".join(self.revealed)
        body = self.authenticated + self.mac + struct.pack(">I", len(keys)) + keys
        return b"?OTR:" + base64.b64encode(body) + b"."


def read_data(line: bytes) -> DataFrame:
    """Read a data message in one line."""
    body = base64.b64decode(line[len(b"?OTR:") : line.index(b".")])
    (version,) = struct.unpack_from(">H", body)
    at = 11 if version == 3 else 3
    flags, sender_keyid, recipient_keyid, key_length = struct.unpack_from(">BIII", body, at)
    at += 13 + key_length
    head = body[:at]
    counter, length = struct.unpack_from(">QI", body, at)
    at += 12
    ciphertext = body[at : at + length]
    at += length
    mac = body[at : at + 20]
    (keys_length,) = struct.unpack_from(">I", body, at + 20)
    keys = body[at + 24 :]
    if len(keys) != keys_length or keys_length % 20:
        raise ValueError("the revealed keys are not whole")
    revealed = tuple(keys[i : i + 20] for i in range(0, keys_length, 20))
    return DataFrame(
        version, flags, sender_keyid, recipient_keyid, head, counter, ciphertext, mac, revealed
    )
