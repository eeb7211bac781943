"""A conversation with libotr whose otrfast end is saved, dropped and taken back after every single
step: it goes on, and nothing is shown twice."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from otrfast import Account, Outcome, Session
from otrfast.events import MessageReceived

from .duo import BOTH, Duo, MakeDuo
from .frames import kind_of, read_data
from .otrfast_side import OtrfastSide

DATA_KEY = b"the data key that all tests use."
CRASHES = 0.2  # of the steps, where they come at random


class Reborn:
    """Has an otrfast side begin a new life after each step; with a `generator` at random, from a
    state that was saved only when it had to be."""

    def __init__(self, side: OtrfastSide, generator: random.Random | None = None) -> None:
        self.side = side
        self.lives = 0
        self.unsaved_lines = 0
        self._generator = generator
        self._sealed = b""
        self.counters: Counter[tuple[int, int, int]] = Counter()
        side.session._conversation.context.identity.peer_keys  # noqa: B018 - it has an account
        self._account = self._account_of(side.session)
        self._account.counter_epoch = 1_000
        self._take, side.take = side.take, self.take  # type: ignore[method-assign]

    @staticmethod
    def _account_of(session: Session) -> Account:
        account: Account = session._conversation.context.schedule.__self__  # type: ignore[attr-defined]
        return account

    def take(self, outcome: Outcome) -> list[bytes]:
        """Note what happened, then end and start again."""
        lines = self._take(outcome)
        for line in outcome.wire:
            if kind_of(line) == "data":
                message = read_data(line)
                pair = message.sender_keyid, message.recipient_keyid, message.counter
                self.counters[pair] += 1
        texts = any(isinstance(event, MessageReceived) for event in outcome.events)
        if self._generator is None or self.side.session.needs_commit or texts or not self._sealed:
            key = self._account._identity.backend.state_key(DATA_KEY)
            self._sealed = self.side.session.export(key, b"bob")
        else:
            self.unsaved_lines += len(outcome.wire)
        if self._generator is None or self._generator.random() < CRASHES:
            lines += self._rebirth()
        return lines

    def _rebirth(self) -> list[bytes]:
        before, side = self._account, self.side
        identity, context = before._identity, before._context
        key, sealed = identity.backend.state_key(DATA_KEY), self._sealed
        self.lives += 1
        account = Account(
            before.name,
            "test",
            identity.key_pair,
            policy=before.policy,
            environment=context.environment,
            instance_tag=identity.instance_tag,
            trust=before.trust,
        )
        account.counter_epoch = 1_000 + self.lives
        outcome = account.restore("bob", key, b"bob", sealed)
        self._account, side.session = account, account.session("bob")
        return self._take(outcome)


def reborn(duo: Duo) -> Reborn:
    return Reborn(duo.ours)


@pytest.mark.parametrize("starter", BOTH)
def test_texts_in_random_turns_then_all_arrive_once_and_in_order(duo: Duo, starter: str) -> None:
    life = reborn(duo)
    converse_at_random(duo, starter)
    assert life.lives > 120
    assert max(life.counters.values()) == 1


@pytest.mark.parametrize("starter", BOTH)
def test_texts_when_lives_end_at_random_and_states_are_saved_only_when_needed_then_the_same(
    duo: Duo, starter: str
) -> None:
    life = Reborn(duo.ours, duo.network.random)
    converse_at_random(duo, starter)
    assert life.lives > 20
    assert life.unsaved_lines > 10
    assert max(life.counters.values()) == 1


def converse_at_random(duo: Duo, starter: str) -> None:
    duo.network.connect(duo.side(starter))
    duo.assert_secure()
    texts: dict[str, list[bytes]] = {who: [] for who in BOTH}
    for number in range(120):
        who = duo.network.random.choice(BOTH)
        texts[who].append(b"text %d" % number)
        duo.network.post(duo.side(who), duo.side(who).send(texts[who][-1]))
        for _ in range(duo.network.random.randrange(4)):
            duo.network.step()
    duo.network.settle()
    assert duo.theirs.diary.encrypted() == texts["ours"]
    assert duo.ours.diary.encrypted() == texts["theirs"]
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []
    duo.assert_secure()


@pytest.mark.parametrize("refresher", BOTH)
def test_new_keys_in_a_session_then_it_goes_on(duo: Duo, refresher: str) -> None:
    reborn(duo)
    duo.network.connect(duo.ours)
    for _ in range(3):
        duo.assert_talks()
        duo.network.post(duo.side(refresher), duo.side(refresher).start())
        duo.network.settle()
        duo.assert_secure()
    duo.assert_talks()
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []


@pytest.mark.parametrize("limit", [128, 255])
def test_fragments_then_every_piece_may_be_the_last_of_a_life(
    make_duo: MakeDuo, version: int, limit: int
) -> None:
    duo = make_duo(version, our_limit=limit, their_limit=limit)
    life = reborn(duo)
    duo.network.connect(duo.theirs)
    for who in BOTH:
        for text in (b"short", b"a longer text, " * 60):
            duo.network.tell(duo.side(who), text)
            assert duo.other(who).diary.encrypted()[-1] == text
    assert life.lives > 15
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []


@pytest.mark.parametrize("starter", BOTH)
def test_smp_that_runs_then_it_ends_on_both_sides_and_texts_go_on(duo: Duo, starter: str) -> None:
    """A check cannot survive: from an older state it would give the peer another guess."""
    reborn(duo)
    duo.network.connect(duo.ours)
    duo.network.post(duo.side(starter), duo.side(starter).smp_start(b"secret", b"question"))
    duo.network.settle()
    for who in BOTH:
        assert "success" not in duo.side(who).diary.smp_names()
    duo.assert_talks()
    duo.assert_secure()


@pytest.mark.parametrize("who", BOTH)
def test_end_of_a_conversation_then_the_state_after_it_is_kept(duo: Duo, who: str) -> None:
    reborn(duo)
    duo.network.connect(duo.ours)
    duo.assert_talks()
    duo.network.post(duo.side(who), duo.side(who).end())
    duo.network.settle()
    assert duo.other(who).state == 2  # FINISHED
    duo.network.post(duo.other(who), duo.other(who).end())
    duo.network.connect(duo.side(who))
    duo.assert_talks()


def test_peer_that_lost_the_session_meanwhile_then_a_new_one_is_made(duo: Duo) -> None:
    """The rule of unconfirmed sessions: else our texts would be invisible there."""
    reborn(duo)
    duo.network.connect(duo.ours)
    duo.assert_talks()
    duo.replace("theirs")
    duo.network.post(duo.theirs, duo.theirs.send(b"good morning"))
    duo.network.settle()
    duo.assert_secure()
    duo.assert_talks()
