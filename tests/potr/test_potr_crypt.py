"""The contract's sections 3 and 4: `crypt` and `compatcrypto`."""

import hashlib
import hmac

import pytest
from Crypto.Cipher import AES
from potr_apps import Duo, key_of

from otrfast.potr import compatcrypto, crypt
from otrfast.potr.compatcrypto import AESCTR, PK, Counter, DSAKey


def test_hashes_are_the_usual_ones():
    assert compatcrypto.SHA256(b"abc") == hashlib.sha256(b"abc").digest()
    assert compatcrypto.SHA1(b"abc") == hashlib.sha1(b"abc").digest()
    assert compatcrypto.SHA1HMAC(b"k", b"abc") == hmac.digest(b"k", b"abc", "sha1")
    assert compatcrypto.SHA256HMAC(b"k", b"abc") == hmac.digest(b"k", b"abc", "sha256")
    assert crypt.SHA256HMAC160(b"k", b"abc") == hmac.digest(b"k", b"abc", "sha256")[:20]


@pytest.mark.parametrize("counter", [0, 7, 2**64 - 1])
def test_aesctr_counts_from_the_prefix(counter):
    key = bytes(range(16))
    text = bytes(range(100))
    expected = AES.new(key, AES.MODE_CTR, nonce=counter.to_bytes(8, "big")).encrypt(text)
    assert AESCTR(key, counter).encrypt(text) == expected
    assert AESCTR(key, Counter(counter)).decrypt(expected) == text


def test_aesctr_is_one_stream_however_it_is_cut():
    key = bytes(range(16))
    whole = AESCTR(key, 5).encrypt(bytes(200))
    cipher = AESCTR(key, 5)
    assert b"".join(cipher.encrypt(bytes(n)) for n in (0, 1, 15, 16, 17, 3, 100, 48)) == whole


def test_aesctr_wants_a_number_or_a_counter():
    with pytest.raises(TypeError):
        AESCTR(bytes(16), "0")


def test_counter_starts_its_blocks_again_with_each_prefix():
    counter = Counter(1)
    assert counter() == bytes(7) + b"\x01" + bytes(8)
    assert counter() == bytes(7) + b"\x01" + bytes(7) + b"\x01"
    counter.inc()
    assert counter.byteprefix() == bytes(7) + b"\x02"
    assert counter.val == 0
    assert repr(counter) == "<Counter(p=2,v=0)>"


def test_random_numbers_stay_in_their_range():
    assert all(3 <= compatcrypto.randrange(3, 6) < 6 for _ in range(50))
    assert all(compatcrypto.getrandbits(9) < 512 for _ in range(50))


def test_check_group_and_check_exp():
    p, q = crypt.DH_MODULUS, crypt.SM_ORDER
    assert [n for n in (0, 1, 2, p - 2, p - 1, p) if crypt.check_group(n)] == [2, p - 2]
    assert [n for n in (0, 1, q - 1, q) if crypt.check_exp(n)] == [1, q - 1]


def test_dh_pairs_agree():
    ours, theirs = crypt.DH(), crypt.DH()
    sessions = crypt.DHSession.create(ours, theirs.pub), crypt.DHSession.create(theirs, ours.pub)
    assert sessions[0].keys.extra_key() == sessions[1].keys.extra_key()


def test_private_key_survives_its_serialisation_of_446_bytes():
    key = key_of("alice")
    data = key.serializePrivateKey()
    assert abs(len(data) - 446) <= 2  # a number may begin with a zero byte
    parsed, rest = PK.parsePrivateKey(data + b"rest")
    assert (parsed, rest) == (key, b"rest")
    assert parsed.serializePrivateKey() == data


def test_public_key_survives_its_serialisation():
    key = key_of("alice")
    parsed, rest = PK.parsePublicKey(key.serializePublicKey())
    assert (parsed, rest) == (key, b"")
    assert hash(parsed) == hash(key)
    assert parsed != key_of("bob")
    assert parsed != "a string"


