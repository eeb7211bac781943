"""An application whose transport calls back: `inject` delivers the line to the peer, which answers
before `inject` returns."""

import pytest
from potr_apps import Duo

from otrfast.potr.context import STATE_ENCRYPTED, STATE_FINISHED, STATE_PLAINTEXT


def test_a_whole_conversation_runs_inside_its_calls():
    """Every policy is allowed, as in potr's own tests; the first text is lost, as there."""
    duo = Duo(ALLOW_V1=True, REQUIRE_ENCRYPTION=True, SEND_TAG=True)
    duo.alice.say(b"not private yet")
    assert duo.alice.context.state == duo.bob.context.state == STATE_ENCRYPTED
    for n in range(50):
        duo.alice.say(b"to bob %d" % n)
        if n % 3 == 0:
            duo.bob.say(b"to alice %d" % n)
    assert duo.bob.texts == [b"to bob %d" % n for n in range(50)]
    assert duo.alice.texts == [b"to alice %d" % n for n in range(0, 50, 3)]
    duo.bob.context.disconnect()
    assert duo.bob.context.state == STATE_PLAINTEXT
    assert duo.alice.context.state == STATE_FINISHED


def test_texts_answer_texts_from_inside_receive_message():
    duo = Duo().start()

    class Echo:
        rounds = 20

    for side in (duo.alice, duo.bob):
        receive = side.receive

        def answer(line, side=side, receive=receive):
            receive(line)
            if Echo.rounds and side.texts:
                Echo.rounds -= 1
                side.say(side.texts[-1] + b"!")

        other = duo.bob if side is duo.alice else duo.alice
        other.context.line = answer
    duo.alice.say(b"hi")
    assert duo.bob.texts[0] == b"hi"
    assert duo.bob.texts[-1] == b"hi" + b"!" * 20
    assert len(duo.alice.texts) + len(duo.bob.texts) == 21


@pytest.mark.parametrize("size", [60, 200])
def test_fragments_arrive_in_order_however_deep_the_calls_are(size):
    duo = Duo(size=size)
    duo.start()
    for side in (duo.alice, duo.bob):
        side.context.on_state = lambda state, side=side: side.say(b"from inside " + b"x" * 300)
    duo.bob.receive(b"?OTRv2?")
    assert duo.alice.texts == duo.bob.texts == [b"from inside " + b"x" * 300]
    assert duo.alice.troubles == duo.bob.troubles == []


def test_smp_and_refresh_run_inside_each_other():
    duo = Duo().start()
    asked = []

    def on_tlvs(line, receive=duo.bob.receive):
        receive(line)
        if duo.bob.tlvs and not asked:
            asked.append(duo.bob.tlvs[0])
            duo.bob.context.smpGotSecret(b"secret")

    duo.alice.context.line = on_tlvs
    duo.alice.context.smpInit(b"secret")
    assert duo.alice.context.smpIsSuccess()
    assert duo.bob.context.smpIsSuccess()
    for _ in range(10):
        duo.bob.receive(b"?OTRv2?")
        duo.alice.say(b"still private")
    assert duo.bob.texts == [b"still private"] * 10
