"""Where answers go."""

from otrfast.xmpp import addresses
from otrfast.xmpp.addresses import Addresses

PEER, DESK, PHONE = "a@x", "a@x/desk", "a@x/phone"


def test_two_instances_then_each_is_answered_where_it_wrote_last():
    found = Addresses()
    assert found.find(PEER, 5) == PEER
    found.note(PEER, 5, DESK)
    found.note(PEER, 6, PHONE)
    assert [found.find(PEER, tag) for tag in (5, 6, 7, 0, None)] == [
        DESK,
        PHONE,
        PEER,
        PHONE,
        PHONE,
    ]
    found.note(PEER, 5, PHONE)
    assert found.find(PEER, 5) == PHONE


def test_full_jid_goes_then_its_instances_are_answered_at_the_bare_one():
    found = Addresses()
    found.note(PEER, 5, DESK)
    found.note(PEER, 6, PHONE)
    found.leave(PEER, PHONE)
    assert [found.find(PEER, tag) for tag in (5, 6, None)] == [DESK, PEER, PEER]
    found.leave(PEER, DESK)
    found.leave("b@x", "b@x/desk")
    assert not found._peers


def test_invented_tags_and_many_peers_then_the_oldest_are_forgotten(monkeypatch):
    found = Addresses()
    for tag in range(1, 1000):
        found.note(PEER, tag, DESK)
    assert len(found._peers[PEER]) <= 32
    assert found.find(PEER, 999) == DESK
    assert found.find(PEER, None) == DESK
    monkeypatch.setattr(addresses, "_PEERS", 2)
    found.note("b@x", 1, "b@x/1")
    found.note(PEER, 1, DESK)
    found.note("c@x", 1, "c@x/1")
    assert list(found._peers) == [PEER, "c@x"]
