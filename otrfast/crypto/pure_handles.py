"""The handles of the pure backend: secrets as Python integers and bytes objects."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from itertools import takewhile
from struct import Struct
from typing import Any

from Crypto.Cipher import AES

from otrfast.crypto import dsa_numbers, kdf
from otrfast.crypto.backend import (
    DH_EXPONENT_BYTES,
    ELEMENT_BYTES,
    DataFields,
    DsaNumbers,
    Exponent,
    SharedSecret,
)
from otrfast.crypto.group import P, Q, element, number
from otrfast.crypto.secret import Secret
from otrfast.errors import BadMac, CounterReplayed, NotInGroup, RemoteError
from otrfast.wire.fields import data, mpi
from otrfast.wire.lines import EncodedMessage, encode_message, is_ordinary
from otrfast.wire.messages import DataMessage, decode

ModexpFunction = Callable[[int, int, int], int]

_MAC_BYTES = 20
_MAC_START = 4  # bytes of a MAC by which a copy is known
_ACCEPTED = 8  # messages whose copies are known
_COUNTERS = 1 << 64
_COUNTS = Struct(">QQ?B32s")  # of a state: both counters, verified, MACs that are known
_ZERO_COUNTER = bytes(16)
_FLAGS_AND_KEYIDS = 9  # bytes that end the head


def sha1(data: bytes) -> bytes:
    """Return the 20-byte digest."""
    return hashlib.sha1(data, usedforsecurity=False).digest()


def sha256(data: bytes) -> bytes:
    """Return the 32-byte digest."""
    return hashlib.sha256(data).digest()


def aes_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with AES-128-CTR from the 16-byte block `counter` on."""
    return AES.new(key, AES.MODE_CTR, nonce=b"", initial_value=counter).encrypt(data)


def in_group(value: int) -> bool:
    """Whether 2 <= value <= p-2."""
    return 2 <= value <= P - 2


