"""The contract's section 5: sessions, their start and end, what they show, and their output."""

import gc
import os
import weakref

import pytest

from otrfast.otr import GenericOTRTransport, OTRSession, OTRState, SMPStatus
from otrfast.otr.account import LIMITS
from otrfast.otr.exceptions import (
    EncryptedMessageError,
    IgnoreMessage,
    OTRError,
    OTRFinishedError,
)
from otrfast.otr.notifications import SMPEnd, SMPRefusal, SMPStart, StateChange

from .otr_apps import IMAGE, TEXT, Duo, Person, key_of

FINISHED = "The other party has ended the private conversation, you should do the same"


def test_session_when_new_then_plaintext_and_its_attributes_as_given(make_key):
    key, transport = make_key("alice"), GenericOTRTransport(lambda line: None)
    session = OTRSession(key, transport)
    assert session.local_private_key is key
    assert session.transport is transport
    assert session.supported_versions == {2, 3}
    assert session.state is OTRState.Plaintext
    assert session.encrypted is False
    assert session.id is session.remote_public_key is None


def test_session_when_arguments_are_wrong_then_type_and_value_errors(make_key):
    key, transport = make_key("alice"), GenericOTRTransport(lambda line: None)
    for wrong_key in (None, "key", key.public_key):
        with pytest.raises(TypeError, match="PrivateKey"):
            OTRSession(wrong_key, transport)
    with pytest.raises(TypeError, match="OTRTransport"):
        OTRSession(key, lambda line: None)
    for versions in ({1}, {3, 4}, set()):
        with pytest.raises(ValueError, match="supported_versions"):
            OTRSession(key, transport, versions)


def test_session_when_connected_then_both_show_the_same_id_and_each_others_keys(duo):
    duo.connect()
    alice, bob = duo.alice.session, duo.bob.session
    assert alice.id == bob.id
    assert len(alice.id) == 8
    for one, other in ((alice, bob), (bob, alice)):
        theirs = one.remote_public_key.fingerprint
        assert theirs == other.local_private_key.public_key.fingerprint
    duo.assert_talks()


@pytest.mark.parametrize("versions", [(2,), (3,), (2, 3)])
def test_start_then_the_query_of_its_versions_as_often_as_called(quick, versions):
    alice = Person(key_of(quick, "alice"), versions)
    alice.session.start()
    alice.session.start()
    digits = b"".join(b"%d" % version for version in versions)
    assert alice.sent == [b"?OTRv" + digits + b"?"] * 2


def test_start_when_an_exchange_or_session_is_there_or_finished_then_nothing(pair):
    pair.alice.session.start()
    pair.queue.popleft()[0].hear(pair.alice.sent[0])  # Bob commits
    before = list(pair.bob.sent)
    pair.bob.session.start()
    assert pair.bob.sent == before
    pair.deliver()
    pair.clear()
    pair.alice.session.start()
    assert pair.alice.sent == []
    pair.bob.session.stop()
    pair.deliver()
    assert pair.alice.session.state is OTRState.Finished
    pair.alice.session.start()
    assert pair.alice.sent == []


def test_start_when_a_message_of_the_exchange_was_lost_then_anew_after_the_time_out(pair):
    pair.alice.session.start()
    pair.queue.popleft()[0].hear(pair.alice.sent[0])
    pair.queue.clear()  # the commitment is lost
    pair.bob.session.start()
    assert len(pair.bob.sent) == 1
    pair.clock.turn(LIMITS.ake_timeout + 1)
    pair.bob.session.start()
    pair.deliver()
    assert pair.alice.session.encrypted
    pair.assert_talks()


def test_start_when_both_sides_ask_at_once_then_one_session(duo):
    duo.alice.session.start()
    duo.bob.session.start()
    duo.deliver()
    assert duo.alice.session.encrypted
    assert duo.alice.session.id == duo.bob.session.id
    duo.assert_talks()


def test_stop_when_encrypted_then_plaintext_here_and_finished_there(secured):
    secured.alice.session.stop()
    secured.deliver()
    alice, bob = secured.alice.session, secured.bob.session
    assert (alice.state, bob.state) == (OTRState.Plaintext, OTRState.Finished)
    for session in (alice, bob):
        assert session.id is session.remote_public_key is None
    bob.stop()
    assert bob.state is OTRState.Plaintext
    assert len(secured.bob.sent) == 0
    secured.alice.session.stop()
    bob.stop()
    assert len(secured.alice.sent) == 1


def test_stop_when_an_exchange_runs_then_forgotten_without_a_word(pair):
    pair.alice.session.start()
    pair.queue.popleft()[0].hear(pair.alice.sent[0])
    pair.bob.session.stop()
    assert len(pair.bob.sent) == 1
    pair.deliver()
    assert not pair.alice.session.encrypted
    assert pair.alice.said == pair.bob.said == []


def test_stop_when_the_query_is_unanswered_then_a_commitment_is_not_answered(pair):
    pair.alice.session.start()
    pair.alice.session.stop()
    pair.deliver()
    assert len(pair.alice.sent) == 1
    assert pair.alice.texts[0].startswith(b"?OTR:")


