"""The contract's section 5: `proto` and `utils`."""

import struct

import pytest

from otrfast.potr import proto, utils

MPIS = list(range(2, 13))


def test_utils_encode_and_read_counted_values():
    assert proto.pack_data(b"") == bytes(4)
    assert proto.pack_data(b"hello") == b"\0\0\0\x05hello"
    assert proto.read_data(b"\0\0\0\x05hello rest") == (b"hello", b" rest")
    assert proto.pack_mpi(0) == bytes(4)
    assert proto.pack_mpi(0x8001) == b"\0\0\0\x02\x80\x01"
    assert proto.read_mpi(b"\0\0\0\x02\x80\x01rest") == (0x8001, b"rest")
    assert proto.unpack(b"!HB", b"\x01\x02\x03rest") == (0x0102, 3, b"rest")
    assert proto.unpack("!B", b"\x01") == (1, b"")


def test_utils_refuse_what_is_cut_short():
    for read in (proto.read_data, proto.read_mpi):
        for data in (b"", b"\0\0\0", b"\0\0\0\x05hell"):
            with pytest.raises(struct.error):
                read(data)


def test_utils_turn_numbers_into_bytes_and_back():
    assert utils.bytes_to_long(b"") == 0
    assert utils.bytes_to_long(b"\x01\x00") == 256
    assert utils.long_to_bytes(0) == b""
    assert utils.long_to_bytes(256) == b"\x01\x00"
    assert utils.long_to_bytes(1, 4) == b"\0\0\0\x01"
    assert utils.byte_to_long(utils.long_to_byte(200)) == 200


def test_human_hash_has_five_groups():
    fingerprint = "0123456789abcdef0123456789abcdef01234567"
    assert utils.human_hash(fingerprint) == "01234567 89ABCDEF 01234567 89ABCDEF 01234567"
    assert utils.human_hash("0123456789") == "01 23 45 67 89"


def test_tags():
    assert proto.OTRTAG == b"?OTR"
    assert len(proto.MESSAGE_TAG_BASE) == 16
    assert sorted(proto.MESSAGE_TAGS) == [1, 2, 3]
    assert all(len(tag) == 8 for tag in proto.MESSAGE_TAGS.values())


@pytest.mark.parametrize(
    ("versions", "line"),
    [
        ({2}, b"?OTRv2?"),
        ({1}, b"?OTR?v?"),
        ({1, 2}, b"?OTR?v2?"),
        ({2, 3}, b"?OTRv23?"),
        (set(), b"?OTRv?"),
    ],
)
def test_query_bytes_and_back(versions, line):
    query = proto.Query(versions)
    assert bytes(query) == line
    assert proto.Query.parse(line.removeprefix(b"?OTR")) == query
    assert str(query) == line.decode()


def test_query_parses_bytes_alone():
    assert proto.Query.parse(b"?").versions == {1}
    assert proto.Query.parse(b"v24x") == proto.Query({2, 4})
    assert proto.Query.parse(b"").versions == set()
    with pytest.raises(TypeError):
        proto.Query.parse("v2?")


def test_tagged_plaintext_bytes_and_back():
    tagged = proto.TaggedPlaintext(b"hello", {2})
    assert bytes(tagged) == b"hello" + proto.MESSAGE_TAG_BASE + proto.MESSAGE_TAGS[2]
    assert proto.TaggedPlaintext.parse(bytes(tagged)) == tagged
    assert isinstance(tagged, proto.Query)
    assert tagged != proto.Query({2})
    with pytest.raises(TypeError):
        proto.TaggedPlaintext.parse(b"hello")


def test_error_bytes_and_text():
    error = proto.Error(b" what?")
    assert bytes(error) == b"?OTR Error: what?"
    assert str(error) == "?OTR Error: what?"
    assert error == proto.Error(b" what?") != proto.Error(b"what?")


@pytest.mark.parametrize(
    ("made", "values"),
    [
        (proto.DHCommit, (b"e" * 196, b"h" * 32)),
        (proto.DHKey, (b"y" * 192,)),
        (proto.RevealSig, (b"r" * 16, b"s" * 500, b"m" * 20)),
        (proto.Signature, (b"s" * 500, b"m" * 20)),
        (proto.DataMessage, (1, 2, 3, b"y" * 192, b"c" * 8, b"text", b"m" * 20, b"o" * 40)),
    ],
)
def test_messages_survive_their_encoding(made, values):
    message = made(*values)
    line = bytes(message)
    assert line.startswith(b"?OTR:AAI")
    assert line.endswith(b".")
    assert made.parsePayload(line[9:]) == message
    assert proto.parse(line) == message
    assert proto.messageClasses[message.version, message.msgtype] is made
    with pytest.raises(TypeError):
        made(*values, b"one more")
    for cut in (9 + 4, len(line) - 5):
        with pytest.raises((struct.error, ValueError)):
            made.parsePayload(line[9:cut])


