"""Our side and libotr's on one network and one clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from otrfast import Policy

from .libotr import LibotrProcess
from .libotr import Policy as LibotrPolicy
from .network import Network, assert_same_session
from .otrfast_side import HandClock, OtrfastSide, make_account
from .sides import LibotrSide, Side

BOTH = ("ours", "theirs")
OUR_TAG, THEIR_TAG = 0x1001, 0x2001
VERSIONS = {2: Policy.ALLOW_V2, 3: Policy.ALLOW_V3}


@dataclass
class Workshop:
    """What sides are made from."""

    process: LibotrProcess
    key_files: dict[str, Path]
    seed: int
    epoch: int

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.made = 0

    def ours(
        self, policy: Policy, max_fragment: int = 0, tag: int = OUR_TAG, account: str = "alice"
    ) -> OtrfastSide:
        """Make an otrfast side."""
        self.made += 1
        peer = "alice" if account == "bob" else "bob"
        key = self.key_files[account]
        made = make_account(account, key, policy, self.clock, self.seed + self.made, tag)
        return OtrfastSide(made, peer, max_fragment)

    def theirs(self, policy: Policy, max_fragment: int = 0, tag: int = THEIR_TAG) -> LibotrSide:
        """Make a libotr side."""
        bits = LibotrPolicy(int(policy))
        key = self.key_files["bob"]
        return LibotrSide(self.process, "bob", "alice", key, bits, max_fragment, tag)

    def pass_time(self, seconds: int) -> None:
        """Turn both clocks."""
        self.clock.now += seconds
        self.epoch += seconds
        self.process.set_clock(self.epoch)


class Duo:
    """The two ends: `ours` is otrfast's alice, `theirs` libotr's bob."""

    def __init__(
        self,
        workshop: Workshop,
        version: int,
        seed: int,
        policies: tuple[Policy, Policy],
        max_fragment: tuple[int, int],
    ) -> None:
        self.workshop = workshop
        self.version = version
        self.policies = policies
        self.ours = workshop.ours(policies[0], max_fragment[0])
        self.theirs = workshop.theirs(policies[1], max_fragment[1])
        self.network = Network(self.ours, self.theirs, seed=seed)
        self._checks = 0

    def side(self, who: str) -> Side:
        """Return the side called "ours" or "theirs"."""
        return self.ours if who == "ours" else self.theirs

    def other(self, who: str) -> Side:
        """Return the side that is not `who`."""
        return self.theirs if who == "ours" else self.ours

    def replace(self, who: str) -> None:
        """Put a side in the place of one that lost all its state."""
        if who == "ours":
            self.ours = self.workshop.ours(self.policies[0])
        else:
            self.theirs.otr.free()
            self.theirs = self.workshop.theirs(self.policies[1])
        self.network.sides = (self.ours, self.theirs)

    def pass_time(self, seconds: int) -> None:
        """Turn the clocks, let our time-outs happen, and carry what they send."""
        self.workshop.pass_time(seconds)
        self.network.post(self.ours, self.ours.tick())
        self.network.settle()

    def assert_secure(self) -> None:
        """Check that both are in one session of the version that was asked for."""
        assert_same_session(self.ours, self.theirs, self.version)
        assert self.ours.peer_fingerprint != self.theirs.peer_fingerprint

    def assert_talks(self) -> None:
        """Check that a text goes each way, encrypted, exactly once."""
        for who in BOTH:
            self._checks += 1
            text = b"check %d" % self._checks
            self.network.tell(self.side(who), text)
            assert self.other(who).diary.encrypted().count(text) == 1


MakeDuo = Callable[..., Duo]
