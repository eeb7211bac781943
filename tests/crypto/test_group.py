"""The group of RFC 3526: exponentiation, agreement, SMP's arithmetic, against Python's `pow`."""

import pytest

from otrfast.crypto.group import P, Q, element, number
from otrfast.errors import NotInGroup

OUTSIDE = [0, 1, P - 1, P, P + 1, 2**1536 - 1]
INSIDE = [2, 3, Q, P - 3, P - 2, 2**64, 2**1472]


def scaled_pi(bits):
    """floor(2^bits * pi), by Machin's formula with bits to spare."""
    one = 1 << (bits + 64)

    def arctan_of_inverse(n):
        term = total = one // n
        sign, odd = -1, 3
        while term:
            term //= n * n
            total += sign * (term // odd)
            sign, odd = -sign, odd + 2
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239)) >> 64


def test_prime_is_that_of_rfc_3526():
    assert 2**1536 - 2**1472 - 1 + 2**64 * (scaled_pi(1406) + 741804) == P
    assert pow(2, Q, P) == 1


def test_public_of_known_exponents(backend):
    for exponent, public in [(1, 2), (2, 4), (191, 2**191), (320 - 1, 2**319)]:
        assert number(backend.dh_key(exponent.to_bytes(40, "big")).public) == public
    assert number(backend.dh_key(bytes(40)).public) == 1
    assert number(backend.dh_key(b"\xff" * 40).public) == pow(2, 2**320 - 1, P)


def test_public_of_random_exponents(backend, rng):
    for _ in range(20):
        exponent = rng.randbytes(40)
        assert number(backend.dh_key(exponent).public) == pow(2, number(exponent), P)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 17])
def test_dh_keys_are_dh_key_for_each(backend, rng, count):
    exponents = [rng.randbytes(40) for _ in range(count)]
    expected = [backend.dh_key(exponent).public for exponent in exponents]
    assert [key.public for key in backend.dh_keys(exponents)] == expected


def test_agree_when_both_sides_do_then_same_keys(backend, reference, rng):
    for _ in range(5):
        x, y = rng.randbytes(40), rng.randbytes(40)
        mine, theirs = backend.dh_key(x), reference.dh_key(y)
        keys = mine.agree(theirs.public).ake_keys()
        assert keys.ssid == theirs.agree(mine.public).ake_keys().ssid


@pytest.mark.parametrize("value", OUTSIDE)
def test_agree_when_outside_the_group_then_refused(backend, value):
    with pytest.raises(NotInGroup):
        backend.dh_key(bytes(39) + b"\5").agree(element(value))


@pytest.mark.parametrize("count", [0, 1, 3, 8, 11])
def test_agree_many_is_agree_for_each(backend, rng, count):
    pairs = []
    for i in range(count):
        public = rng.choice(OUTSIDE) if i % 3 == 2 else rng.randrange(2, P - 1)
        pairs.append((backend.dh_key(rng.randbytes(40)), element(public)))
    for (key, public), shared in zip(pairs, backend.agree_many(pairs), strict=True):
        if backend.in_group(public):
            assert shared.ake_keys().ssid == key.agree(public).ake_keys().ssid
        else:
            assert shared is None


def test_in_group(backend):
    assert all(backend.in_group(element(value)) for value in INSIDE)
    assert not any(backend.in_group(element(value)) for value in OUTSIDE)


@pytest.mark.parametrize("length", [0, 1, 40, 191, 192])
def test_exponent_modexp(backend, rng, length):
    value = rng.randbytes(length)
    base = rng.randrange(2, P - 1)
    exponent = backend.exponent(value)
    assert number(exponent.modexp_g()) == pow(2, number(value), P)
    assert number(exponent.modexp(element(base))) == pow(base, number(value), P)


def test_exponent_modexp_at_the_edges(backend):
    for value in (0, 1, Q - 1, Q, P - 1, 2**1536 - 1):
        exponent = backend.exponent(value.to_bytes(192, "big"))
        assert number(exponent.modexp_g()) == pow(2, value, P)
        assert number(exponent.modexp(element(P - 2))) == pow(P - 2, value, P)


