"""`Context.processTLVs`: seen by overrides, and safe to call again (issue G, 24)."""

import pytest
from potr_apps import AppAccount, AppContext, Duo

from otrfast.potr.context import STATE_ENCRYPTED, STATE_FINISHED, STATE_PLAINTEXT
from otrfast.potr.proto import SMP1TLV, SMPTLV, TLV, DisconnectTLV, PaddingTLV, registertlv
from otrfast.potr.tlv import tlvClasses


class Seeing(AppContext):
    """Records what it is given; `passes`: the base class is given it too."""

    passes = True

    def __init__(self, account, peername):
        super().__init__(account, peername)
        self.seen = []

    def processTLVs(self, tlvs, appdata=None):
        self.seen.append((list(tlvs), appdata, self.state))
        if self.passes:
            super().processTLVs(tlvs, appdata=appdata)


class SeeingAccount(AppAccount):
    contextclass = Seeing


def everything(context):
    crypto = context.crypto
    smp = crypto.smp and (crypto.smp.state, crypto.smp.prog)
    return (
        context.state, len(context.changes), len(context.injected), context.user.saves,
        crypto.theirKeyid, crypto.ourKeyid, smp, dict(context.user.trusts),
    )  # fmt: skip


def test_g24_override_of_process_tlvs_sees_what_was_received():
    duo = Duo(account=SeeingAccount).start()
    bob = duo.bob.context
    duo.alice.say(b"text")
    duo.alice.say(b"", tlvs=[PaddingTLV(b"12"), PaddingTLV(b"")])
    assert [seen for seen, _, _ in bob.seen] == [[], [PaddingTLV(b"12"), PaddingTLV(b"")]]
    line = duo.alice.context.crypto.seal(b"", tlvs=[DisconnectTLV()])
    bob.receiveMessage(line, appdata="mark")
    assert bob.seen[-1] == ([DisconnectTLV()], "mark", STATE_ENCRYPTED)
    assert bob.state == STATE_FINISHED


def test_g24_received_smp_tlvs_pass_through_process_tlvs():
    duo = Duo(account=SeeingAccount).start()
    duo.alice.context.smpInit(b"secret")
    assert [type(tlv) for tlv in duo.bob.context.seen[-1][0]] == [SMP1TLV]
    duo.bob.context.smpGotSecret(b"secret")
    assert duo.alice.context.smpIsSuccess()
    assert duo.bob.context.smpIsSuccess()


def test_g24_process_tlvs_again_after_each_message_changes_nothing():
    duo = Duo().start()
    context = duo.bob.context
    answers = []

    def again(line):
        text, tlvs = context.receiveMessage(line)
        for _ in range(2):
            before = everything(context)
            context.processTLVs(tlvs)
            assert everything(context) == before
        answers.append((text, tlvs))

    duo.alice.context.line = again
    duo.alice.say(b"text")
    duo.alice.say(b"text", tlvs=[PaddingTLV(b"x")])
    duo.alice.context.smpInit(b"secret", b"question")
    context.smpGotSecret(b"secret")
    duo.alice.context.smpAbort()
    assert context.state == STATE_ENCRYPTED
    duo.alice.context.disconnect()
    assert context.state == STATE_FINISHED
    tlvs = [tlv for _, found in answers for tlv in found]
    assert sum(isinstance(tlv, SMPTLV) for tlv in tlvs) >= 3
    # late: the user has ended the conversation, and a new one has begun
    context.disconnect()
    context.processTLVs(tlvs)
    assert context.state == STATE_PLAINTEXT
    duo.alice.context.line = duo.bob.receive
    duo.start()
    before = everything(context)
    context.processTLVs(tlvs)
    assert everything(context) == before
    duo.bob.say(b"still private")
    assert duo.alice.texts[-1] == b"still private"


@pytest.mark.parametrize("state", [STATE_PLAINTEXT, STATE_ENCRYPTED, STATE_FINISHED])
def test_g24_disconnect_tlv_of_the_program_finishes_once(state):
    duo = Duo()
    context = duo.bob.context
    if state != STATE_PLAINTEXT:
        duo.start()
    if state == STATE_FINISHED:
        duo.alice.context.disconnect()
    duo.clear()
    for _ in range(2):
        context.processTLVs([DisconnectTLV()], appdata="mark")
        assert context.state == STATE_FINISHED
    assert len(context.changes) == (state != STATE_FINISHED)
    assert context.injected == []
    context.disconnect()
    assert context.state == STATE_PLAINTEXT
    duo.start()


def test_g24_end_by_the_peer_is_shown_though_an_override_keeps_it_or_raises():
    for failing in (False, True):
        duo = Duo(account=SeeingAccount).start()
        context = duo.bob.context
        context.passes = False
        line = duo.alice.context.crypto.seal(b"last words", tlvs=[DisconnectTLV()])
        if failing:
            context.seen = None  # the override raises
            with pytest.raises(AttributeError):
                context.receiveMessage(line)
        else:
            assert context.receiveMessage(line) == (b"last words", [DisconnectTLV()])
        assert context.state == STATE_FINISHED
        assert [change.after for change in context.changes].count(STATE_FINISHED) == 1


def test_g24_class_of_the_program_for_disconnect_still_finishes():
    class Ours(TLV):
        typ = 1

        @classmethod
        def parsePayload(cls, data):
            return cls()

        def getPayload(self):
            return b""

    duo = Duo().start()
    try:
        registertlv(Ours)
        duo.alice.context.disconnect()
    finally:
        tlvClasses[1] = DisconnectTLV
    assert type(duo.bob.tlvs[-1]) is Ours
    assert duo.bob.context.state == STATE_FINISHED


def test_g24_process_tlvs_takes_what_a_program_gives_it():
    context = Duo().start().bob.context
    before = everything(context)
    for tlvs in ([], (), [PaddingTLV(b"")], [SMP1TLV([1] * 6)], [object()]):
        assert context.processTLVs(tlvs) is None
    assert everything(context) == before
