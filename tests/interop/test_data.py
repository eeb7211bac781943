"""Data messages with libotr: texts of all kinds, fragments, faults, the extra symmetric key."""

from __future__ import annotations

import pytest

from .duo import BOTH, Duo, MakeDuo
from .frames import kind_of, read_data
from .network import Faults, Network
from .sides import Side

TEXTS = (
    b"x",
    b" ",
    b"\n",
    b"a plain sentence of some length",
    "Grüße, мир, 世界 \N{PARTY POPPER}".encode(),
    b"<b>bold</b> &amp; <i>more</i>",
    b"\xff\xfe not UTF-8 \x80",
    b"k" * 10_000,
)
SIZES = (60, 61, 80, 128, 199, 255, 399, 500)


def exchange(network: Network, texts: dict[str, list[bytes]], duo: Duo) -> None:
    """Send all texts, turns drawn at random, some while others are still on their way."""
    waiting = {who: list(reversed(texts[who])) for who in BOTH}
    while waiting["ours"] or waiting["theirs"]:
        who = network.random.choice([who for who in BOTH if waiting[who]])
        network.post(duo.side(who), duo.side(who).send(waiting[who].pop()))
        for _ in range(network.random.randrange(4)):
            network.step()
    network.settle()


@pytest.mark.parametrize("starter", BOTH)
def test_texts_when_200_go_each_way_in_random_turns_then_all_arrive_in_order(
    duo: Duo, starter: str
) -> None:
    duo.network.connect(duo.side(starter))
    texts = {
        who: [b"%d: %s" % (i, duo.network.random.choice(TEXTS)) for i in range(200)] for who in BOTH
    }
    exchange(duo.network, texts, duo)
    assert duo.theirs.diary.encrypted() == texts["ours"]
    assert duo.ours.diary.encrypted() == texts["theirs"]
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []


@pytest.mark.parametrize("limit", [0, 200])
def test_texts_when_sent_and_received_many_at_a_time_then_all_arrive(
    make_duo: MakeDuo, version: int, limit: int
) -> None:
    duo = make_duo(version, our_limit=limit, their_limit=limit)
    duo.network.connect(duo.ours)
    texts = [b"%d: %s" % (i, duo.network.random.choice(TEXTS[:-1])) for i in range(60)]
    for _ in range(2):
        lines = duo.ours.session.send_many(texts).wire
        duo.network.post(duo.ours, lines)
        duo.network.settle()
        back = [line for text in texts for line in duo.theirs.send(text)]
        duo.ours.take(duo.ours.session.receive_many(back))
    assert duo.theirs.diary.encrypted() == duo.ours.diary.encrypted() == texts * 2


@pytest.mark.parametrize("sender", BOTH)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_when_it_is_unusual_then_it_arrives_unchanged(
    duo: Duo, sender: str, text: bytes
) -> None:
    duo.network.connect(duo.ours)
    duo.network.tell(duo.side(sender), text)
    assert duo.other(sender).diary.encrypted() == [text]


@pytest.mark.parametrize("sender", BOTH)
def test_texts_when_only_one_side_speaks_then_all_arrive(duo: Duo, sender: str) -> None:
    duo.network.connect(duo.ours)
    texts = [b"text %d" % i for i in range(100)]
    for text in texts:
        duo.network.post(duo.side(sender), duo.side(sender).send(text))
    duo.network.settle()
    assert duo.other(sender).diary.encrypted() == texts


