"""Key exchanges with libotr: every way to start one, to renew it and to end it."""

from __future__ import annotations

import pytest

from otrfast import Policy

from .duo import BOTH, Duo, MakeDuo
from .frames import kind_of
from .network import NotSettled, assert_same_session
from .sides import FINISHED, PLAIN, Text

TAGGING = Policy.MANUAL | Policy.SEND_WHITESPACE_TAG
TAG_ANSWERING = Policy.MANUAL | Policy.WHITESPACE_START_AKE
ERROR_ANSWERING = Policy.MANUAL | Policy.ERROR_START_AKE
AKE_KINDS = ("commit", "key", "reveal", "signature")
NO_VERSION = ~Policy.MANUAL


def only(version: int, policy: Policy) -> Policy:
    """Return a policy without the other version."""
    return policy & NO_VERSION | (Policy.ALLOW_V2 if version == 2 else Policy.ALLOW_V3)


@pytest.mark.parametrize("starter", BOTH)
def test_ake_when_started_by_query_then_both_sides_agree(duo: Duo, starter: str) -> None:
    duo.network.connect(duo.side(starter))
    duo.assert_secure()


@pytest.mark.parametrize("starter", BOTH)
@pytest.mark.parametrize(("ours", "theirs"), [(2, 23), (23, 2), (3, 23), (23, 3), (23, 23)])
def test_ake_when_policies_differ_then_the_best_common_version_is_spoken(
    make_duo: MakeDuo, starter: str, ours: int, theirs: int
) -> None:
    flags = {2: Policy.ALLOW_V2, 3: Policy.ALLOW_V3, 23: Policy.MANUAL}
    duo = make_duo(3, ours=flags[ours], theirs=flags[theirs])
    duo.network.connect(duo.side(starter))
    assert_same_session(duo.ours, duo.theirs, 2 if 2 in (ours, theirs) else 3)


@pytest.mark.parametrize("starter", BOTH)
def test_ake_when_no_version_is_common_then_nothing_happens(
    make_duo: MakeDuo, starter: str
) -> None:
    duo = make_duo(3, ours=Policy.ALLOW_V2, theirs=Policy.ALLOW_V3)
    duo.network.connect(duo.side(starter))
    assert (duo.ours.state, duo.theirs.state) == (PLAIN, PLAIN)
    assert len(duo.network.transcript) == 1


def test_ake_when_libotr_offers_version_1_too_then_the_best_is_spoken(make_duo: MakeDuo) -> None:
    duo = make_duo(3, ours=Policy.MANUAL, theirs=Policy.MANUAL | Policy.ALLOW_V1)
    duo.network.connect(duo.theirs)
    assert duo.network.transcript[0].data.startswith(b"?OTR?v23?")
    duo.assert_secure()


@pytest.mark.parametrize("tagger", BOTH)
def test_ake_when_started_by_a_whitespace_tag_then_the_text_is_kept_whole(
    make_duo: MakeDuo, tagger: str, version: int
) -> None:
    tagging, answering = only(version, TAGGING), only(version, TAG_ANSWERING)
    if tagger == "ours":
        duo = make_duo(version, ours=tagging, theirs=answering)
    else:
        duo = make_duo(version, ours=answering, theirs=tagging)
    duo.network.tell(duo.side(tagger), b"hello there")
    duo.assert_secure()
    assert duo.other(tagger).diary.texts == [Text(b"hello there", encrypted=False)]


def test_ake_when_both_are_opportunistic_then_the_first_text_starts_it(make_duo: MakeDuo) -> None:
    duo = make_duo(3, ours=Policy.OPPORTUNISTIC, theirs=Policy.OPPORTUNISTIC)
    duo.network.tell(duo.theirs, b"one")
    duo.network.tell(duo.ours, b"two")
    duo.network.tell(duo.theirs, b"three")
    assert duo.ours.diary.texts == [Text(b"one", False), Text(b"three", True)]
    assert duo.theirs.diary.texts == [Text(b"two", True)]


@pytest.mark.parametrize("sender", BOTH)
def test_ake_when_encryption_is_required_then_the_text_waits_for_it(
    make_duo: MakeDuo, version: int, sender: str
) -> None:
    required = only(version, Policy.ALWAYS)
    duo = make_duo(version, ours=required, theirs=required)
    duo.network.tell(duo.side(sender), b"for your eyes")
    duo.assert_secure()
    assert duo.other(sender).diary.texts == [Text(b"for your eyes", encrypted=True)]


