"""Conversations brought into each state, with the genuine message that goes on from there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from helpers import Pair, Side, kind, parsed, unwrap

from otrfast import MessageState

AKE_KINDS = ("DHCommit", "DHKey", "RevealSignature", "Signature")
KINDS = (*AKE_KINDS, "DataMessage")

STATES = (
    "plain",
    "awaiting_dh_key",
    "awaiting_reveal_signature",
    "awaiting_signature",
    "encrypted",
    "finished",
)

AWAITED = {
    "DHCommit": "plain",
    "DHKey": "awaiting_dh_key",
    "RevealSignature": "awaiting_reveal_signature",
    "Signature": "awaiting_signature",
    "DataMessage": "encrypted",
}
"""The state in which each message does its work."""

_MOVES = {
    "plain": "Aa",  # capital letters start, small ones deliver what that side has sent
    "awaiting_dh_key": "Bba",
    "awaiting_reveal_signature": "Aaba",
    "awaiting_signature": "Bbaba",
}


@dataclass
class Scene:
    """Alice, in `state`, under attack; `next` is the genuine line that is on its way to her."""

    pair: Pair
    state: str

    @property
    def alice(self) -> Side:
        return self.pair.alice

    @property
    def next(self) -> bytes:
        return self.pair.bob.out[0]

    def goes_on(self) -> None:
        """See that the genuine line is taken, and that all works from there."""
        if self.state == "finished":
            assert self.alice.session.state is MessageState.FINISHED
            self.alice.receive(self.pair.bob.out.popleft())
            assert self.alice.session.state is MessageState.FINISHED
            self.alice.start()
        self.pair.deliver()
        if not (self.alice.encrypted and self.pair.bob.encrypted):
            raise AssertionError(f"not encrypted after {self.state}")
        self.pair.converse(2)


def scene(backend, version: int, state: str, seed: int = 1) -> Scene:
    """Bring Alice into a state; the line that she awaits stands on the wire."""
    pair = Pair(backend, version, seed)
    alice, bob = pair.alice, pair.bob
    for move in _MOVES.get(state, ""):
        side = alice if move in "Aa" else bob
        side.start() if move.isupper() else pair.step(side)
    if state in ("encrypted", "finished"):
        pair.establish()
        pair.converse(3)
        pair.say(alice, b"so that keys are due")
        bob.send(b"the genuine one")
        assert parsed(bob.out[0]).old_mac_keys
    if state == "finished":
        bob.take(bob.session.end())
        pair.deliver()
        bob.out.append(bob.sent[-2])
    expected = next((name for name, awaited in AWAITED.items() if awaited == state), "DataMessage")
    assert kind(bob.out[0]) == expected
    return Scene(pair, state)


def genuine(backend, version: int, kind_: str, alice_tag: int, bob_tag: int) -> bytes:
    """A message of this kind from another run between the same two, to Alice."""
    raw = bytearray(another_run(backend, version, AWAITED[kind_]))
    if version == 3:
        raw[3:7] = bob_tag.to_bytes(4, "big")
        if raw[7:11] != bytes(4):
            raw[7:11] = alice_tag.to_bytes(4, "big")
    return bytes(raw)


@cache
def another_run(backend, version: int, state: str) -> bytes:
    """The message that Alice awaits in this state, in a run of its own."""
    return unwrap(scene(backend, version, state, 99).next)


def flips(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """A message with each byte changed in turn, each time by another bit."""
    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << position % 8
        yield position, bytes(damaged)


def truncations(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """A message cut off at each byte."""
    for length in range(len(raw)):
        yield length, raw[:length]