def test_signatures_have_40_bytes_and_verify_with_the_public_half():
    key = key_of("alice")
    public = PK.parsePublicKey(key.serializePublicKey())[0]
    for data in (b"", b"text", bytes(32), b"\xff" * 32, b"\xff" * 64):
        signature = key.sign(data)
        assert len(signature) == 40
        assert public.verify(data, signature)
        assert not public.verify(data + b"x", signature)
    assert not public.verify(b"text", b"short")


def test_fingerprint_forms():
    key = key_of("alice")
    assert len(key.fingerprint()) == 20
    assert key.cfingerprint() == key.fingerprint().hex()
    assert str(key) == " ".join(key.cfingerprint()[i : i + 8] for i in range(0, 40, 8)).upper()
    assert repr(key) == f"<DSAKey(fpr='{key}')>"


def test_dsakey_is_made_from_numbers_in_the_order_y_g_p_q_x():
    p, q, g, y, x = key_of("alice").getPrivatePayload()
    assert DSAKey((y, g, p, q, x), private=True) == key_of("alice")
    assert DSAKey((y, g, p, q)).getPublicPayload() == (p, q, g, y)


@pytest.mark.parametrize(
    ("numbers", "private"),
    [((1, 2, 3), False), ((1, 2, 3, 4), True), ((1, 2, 3, 4, 5), False), ([1, 2, 3, 4], False)],
)
def test_dsakey_refuses_a_wrong_number_of_numbers(numbers, private):
    with pytest.raises(TypeError):
        DSAKey(numbers, private=private)


def test_a_public_key_neither_signs_nor_shows_a_private_number():
    public = PK.parsePublicKey(key_of("alice").serializePublicKey())[0]
    with pytest.raises(TypeError):
        public.sign(b"text")
    with pytest.raises(TypeError):
        public.serializePrivateKey()


def test_unknown_key_type_is_not_implemented():
    with pytest.raises(NotImplementedError):
        PK.parsePublicKey(b"\x12\x34rest")


def test_key_types_can_be_registered(monkeypatch):
    monkeypatch.setattr(compatcrypto.common, "pkTypes", dict(compatcrypto.pkTypes))

    @compatcrypto.registerkeytype
    class Other(PK):
        keyType = 0x1234  # noqa: N815

        @classmethod
        def parsePayload(cls, data, private=False):
            return cls(), data

    key, rest = PK.parsePublicKey(b"\x12\x34rest")
    assert isinstance(key, Other)
    assert rest == b"rest"
    with pytest.raises(TypeError):
        compatcrypto.registerkeytype(PK)


def test_generated_keys_are_new_each_time():
    first, second = compatcrypto.generateDefaultKey(), DSAKey.generate()
    assert first != second
    assert PK.parsePrivateKey(first.serializePrivateKey())[0].sign(b"text")


def test_cryptengine_before_during_and_after_a_key_exchange():
    duo = Duo(direct=False)
    crypto = duo.alice.context.crypto
    assert (crypto.theirPubkey, crypto.sessionId, crypto.smp, crypto.extraKey) == (None,) * 4
    assert (crypto.ake, crypto.theirKeyid, crypto.ourKeyid) == (None, 0, 0)
    duo.bob.receive(b"?OTRv2?")
    assert duo.bob.context.crypto.ake.state == crypt.STATE_AWAITING_DHKEY
    duo.alice.receive(duo.queue.popleft()[1])
    assert crypto.ake.state == crypt.STATE_AWAITING_REVEALSIG
    duo.bob.receive(duo.queue.popleft()[1])
    assert duo.bob.context.crypto.ake.state == crypt.STATE_AWAITING_SIG
    duo.deliver()
    bob = duo.bob.context.crypto
    assert crypto.ake is bob.ake is None
    assert crypto.theirPubkey == key_of("bob")
    assert bob.theirPubkey == key_of("alice")
    assert len(crypto.sessionId) == 8
    assert crypto.sessionId == bob.sessionId
    assert (bob.sessionIdHalf, crypto.sessionIdHalf) == (False, True)  # bob revealed
    assert (crypto.theirKeyid, crypto.ourKeyid) == (1, 2)
    assert len(crypto.extraKey) == 32
    assert crypto.extraKey == bob.extraKey
