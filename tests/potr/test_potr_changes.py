"""The faults of potr that the layer does not have (the contract's section 6, and the list in the
package's docstring)."""

import logging

import pytest
from potr_apps import AppAccount, Duo, key_of

from otrfast.potr import context, crypt, proto
from otrfast.potr.context import STATE_ENCRYPTED, NotOTRMessage, UnencryptedMessage
from otrfast.potr.utils import pack_data, pack_mpi

TAG = proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[2]


class AnyTLV(proto.TLV):
    def __init__(self, typ, value):
        self.typ = typ
        self.value = value

    def getPayload(self):
        return self.value


def test_an_unknown_tlv_is_skipped_and_the_text_is_kept():
    duo = Duo().start()
    padding = proto.PaddingTLV(b"xx")
    duo.alice.say(b"hello", tlvs=[AnyTLV(0x100, b"?"), padding, AnyTLV(0x101, b"")])
    duo.alice.say(b"again")
    assert duo.bob.texts == [b"hello", b"again"]
    assert duo.bob.tlvs == [padding]


def test_a_malformed_tlv_is_skipped_and_the_text_is_kept():
    duo = Duo().start()
    padding = proto.PaddingTLV(b"xx")
    duo.alice.say(b"hello", tlvs=[AnyTLV(2, b"\xff" * 9), AnyTLV(7, b"no zero"), padding])
    assert duo.bob.texts == [b"hello"]
    assert duo.bob.tlvs == [padding]
    duo.alice.say(b"bye", tlvs=[AnyTLV(1, b"too much")])
    assert duo.bob.texts == [b"hello", b"bye"]
    assert duo.bob.context.state == context.STATE_FINISHED


def test_text_after_a_tag_is_kept():
    ctx = AppAccount("alice").getContext("bob")
    with pytest.raises(NotOTRMessage) as received:
        ctx.receiveMessage(b"before" + TAG + b"after")
    assert received.value.args == (b"beforeafter",)


def test_a_tagged_text_in_plaintext_is_no_matter_of_the_session_that_it_starts():
    duo = Duo()
    with pytest.raises(NotOTRMessage):
        duo.bob.context.receiveMessage(b"hello" + TAG)
    assert duo.bob.context.state == STATE_ENCRYPTED


@pytest.mark.parametrize("line", [b"hello", b"hello" + TAG, b"?OTRx hello", b"?OTR:hello"])
def test_plain_text_in_a_secure_session_is_told_from_private_text(line):
    duo = Duo().start()
    with pytest.raises(UnencryptedMessage):
        duo.bob.context.receiveMessage(line)


def test_a_plain_text_rejects_our_tags():
    duo = Duo(SEND_TAG=True)
    duo.bob.context.policies["SEND_TAG"] = False
    duo.alice.say(b"hello")
    duo.bob.say(b"hello")
    assert duo.alice.context.tagOffer in (context.OFFER_REJECTED, context.OFFER_ACCEPTED)
    ctx = AppAccount("alice", SEND_TAG=True).getContext("bob")
    ctx.sendMessage(0, b"hello")
    with pytest.raises(NotOTRMessage):
        ctx.receiveMessage(b"hello")
    assert ctx.tagOffer == context.OFFER_REJECTED


@pytest.mark.parametrize("gx", [0, 1, crypt.DH_MODULUS - 1, crypt.DH_MODULUS])
def test_reveal_signature_with_a_value_outside_the_group_is_refused(gx):
    ctx = AppAccount("alice").getContext("bob")
    key = bytes(16)
    encoded = pack_mpi(gx)
    commit = proto.DHCommit(crypt.AESCTR(key).encrypt(encoded), crypt.SHA256(encoded))
    assert ctx.receiveMessage(bytes(commit)) == (None, [])
    reveal = proto.RevealSig(key, bytes(100), bytes(20))
    with pytest.raises(crypt.InvalidParameterError):
        ctx.receiveMessage(bytes(reveal))
    assert ctx.changes == []
    assert len(ctx.injected) == 1


@pytest.mark.parametrize("gy", [0, 1, crypt.DH_MODULUS - 1, crypt.DH_MODULUS])
def test_a_dh_key_outside_the_group_is_ignored(gy):
    ctx = AppAccount("alice").getContext("bob")
    ctx.authStartV2()
    line = bytes(proto.DHKey(gy.to_bytes(192, "big")))
    assert ctx.receiveMessage(line) == (None, [])
    assert len(ctx.injected) == 1
    assert ctx.crypto.ake.state == crypt.STATE_AWAITING_DHKEY


def test_simultaneous_key_exchanges_end_encrypted():
    for _ in range(4):  # either commitment may be the higher one
        duo = Duo(direct=False)
        duo.alice.receive(b"?OTRv2?")
        duo.bob.receive(b"?OTRv2?")
        duo.deliver()
        duo.alice.say(b"hello")
        duo.bob.say(b"hello")
        duo.deliver()
        assert (duo.alice.texts, duo.bob.texts) == ([b"hello"], [b"hello"])


def test_simultaneous_key_exchanges_end_encrypted_when_inject_calls_back():
    duo = Duo()
    for side in (duo.alice, duo.bob):
        side.context.authStartV2()
    duo.alice.say(b"hello")
    assert duo.bob.texts == [b"hello"]


