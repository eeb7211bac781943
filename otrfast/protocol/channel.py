"""Data messages: sealing and opening them under the keyring, in general and on the fast lane
(OTRv3, "Exchanging data").

The lane takes a message from line to text, or back, in one call of the backend. It is open while
nothing but opening or sealing has to be done: the same keys as before, no MAC key to reveal, no
TLV. A message with new keys is read by the backend and opened here. The lane decides nothing that
the general path would decide otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otrfast.crypto.backend import DataFields, DataKeys, DhKey
from otrfast.crypto.secret import Secret
from otrfast.errors import NotInGroup, UnknownKeyid
from otrfast.protocol.ake import Established
from otrfast.protocol.identity import Identity
from otrfast.protocol.keyring import Keyring
from otrfast.wire.fields import mpi
from otrfast.wire.messages import DataMessage


class Channel(Secret):
    """One encrypted session with one instance of the peer.

    `send_keys` with `send_prefix`, and `receive_keys` with `receive_head`, are what the fast lanes
    call the backend with; the keys are None while there is more to be done.
    """

    __slots__ = (
        "_backend",
        "_header",
        "_receive_header",
        "_received_as",
        "keyring",
        "receive_head",
        "receive_keys",
        "send_keys",
        "send_prefix",
    )

    def __init__(
        self, identity: Identity, established: Established, receiver: int, revealed: bytes
    ) -> None:
        self._backend = identity.backend
        version, ours = established.version, identity.instance_tag if receiver else 0
        self._header = DataMessage.head(version, ours, receiver)
        self._receive_header = DataMessage.head(version, receiver, ours)
        self._received_as = version, receiver, ours
        self.keyring = Keyring(established, identity, revealed)
        self.receive_keys: DataKeys | None = None
        self.receive_head = b""
        self.send_keys: DataKeys | None = None
        self.send_prefix = b""

    def seal(self, text: bytes, tlvs: bytes = b"", flags: int = 0) -> bytes:
        """Return the encoded line that carries `text` (no zero byte in it) and encoded TLVs."""
        if self.send_keys is not None and not flags:
            return self.send_keys.seal(self.send_prefix, text, tlvs, b"")
        keys, prefix = self._sending(flags)
        line = keys.seal(prefix, text, tlvs, self.keyring.take_revealed())
        if not flags:
            self.send_keys, self.send_prefix = keys, prefix
        return line

    def seal_many(self, texts: Sequence[bytes]) -> list[bytes]:
        """Return `seal(text)` for each text."""
        if self.send_keys is not None:
            return self.send_keys.seal_many(self.send_prefix, texts)
        first = [self.seal(text) for text in texts[:1]]
        return first + self.seal_many(texts[1:]) if texts[1:] else first

    def _sending(self, flags: int) -> tuple[DataKeys, bytes]:
        """Return the keys of the sending pair, and a message's bytes up to the next D-H key."""
        keyring = self.keyring
        next_public = keyring.next_public()
        our_keyid, their_keyid = keyring.our_keyid - 1, keyring.their_keyid
        keyids = our_keyid.to_bytes(4, "big") + their_keyid.to_bytes(4, "big")
        return keyring.pair(our_keyid, their_keyid), self._header + bytes((flags,)) + keyids + mpi(
            next_public
        )

    def open(self, message: DataMessage) -> tuple[bytes, DataKeys]:
        """Check and decrypt a message and turn the keys as it asks; return its plain text with
        the TLVs, and its keys.

        Raises `UnknownKeyid`, `NotInGroup`, `BadMac` or `CounterReplayed`, and changes nothing
        then.
        """
        keyring = self.keyring
        ours, theirs = message.recipient_keyid, message.sender_keyid
        if not ours or not theirs:
            raise UnknownKeyid("key id 0 is not valid")
        keys = keyring.pair(ours, theirs)
        if not self._backend.in_group(message.next_key):
            raise NotInGroup("the next D-H key is outside 2 .. p-2")
        plaintext = keys.open(
            message.authenticated, message.counter, message.ciphertext, message.mac
        )
        if ours == keyring.our_keyid:
            keyring.rotate_ours()
        if theirs == keyring.their_keyid:
            keyring.rotate_theirs(message.next_key)
        self._set_lanes()
        return plaintext, keys

    def wanted(self, message: DataMessage) -> tuple[DhKey, bytes] | None:
        """Return the halves of the shared secret that `open` will need, None where it is there or
        can not be had."""
        return self.keyring.wanted(message.recipient_keyid, message.sender_keyid)

    def wanted_to_send(self) -> tuple[DhKey, bytes] | None:
        """Return the halves of the shared secret that `seal` will need, None where it is there."""
        return self.keyring.wanted(self.keyring.our_keyid - 1, self.keyring.their_keyid)

    def _set_lanes(self) -> None:
        """After the keys may have turned: where the next messages will need nothing but opening,
        say so."""
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

    def read(self, line: bytes) -> DataMessage | None:
        """Return the peer's data message in a line, None where the general reader has to look at
        it."""
        fields = self._backend.data_message(self._receive_header, line)
        return None if fields is None else self.message(fields)

    def message(self, fields: DataFields) -> DataMessage:
        """Return the peer's data message with these fields."""
        version, sender, receiver = self._received_as
        return DataMessage(version, sender, receiver, *fields)

    def open_many(
        self, lines: Sequence[bytes], kind: type[Any], rest: tuple[Any, ...]
    ) -> list[Any]:
        """The texts of the longest run of leading lines that the fast lane takes, each in front of
        `rest` in a `kind`."""
        keys = self.receive_keys
        return [] if keys is None else keys.open_many(self.receive_head, lines, kind, rest)

    def extra_key(self) -> bytes:
        """Return the extra symmetric key of the pair that the next message is sealed with: 32
        bytes."""
        keyring = self.keyring
        return keyring.pair(keyring.our_keyid - 1, keyring.their_keyid).extra_key()
