"""What can be done to a data message by whoever has one of its keys (OTRv3, "Overview":
deniability).

Values in, values out: nothing here reads a file or keeps a state. The functions are for keys
that are no secret any more, so they take and return plain bytes.
"""

from __future__ import annotations

from typing import NamedTuple

from otrfast._records import replace
from otrfast.crypto import kdf
from otrfast.crypto.backend import SMP_EXPONENT_BYTES, Backend
from otrfast.crypto.group import number
from otrfast.errors import BadMac, NotInGroup, ToolkitError
from otrfast.wire.messages import DataMessage, decode

MAC_BYTES = 20
_NO_MAC = bytes(MAC_BYTES)


class SessionKeys(NamedTuple):
    """Everything that follows from one D-H private key and one D-H public key."""

    public: bytes  # our public key, an element
    high: bool  # whether it is the numerically greater one
    session_id: bytes  # 20 bytes, as version 1 of the protocol had it
    ssid: bytes  # 8 bytes, where the two keys are those of an AKE
    keys: kdf.DataKeyBytes

    def __repr__(self) -> str:
        return "<SessionKeys: redacted>"


def session_keys(backend: Backend, private: bytes, public: bytes) -> SessionKeys:
    """Derive the keys of a pair from our private exponent and their public key.

    `private` is a big-endian number below 2^1536, `public` an element. Raises `NotInGroup`
    unless 2 <= public <= p-2, `ToolkitError` for a longer exponent.
    """
    exponent = private.lstrip(b"\0") or b"\0"
    if len(exponent) > SMP_EXPONENT_BYTES:
        raise ToolkitError(f"a private key has at most {SMP_EXPONENT_BYTES} bytes")
    if not backend.in_group(public):
        raise NotInGroup("the public key is outside 2 .. p-2")
    # an SMP exponent is the handle that takes any length; a D-H key has 40 bytes exactly
    secret = backend.exponent(exponent)
    ours = secret.modexp_g()
    secbytes = kdf.secret_bytes(number(secret.modexp(public)))
    return SessionKeys(
        ours,
        ours > public,
        backend.sha1(b"\0" + secbytes),
        kdf.ake_keys(secbytes, backend.sha256).ssid,
        kdf.data_keys(secbytes, ours > public, backend.sha1, backend.sha256),
    )


def mac_holds(backend: Backend, message: DataMessage, mac_key: bytes) -> bool:
    """Whether the MAC of a message is that of `mac_key` (20 bytes)."""
    return backend.equal(backend.hmac_sha1(mac_key, message.authenticated), message.mac)


def decrypt(backend: Backend, message: DataMessage, aes_key: bytes) -> bytes:
    """Return the plain text, TLVs included. Raises `BadMac` where `aes_key` (16 bytes) is not
    the message's."""
    if not mac_holds(backend, message, kdf.mac_key(aes_key, backend.sha1)):
        raise BadMac("the MAC does not hold under this AES key")
    return _aes(backend, message, aes_key, message.ciphertext)


def revealed_mac_keys(message: DataMessage) -> list[bytes]:
    """Return the MAC keys that a message reveals, 20 bytes each."""
    value = message.old_mac_keys
    return [value[at : at + MAC_BYTES] for at in range(0, len(value) - MAC_BYTES + 1, MAC_BYTES)]


def forge(backend: Backend, message: DataMessage, aes_key: bytes, plaintext: bytes) -> DataMessage:
    """Return the message with another plain text, under a MAC that holds; all else stays.

    The key need not be the message's own: a whole conversation can be made up from one message.
    """
    ciphertext = _aes(backend, message, aes_key, plaintext)
    mac_key = kdf.mac_key(aes_key, backend.sha1)
    return remac(backend, replace(message, ciphertext=ciphertext), mac_key)


def modify(
    backend: Backend, message: DataMessage, mac_key: bytes, old: bytes, new: bytes, offset: int
) -> DataMessage:
    """Change a guessed text without reading it: where `old` stands at byte `offset`, `new` will.

    In counter mode a bit of the ciphertext is a bit of the text; a wrong guess gives a third
    text. Raises `BadMac` where `mac_key` is not the message's, `ToolkitError` unless the texts
    are of one length and lie within the ciphertext.
    """
    if not mac_holds(backend, message, mac_key):
        raise BadMac("the MAC does not hold under this MAC key")
    if len(old) != len(new):
        raise ToolkitError(f"the texts differ in length: {len(old)} and {len(new)} bytes")
    length = len(message.ciphertext)
    end = offset + len(old)
    if not 0 <= offset <= end <= length:
        raise ToolkitError(f"bytes {offset} to {end} are not within the {length} of the message")
    there = message.ciphertext[offset:end]
    changed = bytes(a ^ b ^ c for a, b, c in zip(there, old, new, strict=True))
    ciphertext = message.ciphertext[:offset] + changed + message.ciphertext[end:]
    return remac(backend, replace(message, ciphertext=ciphertext), mac_key)


def remac(backend: Backend, message: DataMessage, mac_key: bytes) -> DataMessage:
    """Return the message with the MAC of `mac_key` over its other fields."""
    bare = decode(replace(message, mac=_NO_MAC).encode())
    assert isinstance(bare, DataMessage)  # it was encoded from one
    return replace(bare, mac=backend.hmac_sha1(mac_key, bare.authenticated))


def _aes(backend: Backend, message: DataMessage, aes_key: bytes, data: bytes) -> bytes:
    return backend.aes_ctr(aes_key, message.counter.to_bytes(8, "big") + bytes(8), data)