def test_messages_of_the_key_exchange_in_the_wrong_state_are_ignored():
    lines = []
    duo = Duo(direct=False)
    duo.bob.receive(b"?OTRv2?")
    while duo.queue:
        to, line = duo.queue.popleft()
        lines.append(line)
        to.receive(line)
    dh_key, reveal, signature = lines[1:]
    ctx = AppAccount("somebody").getContext("else")
    for line in (dh_key, reveal, signature):
        assert ctx.receiveMessage(line) == (None, [])
    ctx.authStartV2()
    for line in (reveal, signature):
        assert ctx.receiveMessage(line) == (None, [])
    assert ctx.state == context.STATE_PLAINTEXT
    for line in lines[1:]:
        for side in (duo.alice, duo.bob):
            assert side.context.receiveMessage(line) == (None, [])
    duo.alice.say(b"hello")
    duo.deliver()
    assert duo.bob.texts == [b"hello"]


def test_what_is_sent_from_inside_set_state_goes_out_behind_the_signature():
    for direct in (False, True):
        duo = Duo(direct=direct)
        for side in (duo.alice, duo.bob):
            side.context.on_state = lambda state, side=side: side.say(b"from inside")
        duo.bob.receive(b"?OTRv2?")
        duo.deliver()
        assert duo.alice.texts == duo.bob.texts == [b"from inside"]
        assert duo.alice.troubles == duo.bob.troubles == []


def test_what_is_left_to_the_caller_inside_set_state_comes_behind_the_signature_too():
    duo = Duo(direct=False)
    alice = duo.alice.context

    def answer(state):
        line = alice.sendMessage(context.FRAGMENT_SEND_ALL_BUT_LAST, b"from inside")
        duo.queue.append((duo.bob, line))

    alice.on_state = answer
    duo.bob.receive(b"?OTRv2?")
    duo.deliver()
    assert duo.bob.texts == [b"from inside"]


def test_fields_that_are_cut_short_are_refused():
    ctx = AppAccount("alice").getContext("bob")
    whole = bytes(proto.DHCommit(b"x" * 196, b"h" * 32))
    raw = proto.DHCommit.parsePayload(whole[9:])
    assert raw.encgx == b"x" * 196
    cut = proto.Encoded(whole[:100] + b".")
    with pytest.raises(NotOTRMessage):
        ctx.receiveMessage(bytes(cut))
    assert ctx.injected == []


@pytest.mark.parametrize("damage", [b"mac", b"key"])
def test_a_signature_that_does_not_hold_is_refused_and_the_exchange_goes_on(damage):
    duo = Duo(direct=False)
    duo.bob.receive(b"?OTRv2?")
    for _ in range(3):
        to, line = duo.queue.popleft()
        to.receive(line)
    _, line = duo.queue.popleft()
    signature = proto.parse(line)
    if damage == b"mac":
        signature.mac = bytes(20)
    else:
        signature.encsig = bytes(len(signature.encsig))
    with pytest.raises(crypt.InvalidParameterError):
        duo.bob.context.receiveMessage(bytes(signature))
    assert duo.bob.context.changes == []
    duo.bob.receive(line)
    assert duo.bob.context.state == STATE_ENCRYPTED


def test_a_line_that_fails_does_not_come_out_later():
    duo = Duo(direct=False).start()
    ctx = duo.alice.context
    ctx.user.maxMessageSize = 100

    def broken(msg, appdata=None):
        raise ConnectionError

    ctx.inject, inject = broken, ctx.inject
    with pytest.raises(ConnectionError):
        ctx.sendMessage(0, b"x" * 500)
    ctx.inject = inject
    duo.clear()
    ctx.sendMessage(0, b"whole")
    assert ctx.lines[0].startswith(b"?OTR,00001,")


def test_nothing_secret_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    duo = Duo()
    duo.start()
    secrets = [b"the text that is private", b"the smp secret"]
    duo.alice.say(secrets[0])
    duo.alice.context.smpInit(secrets[1])
    duo.bob.context.smpGotSecret(secrets[1])
    secrets.append(duo.alice.context.getExtraKey(b"\0\0\0\x01"))
    duo.bob.say(secrets[0])
    with pytest.raises(crypt.InvalidParameterError):
        duo.alice.context.receiveMessage(duo.bob.context.lines[-1])
    duo.alice.say(secrets[0], tlvs=[AnyTLV(0x100, secrets[1])])
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "refused" in logged  # it logs the refusal
    private = key_of("alice").getPrivatePayload()[-1]
    for secret in (*secrets, private.to_bytes(20, "big")):
        for form in (repr(secret)[2:-1], secret.hex(), str(int.from_bytes(secret, "big"))):
            assert form not in logged


def test_what_a_peer_can_make_us_keep_is_bounded():
    duo = Duo(direct=False).start()
    limit = duo.accounts[0].LIMITS.message_size
    line = b"?OTR:AAID" + b"A" * limit + b"."
    with pytest.raises(UnencryptedMessage):
        duo.alice.context.receiveMessage(line)
    commit = pack_data(b"x" * 1000) + pack_data(b"h" * 32)
    big = proto.wire.encode_message(b"\0\x02\x02" + commit)
    assert duo.alice.context.receiveMessage(big) == (None, [])
    assert duo.alice.context.crypto.ake is None


def test_a_forked_process_does_not_go_on_with_its_parents_keys():
    duo = Duo(direct=False).start()
    ctx = duo.alice.context
    ctx.user._engineAccount.abandon_after_fork()
    with pytest.raises(crypt.InvalidParameterError):
        ctx.sendMessage(0, b"text")
    ctx.disconnect()
    ctx.state = context.STATE_PLAINTEXT
    duo.start()
    duo.alice.say(b"again")
    duo.deliver()
    assert duo.bob.texts == [b"again"]
