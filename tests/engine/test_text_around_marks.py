"""No text around a mark of OTR is lost, and none of OTR is shown as a text."""

from __future__ import annotations

import pytest
from helpers import Pair, kinds

from otrfast import errors, events
from otrfast.wire import lines as wire

TEXTS = [b"what is ", b"IMPORTANT ", b"caf\xc3\xa9 <b>now</b> "]
WORDS_AFTER = [b" AFTER", b" good for?", b"\nnext line"]
DECORATIONS = [b"", b" ", b"\r\n", b"<html><body>", b"<p style='x'> ", b"b'", b'b"', b"&nbsp;"]


def shown(outcome) -> bytes:
    """All text that the events of an outcome hold."""
    return b"".join(
        event.text
        for event in outcome.events
        if isinstance(event, events.MessageReceived | events.UnencryptedReceived | events.PeerError)
    )


def marks(pair: Pair) -> dict[str, bytes]:
    """A line of each kind, as Bob would send it."""
    return {
        "message": pair.bob.session.send(b"secret").wire[0],
        "commit": b"?OTR:AAMC.",
        "version 1": b"?OTR:AAEDAAAA.",
        "fragment": b"?OTR|00000100|00000100,00001,00002,?OTR:AAMD,",
        "fragment v2": b"?OTR,1,2,?OTR:AAID,",
        "unknown": b"?OTRx",
    }


@pytest.mark.parametrize("before", TEXTS)
@pytest.mark.parametrize("after", WORDS_AFTER)
@pytest.mark.parametrize("private", [False, True])
def test_words_around_any_mark_then_shown(quick, before: bytes, after: bytes, private: bool):
    pair = Pair(quick, 3)
    pair.establish()
    if not private:
        pair.alice.session.end()
    for name, mark in marks(pair).items():
        outcome = pair.alice.session.receive(before + mark + after)
        text = shown(outcome)
        assert before in text, name
        assert after in text, name
        assert (b"?OTR:" in text) is False, name
        unencrypted = [type(event) for event in outcome.events if getattr(event, "text", b"")]
        wrong = events.MessageReceived if private else events.UnencryptedReceived
        assert all(kind is not wrong for kind in unencrypted) or name == "message", (
            name
        )  # its own text came encrypted


@pytest.mark.parametrize("before", DECORATIONS)
@pytest.mark.parametrize("after", [b"", b"'", b"</p></html>", b" ", b"\n"])
def test_decoration_around_a_mark_then_no_event(quick, before: bytes, after: bytes):
    pair = Pair(quick, 3)
    pair.establish()
    line = pair.bob.session.send(b"secret").wire[0]
    outcome = pair.alice.session.receive(before + line + after)
    tag = pair.bob.account.instance_tag
    assert outcome.events == (events.MessageReceived(b"secret", True, tag),)


def test_second_message_on_a_line_then_not_shown_but_the_text_around_it(quick):
    pair = Pair(quick, 3)
    pair.establish()
    one, two = pair.bob.session.send_many([b"one", b"two"]).wire
    outcome = pair.alice.session.receive(b"A " + one + b" B " + two + b" C")
    texts = [event.text for event in outcome.events if hasattr(event, "text")]
    assert texts == [b"A ", b"one", b" B ", b" C"]
    assert [type(event.error) for event in outcome.events if hasattr(event, "error")] == [
        errors.UnexpectedMessage
    ]


def test_line_of_many_marks_then_few_of_them_are_looked_at(quick):
    outcome = Pair(quick, 3).alice.receive(b"?OTR:AAMC." * 20_000)
    assert len(outcome.events) < 12


@pytest.mark.parametrize("text", [b"what is ?OTR good for", b"?OTR is a mark", b"see ?OTRx"])
def test_words_beside_an_unknown_mark_then_a_text_as_any_other(quick, text: bytes):
    pair = Pair(quick, 3)
    assert pair.alice.receive(text).events == (events.MessageReceived(text, False),)


@pytest.mark.parametrize("rest", [b":AAMC.", b"v23?", b" Error: x", b",1,2,a,", b":AAEDx."])
def test_mark_that_a_removed_tag_puts_together_then_never_shown_as_text(quick, rest: bytes):
    pair = Pair(quick, 3)
    line = b"?O" + wire.tag((2, 3)) + b"TR" + rest
    assert not isinstance(wire.classify(line), wire.PlainText | wire.TaggedText)
    outcome = pair.alice.receive(line)
    assert b"?OTR" not in shown(outcome)
    assert kinds(outcome.wire) in ([], ["DHCommit"])


def test_trailing_tab_then_no_tab_in_the_text(quick):
    pair = Pair(quick, 3, trailing_tab=True)
    pair.alice.session.policy |= 0x10  # SEND_WHITESPACE_TAG
    (line,) = pair.alice.session.send(b"hello").wire
    assert line.endswith(b"\t")
    assert pair.bob.receive(line).events[0] == events.MessageReceived(b"hello", False)
