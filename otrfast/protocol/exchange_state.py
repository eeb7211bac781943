"""An unfinished key exchange in a saved conversation."""

from __future__ import annotations

from typing import TypeVar

from otrfast.errors import StateDamaged
from otrfast.protocol import ake
from otrfast.protocol.state import StateReader, StateWriter
from otrfast.wire.messages import DHCommit, Message, RevealSignature, decode

M = TypeVar("M", bound=Message)

_STATES = (
    ake.Idle,
    ake.AwaitingDHKey,
    ake.AwaitingRevealSignature,
    ake.AwaitingSignature,
)


def write_exchange(writer: StateWriter, state: ake.State) -> None:
    """Write the state of a key exchange."""
    writer.number(_STATES.index(type(state)))
    match state:
        case ake.AwaitingDHKey():
            _write_commitment(writer, state)
        case ake.AwaitingRevealSignature():
            writer.handle(state.key)
            writer.data(state.commit.encode())
            writer.time(state.since)
            writer.optional(state.yielded, lambda each: _write_commitment(writer, each))
        case ake.AwaitingSignature():
            writer.handle(state.key)
            writer.data(state.their_public)
            writer.handle(state.secret)
            writer.data(state.reveal.encode())
            writer.data(state.our_fingerprint)
            writer.time(state.since)


def read_exchange(reader: StateReader) -> ake.State:
    """Read what `write_exchange` has written. Raises `StateDamaged`."""
    made = reader.one_of(_STATES)
    if made is ake.AwaitingDHKey:
        return read_commitment(reader)
    if made is ake.AwaitingRevealSignature:
        key, commit, since = reader.handle(), read_message(reader, DHCommit), reader.time()
        yielded = reader.optional(lambda: read_commitment(reader))
        return ake.AwaitingRevealSignature(key, commit, since, yielded)
    if made is ake.AwaitingSignature:
        key, their_public, secret = reader.handle(), reader.data(), reader.handle()
        reveal, ours = read_message(reader, RevealSignature), reader.data()
        keys = secret.ake_keys()
        since = reader.time()
        return ake.AwaitingSignature(key, their_public, secret, keys, reveal, ours, since)
    return ake.IDLE


def _write_commitment(writer: StateWriter, state: ake.AwaitingDHKey) -> None:
    writer.data(state.r)
    writer.handle(state.key)
    writer.data(state.commit.encode())
    writer.time(state.since)


def read_commitment(reader: StateReader) -> ake.AwaitingDHKey:
    """Read the state after our own DH-Commit. Raises `StateDamaged`."""
    r, key = reader.data(), reader.handle()
    return ake.AwaitingDHKey(r, key, read_message(reader, DHCommit), reader.time())


def read_message(reader: StateReader, kind: type[M]) -> M:
    """Read a message of one kind. Raises `StateDamaged`."""
    message = decode(reader.data())
    if not isinstance(message, kind):
        raise StateDamaged(f"expected {kind.__name__}, found {type(message).__name__}")
    return message
