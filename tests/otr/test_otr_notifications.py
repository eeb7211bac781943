"""The contract's sections 7 and 10: notifications, their data and order, and who is told."""

import logging
import sys

import pytest

from otrfast.otr import OTRState, SMPStatus, notifications
from otrfast.otr.exceptions import OTRFinishedError
from otrfast.otr.notifications import SMPEnd, SMPStart, StateChange

from .otr_apps import TEXT, Duo, install_center

PLAINTEXT, ENCRYPTED, FINISHED = OTRState
NAMES = {
    "OTRSessionStateChanged": {"old_state", "new_state"},
    "OTRSessionSMPVerificationDidStart": {"originator", "question"},
    "OTRSessionSMPVerificationDidNotStart": {"reason"},
    "OTRSessionSMPVerificationDidEnd": {"status", "same_secrets", "reason"},
}


class Observer:
    def __init__(self):
        self.seen = []

    def handle_notification(self, notification):
        self.seen.append(notification)


@pytest.fixture
def center(monkeypatch):
    return install_center(monkeypatch).NotificationCenter()


def everything(duo):
    """Have each notification be posted."""
    duo.alice.session.smp_verify(b"x")
    duo.connect()
    duo.alice.session.smp_verify(b"x", b"?")
    duo.deliver()
    duo.bob.session.smp_answer(b"x")
    duo.deliver()
    duo.alice.session.stop()
    duo.deliver()
    duo.bob.session.stop()


def test_center_then_all_four_with_their_data_and_the_session_as_sender(pair, center):
    observer = Observer()
    center.add_observer(observer)
    everything(pair)
    assert {each.name for each in observer.seen} == set(NAMES)
    for each in observer.seen:
        assert set(vars(each.data)) == NAMES[each.name]
        assert each.sender in (pair.alice.session, pair.bob.session)


def test_center_then_the_same_as_the_callback_in_the_same_order(pair, center):
    observer = Observer()
    center.add_observer(observer, sender=pair.bob.session)
    everything(pair)
    said = pair.bob.said
    assert [each.name for each in observer.seen] == [each.NAME for each in said]
    for each, data in zip(observer.seen, said, strict=True):
        assert vars(each.data) == {name: getattr(data, name) for name in vars(each.data)}
    assert said == [
        StateChange(PLAINTEXT, ENCRYPTED),
        SMPStart("remote", b"?"),
        SMPEnd(SMPStatus.Success, True, None),
        StateChange(ENCRYPTED, FINISHED),
        StateChange(FINISHED, PLAINTEXT),
    ]


def test_session_then_no_observer_at_the_center(pair, center):
    everything(pair)
    assert center.observers == []


@pytest.mark.parametrize("trouble", [ModuleNotFoundError, SyntaxError, None])
def test_center_when_missing_or_for_another_python_then_nobody_listens(
    pair, monkeypatch, trouble, tmp_path
):
    monkeypatch.setattr(notifications, "_center", [])
    if trouble is SyntaxError:
        (tmp_path / "application").mkdir()
        (tmp_path / "application" / "notification.py").write_text("print 'old'\n")
        monkeypatch.syspath_prepend(tmp_path)
    elif trouble is None:
        monkeypatch.setitem(sys.modules, "application", None)
    everything(pair)
    assert len(pair.bob.said) == 5
    assert notifications._center == [None]


def test_center_when_imported_after_the_first_posting_then_it_is_told(pair, monkeypatch):
    monkeypatch.setattr(notifications, "_center", [None])
    everything(pair)
    observer = Observer()
    install_center(monkeypatch).NotificationCenter().add_observer(observer)
    monkeypatch.setattr(notifications, "_center", [None])
    pair.alice.session.smp_verify(b"x")
    assert [each.data.reason for each in observer.seen] == ["not encrypted"]


def test_import_of_the_center_when_it_failed_then_not_tried_again(pair, monkeypatch):
    tried = []
    monkeypatch.setattr(notifications, "_center", [])
    monkeypatch.setattr(
        notifications.importlib,
        "import_module",
        lambda name: tried.append(name) or (_ for _ in ()).throw(ModuleNotFoundError),
    )
    everything(pair)
    assert tried == ["application.notification"]


def test_callback_when_it_raises_then_logged_and_no_further(pair, caplog):
    def fail(data):
        raise RuntimeError("the program's own fault")

    pair.alice.on_notification = fail
    with caplog.at_level(logging.ERROR, "otr"):
        pair.connect()
    assert pair.alice.session.encrypted
    assert "the program's own fault" in caplog.text
    pair.assert_talks()


