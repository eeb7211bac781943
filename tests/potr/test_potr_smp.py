"""The contract's sections 2 and 3: the SMP, its progress, and its effect on trust."""

import pytest
from potr_apps import AppAccount, Duo, key_of

from otrfast.potr import crypt, proto
from otrfast.potr.context import NotEncryptedError


@pytest.fixture
def duo():
    return Duo(direct=False).start().clear()


def kinds(side):
    return [type(tlv) for tlv in side.tlvs]


def trust(duo):
    return duo.alice.context.getCurrentTrust(), duo.bob.context.getCurrentTrust()


def states(duo):
    return duo.alice.context.crypto.smp.state, duo.bob.context.crypto.smp.state


def run(duo, ours=b"secret", theirs=b"secret", question=None):
    duo.alice.context.smpInit(ours, question)
    duo.deliver()
    duo.bob.context.smpGotSecret(theirs)
    duo.deliver()


def test_smp_needs_a_session():
    ctx = AppAccount("alice").getContext("bob")
    for call in (ctx.smpInit, ctx.smpGotSecret):
        with pytest.raises(NotEncryptedError) as refused:
            call(b"secret")
        assert refused.value.args == ()
    with pytest.raises(NotEncryptedError):
        ctx.smpAbort()
    ctx.state = 1  # assigned: there is no session
    with pytest.raises(NotEncryptedError):
        ctx.smpInit(b"secret")
    assert not ctx.smpIsValid()
    assert ctx.smpIsSuccess() is None


def test_smp_goes_through_its_states_and_shows_its_tlvs(duo):
    alice, bob = duo.alice.context, duo.bob.context
    alice.smpInit(b"secret")
    assert alice.crypto.smp.state == 2
    duo.deliver()
    assert states(duo) == (2, 0)
    assert kinds(duo.bob) == [proto.SMP1TLV]
    bob.smpGotSecret(b"secret")
    assert states(duo) == (2, 3)
    duo.alice.receive(duo.queue.popleft()[1])
    assert states(duo) == (4, 3)
    assert alice.smpIsValid()
    assert alice.smpIsSuccess() is False
    duo.deliver()
    assert states(duo) == (1, 1)
    assert kinds(duo.alice) == [proto.SMP2TLV, proto.SMP4TLV]
    assert kinds(duo.bob) == [proto.SMP1TLV, proto.SMP3TLV]
    for ctx in (alice, bob):
        assert ctx.smpIsSuccess() is True
        assert ctx.smpIsValid()
        assert ctx.crypto.smp.prog == crypt.SMPPROG_SUCCEEDED
    assert trust(duo) == ("smp", "smp")
    assert duo.accounts[0].trusts == {"bob": {key_of("bob").cfingerprint(): "smp"}}


def test_smp_with_a_question_is_trusted_by_the_one_who_asked(duo):
    run(duo, question=b"why?")
    assert kinds(duo.bob)[0] is proto.SMP1QTLV
    assert duo.bob.tlvs[0].msg == b"why?"
    assert duo.alice.context.smpIsSuccess()
    assert duo.bob.context.smpIsSuccess()
    assert trust(duo) == ("smp", None)


def test_smp_with_another_secret_fails_on_both_sides_and_takes_trust_away(duo):
    run(duo)
    run(duo, theirs=b"guess")
    for ctx in (duo.alice.context, duo.bob.context):
        assert ctx.smpIsSuccess() is False
        assert ctx.smpIsValid()
        assert ctx.crypto.smp.prog == crypt.SMPPROG_FAILED
    assert trust(duo) == ("", "")
    assert proto.SMP4TLV in kinds(duo.alice)


def test_smp_can_be_started_by_an_answer_where_nothing_runs(duo):
    duo.alice.context.smpGotSecret(b"secret")
    duo.deliver()
    duo.alice.context.smpGotSecret(b"again")  # the peer has to answer first
    assert not duo.queue
    duo.bob.context.smpGotSecret(b"secret")
    duo.deliver()
    assert duo.alice.context.smpIsSuccess()


