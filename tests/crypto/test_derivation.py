"""What is derived from a shared secret, against the formulas written out with hashlib."""

import hashlib

import pytest

from otrfast.crypto.group import P, element, number


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


@pytest.mark.parametrize(("exponent", "base"), SECRETS)
def test_ake_keys(backend, exponent, base):
    handle, secret = shared(backend, exponent, base)
    keys = handle.ake_keys()
    assert keys.ssid == sha256(0, secret)[:8]
    assert keys.c + keys.c_prime == sha256(1, secret)
    assert keys.m1 == sha256(2, secret)
    assert keys.m2 == sha256(3, secret)
    assert keys.m1_prime == sha256(4, secret)
    assert keys.m2_prime == sha256(5, secret)


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