def test_state_when_encrypted_is_notified_then_id_and_key_are_new_and_the_signature_has_left(duo):
    seen = []

    def look(person):
        session = person.session
        seen.append((session.state, session.id, session.remote_public_key, len(person.sent)))

    for person in (duo.alice, duo.bob):
        person.on_notification = lambda data, person=person: look(person)
    duo.connect()
    assert [state for state, *_ in seen] == [ENCRYPTED, ENCRYPTED]
    assert seen[0][1] == seen[1][1] is not None
    assert None not in (seen[0][2], seen[1][2])
    assert seen[0][3] == 3  # Alice: query, D-H Key, Signature
    seen.clear()
    duo.bob.session.stop()
    duo.deliver()
    duo.alice.session.stop()
    assert [(each[0], each[1], each[2]) for each in seen] == [
        (PLAINTEXT, None, None),
        (FINISHED, None, None),
        (PLAINTEXT, None, None),
    ]


@pytest.mark.parametrize("direct", [True, False])
def test_handlers_when_they_call_the_session_then_each_after_the_one_before(quick, version, direct):
    """A program that checks the secret as soon as it can, and sends texts beside that."""
    duo = Duo(quick, (version,), direct=direct)
    depth, deepest = [0], [0]

    def react(person):
        def act(data):
            depth[0] += 1
            deepest[0] = max(deepest[0], depth[0])
            match data:
                case StateChange(new_state=OTRState.Encrypted):
                    if person is duo.alice:
                        person.session.smp_verify(b"x", b"?")
                    person.carry(person.session.handle_output(b"secure", TEXT))
                case SMPStart(originator="remote"):
                    person.session.smp_answer(b"x")
                    person.carry(person.session.handle_output(b"answered", TEXT))
                case SMPEnd() if person is duo.bob:
                    person.session.stop()
            depth[0] -= 1

        return act

    for person in (duo.alice, duo.bob):
        person.on_notification = react(person)
    duo.alice.session.start()
    duo.deliver()
    assert SMPEnd(SMPStatus.Success, True) in duo.alice.said
    assert SMPEnd(SMPStatus.Success, True) in duo.bob.said
    assert duo.alice.session.state is FINISHED
    assert duo.bob.session.state is PLAINTEXT
    assert duo.alice.texts == [b"secure", b"answered"]
    assert duo.bob.texts == [b"secure"]
    assert deepest[0] <= 2  # one for each session


def test_handler_when_it_stops_the_session_then_a_text_of_the_program_is_refused_there(pair):
    pair.connect()
    refused = []

    def stop(data):
        if data == StateChange(ENCRYPTED, FINISHED):
            with pytest.raises(OTRFinishedError) as caught:
                pair.bob.session.handle_output(b"too late", TEXT)
            refused.append(caught.value)
            pair.bob.session.stop()

    pair.bob.on_notification = stop
    pair.alice.session.stop()
    pair.deliver()
    assert len(refused) == 1
    assert pair.bob.session.state is PLAINTEXT


def test_smp_when_the_peer_breaks_the_protocol_then_a_sentence(pair):
    pair.connect()
    pair.alice.session.smp_verify(b"x")
    pair.deliver()
    pair.clear()
    for tlv in (b"\0\x03\0\0", b"\0\x05\0\4\0\0\0\3"):
        line = pair.bob.session.handle_output(b"\0" + tlv, TEXT)
        pair.alice.hear(line)
    (ended,) = pair.alice.said
    assert ended.status is SMPStatus.ProtocolError
    assert ended.same_secrets is None
    assert ended.reason != "startup collision"
    assert "verification" in ended.reason


def test_smp_when_a_message_is_out_of_order_then_a_protocol_error(pair):
    pair.connect()
    pair.alice.session.smp_verify(b"x")
    pair.deliver()
    pair.bob.session.smp_answer(b"x")
    second = pair.queue.popleft()[1]
    pair.alice.hear(second)  # Alice has sent message 3 now
    pair.queue.clear()
    pair.clear()
    pair.alice.hear(pair.bob.session.handle_output(b"\0\0\x02\0\4\0\0\0\x06", TEXT))
    (ended,) = pair.alice.said
    assert ended.status is SMPStatus.ProtocolError
    assert ended.reason != "startup collision"
