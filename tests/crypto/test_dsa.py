"""DSA against pycryptodome's own arithmetic, and against keys that must not get through."""

import copy
import pickle

import pytest
from Crypto.PublicKey import DSA

from otrfast._records import replace
from otrfast.crypto.backend import DsaNumbers
from otrfast.crypto.pure import pure_backend

KEY = pure_backend("gmpy2").dsa_generate(b"a seed that tests use, 32 bytes.")
NUMBERS, SECRET = KEY.numbers, KEY.private_number()


def theirs(numbers=NUMBERS, x=SECRET):
    """The key as pycryptodome has it."""
    return DSA.construct((numbers.y, numbers.g, numbers.p, numbers.q, x))


def halves(signature):
    return int.from_bytes(signature[:20], "big"), int.from_bytes(signature[20:], "big")


def test_signature_verifies_with_pycryptodome(backend, rng):
    key = backend.dsa_key(NUMBERS, SECRET)
    for _ in range(10):
        value = rng.randbytes(32)
        signature = key.sign(value, rng.randbytes(32))
        assert len(signature) == 40
        number = int.from_bytes(value, "big") % NUMBERS.q
        assert theirs()._verify(number, halves(signature))
        assert backend.dsa_verify(NUMBERS, value, signature)


def test_signature_of_pycryptodome_verifies(backend, rng):
    for _ in range(10):
        value = rng.randbytes(32)
        number = int.from_bytes(value, "big") % NUMBERS.q
        r, s = theirs()._sign(number, rng.randrange(1, NUMBERS.q))
        signature = int(r).to_bytes(20, "big") + int(s).to_bytes(20, "big")
        assert backend.dsa_verify(NUMBERS, value, signature)


def test_signature_is_the_same_from_every_backend(backend, reference, rng):
    for value in (bytes(32), b"\xff" * 32, rng.randbytes(32)):
        random = rng.randbytes(32)
        expected = reference.dsa_key(NUMBERS, SECRET).sign(value, random)
        assert backend.dsa_key(NUMBERS, SECRET).sign(value, random) == expected


def test_signature_when_the_value_or_the_random_differs_then_another_nonce(backend):
    key = backend.dsa_key(NUMBERS, SECRET)
    signatures = [
        key.sign(bytes(32), bytes(32)),
        key.sign(bytes(31) + b"\1", bytes(32)),
        key.sign(bytes(32), bytes(31) + b"\1"),
    ]
    assert len({signature[:20] for signature in signatures}) == 3
    assert key.sign(bytes(32), bytes(32)) == signatures[0]


def test_verify_when_a_bit_is_flipped_then_false(backend, rng):
    value = rng.randbytes(32)
    signature = KEY.sign(value, rng.randbytes(32))
    for at in range(0, 40, 3):
        wrong = bytearray(signature)
        wrong[at] ^= 1 << rng.randrange(8)
        assert not backend.dsa_verify(NUMBERS, value, bytes(wrong))
    for at in range(0, 32, 5):
        wrong = bytearray(value)
        wrong[at] ^= 1 << rng.randrange(8)
        assert not backend.dsa_verify(NUMBERS, bytes(wrong), signature)


def test_verify_when_r_or_s_is_out_of_range_then_false(backend, rng):
    value = rng.randbytes(32)
    r, s = halves(KEY.sign(value, rng.randbytes(32)))
    for pair in ((0, s), (r, 0), (NUMBERS.q, s), (r, NUMBERS.q), (0, 0), (2**160 - 1, s)):
        signature = pair[0].to_bytes(20, "big") + pair[1].to_bytes(20, "big")
        assert not backend.dsa_verify(NUMBERS, value, signature)


def test_verify_when_the_signature_has_another_size_then_false(backend, rng):
    value = rng.randbytes(32)
    signature = KEY.sign(value, rng.randbytes(32))
    for wrong in (b"", signature[:39], signature + b"\0"):
        assert not backend.dsa_verify(NUMBERS, value, wrong)


def test_check_when_sound_then_true(backend):
    assert backend.dsa_check(NUMBERS)
    assert backend.dsa_examine(NUMBERS.p, NUMBERS.q, bytes(32))


