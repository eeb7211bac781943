"""One account of ours with several libotr peers, all of them served in one call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otrfast import Account, Policy

from .duo import Workshop
from .libotr import Policy as LibotrPolicy
from .otrfast_side import make_account
from .sides import ENCRYPTED, LibotrSide

PEERS = tuple(f"peer{i}" for i in range(5))
ROUNDS = 6


class Crowd:
    """Our account, and a libotr user for each peer."""

    def __init__(self, account: Account, peers: dict[str, LibotrSide]) -> None:
        self.account = account
        self.peers = peers
        self.texts: list[tuple[str, bytes]] = []

    def hand_over(self, lines: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Give libotr's lines to our account, all in one call; return libotr's answers to ours."""
        answers = []
        for (peer, _), outcome in zip(lines, self.account.receive_many(lines), strict=True):
            for event in outcome.events:
                if text := getattr(event, "text", None):
                    self.texts.append((peer, text))
            answers += self.deliver(peer, outcome.wire)
        return answers

    def deliver(self, peer: str, lines: tuple[bytes, ...]) -> list[tuple[str, bytes]]:
        """Give our lines to a peer; return its answers."""
        side = self.peers[peer]
        return [(peer, answer) for line in lines for answer in side.receive(line)]


@pytest.fixture
def crowd(workshop: Workshop, tmp_path: Path, version: int) -> Iterator[Crowd]:
    keys = tmp_path / "peers.private_key"
    workshop.process.generate_keys(keys, PEERS)
    policy = Policy.ALLOW_V2 if version == 2 else Policy.ALLOW_V3
    bits = LibotrPolicy(int(policy))
    alice = workshop.key_files["alice"]
    account = make_account("alice", alice, policy, workshop.clock, workshop.seed)
    peers = {
        peer: LibotrSide(workshop.process, peer, "alice", keys, bits, 0, 0x3000 + i)
        for i, peer in enumerate(PEERS)
    }
    yield Crowd(account, peers)
    for side in peers.values():
        side.otr.free()


def test_account_when_many_peers_are_served_at_once_then_every_text_arrives(crowd: Crowd) -> None:
    lines = [(peer, line) for peer, side in crowd.peers.items() for line in side.start()]
    while lines:
        lines = crowd.hand_over(lines)
    assert {crowd.account.session(peer).state.name for peer in PEERS} == {"ENCRYPTED"}
    assert {side.state for side in crowd.peers.values()} == {ENCRYPTED}
    crowd.texts.clear()
    for turn in range(ROUNDS):
        ours = [(peer, b"%s %d" % (peer.encode(), turn)) for peer in PEERS]
        for (peer, _), outcome in zip(ours, crowd.account.send_many(ours), strict=True):
            assert crowd.deliver(peer, outcome.wire) == []
        theirs = [
            (peer, line)
            for again in range(turn)
            for peer, side in crowd.peers.items()
            for line in side.send(b"%s %d.%d" % (peer.encode(), turn, again))
        ]
        assert crowd.hand_over(theirs) == []
    for peer, side in crowd.peers.items():
        name = peer.encode()
        assert side.diary.encrypted() == [b"%s %d" % (name, turn) for turn in range(ROUNDS)]
        assert [text for sender, text in crowd.texts if sender == peer] == [
            b"%s %d.%d" % (name, turn, again) for turn in range(ROUNDS) for again in range(turn)
        ]