@pytest.mark.parametrize("damaged", BOTH)
def test_ake_when_an_error_text_comes_then_the_session_is_renewed(
    make_duo: MakeDuo, version: int, damaged: str
) -> None:
    policy = only(version, ERROR_ANSWERING)
    duo = make_duo(version, ours=policy, theirs=policy)
    duo.network.connect(duo.ours)
    ssid = duo.ours.ssid
    sender, receiver = duo.side(damaged), duo.other(damaged)
    [line] = sender.send(b"to be damaged")
    middle = len(line) // 2
    other = b"B" if line[middle : middle + 1] == b"A" else b"A"
    duo.network.post(sender, [line[:middle] + other + line[middle + 1 :]])
    duo.network.settle()
    assert "error" in [kind_of(line) for line in duo.network.lines_of(receiver)]
    duo.assert_secure()
    assert duo.ours.ssid != ssid
    resent = damaged == "ours" or version == 2  # libotr marks the text in the wrong context else
    assert receiver.diary.encrypted() == ([b"[resent] to be damaged"] if resent else [])
    duo.assert_talks()


@pytest.mark.parametrize("starter", BOTH)
@pytest.mark.parametrize("renewer", BOTH)
def test_refresh_when_the_session_is_in_use_then_it_goes_on_under_a_new_ssid(
    duo: Duo, starter: str, renewer: str
) -> None:
    duo.network.connect(duo.side(starter))
    duo.assert_talks()
    ssid = duo.ours.ssid
    duo.network.connect(duo.side(renewer))
    duo.assert_secure()
    assert duo.ours.ssid != ssid
    assert duo.ours.diary.secure == ["gone_secure", "still_secure"]
    duo.assert_talks()


@pytest.mark.parametrize("renewer", BOTH)
@pytest.mark.parametrize("case", range(6))
def test_refresh_when_messages_are_in_flight_then_none_is_lost_in_silence(
    make_duo: MakeDuo, version: int, renewer: str, case: int
) -> None:
    duo = make_duo(version, case=case)
    duo.network.connect(duo.ours)
    sent: dict[str, list[bytes]] = {"ours": [], "theirs": []}
    renewal = duo.network.random.randrange(8)
    for i in range(16):
        who = duo.network.random.choice(BOTH)
        text = b"%s %d" % (who.encode(), i)
        sent[who].append(text)
        duo.network.post(duo.side(who), duo.side(who).send(text))
        if i == renewal:
            duo.network.post(duo.side(renewer), duo.side(renewer).start())
        for _ in range(duo.network.random.randrange(3)):
            duo.network.step()
    duo.network.settle()
    duo.assert_secure()
    for who in BOTH:
        got = [text.data for text in duo.other(who).diary.texts]
        missing = [text for text in sent[who] if text not in got]
        assert got == [text for text in sent[who] if text in got]
        assert len(duo.other(who).diary.problems) >= len(missing)
    duo.assert_talks()


@pytest.mark.parametrize("leaver", BOTH)
@pytest.mark.parametrize("returner", BOTH)
def test_end_when_either_leaves_then_the_other_is_finished_and_they_can_meet_again(
    duo: Duo, leaver: str, returner: str
) -> None:
    duo.network.connect(duo.ours)
    duo.assert_talks()
    duo.network.post(duo.side(leaver), duo.side(leaver).end())
    duo.network.settle()
    assert (duo.side(leaver).state, duo.other(leaver).state) == (PLAIN, FINISHED)
    duo.network.connect(duo.side(returner))
    duo.assert_secure()
    duo.assert_talks()


def test_end_when_both_leave_then_both_are_in_plain_text(duo: Duo) -> None:
    duo.network.connect(duo.ours)
    duo.network.post(duo.ours, duo.ours.end())
    duo.network.settle()
    duo.network.post(duo.theirs, duo.theirs.end())
    duo.network.settle()
    assert (duo.ours.state, duo.theirs.state) == (PLAIN, PLAIN)
    duo.network.tell(duo.theirs, b"in the clear")
    assert duo.ours.diary.texts[-1] == Text(b"in the clear", encrypted=False)


