"""The examination of a peer's primes: what it refuses, what it may let through, and what it
costs (docs/arithmetic.md, "A peer's primes")."""

from __future__ import annotations

import random

import gmpy2
import pytest

from otrfast._records import replace
from otrfast.crypto import dsa_numbers
from otrfast.crypto.backend import Backend, DsaNumbers
from otrfast.crypto.pure import pure_backend

Q = 0xAD0F6FAD89F68F4811D1E87BCC3BD7400A9FFD29
RATIO = (
    int(
        "36679477169245129108264909306481623082572666538427968867756"
        "87987394735363079708513146509153498041287356439"
    )
    * Q
)
"""An odd m for which 2 m + 1 and 4 m + 1 are prime: their product of 1024 bits passes Miller-Rabin
with a quarter of all bases, more than any other number."""

CARMICHAEL = 425099359943822503888264946282016455658342245048692095 * Q
"""A k for which 6 k + 1, 12 k + 1 and 18 k + 1 are prime: their product of 1024 bits passes
Fermat's test with every base, and Miller-Rabin with an eighth of them."""


def next_prime(order: random.Random, bits: int, q: int) -> int:
    """A random prime of this size that is 1 modulo 2 q."""
    while True:
        p = order.getrandbits(bits - 2) | 3 << (bits - 2)
        p -= (p - 1) % (2 * q)
        if p.bit_length() == bits and gmpy2.is_prime(p):
            return p


