"""Hashes, HMAC and AES-CTR on random input of every length, against hashlib and pycryptodome."""

import hashlib
import hmac

import pytest
from Crypto.Cipher import AES

LENGTHS = range(1101)
CARRIES = [
    bytes(16),
    b"\xff" * 16,
    bytes(8) + b"\xff" * 8,
    bytes(8) + b"\xff" * 7 + b"\xf9",
    b"\xff" * 15 + b"\xf0",
    bytes(12) + b"\xff" * 4,
]


def aes_ctr(key, counter, data):
    return AES.new(key, AES.MODE_CTR, nonce=b"", initial_value=counter).encrypt(data)


def test_sha1_of_every_length(backend, rng):
    for length in LENGTHS:
        data = rng.randbytes(length)
        assert backend.sha1(data) == hashlib.sha1(data).digest(), length


def test_sha256_of_every_length(backend, rng):
    for length in LENGTHS:
        data = rng.randbytes(length)
        assert backend.sha256(data) == hashlib.sha256(data).digest(), length


def test_hmac_of_every_length(backend, rng):
    for length in LENGTHS:
        key, data = rng.randbytes(rng.randrange(150)), rng.randbytes(length)
        assert backend.hmac_sha1(key, data) == hmac.digest(key, data, "sha1"), length
        assert backend.hmac_sha256(key, data) == hmac.digest(key, data, "sha256"), length


def test_hmac_with_keys_of_every_length(backend, rng):
    for length in range(200):
        key, data = rng.randbytes(length), rng.randbytes(77)
        assert backend.hmac_sha1(key, data) == hmac.digest(key, data, "sha1"), length
        assert backend.hmac_sha256(key, data) == hmac.digest(key, data, "sha256"), length


def test_aes_ctr_of_every_length(backend, rng):
    for length in LENGTHS:
        key, counter, data = rng.randbytes(16), rng.randbytes(16), rng.randbytes(length)
        assert backend.aes_ctr(key, counter, data) == aes_ctr(key, counter, data), length


@pytest.mark.parametrize("counter", CARRIES, ids=bytes.hex)
def test_aes_ctr_when_the_counter_carries(backend, rng, counter):
    for length in (0, 1, 16, 17, 100, 128, 129, 255, 256, 257, 1000, 5000):
        key, data = rng.randbytes(16), rng.randbytes(length)
        assert backend.aes_ctr(key, counter, data) == aes_ctr(key, counter, data), length


@pytest.mark.parametrize("length", [4096, 65_535, 65_536, 300_001])
def test_large_input(backend, rng, length):
    key, counter, data = rng.randbytes(16), rng.randbytes(16), rng.randbytes(length)
    assert backend.sha1(data) == hashlib.sha1(data).digest()
    assert backend.sha256(data) == hashlib.sha256(data).digest()
    assert backend.aes_ctr(key, counter, data) == aes_ctr(key, counter, data)


def test_equal(backend, rng):
    for length in (0, 1, 7, 8, 20, 32, 1000):
        data = rng.randbytes(length)
        assert backend.equal(data, bytes(bytearray(data)))
        assert not backend.equal(data, data + b"\0")
        for at in range(length):
            other = bytearray(data)
            other[at] ^= 1 << rng.randrange(8)
            assert not backend.equal(data, bytes(other))


def test_aes_ctr_when_the_sizes_are_wrong_then_value_error(native):
    with pytest.raises(ValueError):
        native.aes_ctr(bytes(15), bytes(16), b"text")
    with pytest.raises(ValueError):
        native.aes_ctr(bytes(16), bytes(17), b"text")
