"""Published answers: FIPS 180, RFC 2202, RFC 4231, FIPS 197, SP 800-38A."""

import pytest

MILLION = b"a" * 1_000_000
TWO_BLOCKS = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

SHA1 = [
    (b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    (TWO_BLOCKS, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    (MILLION, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
]

SHA256 = [
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (TWO_BLOCKS, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    (MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
]

COUNTING_KEY = bytes(range(1, 26))

HMAC_SHA1 = [
    (b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (COUNTING_KEY, b"\xcd" * 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
    (b"\x0c" * 20, b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ),
]

HMAC_SHA256 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        COUNTING_KEY,
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data."
        b" The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]

# FIPS 197, C.1: one block is the key stream of its own counter block
FIPS_197_KEY = bytes(range(16))
FIPS_197_BLOCK = bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS_197_CIPHER = "69c4e0d86a7b0430d8cdb78070b4c55a"

# SP 800-38A, F.5.1 and F.5.2: CTR-AES128
CTR_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
CTR_COUNTER = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
CTR_PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
CTR_CIPHER = bytes.fromhex(
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
)


@pytest.mark.parametrize(("data", "digest"), SHA1)
def test_sha1(backend, data, digest):
    assert backend.sha1(data).hex() == digest


@pytest.mark.parametrize(("data", "digest"), SHA256)
def test_sha256(backend, data, digest):
    assert backend.sha256(data).hex() == digest


@pytest.mark.parametrize(("key", "data", "code"), HMAC_SHA1)
def test_hmac_sha1(backend, key, data, code):
    assert backend.hmac_sha1(key, data).hex() == code


@pytest.mark.parametrize(("key", "data", "code"), HMAC_SHA256)
def test_hmac_sha256(backend, key, data, code):
    assert backend.hmac_sha256(key, data).hex() == code


def test_aes_one_block(backend):
    assert backend.aes_ctr(FIPS_197_KEY, FIPS_197_BLOCK, bytes(16)).hex() == FIPS_197_CIPHER


def test_aes_ctr_encrypts(backend):
    assert backend.aes_ctr(CTR_KEY, CTR_COUNTER, CTR_PLAIN) == CTR_CIPHER


def test_aes_ctr_decrypts(backend):
    assert backend.aes_ctr(CTR_KEY, CTR_COUNTER, CTR_CIPHER) == CTR_PLAIN