class PureDataKeys(Secret):
    """`backend.DataKeys` on bytes objects."""

    __slots__ = ("_accepted", "_keys", "_send_end", "receive_counter", "send_counter", "verified")

    def __init__(self, keys: kdf.DataKeyBytes) -> None:
        self._keys = keys
        self._accepted = b""
        self._send_end = _COUNTERS
        self.send_counter: int = 0
        self.receive_counter: int = 0
        self.verified: bool = False

    def seal(self, prefix: bytes, text: bytes, tlvs: bytes | None, revealed: bytes) -> bytes:
        self._check_counters(1)
        self.send_counter += 1
        counter = self.send_counter.to_bytes(8, "big")
        plaintext = text if tlvs is None else text + b"\0" + tlvs
        ciphertext = aes_ctr(self._keys.send_aes, counter + bytes(8), plaintext)
        body = prefix + counter + len(ciphertext).to_bytes(4, "big") + ciphertext
        mac = hmac.digest(self._keys.send_mac, body, "sha1")
        return encode_message(body + mac + data(revealed))

    def _check_counters(self, messages: int) -> None:
        if self.send_counter + messages >= self._send_end:
            raise OverflowError("all counters of these keys are used up")

    def seal_text(self, prefix: bytes, text: bytes, limit: int) -> bytes | None:
        return self.seal(prefix, text, b"", b"") if is_ordinary(text, limit) else None

    def seal_many(
        self, prefix: bytes, texts: Sequence[bytes], limit: int | None = None, /
    ) -> list[bytes]:
        if limit is not None:
            texts = [*takewhile(lambda text: is_ordinary(text, limit), texts)]
        self._check_counters(len(texts))
        return [self.seal(prefix, text, b"", b"") for text in texts]

    def _decrypt(self, authenticated: bytes, counter: int, ciphertext: bytes, mac: bytes) -> bytes:
        if not hmac.compare_digest(hmac.digest(self._keys.receive_mac, authenticated, "sha1"), mac):
            raise BadMac("the MAC of a data message does not hold")
        if counter <= self.receive_counter:
            raise CounterReplayed("a data message came twice, or after a later one")
        return aes_ctr(self._keys.receive_aes, counter.to_bytes(8, "big") + bytes(8), ciphertext)

    def open(self, authenticated: bytes, counter: int, ciphertext: bytes, mac: bytes) -> bytes:
        plaintext = self._decrypt(authenticated, counter, ciphertext, mac)
        self._accept(counter, mac)
        return plaintext

    def _accept(self, counter: int, mac: bytes) -> None:
        self.receive_counter = counter
        self.verified = True
        self._accepted = (self._accepted + mac[:_MAC_START])[-_ACCEPTED * _MAC_START :]

    def accepted(self) -> bytes:
        return self._accepted

    def _open_line(self, head: bytes, line: bytes) -> bytes | DataFields | None:
        fields = data_fields(head[:-_FLAGS_AND_KEYIDS], line)
        if fields is None:
            return None
        _, sender_keyid, recipient_keyid, _, counter, ciphertext, authenticated, mac, _ = fields
        keyids = sender_keyid.to_bytes(4, "big") + recipient_keyid.to_bytes(4, "big")
        if not head.endswith(keyids):
            return fields
        try:
            plaintext = self._decrypt(authenticated, counter, ciphertext, mac)
        except (BadMac, CounterReplayed):
            return fields
        text, _, tlvs = plaintext.partition(b"\0")
        if tlvs or not text:
            return fields
        self._accept(counter, mac)
        return text

    def open_line(
        self, head: bytes, line: bytes, kind: type[Any] = bytes, rest: tuple[Any, ...] = ()
    ) -> Any:
        opened = self._open_line(head, line)
        return kind(opened, *rest) if isinstance(opened, bytes) else opened

    def open_many(
        self,
        head: bytes,
        lines: Sequence[bytes],
        kind: type[Any] = bytes,
        rest: tuple[Any, ...] = (),
    ) -> list[Any]:
        texts = []
        for line in lines:
            opened = self._open_line(head, line)
            if not isinstance(opened, bytes):
                break
            texts.append(kind(opened, *rest))
        return texts

    def receive_mac_key(self) -> bytes:
        return self._keys.receive_mac

    def extra_key(self) -> bytes:
        return self._keys.extra

    def count_between(self, floor: int, end: int) -> None:
        self.send_counter = max(self.send_counter, floor)
        self._send_end = end or _COUNTERS

    def export(self) -> bytes:
        """Return the keys as a part of a state."""
        keys, accepted = self._keys, self._accepted
        counts = self.send_counter, self.receive_counter, self.verified, len(accepted) // _MAC_START
        return keys.send_aes + keys.receive_aes + keys.extra + _COUNTS.pack(*counts, accepted)

    @classmethod
    def restore(cls, state: bytes) -> PureDataKeys:
        """Return the keys that `export` has written."""
        send, receive, extra = state[:16], state[16:32], state[32:64]
        made = cls(kdf.DataKeyBytes(send, sha1(send), receive, sha1(receive), extra))
        sent, received, verified, count, ring = _COUNTS.unpack(state[64:])
        made.send_counter, made.receive_counter, made.verified = sent, received, verified
        made._accepted = ring[: count * _MAC_START]
        return made


def data_fields(header: bytes, line: bytes) -> DataFields | None:
    """Read a line for `open_line` and `Backend.data_message`: clean, if encoding what was read
    gives the line again."""
    try:
        message = decode(EncodedMessage(line, b"").decode())
    except RemoteError:
        return None
    if not isinstance(message, DataMessage) or encode_message(message.encode()) != line:
        return None
    if message.head(message.version, message.sender, message.receiver) != header:
        return None
    if not in_group(number(message.next_key)):
        return None
    return (
        message.flags,
        message.sender_keyid,
        message.recipient_keyid,
        message.next_key,
        message.counter,
        message.ciphertext,
        message.authenticated,
        message.mac,
        message.old_mac_keys,
    )