def test_response(backend, rng):
    for _ in range(20):
        r, secret = rng.randrange(2**1536), rng.randrange(2**1536)
        challenge = rng.randbytes(32)
        answer = backend.exponent(element(r)).response(backend.exponent(element(secret)), challenge)
        assert number(answer) == (r - secret * number(challenge)) % Q


def test_response_at_the_edges(backend):
    for r in (0, 1, Q, 2**1536 - 1):
        for secret in (0, 1, Q - 1, Q, 2**1536 - 1):
            for challenge in (0, 1, 2**256 - 1):
                answer = backend.exponent(element(r)).response(
                    backend.exponent(element(secret)), challenge.to_bytes(32, "big")
                )
                assert number(answer) == (r - secret * challenge) % Q


def test_response_when_of_two_backends_then_type_error(backend, reference):
    other = reference.exponent(b"\1")
    mine = backend.exponent(b"\1")
    if type(mine) is type(other):
        return
    with pytest.raises(TypeError):
        mine.response(other, bytes(32))


def test_double_modexp(backend, rng):
    for first, second in [(1, 1), (32, 192), (192, 32), (192, 192), (40, 20)]:
        a, b = rng.randrange(2, P - 1), rng.randrange(2, P - 1)
        e, f = rng.randbytes(first), rng.randbytes(second)
        expected = pow(a, number(e), P) * pow(b, number(f), P) % P
        assert number(backend.double_modexp(element(a), e, element(b), f)) == expected


def test_double_modexp_when_an_exponent_is_zero(backend):
    a, b = element(5), element(7)
    assert number(backend.double_modexp(a, b"\0", b, b"\3")) == 343
    assert number(backend.double_modexp(a, b"\2", b, b"\0")) == 25
    assert number(backend.double_modexp(a, b"\0", b, b"\0")) == 1


def test_multiply_and_divide(backend, rng):
    values = [1, 2, P - 1, P - 2, *(rng.randrange(1, P) for _ in range(10))]
    for a in values:
        for b in values:
            product = backend.multiply(element(a), element(b))
            assert number(product) == a * b % P
            assert number(backend.divide(product, element(b))) == a


def test_elements_of_the_wrong_size_are_refused(native):
    key = native.dh_key(bytes(39) + b"\5")
    for call in (key.agree, native.in_group, native.exponent(b"\1").modexp):
        with pytest.raises(ValueError):
            call(bytes(191))
    with pytest.raises(ValueError):
        native.dh_key(bytes(39))
    with pytest.raises(ValueError):
        native.exponent(bytes(193))
    with pytest.raises(ValueError):
        native.multiply(bytes(192), bytes(193))


@pytest.mark.parametrize("value", [2, 3, P - 2, (P - 1) // 2, 2**1535 + 12345])
def test_base_when_powers_are_taken_then_those_of_the_element(backend, rng, value):
    base = backend.fixed_base(element(value))
    exponents = [0, 1, 2, 2**256 - 1, (P - 1) // 2, P - 1, 2**1536 - 1, rng.getrandbits(1536)]
    for exponent in exponents:
        secret = backend.exponent(exponent.to_bytes(192, "big"))
        assert base.modexp(secret) == element(pow(value, exponent, P))
    other = rng.randrange(2, P - 1)
    for exponent, short in zip(
        exponents, [0, 1, 2**256 - 1, *[rng.getrandbits(256)] * 5], strict=True
    ):
        raw, challenge = exponent.to_bytes(192, "big"), short.to_bytes(32, "big")
        expected = element(pow(value, exponent, P) * pow(other, short, P) % P)
        assert base.double_modexp(raw, element(other), challenge) == expected
        assert backend.double_modexp(element(value), raw, element(other), challenge) == expected


@pytest.mark.parametrize("value", OUTSIDE)
def test_base_when_outside_the_group_then_refused(backend, value):
    with pytest.raises(NotInGroup):
        backend.fixed_base(element(value))
