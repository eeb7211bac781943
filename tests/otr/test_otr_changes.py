"""The contract's section 9: what the layer keeps of python-otr, what it changes, and the limits."""

import pytest
from helpers import encoded, kind, parsed

from otrfast import events
from otrfast._records import replace
from otrfast.crypto.backend import DsaNumbers
from otrfast.crypto.dsa import PublicKey
from otrfast.otr import OTRState, SMPStatus
from otrfast.otr.account import LIMITS
from otrfast.otr.exceptions import IgnoreMessage
from otrfast.otr.notifications import SMPEnd, SMPStart

from .otr_apps import COMPOSING, IMAGE, TEXT, Duo, Person, key_of


def test_heartbeat_when_nothing_was_sent_for_long_then_one_and_nothing_shown_of_it(secured):
    secured.assert_talks()
    secured.clock.turn(LIMITS.heartbeat_interval + 1)
    assert secured.tell(secured.alice, b"still there?", TEXT) == b"still there?"
    (heartbeat,) = secured.bob.sent
    with pytest.raises(IgnoreMessage):
        secured.alice.session.handle_input(heartbeat, TEXT)
    secured.queue.clear()
    secured.assert_talks()


def test_revealed_mac_keys_then_those_of_old_keys_in_binary(secured):
    for _ in range(3):
        secured.assert_talks()
    line = secured.alice.session.handle_output(b"text", TEXT)
    revealed = parsed(line).old_mac_keys
    assert len(revealed) % 20 == 0


def test_mac_keys_when_rotating_then_some_are_revealed(secured):
    found = b""
    for _ in range(4):
        for sender in (secured.alice, secured.bob):
            line = sender.session.handle_output(b"text", TEXT)
            found += parsed(line).old_mac_keys
            secured.other(sender).hear(line)
    assert found
    assert len({found[at : at + 20] for at in range(0, len(found), 20)}) > 1


@pytest.mark.parametrize("y", [0, 1])
def test_key_of_the_peer_when_not_sound_then_no_session_and_nothing_shown(pair, y):
    """A key with which anybody could sign."""
    account = pair.bob.session.local_private_key.account
    numbers = account.private_key.public.numbers
    unsound = DsaNumbers(numbers.p, numbers.q, numbers.g, y)
    backend = account._identity.backend
    account.private_key.public = PublicKey.of(unsound, backend)
    pair.alice.session.start()
    pair.deliver()
    assert not pair.alice.session.encrypted
    assert not pair.bob.session.encrypted
    assert all(isinstance(each, IgnoreMessage) for each in pair.alice.raised)
    assert pair.alice.texts == []


def test_exchange_when_a_message_in_it_is_changed_then_ignored_and_the_true_one_counts(quick):
    duo = Duo(quick, (3,))
    duo.alice.session.start()
    for name in ("query", "DHCommit", "DHKey", "RevealSignature", "Signature"):
        to, line = duo.queue.popleft()
        if name in ("RevealSignature", "Signature"):
            to.hear(encoded(replace(parsed(line), mac=bytes(20))))
            assert not to.session.encrypted
        to.hear(line)
    assert duo.alice.session.encrypted
    assert duo.bob.session.encrypted


def test_peer_when_it_lost_its_session_then_unreadable_until_our_stop(secured):
    secured.bob.session.stop()
    secured.queue.clear()  # Alice does not learn of it
    secured.bob.session.start()
    secured.deliver()
    assert secured.alice.session.encrypted
    assert not secured.bob.session.encrypted
    secured.alice.session.stop()
    secured.queue.clear()
    secured.bob.session.start()
    secured.deliver()
    assert secured.bob.session.encrypted
    secured.assert_talks()


def test_plain_text_while_an_exchange_runs_then_not_held_back(pair):
    pair.alice.session.start()
    pair.queue.popleft()[0].hear(pair.alice.sent[0])
    assert pair.bob.session.handle_output(b"text", TEXT) == b"text"


def test_replay_when_a_text_comes_twice_then_shown_once(secured):
    line = secured.alice.session.handle_output(b"pay", TEXT)
    for _ in range(3):
        secured.bob.hear(line)
    assert secured.bob.texts == [b"pay"]
    assert len(secured.bob.raised) == 2


def test_limits_when_a_peer_asks_without_end_then_bounded(quick):
    alice = Person(key_of(quick, "alice"))
    for _ in range(LIMITS.ake_burst + 200):
        alice.hear(b"?OTRv3?")
        alice.session.stop()
    for number in range(LIMITS.assemblies + 20):
        alice.hear(b"?OTR|%08x|00000000,00001,00002,?OTR:,", TEXT)
        alice.hear(b"?OTR|%08x|00000000,00001,00002,?OTR:," % (number + 0x100), TEXT)
    reassembly = alice.session._receiver.session.conversation.reassembly
    assert len(reassembly) == LIMITS.assemblies
    alice.session.stop()
    account = alice.session.local_private_key.account
    assert account._context.usage.assembled == account._context.usage.pending_akes == 0
    assert len(account.sessions) == 0


def test_smp_when_the_peer_starts_without_end_then_limited_and_the_program_is_told_of_few(quick):
    duo = Duo(quick, (3,)).connect().clear()
    receiver = duo.bob.session._receiver
    receiver.session.conversation.smps = (float(LIMITS.smp_burst), duo.clock())
    duo.alice.session.smp_verify(b"x")
    duo.deliver()
    assert duo.bob.said == []
    assert duo.alice.said == [
        SMPStart("local", None),
        SMPEnd(SMPStatus.Interrupted, None, "aborted from remote"),
    ]
    duo.assert_talks()


def test_size_when_a_message_is_above_the_limit_then_as_one_that_cannot_be_decoded(pair):
    line = b"?OTR:AAMD" + b"A" * LIMITS.message_size + b"."
    assert pair.alice.session.handle_input(line, TEXT) == line


@pytest.mark.parametrize("content_type", [TEXT, IMAGE, COMPOSING])
def test_image_of_some_megabytes_then_it_comes_through(quick, content_type):
    duo = Duo(quick, (3,)).connect()
    content = b"\xff\x01image" * 500_000
    assert duo.tell(duo.alice, content, content_type) == content


def test_engine_events_then_each_has_a_place(secured):
    """What the engine reports and no notification says is in the result of the call."""
    secured.alice.session.smp_verify(b"x")
    secured.deliver()
    assert {type(each) for each in secured.bob.said} == {SMPStart}
    assert events.SmpRequested in events.Event.__subclasses__()
    assert secured.bob.session.state is OTRState.Encrypted
    assert kind(secured.alice.sent[-1]) == "DataMessage"
