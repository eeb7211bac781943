"""One encrypted session with one instance: data messages sealed and opened under its keyring
(OTRv3, "Exchanging data").

The keys in use in each direction, with what the core needs to take a message from line to text or
back in one call, are kept here; `engine.fast_path` decides when they are used without this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otrfast.crypto.backend import DataFields, DataKeys, DhKey
from otrfast.crypto.secret import Secret
from otrfast.errors import (
    BadMac,
    CounterReplayed,
    NotInGroup,
    RepeatedKey,
    SessionBroken,
    UnexpectedMessage,
    UnknownKeyid,
)
from otrfast.protocol.call import ComputedSecret
from otrfast.protocol.identity import Identity
from otrfast.protocol.keyring import Keyring
from otrfast.wire.fields import mpi
from otrfast.wire.messages import DataMessage


class Channel(Secret):
    """One encrypted session with one instance of the peer.

    It is `ready` once the instance that it belongs to has taken it over as a whole. `send_keys`
    with `send_prefix` seal a text without TLVs or flags; they are None after the keys
    have rotated, until the next message. `receive_keys` with `receive_head` open the next message
    of a burst; they are None before the first.
    """

    __slots__ = (
        "_backend",
        "_header",
        "_receive_header",
        "_received_as",
        "keyring",
        "ready",
        "receive_head",
        "receive_keys",
        "send_keys",
        "send_prefix",
    )

    def __init__(self, identity: Identity, version: int, receiver: int, keyring: Keyring) -> None:
        self._backend = identity.backend
        ours = identity.instance_tag if receiver else 0
        self._header = DataMessage.head(version, ours, receiver)
        self._receive_header = DataMessage.head(version, receiver, ours)
        self._received_as = version, receiver, ours
        self.keyring: Keyring = keyring
        self.ready: bool = False
        self.receive_keys: DataKeys | None = None
        self.receive_head: bytes = b""
        self.send_keys: DataKeys | None = None
        self.send_prefix: bytes = b""

    def seal(
        self,
        text: bytes,
        tlvs: bytes | None = b"",
        flags: int = 0,
        computed: ComputedSecret | None = None,
    ) -> bytes:
        """Return the line that carries `text` (without a zero byte) and encoded TLVs; with `tlvs`
        None any bytes as they are. Raises `SessionBroken` if the session's start was
        interrupted."""
        if self.send_keys is not None and not flags:
            return self.send_keys.seal(self.send_prefix, text, tlvs, b"")
        keys, prefix = self._sending(flags, computed)
        keyring = self.keyring
        line = keys.seal(prefix, text, tlvs, keyring.revealed)
        keyring.forget_revealed()
        if not flags:
            self.send_keys, self.send_prefix = keys, prefix
        return line

    def _sending(
        self, flags: int, computed: ComputedSecret | None = None
    ) -> tuple[DataKeys, bytes]:
        """Return the keys of the sending pair, and a message's bytes up to the next D-H key.
        Raises `SessionBroken`."""
        if not self.ready:
            raise SessionBroken("starting this session was interrupted: call start() again")
        keyring = self.keyring
        next_public = keyring.next_public()
        our_keyid, their_keyid = keyring.our_keyid - 1, keyring.their_keyid
        keys = keyring.pair(our_keyid, their_keyid, computed)
        keyids = our_keyid.to_bytes(4, "big") + their_keyid.to_bytes(4, "big")
        return keys, self._header + bytes((flags,)) + keyids + mpi(next_public)

    def seal_many(self, texts: Sequence[bytes], limit: int) -> list[bytes]:
        """Return the lines for the longest run of leading texts that need nothing but sealing: 1 to
        `limit` bytes, without a zero byte and without a mark of OTR."""
        keys = self.send_keys
        return [] if keys is None else keys.seal_many(self.send_prefix, texts, limit)

    def open(
        self, message: DataMessage, computed: ComputedSecret | None = None
    ) -> tuple[bytes, DataKeys]:
        """Check and decrypt a message and rotate the keys as it asks; return its plain text with
        the TLVs, and its keys.

        Raises `UnknownKeyid`, `RepeatedKey`, `NotInGroup`, `BadMac` or `CounterReplayed`, and
        changes nothing then.
        """
        keyring = self.keyring
        ours, theirs = message.recipient_keyid, message.sender_keyid
        if not ours or not theirs:
            raise UnknownKeyid("key id 0 is not valid")
        if not self.ready:
            raise UnexpectedMessage("the keys of this session were never complete")
        if keyring.announces_known_key(theirs, message.next_key):
            raise RepeatedKey("the next D-H key is one that the peer has used before")
        try:
            keys = keyring.pair(ours, theirs, computed)
            if not self._backend.in_group(message.next_key):
                raise NotInGroup("the next D-H key is outside 2 .. p-2")
            plaintext = keys.open(
                message.authenticated, message.counter, message.ciphertext, message.mac
            )
        except (UnknownKeyid, BadMac):
            if keyring.has_accepted(message.mac):  # a late copy: no reason to tell the peer
                raise CounterReplayed("a message came again after its keys were dropped") from None
            raise
        if ours == keyring.our_keyid or theirs == keyring.their_keyid:
            keyring.rotate(ours, theirs, message.next_key)
        self._set_keys_in_use()
        return plaintext, keys

    def wanted_to_send(self) -> tuple[DhKey, bytes] | None:
        """Return the pair of D-H keys whose shared secret `seal` will need, None if it is
        there."""
        return self.keyring.wanted(self.keyring.our_keyid - 1, self.keyring.their_keyid)

    def _set_keys_in_use(self) -> None:
        """After the keys may have rotated: find the keys that the next messages will use."""
        keyring = self.keyring
        if (
            self.send_keys is not keyring.derived(keyring.our_keyid - 1, keyring.their_keyid)
            or keyring.has_revealed
        ):
            self.send_keys = None
        ours, theirs = keyring.our_keyid - 1, keyring.their_keyid - 1
        keys = keyring.derived(ours, theirs)
        if keys is not self.receive_keys:
            self.receive_keys = keys
            flags_and_keyids = b"\0" + theirs.to_bytes(4, "big") + ours.to_bytes(4, "big")
            self.receive_head = self._receive_header + flags_and_keyids

    def read(self, line: bytes) -> DataFields | None:
        """Return the fields of the peer's data message in a line, None if the general reader has
        to look at it."""
        return self._backend.data_message(self._receive_header, line)

    def message(self, fields: DataFields) -> DataMessage:
        """Return the message of the peer that has these fields."""
        version, sender, receiver = self._received_as
        return DataMessage(version, sender, receiver, *fields)

    def open_many(
        self, lines: Sequence[bytes], kind: type[Any], rest: tuple[Any, ...]
    ) -> list[Any]:
        """Return the texts of the longest run of leading lines that need nothing but opening,
        each in front of `rest` in a `kind`."""
        keys = self.receive_keys
        return [] if keys is None else keys.open_many(self.receive_head, lines, kind, rest)

    def extra_key(self) -> bytes:
        """Return the extra symmetric key of the pair that the next message is sealed with, 32
        bytes."""
        keyring = self.keyring
        return keyring.pair(keyring.our_keyid - 1, keyring.their_keyid).extra_key()
