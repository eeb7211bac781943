"""An application on a transport with short lines, which sends some of the fragments itself, with
each of the three policies."""

import pytest
from potr_apps import Duo

from otrfast.potr.context import (
    FRAGMENT_SEND_ALL,
    FRAGMENT_SEND_ALL_BUT_FIRST,
    FRAGMENT_SEND_ALL_BUT_LAST,
)

TEXT = b"a text that is longer than a line, " * 10


def limited(size):
    duo = Duo(direct=False, size=size)
    duo.bob.receive(b"?OTRv2?")
    duo.deliver()
    return duo


@pytest.mark.parametrize("size", [40, 64, 100, 415, 4000])
def test_no_line_is_longer_than_the_transport_takes(size):
    duo = limited(size)
    duo.alice.context.smpInit(b"secret")
    duo.alice.say(TEXT)
    duo.deliver()
    assert duo.bob.texts == [TEXT]
    assert all(len(line) <= size for line in duo.alice.context.lines + duo.bob.context.lines)


@pytest.mark.parametrize("size", [40, 100, 415])
def test_pieces_are_as_long_as_potrs(size):
    duo = limited(size).clear()
    duo.alice.say(TEXT)
    lines = duo.alice.context.lines
    pieces = [line.split(b",")[3] for line in lines]
    assert {len(piece) for piece in pieces[:-1]} == {size - 19}
    assert [line.split(b",")[1:3] for line in lines] == [
        [b"%05d" % k, b"%05d" % len(lines)] for k in range(1, len(lines) + 1)
    ]
    assert b"".join(pieces).startswith(b"?OTR:AAID")


def test_send_all_injects_all():
    duo = limited(200).clear()
    assert duo.alice.context.sendMessage(FRAGMENT_SEND_ALL, TEXT) is None
    duo.deliver()
    assert duo.bob.texts == [TEXT]


def test_send_all_but_first_returns_the_first():
    duo = limited(200).clear()
    first = duo.alice.context.sendMessage(FRAGMENT_SEND_ALL_BUT_FIRST, TEXT)
    assert first.startswith(b"?OTR,00001,")
    assert duo.alice.context.lines[0].startswith(b"?OTR,00002,")
    duo.queue.appendleft((duo.bob, first))
    duo.deliver()
    assert duo.bob.texts == [TEXT]


def test_send_all_but_last_returns_the_last():
    duo = limited(200).clear()
    last = duo.alice.context.sendMessage(FRAGMENT_SEND_ALL_BUT_LAST, TEXT)
    count = len(duo.alice.context.lines) + 1
    assert last.startswith(b"?OTR,%05d,%05d," % (count, count))
    duo.queue.append((duo.bob, last))
    duo.deliver()
    assert duo.bob.texts == [TEXT]


@pytest.mark.parametrize("policy", [FRAGMENT_SEND_ALL_BUT_FIRST, FRAGMENT_SEND_ALL_BUT_LAST])
def test_a_message_that_fits_is_returned_whole(policy):
    duo = limited(5000).clear()
    line = duo.alice.context.sendMessage(policy, b"short")
    assert duo.alice.context.lines == []
    assert duo.bob.context.receiveMessage(line) == (b"short", [])


@pytest.mark.parametrize("policy", [0, 1, 2])
def test_queries_tagged_and_plain_texts_are_never_cut(policy):
    duo = Duo(direct=False, size=40, SEND_TAG=True)
    ctx = duo.alice.context
    assert ctx.sendMessage(policy, b"?OTR?") == ctx.user.getDefaultQueryMessage(ctx.getPolicy)
    assert ctx.sendMessage(policy, TEXT).startswith(TEXT)
    ctx.policies["SEND_TAG"] = False
    assert ctx.sendMessage(policy, TEXT) == TEXT
    ctx.policies["REQUIRE_ENCRYPTION"] = True
    assert len(ctx.sendMessage(policy, TEXT)) > 40
    assert ctx.injected == []


def test_the_limit_is_asked_for_each_line_with_its_appdata():
    duo = Duo(direct=False).start().clear()
    asked = []
    duo.alice.context.maxMessageSize = lambda appdata=None: asked.append(appdata) or 200
    duo.alice.context.sendMessage(0, TEXT, appdata="sink")
    assert asked == ["sink"]
    assert all(len(line) <= 200 for line in duo.alice.context.lines)


@pytest.mark.parametrize("size", [1, 10, 18, 19])
def test_a_line_without_room_for_a_piece_is_an_overflow(size):
    duo = Duo(direct=False).start().clear()
    duo.alice.context.maxMessageSize = lambda appdata=None: size
    with pytest.raises(OverflowError):
        duo.alice.context.sendMessage(0, TEXT)
    assert duo.alice.context.injected == []
