"""Damaged copies of libotr's own messages, each ahead of the genuine one."""

from __future__ import annotations

import base64
import random

import pytest

from .duo import BOTH, Duo
from .frames import kind_of
from .sides import Text

COPIES = 6


def damaged(line: bytes, draw: random.Random) -> bytes:
    """Return an encoded message cut short, with a byte too many, or with a flipped bit.

    A D-H Key has nothing that would show the flipped bit: another value is as good as the peer's.
    """
    body = bytearray(base64.b64decode(line[len(b"?OTR:") : -1]))
    match draw.randrange(2 if kind_of(line) == "key" else 4):
        case 0:
            del body[draw.randrange(3, len(body)) :]
        case 1:
            body.insert(draw.randrange(3, len(body)), draw.randrange(256))
        case _:
            body[draw.randrange(3, len(body))] ^= 1 << draw.randrange(8)
    return b"?OTR:" + base64.b64encode(body) + b"."


def settle_with_damage(duo: Duo, draw: random.Random) -> None:
    """Deliver all, each of libotr's messages after damaged copies; our answers to them vanish."""
    genuine = duo.ours.receive

    def receive(line: bytes) -> list[bytes]:
        if kind_of(line) in ("commit", "key", "reveal", "signature", "data"):
            for _ in range(COPIES):
                genuine(damaged(line, draw))
        return genuine(line)

    duo.ours.receive = receive  # type: ignore[method-assign]
    duo.network.settle()
    duo.ours.receive = genuine  # type: ignore[method-assign]


@pytest.mark.parametrize("starter", BOTH)
def test_ake_when_damaged_copies_come_first_then_it_still_succeeds(
    duo: Duo, starter: str, seed: int
) -> None:
    draw = random.Random(seed)
    duo.network.post(duo.side(starter), duo.side(starter).start())
    settle_with_damage(duo, draw)
    duo.assert_secure()
    duo.assert_talks()


def test_texts_when_damaged_copies_come_first_then_each_is_shown_once(duo: Duo, seed: int) -> None:
    draw = random.Random(seed)
    duo.network.connect(duo.ours)
    for i in range(10):
        duo.network.tell(duo.ours, b"turn")
        duo.network.post(duo.theirs, duo.theirs.send(b"text %d" % i))
        settle_with_damage(duo, draw)
    assert duo.ours.diary.texts == [Text(b"text %d" % i, encrypted=True) for i in range(10)]
    duo.assert_talks()


def test_smp_when_damaged_copies_come_first_then_it_succeeds(duo: Duo, seed: int) -> None:
    draw = random.Random(seed)
    duo.network.connect(duo.ours)
    duo.network.post(duo.ours, duo.ours.smp_start(b"secret"))
    settle_with_damage(duo, draw)
    duo.network.post(duo.theirs, duo.theirs.smp_answer(b"secret"))
    settle_with_damage(duo, draw)
    assert duo.ours.diary.smp_names() == ["success"]
    assert duo.theirs.diary.smp_names() == ["asked", "success"]