def test_message_fields_are_attributes_that_can_be_set():
    message = proto.Signature(b"sig", b"m" * 20)
    message.mac = b"n" * 20
    assert message.mac == b"n" * 20
    assert message.getMacedData() == b"\0\0\0\x03sig"
    assert message != proto.Signature(b"sig", b"m" * 20)
    for attempt in (lambda: message.other, lambda: setattr(message, "other", 1)):
        with pytest.raises(AttributeError):
            attempt()


def test_data_message_maced_data_leaves_out_the_mac_and_what_follows():
    message = proto.DataMessage(0, 1, 2, b"y", b"c" * 8, b"text", b"m" * 20, b"old")
    assert (
        message.getMacedData()
        == (b"\0\x02\x03" + b"\0" + b"\0\0\0\x01" + b"\0\0\0\x02" + b"\0\0\0\x01y" + b"c" * 8)
        + b"\0\0\0\x04text"
    )


def test_ake_messages_are_told_from_data_messages():
    ake = (proto.DHCommit, proto.DHKey, proto.RevealSig, proto.Signature)
    assert all(issubclass(made, proto.AKEMessage) for made in ake)
    assert not issubclass(proto.DataMessage, proto.AKEMessage)
    assert issubclass(proto.DataMessage, proto.GenericOTRMessage)


def test_message_classes_can_be_described_and_registered(monkeypatch):
    monkeypatch.setattr(proto, "messageClasses", dict(proto.messageClasses))

    @proto.registermessage
    class Ping(proto.GenericOTRMessage):
        msgtype = 0x77
        fields = [("number", "!I"), ("tag", 3), ("text", "data")]  # noqa: RUF012

    message = Ping(7, b"abc", b"hello")
    assert Ping.parsePayload(bytes(message)[9:]) == message
    assert proto.parse(bytes(message)) == message
    assert "number=7" in repr(message)


TLVS = [
    (0, proto.PaddingTLV(b"xxx")),
    (1, proto.DisconnectTLV()),
    (2, proto.SMP1TLV(MPIS[:6])),
    (3, proto.SMP2TLV(MPIS)),
    (4, proto.SMP3TLV(MPIS[:8])),
    (5, proto.SMP4TLV(MPIS[:3])),
    (6, proto.SMPABORTTLV()),
    (7, proto.SMP1QTLV(b"why?", MPIS[:6])),
    (8, proto.ExtraKeyTLV(b"\0\0\0\x01", b"data")),
]


@pytest.mark.parametrize(("kind", "tlv"), TLVS)
def test_tlvs_survive_their_encoding(kind, tlv):
    data = bytes(tlv)
    assert struct.unpack("!HH", data[:4]) == (kind, len(data) - 4)
    assert proto.TLV.parse(data) == [tlv]
    assert tlv.typ == kind
    assert proto.tlvClasses[kind] is type(tlv)
    assert type(tlv).__name__ in repr(tlv)


def test_tlvs_are_parsed_in_order():
    tlvs = [tlv for _, tlv in TLVS]
    assert proto.TLV.parse(b"".join(map(bytes, tlvs))) == tlvs
    assert proto.TLV.parse(b"") == []


def test_smp_tlvs_have_a_family_and_smp1q_is_no_smp1():
    smp = [tlv for kind, tlv in TLVS if 2 <= kind <= 7]
    assert all(isinstance(tlv, proto.SMPTLV) for tlv in smp)
    assert not isinstance(smp[-1], proto.SMP1TLV)
    assert smp[-1].msg == b"why?"
    assert smp[-1].mpis == MPIS[:6]


@pytest.mark.parametrize("made", [proto.SMP1TLV, proto.SMP2TLV, proto.SMP3TLV, proto.SMP4TLV])
def test_smp_tlvs_refuse_a_wrong_number_of_numbers(made):
    with pytest.raises(TypeError):
        made([1, 2])
    with pytest.raises(TypeError):
        proto.SMPTLV([])


def test_tlvs_with_too_much_or_too_little_in_them():
    with pytest.raises(TypeError):
        proto.TLV.parse(b"\0\x01\0\x01x")
    with pytest.raises(TypeError):
        proto.TLV.parse(b"\0\x06\0\x01x")
    with pytest.raises(struct.error):
        proto.TLV.parse(b"\0\x01\0\x05x")


def test_unknown_tlv_is_raised_for_bytes_of_ones_own():
    with pytest.raises(proto.UnknownTLV):
        proto.TLV.parse(b"\x12\x34\0\0")


def test_tlv_classes_can_be_registered(monkeypatch):
    monkeypatch.setitem(proto.tlvClasses, 0x1234, None)

    @proto.registertlv
    class Mine(proto.TLV):
        typ = 0x1234

        def __init__(self, value):
            self.value = value

        def getPayload(self):
            return self.value

        @classmethod
        def parsePayload(cls, data):
            return cls(data)

    assert proto.TLV.parse(bytes(Mine(b"abc")))[0].value == b"abc"
    with pytest.raises(TypeError):
        proto.registertlv(proto.TLV)