def test_start_and_stop_when_repeated_then_new_sessions_from_either_side(duo):
    ids = set()
    for number in range(6):
        starter = duo.alice if number % 2 else duo.bob
        starter.session.start()
        duo.deliver()
        ids.add(duo.alice.session.id)
        duo.assert_talks()
        ender = duo.alice if number % 3 else duo.bob
        ender.session.stop()
        duo.deliver()
        duo.other(ender).session.stop()
    assert len(ids) == 6
    assert None not in ids


def test_sessions_of_one_key_then_they_talk_to_each_other(quick, version):
    key = key_of(quick, "alice")
    duo = Duo(quick, (version,))
    people = Person(key, (version,)), Person(key, (version,))
    for one, other in (people, people[::-1]):
        one.carry = lambda line, to=other: duo.queue.append((to, line))
    people[0].session.start()
    duo.deliver()
    assert people[0].session.encrypted
    line = people[0].session.handle_output(b"to myself", TEXT)
    assert people[1].session.handle_input(line, TEXT) == b"to myself"


# Output


def test_output_when_plaintext_then_unchanged_also_while_an_exchange_runs(pair):
    for content in (b"", b"text", b"?OTRv3?", bytes(range(256))):
        assert pair.alice.session.handle_output(content, TEXT) == content
    pair.alice.session.start()
    assert pair.alice.session.handle_output(b"text", TEXT) == b"text"
    pair.queue.popleft()[0].hear(pair.alice.sent[0])
    assert pair.bob.session.handle_output(b"text", TEXT) == b"text"


def test_output_when_encrypted_then_one_line_that_begins_as_programs_test(secured):
    for size in (0, 1, 1000, 200_000):
        line = secured.alice.session.handle_output(b"x" * size, TEXT)
        assert type(line) is bytes
        assert line.startswith(b"?OTR:")
        assert b"\n" not in line


def test_output_when_finished_then_the_sentence_that_programs_look_for(secured):
    secured.bob.session.stop()
    secured.deliver()
    for content_type in (TEXT, IMAGE):
        with pytest.raises(OTRFinishedError) as caught:
            secured.alice.session.handle_output(b"text", content_type)
        assert str(caught.value) == FINISHED


def test_output_when_no_bytes_then_type_error_and_too_long_then_otr_error(pair):
    pair.connect()
    for wrong in ("text", None, 7):
        with pytest.raises(TypeError):
            pair.alice.session.handle_output(wrong, TEXT)
    with pytest.raises(OTRError, match="at most"):
        pair.alice.session.handle_output(bytes(LIMITS.message_size), IMAGE)
    pair.assert_talks()


# Checks of a shared secret


@pytest.mark.parametrize("answer", ["the sécret", "another"])
@pytest.mark.parametrize("question", [None, b"", b"which?", "wh\u00efch?"])
def test_smp_then_success_with_what_the_secrets_say(fast_backend, version, question, answer):
    duo = Duo(fast_backend, (version,)).connect().clear()
    duo.alice.session.smp_verify("the sécret".encode(), question)
    duo.deliver()
    asked = question.encode() if isinstance(question, str) else question
    assert duo.alice.said == [SMPStart("local", asked)]
    assert duo.bob.said == [SMPStart("remote", asked)]
    duo.bob.session.smp_answer(answer)
    duo.deliver()
    ended = SMPEnd(SMPStatus.Success, answer == "the sécret", None)
    assert duo.alice.said[1:] == duo.bob.said[1:] == [ended]


def test_smp_when_not_encrypted_or_one_runs_then_not_started_and_nothing_raised(pair):
    pair.alice.session.smp_verify(b"x")
    pair.connect()
    pair.alice.session.smp_verify(b"x")
    pair.alice.session.smp_verify(b"x")
    pair.deliver()
    pair.bob.session.smp_verify(b"x")
    refused = [person.said_of(SMPRefusal) for person in (pair.alice, pair.bob)]
    assert refused[0] == [SMPRefusal("not encrypted"), SMPRefusal("in progress")]
    assert refused[1] == [SMPRefusal("in progress")]
    pair.bob.session.smp_answer(b"x")
    pair.deliver()
    assert pair.alice.said_of(SMPEnd) == [SMPEnd(SMPStatus.Success, True)]


def test_smp_answer_and_abort_when_nothing_waits_then_nothing(pair):
    pair.alice.session.smp_answer(b"x")
    pair.alice.session.smp_abort()
    pair.connect().clear()
    pair.alice.session.smp_answer(b"x")
    pair.alice.session.smp_abort()
    pair.alice.session.smp_verify(b"x")
    pair.clear()
    pair.alice.session.smp_answer(b"x")
    assert pair.alice.diary == []