def test_smp_takes_text_as_utf_8(duo):
    duo.alice.context.smpInit("sécret", "whý?")
    duo.deliver()
    assert duo.bob.tlvs[0].msg == "whý?".encode()
    duo.bob.context.smpGotSecret("sécret".encode())
    duo.deliver()
    assert duo.alice.context.smpIsSuccess()


def test_smp_init_forgets_what_runs_without_a_word(duo):
    duo.alice.context.smpInit(b"first")
    duo.alice.context.smpInit(b"second")
    assert len(duo.alice.context.injected) == 2
    duo.deliver()
    assert kinds(duo.bob) == [proto.SMP1TLV, proto.SMP1TLV]
    duo.bob.context.smpGotSecret(b"second")
    duo.deliver()
    assert duo.alice.context.smpIsSuccess()


def test_an_abort_of_the_peer_makes_the_smp_invalid(duo):
    duo.alice.context.smpInit(b"secret")
    duo.deliver()
    duo.bob.context.smpAbort()
    duo.deliver()
    assert duo.alice.tlvs == [proto.SMPABORTTLV()]
    assert duo.alice.context.smpIsValid() is False
    assert states(duo) == (1, 1)
    run(duo)
    assert duo.alice.context.smpIsSuccess()


def test_an_abort_is_sent_and_seen_where_nothing_runs_too(duo):
    duo.alice.context.smpAbort()
    assert duo.alice.context.smpIsValid()
    duo.deliver()
    assert duo.bob.tlvs == [proto.SMPABORTTLV()]
    assert duo.bob.context.smpIsValid() is False


def test_an_abort_after_message_3_takes_an_earlier_trust_away(duo):
    run(duo)
    assert trust(duo) == ("smp", "smp")
    duo.alice.context.smpInit(b"secret")
    duo.deliver()
    duo.bob.context.smpGotSecret(b"guess")
    duo.alice.receive(duo.queue.popleft()[1])  # message 2: alice sends message 3
    duo.queue.clear()
    duo.bob.context.smpAbort()  # potr sends it instead of message 4
    duo.deliver()
    assert trust(duo)[0] == ""
    assert duo.alice.context.smpIsValid() is False


def test_an_abort_before_message_3_leaves_trust_alone(duo):
    run(duo)
    duo.alice.context.smpInit(b"secret")
    duo.deliver()
    duo.bob.context.smpAbort()
    duo.deliver()
    assert trust(duo) == ("smp", "smp")


def test_the_end_of_the_session_after_message_3_leaves_trust_alone(duo):
    run(duo)
    duo.alice.context.smpInit(b"secret")
    duo.deliver()
    duo.bob.context.smpGotSecret(b"secret")
    duo.alice.receive(duo.queue.popleft()[1])
    duo.queue.clear()
    duo.bob.context.disconnect()
    duo.deliver()
    assert duo.alice.context.getCurrentTrust() == "smp"
    assert duo.alice.context.crypto.smp is None


def test_a_message_out_of_turn_is_aborted_and_invalid(duo):
    tlv = proto.SMP3TLV(list(range(2, 10)))
    duo.alice.context.sendInternal(b"", tlvs=[tlv])
    duo.deliver()
    assert duo.bob.tlvs == [tlv]
    assert duo.bob.context.smpIsValid() is False
    assert kinds(duo.alice) == [proto.SMPABORTTLV]


def test_a_cheating_peer_makes_the_smp_invalid(duo):
    duo.bob.context.smpInit(b"secret")
    duo.deliver()
    duo.alice.context.sendInternal(b"", tlvs=[proto.SMP2TLV(list(range(2, 13)))])
    duo.deliver()
    assert duo.bob.context.smpIsValid() is False
    assert duo.bob.context.crypto.smp.state == 1


def test_a_question_with_a_zero_byte_is_refused(duo):
    with pytest.raises(ValueError, match="zero"):
        duo.alice.context.smpInit(b"secret", b"a\0b")
    run(duo)
    assert duo.alice.context.smpIsSuccess()
