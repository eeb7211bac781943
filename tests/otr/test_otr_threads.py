"""The contract's section 8: several threads on one session, and transports that deliver before they
return."""

import queue
import sys
import threading
import time

import pytest
from helpers import kind, parsed

from otrfast.otr import OTRState, outbox
from otrfast.otr.notifications import SMPEnd, SMPRefusal, SMPStart, StateChange

from .otr_apps import TEXT, Duo, Person, key_of

SECONDS = 30  # that a test may wait for a thread


@pytest.fixture(autouse=True)
def many_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*tasks):
    """Run tasks in threads that start together; raise what one of them has raised."""
    start, raised = threading.Barrier(len(tasks)), []

    def run(task):
        start.wait()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - it is raised below
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    if raised:
        raise raised[0]


def counters(lines):
    """The key ids and counters of the data messages among the lines, in order."""
    found = [parsed(line) for line in lines if kind(line) == "DataMessage"]
    return [(each.sender_keyid, each.recipient_keyid, each.counter) for each in found]


def test_synchronous_transport_then_everything_works(quick, version):
    duo = Duo(quick, (version,), direct=True)
    for starter in (duo.alice, duo.bob):
        other = duo.other(starter)
        starter.session.start()
        assert duo.alice.session.encrypted
        assert duo.alice.session.id == duo.bob.session.id
        duo.assert_talks()
        starter.session.smp_verify(b"x", b"?")
        other.session.smp_answer(b"x")
        assert starter.said[-1] == other.said[-1] == SMPEnd(starter.said[-1].status, True)
        other.session.stop()
        assert starter.session.state is OTRState.Finished
        starter.session.stop()


def test_synchronous_transport_when_both_ask_at_once_from_two_threads_then_one_session(quick):
    for seed in range(10):
        duo = Duo(quick, (3,), direct=True, seed=seed)
        at_once(duo.alice.session.start, duo.bob.session.start)
        assert duo.alice.session.encrypted
        assert duo.alice.session.id == duo.bob.session.id
        duo.assert_talks()


def test_transport_when_it_raises_then_so_does_the_call_after_the_rest_was_delivered(pair):
    def fail(line):
        raise ConnectionError("the line is dead")

    pair.connect().clear()
    pair.alice.carry = fail
    with pytest.raises(ConnectionError):
        pair.alice.session.smp_verify(b"x")
    assert [type(each) for each in pair.alice.diary] == [bytes, SMPStart]
    with pytest.raises(ConnectionError):
        pair.alice.session.stop()
    assert pair.alice.session.state is OTRState.Plaintext
    assert [type(each) for each in pair.alice.diary[2:]] == [bytes, bytes, SMPEnd, StateChange]


def test_two_threads_on_one_session_then_lines_leave_in_the_order_in_which_they_were_sealed(quick):
    duo = Duo(quick, (3,)).connect().clear()

    def verify():
        for _ in range(30):
            duo.alice.session.smp_verify(b"x")
            duo.alice.session.smp_abort()

    at_once(verify, verify, verify)
    lines = counters(duo.alice.sent)
    assert len(lines) >= 60
    assert lines == sorted(lines)
    duo.deliver()
    assert not any(isinstance(each, SMPRefusal) for each in duo.bob.said)
    duo.assert_talks()


def test_two_threads_when_one_sends_what_output_returned_then_after_what_was_there_before(quick):
    """One thread takes lines and sends checks of secrets; the main one sends texts."""
    duo = Duo(quick, (3,)).connect().clear()
    wire = queue.SimpleQueue()
    duo.alice.carry = wire.put
    barrier = threading.Barrier(2)

    def verify():
        for _ in range(50):
            barrier.wait(SECONDS)
            duo.alice.session.smp_verify(b"x")
            duo.alice.session.smp_abort()
            barrier.wait(SECONDS)

    def text():
        for number in range(50):
            duo.alice.session.smp_abort()  # its lines, if any, precede the text
            wire.put(duo.alice.session.handle_output(b"%d" % number, TEXT))
            barrier.wait(SECONDS)
            barrier.wait(SECONDS)

    at_once(verify, text)
    while not wire.empty():
        duo.bob.hear(wire.get())
    assert duo.bob.texts == [b"%d" % number for number in range(50)]