@pytest.mark.parametrize("forgetful", BOTH)
def test_end_when_a_side_lost_its_session_then_a_new_exchange_heals_it(
    make_duo: MakeDuo, version: int, forgetful: str
) -> None:
    duo = make_duo(version)
    duo.network.connect(duo.ours)
    duo.replace(forgetful)
    duo.network.tell(duo.other(forgetful), b"to one who has forgotten")
    assert duo.side(forgetful).diary.texts == []
    duo.network.connect(duo.side(forgetful))
    duo.assert_secure()
    duo.assert_talks()


def cross(duo: Duo, what: str) -> None:
    """Put both sides' queries, or both sides' commits, on the wire before any is delivered."""
    if what == "queries":
        duo.network.post(duo.ours, duo.ours.start())
        duo.network.post(duo.theirs, duo.theirs.start())
        return
    query = b"?OTRv%d?" % duo.version
    duo.network.post(duo.ours, duo.ours.receive(query))
    duo.network.post(duo.theirs, duo.theirs.receive(query))


@pytest.mark.parametrize("what", ["queries", "commits"])
@pytest.mark.parametrize("case", range(12))
def test_crossing_when_both_start_at_once_then_they_end_encrypted(
    make_duo: MakeDuo, version: int, what: str, case: int
) -> None:
    duo = make_duo(version, case=case)
    cross(duo, what)
    duo.network.settle()
    duo.assert_secure()
    duo.assert_talks()


@pytest.mark.parametrize("case", range(12))
def test_crossing_when_both_refresh_at_once_then_they_still_talk(
    make_duo: MakeDuo, version: int, case: int
) -> None:
    duo = make_duo(version, case=case)
    duo.network.connect(duo.ours)
    ssid = duo.ours.ssid
    cross(duo, "commits")
    duo.network.settle()
    duo.assert_secure()
    assert duo.ours.ssid != ssid
    duo.assert_talks()


def lose_once(duo: Duo, kind: str) -> list[bytes]:
    """Lose the next line of a kind; return the list that it will be put into."""
    lost: list[bytes] = []

    def drop(sender: object, line: bytes) -> bool:
        if kind_of(line) == kind and not lost:
            lost.append(line)
            return True
        return False

    duo.network.drop = drop
    return lost


@pytest.mark.parametrize("kind", AKE_KINDS)
@pytest.mark.parametrize("starter", BOTH)
def test_ake_when_one_of_its_messages_is_lost_then_the_next_query_succeeds(
    duo: Duo, kind: str, starter: str
) -> None:
    lost = lose_once(duo, kind)
    duo.network.connect(duo.side(starter))
    assert lost
    duo.network.connect(duo.other(starter))
    duo.assert_secure()
    duo.assert_talks()


@pytest.mark.parametrize("kind", AKE_KINDS)
@pytest.mark.parametrize("starter", BOTH)
def test_refresh_when_one_of_its_messages_is_lost_then_the_next_query_succeeds(
    duo: Duo, kind: str, starter: str
) -> None:
    duo.network.connect(duo.ours)
    lost = lose_once(duo, kind)
    duo.network.connect(duo.side(starter))
    assert lost
    duo.network.connect(duo.side(starter))
    duo.assert_secure()
    duo.assert_talks()


@pytest.mark.parametrize("kind", AKE_KINDS)
def test_ake_when_a_message_of_our_exchange_is_lost_then_time_alone_heals_it(
    duo: Duo, kind: str
) -> None:
    duo.ours.trust.note("bob", duo.theirs.otr.own_fingerprint())  # only a known peer is asked again
    lost = lose_once(duo, kind)
    duo.network.connect(duo.theirs)
    assert lost
    duo.pass_time(20)
    duo.assert_secure()
    duo.assert_talks()


@pytest.mark.parametrize("starter", BOTH)
def test_ake_when_every_message_comes_twice_then_both_sides_agree(duo: Duo, starter: str) -> None:
    duo.network.faults = type(duo.network.faults)(duplicate=1.0)
    try:
        duo.network.connect(duo.side(starter))
    except NotSettled:
        pytest.fail("duplicates breed without end")
    duo.assert_secure()
