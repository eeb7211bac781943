"""Operations on a data message by anyone who has one of its keys (OTRv3, "Overview": deniability).

The functions read no file and keep no state. They are for keys that are no longer secret, so they
take and return plain bytes.
"""

from __future__ import annotations

from otrfast._records import record, replace
from otrfast.crypto import kdf
from otrfast.crypto.backend import SMP_EXPONENT_BYTES, Backend
from otrfast.crypto.group import number
from otrfast.errors import BadMac, NotInGroup, ToolkitError
from otrfast.wire.messages import DataMessage, decode

MAC_BYTES = 20
_NO_MAC = bytes(MAC_BYTES)


@record
class SessionKeys:
    """The values that result from one D-H private key and one D-H public key."""

    public: bytes
    """Our public key, an element."""
    high: bool
    """Whether our public key is the greater one."""
    session_id: bytes
    """20 bytes: the session id of version 1 of the protocol."""
    ssid: bytes
    """8 bytes: the ssid, if the two keys are those of an AKE."""
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
        raise ToolkitError(
            f"a private key has 1 to {SMP_EXPONENT_BYTES} bytes, not {len(exponent)}"
        )
    if not backend.in_group(public):
        raise NotInGroup("the public key is outside 2 .. p-2")
    # an SMP exponent may have any length; a D-H key has exactly 40 bytes
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
    """Whether `mac_key` (20 bytes) authenticates a message."""
    return backend.equal(backend.hmac_sha1(mac_key, message.authenticated), message.mac)


def decrypt(backend: Backend, message: DataMessage, aes_key: bytes) -> bytes:
    """Return the plaintext, TLVs included. Raises `BadMac` unless `aes_key` (16 bytes) is the key
    of the message."""
    if not mac_holds(backend, message, kdf.mac_key(aes_key, backend.sha1)):
        raise BadMac("the MAC key of this AES key does not authenticate the message")
    return _aes(backend, message, aes_key, message.ciphertext)


def revealed_mac_keys(message: DataMessage) -> list[bytes]:
    """Return the MAC keys that a message reveals, 20 bytes each."""
    value = message.old_mac_keys
    return [value[at : at + MAC_BYTES] for at in range(0, len(value) - MAC_BYTES + 1, MAC_BYTES)]


def forge(backend: Backend, message: DataMessage, aes_key: bytes, plaintext: bytes) -> DataMessage:
    """Return the message with another plaintext and a correct MAC; the other fields stay.

    The key need not be that of the message: a whole conversation can be forged from one message.
    """
    ciphertext = _aes(backend, message, aes_key, plaintext)
    mac_key = kdf.mac_key(aes_key, backend.sha1)
    return remac(backend, replace(message, ciphertext=ciphertext), mac_key)


def modify(
    backend: Backend, message: DataMessage, mac_key: bytes, old: bytes, new: bytes, offset: int
) -> DataMessage:
    """Replace the guessed text `old` at byte `offset` by `new`, without the AES key.

    In counter mode a bit of the ciphertext is a bit of the text; a wrong guess gives a third
    text. Raises `BadMac` unless `mac_key` is the key of the message, `ToolkitError` unless the
    texts have the same length and lie within the ciphertext.
    """
    if not mac_holds(backend, message, mac_key):
        raise BadMac("this MAC key does not authenticate the message")
    if len(old) != len(new):
        raise ToolkitError(f"expected texts of one length, not {len(old)} and {len(new)} bytes")
    length = len(message.ciphertext)
    end = offset + len(old)
    if not 0 <= offset <= end <= length:
        raise ToolkitError(f"expected bytes within 0 to {length}, not {offset} to {end}")
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