def test_smp_when_the_question_or_secret_is_of_a_wrong_kind_then_raised_and_nothing_begun(pair):
    pair.connect().clear()
    for wrong in (None, 7):
        with pytest.raises(TypeError):
            pair.alice.session.smp_verify(wrong)
    with pytest.raises(TypeError):
        pair.alice.session.smp_verify(b"x", 7)
    for question in (b"zero\0byte", b"x" * (LIMITS.smp_question + 1)):
        with pytest.raises(ValueError, match="question"):
            pair.alice.session.smp_verify(b"x", question)
    assert pair.alice.diary == []


def test_smp_when_aborted_then_cancelled_here_and_aborted_there(pair):
    pair.connect().clear()
    for starter, ender in ((pair.alice, pair.alice), (pair.alice, pair.bob)):
        starter.session.smp_verify(b"x")
        pair.deliver()
        pair.clear()
        ender.session.smp_abort()
        pair.deliver()
        assert ender.said == [SMPEnd(SMPStatus.Interrupted, None, "cancelled")]
        there = pair.other(ender).said
        assert there == [SMPEnd(SMPStatus.Interrupted, None, "aborted from remote")]


def test_smp_when_both_start_at_once_then_a_startup_collision_on_both_sides_and_a_retry_works(duo):
    duo.connect().clear()
    duo.alice.session.smp_verify(b"x")
    duo.bob.session.smp_verify(b"x")
    duo.deliver()
    ended = [SMPEnd(SMPStatus.ProtocolError, None, "startup collision")]
    assert duo.alice.said[1:] == duo.bob.said[1:] == ended
    duo.alice.session.smp_verify(b"x")
    duo.deliver()
    duo.bob.session.smp_answer(b"x")
    duo.deliver()
    assert duo.alice.said[-1] == duo.bob.said[-1] == SMPEnd(SMPStatus.Success, True)


def test_smp_when_the_session_ends_then_the_check_first_and_the_state_after_it(secured):
    secured.alice.session.smp_verify(b"x")
    secured.deliver()
    secured.clear()
    secured.alice.session.stop()
    lines = list(secured.alice.sent)
    assert [type(each) for each in secured.alice.diary] == [bytes, bytes, SMPEnd, StateChange]
    assert secured.alice.said[0] == SMPEnd(SMPStatus.Interrupted, None, "encryption ended")
    secured.deliver()
    assert secured.bob.said[0] == SMPEnd(SMPStatus.Interrupted, None, "aborted from remote")
    assert secured.bob.said[1] == StateChange(OTRState.Encrypted, OTRState.Finished)
    assert len(lines) == 2


def test_smp_when_the_peer_disconnects_without_an_abort_then_encryption_ended(secured):
    secured.alice.session.smp_verify(b"x")
    secured.deliver()
    secured.clear()
    secured.bob.session.stop()
    abort, end = secured.bob.sent
    assert abort != end
    secured.alice.hear(end)
    assert secured.alice.said == [
        SMPEnd(SMPStatus.Interrupted, None, "encryption ended"),
        StateChange(OTRState.Encrypted, OTRState.Finished),
    ]


# What outlives nothing


def test_session_when_dropped_then_gone_without_a_stop(pair):
    pair.connect()
    gone = weakref.ref(pair.alice.session)
    account = weakref.ref(pair.alice.session.local_private_key.account)
    pair.alice.session = None
    pair.queue.clear()
    pair.clear()  # the tracebacks of exceptions hold it too
    gc.collect()
    assert gone() is None
    assert account() is None


def test_exception_of_a_line_then_nothing_is_left_of_it_for_the_garbage_collector(pair):
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(IgnoreMessage) as caught:
            pair.alice.session.handle_input(b"?OTR?", TEXT)
        gone = weakref.ref(caught.value)
        del caught
        assert gone() is None
    finally:
        gc.enable()


def test_session_then_its_repr_says_the_state_alone(secured):
    assert repr(secured.alice.session) == "<OTRSession: Encrypted>"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_session_when_the_process_is_forked_then_the_child_sends_nothing_under_its_keys(pair):
    pair.connect()
    line = pair.bob.session.handle_output(b"text", TEXT)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for kind, call in (
                (OTRError, pair.alice.session.handle_output),
                (EncryptedMessageError, pair.alice.session.handle_input),
            ):
                try:
                    call(line, TEXT)
                except kind:
                    continue
                os._exit(2)
            pair.clear()
            pair.queue.clear()
            pair.alice.session.smp_verify(b"x")
            pair.alice.session.smp_answer(b"x")
            pair.alice.session.smp_abort()
            assert pair.alice.said == [SMPRefusal("not encrypted")]
            pair.alice.session.stop()
            pair.bob.session.stop()
            assert pair.alice.sent == []
            pair.alice.session.start()
            pair.deliver()
            pair.assert_talks()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert pair.alice.session.handle_input(line, TEXT) == b"text"


def test_ignore_message_and_unencrypted_message_carry_no_arguments(pair):
    with pytest.raises(IgnoreMessage) as caught:
        pair.alice.session.handle_input(b"?OTRv3?", TEXT)
    assert caught.value.args == ()