def unsound():
    p, q, g, y = NUMBERS
    return {
        "g is 1": replace(NUMBERS, g=1),
        "g is 0": replace(NUMBERS, g=0),
        "y is 1": replace(NUMBERS, y=1),
        "y is 0": replace(NUMBERS, y=0),
        "g and y are 1": replace(NUMBERS, g=1, y=1),
        "g is p-1": replace(NUMBERS, g=p - 1),
        "y is p-1": replace(NUMBERS, y=p - 1),
        "y is p": replace(NUMBERS, y=p),
        "y is y+p": replace(NUMBERS, y=y + p),
        "y of another order": replace(NUMBERS, y=p - y),
        "g of another order": replace(NUMBERS, g=p - g),
        "q does not divide p-1": replace(NUMBERS, q=q + 2),
        "q is short": replace(NUMBERS, q=q >> 8),
        "q is 0": replace(NUMBERS, q=0),
        "p is short": replace(NUMBERS, p=p >> 8),
        "p is even": replace(NUMBERS, p=p + 1),
        "p is 0": replace(NUMBERS, p=0),
        "p is huge": replace(NUMBERS, p=p << 4096 | 1),
        "all are 0": DsaNumbers(0, 0, 0, 0),
    }


@pytest.mark.parametrize("name", unsound())
def test_check_when_unsound_then_false(backend, name):
    assert not backend.dsa_check(unsound()[name])
    numbers = unsound()[name]
    assert backend.dsa_examine(numbers.p, numbers.q, bytes(32)) in (False, True)


@pytest.mark.parametrize("name", unsound())
def test_verify_with_an_unsound_key_does_not_fail(backend, rng, name):
    value = rng.randbytes(32)
    assert backend.dsa_verify(unsound()[name], value, bytes(39) + b"\1") in (False, True)


def test_key_when_its_numbers_do_not_fit_then_value_error(backend):
    for x in (0, SECRET + 1, NUMBERS.q, -1, 2**200):
        with pytest.raises(ValueError):
            backend.dsa_key(NUMBERS, x)
    with pytest.raises(ValueError):
        backend.dsa_key(replace(NUMBERS, p=NUMBERS.p << 64), SECRET)


def test_sign_and_generate_when_a_length_is_wrong_then_value_error(native, rng):
    key = native.dsa_key(NUMBERS, SECRET)
    for lengths in ((31, 32), (32, 33), (0, 32), (32, 0)):
        with pytest.raises(ValueError, match="32 bytes expected"):
            key.sign(*map(rng.randbytes, lengths))
    with pytest.raises(ValueError, match="32 bytes expected"):
        native.dsa_generate(bytes(31))
    with pytest.raises(ValueError, match="32 bytes expected"):
        native.dsa_verify(NUMBERS, bytes(31), bytes(40))


@pytest.mark.parametrize("wrong", [None, 5, "text", bytearray(32)])
def test_dsa_takes_bytes_alone(native, wrong):
    key = native.dsa_key(NUMBERS, SECRET)
    for call in (
        lambda: key.sign(wrong, bytes(32)),
        lambda: key.sign(bytes(32), wrong),
        lambda: native.dsa_generate(wrong),
        lambda: native.dsa_verify(NUMBERS, wrong, bytes(40)),
        lambda: native.dsa_verify(NUMBERS, bytes(32), wrong),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(TypeError, match="2 arguments expected, 1 given"):
        key.sign(bytes(32))


def test_sign_when_the_numbers_allow_no_signature_then_value_error(backend):
    key = backend.dsa_key(replace(NUMBERS, g=0, y=0), SECRET)
    with pytest.raises(ValueError, match="DSA numbers that cannot be used"):
        key.sign(bytes(32), bytes(32))


def test_key_gives_its_numbers_back(backend):
    key = backend.dsa_key(NUMBERS, SECRET)
    assert key.numbers == NUMBERS
    assert key.private_number() == SECRET


def test_key_prints_nothing_and_stays_here(backend):
    key = backend.dsa_key(NUMBERS, SECRET)
    assert repr(key) == f"<{type(key).__name__}: redacted>"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(key)


def test_generated_key_is_sound(backend, rng):
    if backend.name == "pure":
        return  # its arithmetic is that of gmpy2 on a slower `pow`: seconds for a key
    key = backend.dsa_generate(rng.randbytes(32))
    assert key.numbers.p.bit_length() == 1024
    assert key.numbers.q.bit_length() == 160
    assert backend.dsa_check(key.numbers)
    assert backend.dsa_examine(key.numbers.p, key.numbers.q, rng.randbytes(32))
    assert pow(key.numbers.g, key.private_number(), key.numbers.p) == key.numbers.y
    value = rng.randbytes(32)
    assert backend.dsa_verify(key.numbers, value, key.sign(value, rng.randbytes(32)))


def test_generated_key_follows_from_its_seed(native):
    first, second = native.dsa_generate(bytes(32)), native.dsa_generate(bytes(32))
    assert first.numbers == second.numbers
    assert first.numbers != native.dsa_generate(b"\1" * 32).numbers