def test_a_delivering_thread_and_one_that_starts_stops_and_sends_then_nothing_is_lost(quick):
    """As a test program of python-otr's does it: a queue delivers beside the main thread."""
    duo = Duo(quick, (3,))
    mail = queue.SimpleQueue()
    for sender, receiver in ((duo.alice, duo.bob), (duo.bob, duo.alice)):
        sender.carry = lambda line, to=receiver: mail.put((to, line))

    def postman():
        while (item := mail.get()) is not None:
            item[0].hear(item[1])

    thread = threading.Thread(target=postman, daemon=True)
    thread.start()

    def until(true):
        end = time.monotonic() + SECONDS
        while not true():
            assert time.monotonic() < end
            time.sleep(0.001)

    for round_ in range(5):
        duo.alice.session.start()
        until(lambda: duo.alice.session.encrypted and duo.bob.session.encrypted)
        for number in range(20):
            text = b"%d %d" % (round_, number)
            mail.put((duo.bob, duo.alice.session.handle_output(text, TEXT)))
        duo.alice.session.stop()
        until(lambda: duo.bob.session.state is OTRState.Finished)
        duo.bob.session.stop()
    mail.put(None)
    thread.join(SECONDS)
    assert duo.bob.texts == [b"%d %d" % (each, n) for each in range(5) for n in range(20)]


def test_properties_when_read_from_another_thread_then_never_raise_and_never_between_states(quick):
    duo = Duo(quick, (3,), direct=True)
    session, done = duo.alice.session, threading.Event()

    def change():
        for _ in range(20):
            session.start()
            session.stop()
            duo.bob.session.stop()
        done.set()

    def read():
        while not done.is_set():
            shown = session._shown
            assert (shown.state is OTRState.Encrypted) == (shown.id is not None)
            assert (shown.id is None) == (shown.remote_public_key is None)
            key, number = session.remote_public_key, session.id
            assert key is None or len(key.fingerprint) == 20
            assert number is None or len(number) == 8
            assert session.state in OTRState
            assert session.encrypted in (True, False)

    at_once(change, read, read)


def test_sessions_of_one_key_when_used_from_several_threads_then_all_work(quick):
    keys = key_of(quick, "alice"), key_of(quick, "bob")

    def converse():
        alice, bob = (Person(key) for key in keys)
        alice.carry, bob.carry = bob.hear, alice.hear
        for _ in range(3):
            alice.session.start()
            for n in range(10):
                for one, other in ((alice, bob), (bob, alice)):
                    line = one.session.handle_output(b"%d" % n, TEXT)
                    assert other.session.handle_input(line, TEXT) == b"%d" % n
            bob.session.stop()
            alice.session.stop()

    at_once(*[converse] * 4)


def test_output_while_another_thread_injects_then_it_waits_for_the_line(quick):
    duo = Duo(quick, (3,)).connect().clear()
    injecting, go_on = threading.Event(), threading.Event()
    order = []

    def slow(line):
        injecting.set()
        assert go_on.wait(SECONDS)
        order.append("line")

    duo.alice.carry = slow

    def text():
        assert injecting.wait(SECONDS)
        threading.Timer(0.05, go_on.set).start()
        duo.alice.session.handle_output(b"text", TEXT)
        order.append("text")

    at_once(lambda: duo.alice.session.smp_verify(b"x"), text)
    assert order == ["line", "text"]


def test_output_when_the_program_holds_a_lock_that_its_transport_wants_then_no_deadlock(
    quick, monkeypatch
):
    monkeypatch.setattr(outbox, "PATIENCE", 0.05)
    duo = Duo(quick, (3,)).connect().clear()
    lock, injecting = threading.Lock(), threading.Event()

    def locked(line):
        injecting.set()
        with lock:
            pass

    duo.alice.carry = locked

    def text():
        with lock:
            verifier = threading.Thread(
                target=lambda: duo.alice.session.smp_verify(b"x"), daemon=True
            )
            verifier.start()
            assert injecting.wait(SECONDS)
            assert duo.alice.session.handle_output(b"text", TEXT).startswith(b"?OTR:")
        verifier.join(SECONDS)
        assert not verifier.is_alive()
        assert duo.alice.session._outbox._injector is None

    at_once(text)


def test_call_from_another_thread_during_a_handler_then_its_lines_have_left_when_it_returns(pair):
    pair.connect().clear()
    in_handler, go_on = threading.Event(), threading.Event()

    def wait(data):
        in_handler.set()
        assert go_on.wait(SECONDS)

    pair.alice.on_notification = wait

    def stop():
        assert in_handler.wait(SECONDS)
        pair.alice.session.stop()
        try:
            assert [kind(line) for line in pair.alice.sent] == ["DataMessage"] * 3
        finally:
            go_on.set()

    at_once(lambda: pair.alice.session.smp_verify(b"x"), stop)
    assert [type(each) for each in pair.alice.said] == [SMPStart, SMPEnd, StateChange]
