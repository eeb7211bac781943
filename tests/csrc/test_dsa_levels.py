"""DSA keys and signatures are the same bytes at each level, and the nonce is RFC 6979's."""

import ctypes
import hmac
import random

import pytest

from . import build

pytestmark = pytest.mark.long

SIZES = (128, 20, 128, 128, 20)


@pytest.fixture(scope="module")
def library(core, built_once):
    directory = built_once(
        "dsa", lambda place: build.run(build.tool("cc"), "-shared", *core, "-o", place / "core.so")
    )
    opened = ctypes.CDLL(str(directory / "core.so"))
    opened.otrf_dsa_generate_vartime.restype = ctypes.c_void_p
    assert opened.otrf_gmp_open(build.gmp().encode()) == 0
    return opened


@pytest.fixture
def levels(library):
    """The levels that this processor has; the highest is in force again afterwards."""
    yield [level for level in build.LEVELS.values() if library.otrf_cpu_use(level) == level]
    library.otrf_cpu_use(max(build.LEVELS.values()))


def generate(library, seed):
    return ctypes.c_void_p(library.otrf_dsa_generate_vartime(seed))


def numbers(library, key):
    out = [ctypes.create_string_buffer(size) for size in SIZES]
    library.otrf_dsa_export(*out, key)
    return [int.from_bytes(number.raw, "big") for number in out]


def sign(library, key, value, extra):
    out = ctypes.create_string_buffer(40)
    assert library.otrf_dsa_sign(out, key, value, extra) == 0
    return out.raw


def nonce(q, x, number, extra):
    """RFC 6979, 3.2 and 3.6, with a number modulo q instead of a digest cut to its length."""

    def mac(key, data):
        return hmac.digest(key, data, "sha256")

    material = x.to_bytes(20, "big") + number.to_bytes(20, "big") + extra
    k, v = bytes(32), b"\x01" * 32
    for mark in (b"\x00", b"\x01"):
        k = mac(k, v + mark + material)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        candidate = int.from_bytes(v[:20], "big")
        if 0 < candidate < q:
            return candidate
        k = mac(k, v + b"\x00")
        v = mac(k, v)


@pytest.mark.parametrize("number", range(6))
def test_a_key_is_the_same_at_each_level(library, levels, number):
    seed = bytes([number]) * 32
    keys = []
    for level in levels:
        library.otrf_cpu_use(level)
        key = generate(library, seed)
        keys.append(numbers(library, key))
        library.otrf_dsa_free(key)
    p, q, g, y, x = keys[0]
    assert all(other == keys[0] for other in keys)
    assert (p.bit_length(), q.bit_length(), (p - 1) % q) == (1024, 160, 0)
    assert pow(2, p - 1, p) == pow(3, q - 1, q) == pow(g, q, p) == 1
    assert g > 1
    assert y == pow(g, x, p)


def test_a_signature_is_the_one_that_the_rfc_leads_to(library, levels):
    rng = random.Random(6979)
    for level in levels:
        library.otrf_cpu_use(level)
        key = generate(library, b"one key for all of the signatures")
        p, q, g, _, x = numbers(library, key)
        for value in (bytes(32), b"\xff" * 32, *(rng.randbytes(32) for _ in range(30))):
            extra = rng.randbytes(32)
            number = int.from_bytes(value, "big") % q
            k = nonce(q, x, number, extra)
            r = pow(g, k, p) % q
            s = pow(k, -1, q) * (number + x * r) % q
            expected = r.to_bytes(20, "big") + s.to_bytes(20, "big")
            assert sign(library, key, value, extra) == expected
        library.otrf_dsa_free(key)


def test_a_key_works_at_levels_it_was_not_made_at(library, levels):
    value, extra = b"v" * 32, b"e" * 32
    signatures = set()
    for made_at in (levels[0], levels[-1]):
        library.otrf_cpu_use(made_at)
        key = generate(library, bytes(32))
        for used_at in levels:
            library.otrf_cpu_use(used_at)
            signatures.add(sign(library, key, value, extra))
        library.otrf_dsa_free(key)
    assert len(signatures) == 1