def of_order(q: int, factors: list[int]) -> int:
    """An element that has order q modulo each of the factors."""
    element, product = 0, 1
    for factor in factors:
        part = next(
            c for h in range(2, 99) if (c := int(gmpy2.powmod(h, (factor - 1) // q, factor))) != 1
        )
        element += product * ((part - element) * int(gmpy2.invert(product, factor)) % factor)
        product *= factor
    return element


def numbers_of(q: int, factors: list[int]) -> DsaNumbers:
    p = 1
    for factor in factors:
        p *= factor
    g = of_order(q, factors)
    return DsaNumbers(p, q, g, int(gmpy2.powmod(g, 12345, p)))


def composite(kind: str) -> DsaNumbers:
    """Numbers that `dsa_check` takes, and that are not what they should be."""
    order = random.Random(kind)
    match kind:
        case "p of two primes":
            return numbers_of(Q, [next_prime(order, 512, Q) for _ in range(2)])
        case "p of three primes":
            return numbers_of(Q, [next_prime(order, bits, Q) for bits in (342, 341, 341)])
        case "p a square":
            return numbers_of_square(order)
        case "p a Carmichael number":
            return numbers_of(Q, [factor * CARMICHAEL + 1 for factor in (6, 12, 18)])
        case "p of two primes in a ratio":
            return numbers_of(Q, [factor * RATIO + 1 for factor in (2, 4)])
        case "g is 1 modulo a factor of p":
            factors = [next_prime(order, 512, Q) for _ in range(2)]
            h = of_order(Q, factors[:1])
            step = factors[0] * int(gmpy2.invert(factors[0], factors[1]))
            g = (h + step * (1 - h)) % (factors[0] * factors[1])
            return DsaNumbers(factors[0] * factors[1], Q, g, g)
        case "q of two primes":
            while True:
                q = int(gmpy2.next_prime(order.getrandbits(80) | 3 << 78))
                q *= int(gmpy2.next_prime(order.getrandbits(80) | 3 << 78))
                if q.bit_length() == 160:
                    break
            p = next_prime(order, 1024, q)
            return numbers_of(q, [p])
    raise AssertionError(kind)


def numbers_of_square(order: random.Random) -> DsaNumbers:
    r = next_prime(order, 512, Q)
    p = r * r
    return DsaNumbers(p, Q, g := int(gmpy2.powmod(3, r * (r - 1) // Q, p)), g)


REFUSED = (
    "p of two primes",
    "p of three primes",
    "p a square",
    "q of two primes",
)


@pytest.mark.parametrize("kind", REFUSED)
def test_examine_when_a_number_is_not_prime_then_false_for_every_secret(
    backend: Backend, rng, kind: str
):
    numbers = composite(kind)
    assert backend.dsa_check(numbers)  # nothing else tells
    for _ in range(4 if backend.name == "pure" else 40):
        assert not backend.dsa_examine(numbers.p, numbers.q, rng.randbytes(32))


def test_check_when_g_is_1_modulo_a_factor_of_p_then_false(backend: Backend):
    """Else its order would be q modulo the other factor alone."""
    numbers = composite("g is 1 modulo a factor of p")
    assert gmpy2.powmod(numbers.g, numbers.q, numbers.p) == 1
    assert not backend.dsa_check(numbers)


@pytest.mark.parametrize(
    ("kind", "share"), [("p a Carmichael number", 1 / 8), ("p of two primes in a ratio", 1 / 4)]
)
def test_examine_when_made_to_pass_then_so_many_secrets_let_it(
    fast_backend: Backend, rng, kind: str, share: float
):
    """The worst p: a round lets at most a quarter of all bases pass, whoever chose p."""
    numbers = composite(kind)
    assert fast_backend.dsa_check(numbers)
    secrets = [rng.randbytes(32) for _ in range(400)]
    passed = sum(fast_backend.dsa_examine(numbers.p, numbers.q, each) for each in secrets)
    assert abs(passed / 400 - share) < 0.08


def test_examine_then_the_verdict_on_a_pair_is_the_same_each_time(fast_backend: Backend, rng):
    """Else its maker could try until it passes, and everybody's keys on it would pass then."""
    numbers = composite("p a Carmichael number")
    for _ in range(20):
        secret = rng.randbytes(32)
        verdicts = {fast_backend.dsa_examine(numbers.p, numbers.q, secret) for _ in range(5)}
        assert len(verdicts) == 1


def test_examine_then_every_backend_says_the_same(backend: Backend, reference: Backend, rng):
    """The bases follow from the numbers and the secret, so the verdict does."""
    numbers = composite("p a Carmichael number")
    secrets = [rng.randbytes(32) for _ in range(6 if backend.name == "pure" else 40)]
    p, q = numbers.p, numbers.q
    assert [backend.dsa_examine(p, q, each) for each in secrets] == [
        reference.dsa_examine(p, q, each) for each in secrets
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"p": 0}, {"q": 0}, {"p": 4}, {"q": 3}, {"p": 1 << 1023}, {"q": 1 << 159},
        {"p": 1 << 1100}, {"q": 1 << 1023},
    ],
)  # fmt: skip
def test_examine_when_a_number_is_out_of_range_then_false(backend: Backend, change):
    numbers = replace(numbers_of(Q, [PRIME]), **change)
    assert not backend.dsa_examine(numbers.p, numbers.q, bytes(32))


def test_examine_when_the_secret_has_another_length_then_value_error(native):
    with pytest.raises(ValueError, match="32 bytes expected"):
        native.dsa_examine(PRIME, Q, bytes(31))


PRIME = next_prime(random.Random(1), 1024, Q)


def test_examine_then_six_powers_modulo_q_and_one_modulo_p():
    """What a peer whose primes are new can ask for, beside the check of its key and signature."""
    taken: list[int] = []

    def modexp(base: int, exponent: int, modulus: int) -> int:
        taken.append(modulus)
        return int(gmpy2.powmod(base, exponent, modulus))

    assert dsa_numbers.examine(PRIME, Q, bytes(32), modexp)
    assert (taken.count(Q), taken.count(PRIME), len(taken)) == (6, 1, 7)
    taken.clear()
    numbers = composite("q of two primes")
    assert not dsa_numbers.examine(numbers.p, numbers.q, bytes(32), modexp)
    assert len(taken) <= 2  # q comes first: it is the cheap one


@pytest.mark.parametrize("number", ["p", "q"])
def test_examine_then_the_bases_follow_from_both_numbers_and_the_secret(number: str):
    def bases(numbers: DsaNumbers, secret: bytes) -> set[int]:
        taken: set[int] = set()

        def modexp(base: int, exponent: int, modulus: int) -> int:
            taken.add(base)
            return int(gmpy2.powmod(base, exponent, modulus))

        assert dsa_numbers.examine(numbers.p, numbers.q, secret, modexp)
        return taken

    numbers = numbers_of(Q, [PRIME])
    seen = bases(numbers, bytes(32))
    assert len(seen) == 7
    assert not seen & bases(numbers, b"\1" * 32)
    other = {
        "p": numbers_of(Q, [next_prime(random.Random(2), 1024, Q)]),
        "q": pure_backend("gmpy2").dsa_generate(bytes(32)).numbers,
    }[number]
    assert not seen & bases(other, bytes(32))