def test_heartbeat_when_libotr_has_been_silent_then_it_is_not_shown(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    duo.assert_talks()
    duo.workshop.pass_time(61)
    duo.network.tell(duo.ours, b"after a while")
    assert kind_of(duo.network.lines_of(duo.theirs)[-1]) == "data"
    assert duo.ours.diary.encrypted()[1:] == []
    assert duo.ours.diary.problems == []
    duo.assert_talks()


def test_heartbeat_when_we_have_been_silent_then_libotr_reads_it(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    duo.assert_talks()
    duo.workshop.pass_time(61)
    duo.network.tell(duo.theirs, b"after a while")
    duo.pass_time(1)
    assert [r.word("event") for r in duo.theirs.reports if r.kind == "msg"][-1] == (
        "heartbeat_received"
    )
    duo.assert_talks()


@pytest.mark.parametrize("size", SIZES)
def test_fragments_when_both_sides_cut_then_all_arrives_and_lines_keep_to_the_limit(
    make_duo: MakeDuo, version: int, size: int
) -> None:
    duo = make_duo(version, our_limit=size, their_limit=size)
    duo.network.connect(duo.theirs)
    duo.network.connect(duo.ours)
    texts = {who: [b"short", b"z" * 700, b"w" * 2000] for who in BOTH}
    exchange(duo.network, texts, duo)
    assert duo.theirs.diary.encrypted() == texts["ours"]
    assert duo.ours.diary.encrypted() == texts["theirs"]
    ours = [line for line in duo.network.lines_of(duo.ours) if kind_of(line) != "query"]
    assert max(map(len, ours)) <= size
    assert {kind_of(line) for line in ours} == {"fragment"} if size < 274 else True


@pytest.mark.parametrize("sender", BOTH)
@pytest.mark.parametrize("fault", ["lost", "swapped", "twice"])
@pytest.mark.parametrize("case", range(4))
def test_fragments_when_one_is_hurt_then_only_its_message_is_hurt(
    make_duo: MakeDuo, version: int, sender: str, fault: str, case: int
) -> None:
    duo = make_duo(version, our_limit=120, their_limit=120, case=case)
    duo.network.connect(duo.ours)
    side, other = duo.side(sender), duo.other(sender)
    duo.network.tell(side, b"before")
    lines = side.send(b"hurt " * 40)
    place = duo.network.random.randrange(len(lines) - 1)
    if fault == "lost":
        del lines[place]
    elif fault == "swapped":
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    else:
        lines.insert(place, lines[place])
    duo.network.post(side, lines)
    duo.network.settle()
    duo.network.tell(side, b"after")
    got = other.diary.encrypted()
    assert got[0] == b"before"
    assert got[-1] == b"after"
    assert got[1:-1] in ([], [b"hurt " * 40])
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []


@pytest.mark.parametrize("case", range(8))
def test_faults_when_lines_are_lost_doubled_and_swapped_then_no_text_is_doubled_or_foreign(
    make_duo: MakeDuo, version: int, case: int
) -> None:
    duo = make_duo(version, case=case)
    duo.network.connect(duo.ours)
    duo.network.faults = Faults(lose=0.1, duplicate=0.15, reorder=0.15)
    texts = {who: [b"%s %d" % (who.encode(), i) for i in range(60)] for who in BOTH}
    exchange(duo.network, texts, duo)
    duo.network.faults = Faults()
    for who in BOTH:
        got = duo.other(who).diary.encrypted()
        assert len(got) == len(set(got))
        assert set(got) <= set(texts[who])
        assert len(got) >= 20
    duo.assert_talks()
    duo.assert_talks()


@pytest.mark.parametrize("sender", BOTH)
def test_replay_when_every_old_line_comes_again_then_none_is_shown_again(
    duo: Duo, sender: str
) -> None:
    duo.network.connect(duo.ours)
    for _ in range(3):
        duo.assert_talks()
    side, other = duo.side(sender), duo.other(sender)
    shown = list(other.diary.texts)
    old = [line for line in duo.network.lines_of(side) if kind_of(line) == "data"]
    duo.network.post(side, old)
    duo.network.settle()
    assert other.diary.texts == shown
    duo.assert_talks()


def test_text_when_libotr_sends_more_than_our_limit_then_that_is_said_and_the_next_is_read(
    duo: Duo,
) -> None:
    duo.network.connect(duo.ours)
    duo.network.tell(duo.theirs, b"m" * 300_000)
    assert duo.ours.diary.encrypted() == []
    assert "LimitExceeded" in duo.ours.diary.problems
    duo.assert_talks()


@pytest.mark.parametrize("version_asked", [2, 3])
@pytest.mark.parametrize("announcer", BOTH)
def test_extra_key_when_announced_then_both_hold_the_same_before_and_after_rotations(
    make_duo: MakeDuo, announcer: str, version_asked: int
) -> None:
    duo = make_duo(version_asked)
    duo.network.connect(duo.ours)
    side: Side = duo.side(announcer)
    for turn in range(4):
        duo.network.post(side, side.extra_key(0x10 + turn, b"data \x00 %d" % turn))
        duo.network.settle()
        duo.assert_talks()
    assert duo.ours.diary.keys == duo.theirs.diary.keys
    assert [key.use for key in duo.ours.diary.keys] == [0x10, 0x11, 0x12, 0x13]
    assert len({key.key for key in duo.ours.diary.keys}) == 4


def test_extra_key_when_both_announce_at_once_then_each_has_both(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    duo.network.post(duo.ours, duo.ours.extra_key(1, b"ours"))
    duo.network.post(duo.theirs, duo.theirs.extra_key(2, b"theirs"))
    duo.network.settle()
    assert set(duo.ours.diary.keys) == set(duo.theirs.diary.keys)
    assert len(duo.ours.diary.keys) == 2


@pytest.mark.parametrize("sender", BOTH)
def test_data_message_when_sent_then_its_fields_are_as_the_protocol_says(
    duo: Duo, sender: str
) -> None:
    duo.network.connect(duo.ours)
    [line] = duo.side(sender).send(b"five!")
    frame = read_data(line)
    assert (frame.version, frame.flags) == (duo.version, 0)
    assert (frame.sender_keyid, frame.recipient_keyid, frame.counter) == (1, 1, 1)
    assert len(frame.ciphertext) == 6
    assert frame.revealed == ()


def test_tlvs_when_libotr_sends_unknown_and_padding_ones_then_the_text_is_shown(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    tlvs = [(0, b"\x00" * 30), (0x0100, b"unknown"), (0xFFFF, b"")]
    duo.network.post(duo.theirs, duo.theirs.take(duo.theirs.otr.send(b"beside them", tlvs)))
    duo.network.settle()
    assert duo.ours.diary.encrypted() == [b"beside them"]
    duo.assert_talks()


@pytest.mark.parametrize("content", [b"no zero byte behind it", b"text\0", b"text\0\0\0\0\2xx"])
def test_content_when_libotr_reads_it_then_the_text_before_its_zero_byte(
    duo: Duo, content: bytes
) -> None:
    duo.network.connect(duo.ours)
    for _ in range(3):
        duo.network.post(duo.ours, duo.ours.take(duo.ours.session.seal(content)))
        duo.network.settle()
        duo.network.tell(duo.theirs, b"answer")
    text, _, _ = content.partition(b"\0")
    assert duo.theirs.diary.encrypted() == [text] * 3
    assert duo.ours.diary.encrypted() == [b"answer"] * 3
    assert duo.ours.diary.problems == duo.theirs.diary.problems == []


def test_text_of_libotr_when_read_as_content_then_whole(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    for line in duo.theirs.send(b"text"):
        duo.ours.take(duo.ours.session.receive_content(line))
    (found,) = duo.ours.diary.encrypted()
    assert found.partition(b"\0")[0] == b"text"
