"""Pairs of data keys and lines to open, and the general path written with the wire layer."""

from otrfast.crypto.group import P
from otrfast.errors import BadMac, CounterReplayed, OtrError
from otrfast.wire.lines import EncodedMessage, classify
from otrfast.wire.messages import DataMessage, decode

X, Y = 0x7A5B_0001 << 280 | 12345, 0x6C11_0007 << 270 | 54321
NEXT_KEY = pow(2, 2**300 + 77, P)


def duo(backend):
    """The data keys of both ends of one pair."""
    x, y = backend.dh_key(X.to_bytes(40, "big")), backend.dh_key(Y.to_bytes(40, "big"))
    return x.agree(y.public).data_keys(True), y.agree(x.public).data_keys(False)


def head(version=3, flags=0, sender_keyid=1, recipient_keyid=1):
    tags = bytes.fromhex("0000010100000202") if version == 3 else b""
    keyids = sender_keyid.to_bytes(4, "big") + recipient_keyid.to_bytes(4, "big")
    return version.to_bytes(2, "big") + b"\3" + tags + bytes([flags]) + keyids


def read(backend, line, version=3):
    """The fields that the reader of a backend finds in a line, None where it leaves it."""
    return backend.data_message(head(version)[:-9], line)


def mpi(value):
    magnitude = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return len(magnitude).to_bytes(4, "big") + magnitude


def prefix(version=3, flags=0, next_key=NEXT_KEY, **keyids):
    return head(version, flags, **keyids) + mpi(next_key)


def state(keys):
    return keys.send_counter, keys.receive_counter, keys.verified


def general(backend, keys, expected_head, line):
    """The text of a line by the general path, if the fast path may give one; else None.

    None for all that is not a message with this head whose plain text is nothing but a text.
    """
    encoded = classify(line)
    if not isinstance(encoded, EncodedMessage):
        return None
    try:
        raw = encoded.decode()
        message = decode(raw)
    except OtrError:
        return None
    flags_at = len(expected_head) - 9
    same_head = raw[:flags_at] == expected_head[:flags_at]
    same_head &= raw[flags_at + 1 : len(expected_head)] == expected_head[flags_at + 1 :]
    if not isinstance(message, DataMessage) or not same_head:
        return None
    if not backend.in_group(message.next_key):
        return None
    try:
        plaintext = keys.open(
            message.authenticated, message.counter, message.ciphertext, message.mac
        )
    except (BadMac, CounterReplayed):
        return None
    text, _, tlvs = plaintext.partition(b"\0")
    return text if text and not tlvs else None