class PureAkeKeys(Secret):
    """`backend.AkeKeys` on bytes objects."""

    __slots__ = ("_sides", "ssid")

    def __init__(self, keys: kdf.AkeKeyBytes) -> None:
        self.ssid: bytes = keys.ssid
        self._sides = keys.responder, keys.initiator

    def seal(self, initiator: bool, x: bytes) -> tuple[bytes, bytes]:
        encrypted = aes_ctr(self._sides[initiator].c, _ZERO_COUNTER, x)
        return encrypted, self._mac(initiator, encrypted)

    def open(self, initiator: bool, encrypted: bytes, mac: bytes) -> bytes:
        if not hmac.compare_digest(self._mac(initiator, encrypted), mac):
            raise BadMac("the MAC of an AKE message does not hold")
        return aes_ctr(self._sides[initiator].c, _ZERO_COUNTER, encrypted)

    def _mac(self, initiator: bool, encrypted: bytes) -> bytes:
        return hmac.digest(self._sides[initiator].m2, data(encrypted), "sha256")[:_MAC_BYTES]

    def signed_value(
        self, initiator: bool, public_key: bytes, own: bytes, other: bytes, keyid: bytes
    ) -> bytes:
        signed = mpi(own) + mpi(other) + public_key + keyid
        return hmac.digest(self._sides[initiator].m1, signed, "sha256")


class PureSharedSecret(Secret):
    """`backend.SharedSecret` on a bytes object."""

    __slots__ = ("_secbytes",)

    def __init__(self, secret: int) -> None:
        self._secbytes = kdf.secret_bytes(secret)

    def ake_keys(self) -> PureAkeKeys:
        return PureAkeKeys(kdf.ake_keys(self._secbytes, sha256))

    def data_keys(self, high: bool) -> PureDataKeys:
        return PureDataKeys(kdf.data_keys(self._secbytes, high, sha1, sha256))

    def export(self) -> bytes:
        """Return the secret as a part of a state."""
        return self._secbytes[4:].rjust(ELEMENT_BYTES, b"\0")


class PureDhKey(Secret):
    """`backend.DhKey` on a Python integer."""

    __slots__ = ("_modexp", "_private", "public")

    def __init__(self, private: int, modexp: ModexpFunction) -> None:
        self._private = private
        self._modexp = modexp
        self.public: bytes = element(modexp(2, private, P))

    @classmethod
    def restore(cls, state: bytes, modexp: ModexpFunction) -> PureDhKey:
        """Return the key that `export` has written."""
        made = cls.__new__(cls)
        made._private, made._modexp = number(state[:DH_EXPONENT_BYTES]), modexp
        made.public = state[DH_EXPONENT_BYTES:]
        return made

    def export(self) -> bytes:
        """Return the key as a part of a state."""
        return self._private.to_bytes(DH_EXPONENT_BYTES, "big") + self.public

    def agree(self, public: bytes) -> SharedSecret:
        value = number(public)
        if not in_group(value):
            raise NotInGroup("a Diffie-Hellman value outside 2 .. p-2")
        return PureSharedSecret(self._modexp(value, self._private, P))


class PureExponent(Secret):
    """`backend.Exponent` on a Python integer."""

    __slots__ = ("_modexp", "_value")

    def __init__(self, value: int, modexp: ModexpFunction) -> None:
        self._value = value
        self._modexp = modexp

    def modexp_g(self) -> bytes:
        return element(self._modexp(2, self._value, P))

    def modexp(self, base: bytes) -> bytes:
        return element(self._modexp(number(base), self._value, P))

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        if not isinstance(secret, PureExponent):
            raise TypeError("the exponents of one proof come from one backend")
        return element((self._value - secret._value * number(challenge)) % Q)


class PureFixedBase(Secret):
    """`backend.FixedBase` on a Python integer."""

    __slots__ = ("_modexp", "_value")

    def __init__(self, value: int, modexp: ModexpFunction) -> None:
        if not in_group(value):
            raise NotInGroup("a base outside 2 .. p-2")
        self._value = value
        self._modexp = modexp

    def modexp(self, exponent: Exponent) -> bytes:
        return exponent.modexp(element(self._value))

    def double_modexp(self, exponent: bytes, other: bytes, other_exponent: bytes) -> bytes:
        first = self._modexp(self._value, number(exponent), P)
        return element(first * self._modexp(number(other), number(other_exponent), P) % P)


class PureSigningKey(Secret):
    """`backend.SigningKey` on Python integers."""

    __slots__ = ("_modexp", "_x", "numbers")

    def __init__(self, numbers: DsaNumbers, x: int, modexp: ModexpFunction) -> None:
        self.numbers: DsaNumbers = numbers
        self._x = x
        self._modexp = modexp

    def sign(self, value: bytes, random: bytes) -> bytes:
        return dsa_numbers.sign(self.numbers, self._x, value, random, self._modexp)

    def private_number(self) -> int:
        return self._x
