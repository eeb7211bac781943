"""Names of conversations: case, accounts, services, nicks that go over to others."""

import pytest

from otrfast.irc.people import NotAPerson, People, account_name, fold, is_service


@pytest.mark.parametrize(
    ("mapping", "folded"),
    [
        ("ascii", "a[]\\~^"),
        ("rfc1459", "a{}|^^"),
        ("strict-rfc1459", "a{}|~^"),
        ("of the future", "a{}|^^"),
    ],
)
def test_nick_then_it_is_folded_as_the_server_does(mapping, folded):
    assert fold("A[]\\~^", mapping) == folded


def test_nick_outside_of_ascii_then_it_stays():
    assert fold("ÄLICE") == "Älice"


@pytest.mark.parametrize(
    "nick", ["NickServ", "chanserv", "MemoServ", "*status", "*", "irc.example.org", "#channel"]
)
def test_service_server_or_bouncer_then_it_is_no_person(nick):
    assert is_service(nick)
    with pytest.raises(NotAPerson):
        People().name(nick)


@pytest.mark.parametrize("name", ["", "a b", "a\r\nQUIT", "a,b", "alice!u@h", "a\0"])
def test_what_is_no_nick_then_it_is_refused(name):
    with pytest.raises(NotAPerson):
        People().name(name)


def test_account_is_told_with_the_line_then_the_conversation_has_its_name():
    people = People()
    assert people.peer_of("Alice", "Alice_W") == "$a:alice_w"
    assert people.peer_of("alice2", "Alice_W") == account_name("ALICE_W")
    assert people.nick_of("$a:alice_w") == "alice2"
    assert people.name("$a:ALICE_w") == "$a:alice_w"
    assert people.peer_of("Alice", "") == "alice"
    assert people.nick_of("$a:nobody") is None
    assert people.nick_of("nobody") == "nobody"


def test_account_was_told_before_then_it_counts_until_the_nick_leaves_or_logs_out():
    people = People()
    people.logged_in("Alice", "alice_w")
    assert people.peer_of("alice", None) == "$a:alice_w"
    assert people.left("ALICE") == ["$a:alice_w"]
    assert people.peer_of("alice", None) == "alice"
    people.logged_in("alice", "alice_w")
    people.logged_in("alice", None)
    assert people.peer_of("alice", None) == "alice"
    people.logged_in("alice", "alice_w")
    people.clear()
    assert people.peer_of("alice", None) == "alice"


def test_nick_changes_then_a_conversation_by_nick_is_renamed_and_one_by_account_is_not():
    people = People()
    people.peer_of("alice", "")
    people.peer_of("bob", "bob_w")
    assert people.renamed("alice", "Dora") == ("alice", "dora")
    assert people.nick_of("dora") == "Dora"
    assert people.nick_of("alice") == "Dora", "a line that is on its way"
    people.renamed("bob", "bobby")
    assert people.nick_of("$a:bob_w") == "bobby"
    assert people.renamed("Dora", "DORA") is None


def test_many_write_then_the_oldest_is_forgotten(monkeypatch):
    monkeypatch.setattr("otrfast.irc.people._PEOPLE", 2)
    people = People()
    for nick in ("a", "b", "c"):
        people.peer_of(nick, nick)
        people.logged_in(nick, nick)
    assert [people.nick_of(f"$a:{nick}") for nick in "abc"] == [None, "b", "c"]
