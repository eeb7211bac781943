"""What is derived from a shared secret, against the formulas written out with hashlib."""

import hashlib
import hmac

import pytest
from Crypto.Cipher import AES

from otrfast.crypto.group import P, element, number
from otrfast.errors import BadMac


def secbytes(secret):
    magnitude = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
    return len(magnitude).to_bytes(4, "big") + magnitude


def sha1(byte, secret):
    return hashlib.sha1(bytes([byte]) + secbytes(secret)).digest()


def sha256(byte, secret):
    return hashlib.sha256(bytes([byte]) + secbytes(secret)).digest()


def shared(backend, exponent, base):
    """The handle on base^exponent, and its value."""
    handle = backend.dh_key(exponent.to_bytes(40, "big")).agree(element(base))
    return handle, pow(base, exponent, P)


# the last ones make secrets with leading zero bytes, whose MPI is shorter than an element
SECRETS = [(0x1234567, 3), (2**319 + 5, P - 2), (1, 2**1520), (1, 2**1400 + 1), (1, 2), (7, 2)]


def ake_formulas(secret):
    """(c, m1, m2) of the responder and of the initiator."""
    c = sha256(1, secret)
    m1, m2, m1_prime, m2_prime = (sha256(n, secret) for n in range(2, 6))
    return (c[16:], m1_prime, m2_prime), (c[:16], m1, m2)


@pytest.mark.parametrize("initiator", [True, False])
@pytest.mark.parametrize(("exponent", "base"), SECRETS)
def test_ake_keys(backend, rng, exponent, base, initiator):
    handle, secret = shared(backend, exponent, base)
    keys = handle.ake_keys()
    c, m1, m2 = ake_formulas(secret)[initiator]
    own, other = element(base), element(2**1400 + 3)  # of both, leading zeros are left out
    raw, keyid = rng.randbytes(407), b"\0\0\0\1"
    signed = secbytes(number(own)) + secbytes(number(other)) + raw + keyid
    encrypted, mac = keys.seal(initiator, signed)
    assert keys.ssid == sha256(0, secret)[:8]
    cipher = AES.new(c, AES.MODE_CTR, nonce=b"", initial_value=bytes(16))
    assert encrypted == cipher.encrypt(signed)
    assert mac == hmac.digest(m2, len(signed).to_bytes(4, "big") + encrypted, "sha256")[:20]
    assert keys.open(initiator, encrypted, mac) == signed
    value = keys.signed_value(initiator, raw, own, other, keyid)
    assert value == hmac.digest(m1, signed, "sha256")


def test_ake_keys_when_an_x_is_damaged_or_of_the_other_side_then_refused(backend, rng):
    keys = shared(backend, 5, 3)[0].ake_keys()
    encrypted, mac = keys.seal(True, rng.randbytes(451))
    for bit in (0, 8 * len(encrypted) - 1):
        wrong = bytearray(encrypted)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadMac):
            keys.open(True, bytes(wrong), mac)
    for initiator, damaged in ((False, mac), (True, bytes(20)), (True, mac[::-1])):
        with pytest.raises(BadMac):
            keys.open(initiator, encrypted, damaged)


@pytest.mark.parametrize(("exponent", "base"), SECRETS)
def test_data_keys(backend, reference, exponent, base):
    handle, secret = shared(backend, exponent, base)
    for high, receive_byte in ((True, 2), (False, 1)):
        keys = handle.data_keys(high)
        receive_aes = sha1(receive_byte, secret)[:16]
        assert keys.receive_mac_key() == hashlib.sha1(receive_aes).digest()
        assert keys.extra_key() == sha256(0xFF, secret)


def test_data_keys_when_one_side_is_high_then_they_fit(backend, rng):
    x, y = backend.dh_key(rng.randbytes(40)), backend.dh_key(rng.randbytes(40))
    high = number(x.public) > number(y.public)
    ours, theirs = x.agree(y.public).data_keys(high), y.agree(x.public).data_keys(not high)
    assert ours.receive_mac_key() != theirs.receive_mac_key()
    assert ours.extra_key() == theirs.extra_key()


def test_fresh_data_keys_have_counted_nothing(backend):
    keys = shared(backend, 5, 3)[0].data_keys(True)
    assert keys.send_counter == 0
    assert keys.receive_counter == 0
    assert keys.verified is False
