"""`Session.assemble`: the line in fragments, before the session receives it; and sessions that are
instances of their own."""

from __future__ import annotations

import pytest
from helpers import Pair, kind, make_account

from otrfast import errors
from otrfast.wire.lines import FragmentText, classify


def fragments(lines: list[bytes]) -> list[FragmentText]:
    found = [classify(line) for line in lines]
    assert all(isinstance(each, FragmentText) for each in found)
    return found


def test_assemble_when_the_last_fragment_comes_then_the_whole_line_and_nothing_received(quick):
    pair = Pair(quick, 3, max_fragment=150)
    pair.establish()
    pair.alice.send(b"text " * 50)
    pieces = fragments(list(pair.alice.out))
    assert len(pieces) > 2
    session = pair.bob.session
    assert [session.assemble(piece) for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    line = session.assemble(pieces[-1])
    assert kind(line) == "DataMessage"
    assert pair.bob.receive(line).events[0].text == b"text " * 50


def test_assemble_when_it_is_a_commitment_then_not_answered(quick):
    pair = Pair(quick, 3, max_fragment=150)
    outcome = pair.alice.session.exchange_keys((3,))
    found = [pair.bob.session.assemble(piece) for piece in fragments(list(outcome.wire))]
    assert found[:-1] == [None] * (len(found) - 1)
    assert kind(found[-1]) == "DHCommit"
    assert not pair.bob.session.conversation.instances.exchanging


def test_assemble_when_for_another_instance_then_none_and_damaged_then_raised(quick):
    session = Pair(quick, 3).bob.session
    other = classify(b"?OTR|00001234|00005678,00001,00001,?OTR:AAMC.,")
    assert session.assemble(other) is None
    for damaged in (b"?OTR|junk", b"?OTR,1,", b"?OTR|00000001|00000000,00001,00001,x,"):
        with pytest.raises(errors.RemoteError):
            session.assemble(classify(damaged))


def test_detached_sessions_of_one_account_when_instances_of_their_own_then_they_talk(quick):
    account = make_account(quick, allow_own_key=True)
    first, second = (account.detached_session("me", own_instance=True) for _ in range(2))
    tags = {account.instance_tag, first.instance_tags[0], second.instance_tags[0]}
    assert len(tags) == 3
    lines = [(second, line) for line in first.start().wire]
    while lines:
        receiver, line = lines.pop(0)
        sender = first if receiver is second else second
        lines += [(sender, each) for each in receiver.receive(line).wire]
    assert first.ssid == second.ssid
    assert second.receive(first.send(b"to myself").wire[0]).events[0].text == b"to myself"
