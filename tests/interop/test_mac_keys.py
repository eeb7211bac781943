"""The revealing of MAC keys: old messages become forgeable, living ones never."""

from __future__ import annotations

import pytest

from .duo import BOTH, Duo, MakeDuo
from .frames import DataFrame, kind_of, read_data
from .network import Line


def data_frames(transcript: list[Line]) -> list[DataFrame]:
    """Return the data messages of a transcript, in order."""
    return [read_data(line.data) for line in transcript if kind_of(line.data) == "data"]


def talk(duo: Duo, turns: int) -> None:
    """Exchange texts in random turns, refreshing once on the way."""
    for i in range(turns):
        who = duo.network.random.choice(BOTH)
        duo.network.tell(duo.side(who), b"turn %d" % i)
        if i == turns // 2:
            duo.network.connect(duo.side(who))


@pytest.mark.parametrize("case", range(4))
def test_revealed_key_when_seen_then_it_made_an_old_message_and_makes_no_later_one(
    make_duo: MakeDuo, version: int, case: int
) -> None:
    duo = make_duo(version, case=case)
    duo.network.connect(duo.ours)
    talk(duo, 40)
    frames = data_frames(duo.network.transcript)
    revealed = [(place, key) for place, frame in enumerate(frames) for key in frame.revealed]
    assert len(revealed) > 8
    assert len({key for _, key in revealed}) == len(revealed)
    for place, key in revealed:
        assert any(frame.made_with(key) for frame in frames[:place])
        assert not any(frame.made_with(key) for frame in frames[place:])


@pytest.mark.parametrize("who", BOTH)
def test_revealed_keys_when_either_side_speaks_then_come_from_both(duo: Duo, who: str) -> None:
    duo.network.connect(duo.ours)
    for _ in range(10):
        duo.assert_talks()
    name = duo.side(who).account
    frames = data_frames([line for line in duo.network.transcript if line.sender == name])
    assert sum(len(frame.revealed) for frame in frames) >= 5


def test_revealed_key_when_an_old_message_is_forged_with_it_then_it_holds_but_is_refused(
    duo: Duo,
) -> None:
    duo.network.connect(duo.ours)
    frames: list[tuple[str, DataFrame]] = []
    for i in range(12):
        duo.assert_talks()
        frames = [
            (line.sender, read_data(line.data))
            for line in duo.network.transcript
            if kind_of(line.data) == "data"
        ]
        keys = [key for _, frame in frames for key in frame.revealed]
        for key in keys:
            sender, old = next((who, frame) for who, frame in frames if frame.made_with(key))
            forged = old.forged(key, counter=1000 + i, flip=1)
            assert forged.made_with(key)
            side = duo.ours if sender == duo.theirs.account else duo.theirs
            shown = list(side.diary.texts)
            side.receive(forged.encode_message())
            assert side.diary.texts == shown
    assert any(frame.revealed for _, frame in frames)
    duo.assert_talks()


@pytest.mark.parametrize("case", range(4))
def test_revealed_key_when_libotr_still_accepts_it_then_that_would_be_a_fault(
    make_duo: MakeDuo, version: int, case: int
) -> None:
    duo = make_duo(version, case=case)
    duo.network.connect(duo.theirs)
    for i in range(30):
        who = duo.network.random.choice(BOTH)
        duo.network.tell(duo.side(who), b"turn %d" % i)
        revealed = {key for frame in data_frames(duo.network.transcript) for key in frame.revealed}
        alive = {keys.receive for keys in duo.theirs.otr.mac_keys()}
        assert not revealed & alive
