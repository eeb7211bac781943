"""Where answers go."""

from base64 import b64encode

from otrfast.xmpp import addresses
from otrfast.xmpp.addresses import Addresses

PEER, DESK, PHONE = "a@x", "a@x/desk", "a@x/phone"
QUERY, PLAIN = b"?OTRv23?", b"text"
OURS = 0x1234


def theirs(tag):
    return _message(tag, OURS)


def ours(tag):
    return _message(OURS, tag)


def _message(sender, receiver):
    tags = sender.to_bytes(4, "big") + receiver.to_bytes(4, "big")
    return b"?OTR:" + b64encode(b"\0\3\3" + tags + bytes(10)) + b"."


VERSION_2 = b"?OTR:" + b64encode(b"\0\2\3" + bytes(18)) + b"."


def test_two_instances_then_each_is_answered_where_it_wrote_last():
    found = Addresses()
    assert found.find(PEER, ours(5)) == PEER
    found.note(PEER, theirs(5), DESK)
    found.note(PEER, theirs(6), PHONE)
    assert [found.find(PEER, ours(tag)) for tag in (5, 6, 7)] == [DESK, PHONE, PEER]
    assert [found.find(PEER, line) for line in (QUERY, VERSION_2, PLAIN)] == [PHONE, PHONE, PEER]
    found.note(PEER, theirs(5), PHONE)
    assert found.find(PEER, ours(5)) == PHONE


def test_text_in_the_clear_from_another_client_then_version_2_is_not_answered_there():
    found = Addresses()
    found.note(PEER, VERSION_2, DESK)
    found.note(PEER, PLAIN, PHONE)
    assert [found.find(PEER, line) for line in (VERSION_2, PLAIN)] == [DESK, PHONE]


def test_full_jid_goes_then_its_instances_are_answered_at_the_bare_one():
    found = Addresses()
    found.note(PEER, theirs(5), DESK)
    found.note(PEER, theirs(6), PHONE)
    found.leave(PEER, PHONE)
    assert [found.find(PEER, line) for line in (ours(5), ours(6), QUERY)] == [DESK, PEER, PEER]
    found.leave(PEER, DESK)
    found.leave("b@x", "b@x/desk")
    assert not found._peers


def test_invented_tags_and_many_peers_then_the_oldest_are_forgotten(monkeypatch):
    found = Addresses()
    for tag in range(1, 1000):
        found.note(PEER, theirs(tag), DESK)
    assert len(found._peers[PEER]) <= 32
    assert found.find(PEER, ours(999)) == DESK
    assert found.find(PEER, QUERY) == DESK
    monkeypatch.setattr(addresses, "_PEERS", 2)
    found.note("b@x", theirs(1), "b@x/1")
    found.note(PEER, theirs(1), DESK)
    found.note("c@x", theirs(1), "c@x/1")
    assert list(found._peers) == [PEER, "c@x"]
