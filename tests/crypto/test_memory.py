"""What another process finds in this one's memory once a session has ended: no key that the core
held (the core wipes; what Python's own bytes objects held is left out, as Python cannot)."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otrfast.crypto import kdf
from otrfast.crypto.group import P

from . import levels

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="reads the memory of a process through /proc"
)

SESSION = """
import ctypes, gc, sys
from otrfast.crypto.native import NativeBackend

backend = NativeBackend()

def key(seed):
    exponent = bytes(byte ^ 0x5A for byte in bytes.fromhex(seed))
    made = backend.dh_key(exponent)
    ctypes.memset(id(exponent) + bytes.__basicsize__ - 1, 0, len(exponent))
    return made

def converse():
    x, y = key(sys.argv[1]), key(sys.argv[2])
    sender, receiver = x.agree(y.public).data_keys(True), y.agree(x.public).data_keys(False)
    head = bytes.fromhex("0003030000010100000202000000000100000001")
    prefix = head + (192).to_bytes(4, "big") + x.public
    for n in range(20):
        text = b"text %d" % n
        assert receiver.open_line(head, sender.seal(prefix, text, b"", b"")) == text
        tlvs = sender.seal(prefix, text, bytes([0, 1, 0, 0]), b"")
        assert type(receiver.open_line(head, tlvs)) is tuple
        long = text * 1000
        assert receiver.open_line(head, sender.seal(prefix, long, b"", b"")) == long
    texts = [b"text %d" % n for n in range(50)]
    assert receiver.open_many(head, sender.seal_many(prefix, texts)) == texts

converse()
gc.collect()
print("over", flush=True)
sys.stdin.readline()
"""

REGION = re.compile(r"(\w+)-(\w+) (\S+) \S+ \S+ \d+ *(.*)")
SEEDS = bytes(range(3, 43)).hex(), bytes(range(101, 141)).hex()


def exponent(seed):
    return bytes(byte ^ 0x5A for byte in bytes.fromhex(seed))


def compress(state, block):
    """One block of SHA-1."""

    def turn(word, n):
        return (word << n | word >> (32 - n)) & 0xFFFFFFFF

    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for t in range(16, 80):
        w.append(turn(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1))
    a, b, c, d, e = state
    for t, word in enumerate(w):
        f, k = (
            (b & c | ~b & d, 0x5A827999),
            (b ^ c ^ d, 0x6ED9EBA1),
            (b & c | b & d | c & d, 0x8F1BBCDC),
            (b ^ c ^ d, 0xCA62C1D6),
        )[t // 20]
        e = (e + turn(a, 5) + (f & 0xFFFFFFFF) + k + word) & 0xFFFFFFFF
        a, b, c, d, e = e, a, turn(b, 30), c, d
    return [(x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d, e), strict=True)]


def hmac_states(key):
    """The states after the padded key, inner and outer, as the words of a processor."""
    start = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
    for pad in (0x36, 0x5C):
        state = compress(start, bytes(byte ^ pad for byte in key.ljust(64, b"\0")))
        words = [word.to_bytes(4, sys.byteorder) for word in state]
        yield b"".join(words[:4])
        yield b"".join(words[3::-1])


def round_keys(key):
    """The last and a middle round key of AES-128."""
    substitution = [s_box(byte) for byte in range(256)]
    words, constant = [key[i : i + 4] for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = bytes(substitution[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = double(constant)
        words.append(bytes(x ^ y for x, y in zip(words[i - 4], word, strict=True)))
    return b"".join(words[20:24]), b"".join(words[40:44])


def double(value):
    return value << 1 ^ (0x11B if value & 0x80 else 0)


def s_box(byte):
    inverse = 1
    for _ in range(254):
        inverse = times(inverse, byte)
    inverse = inverse if byte else 0
    turned = (inverse << shift | inverse >> (8 - shift) for shift in range(5))
    result = 0x63
    for value in turned:
        result ^= value & 0xFF
    return result


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = double(a), b >> 1
    return product


def test_round_keys_are_those_of_fips_197():
    # appendix A.1
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert round_keys(key)[1].hex() == "d014f9a8c9ee2589e13f0cc8b6630ca6"


def secrets():
    """What must not be found, by name."""
    x, y = (exponent(seed) for seed in SEEDS)
    shared = pow(pow(2, int.from_bytes(y, "big"), P), int.from_bytes(x, "big"), P)
    secbytes = kdf.secret_bytes(shared)
    keys = kdf.data_keys(
        secbytes,
        True,
        lambda data: hashlib.sha1(data).digest(),
        lambda data: hashlib.sha256(data).digest(),
    )
    found = {
        "x": x[8:24],
        "x as limbs": x[::-1][8:24],
        "y": y[8:24],
        "y as limbs": y[::-1][8:24],
        "shared": secbytes[60:92],
        "shared as limbs": secbytes[::-1][64:96],
        "extra key": keys.extra,
        "send mac": keys.send_mac,
        "receive mac": keys.receive_mac,
        "send aes": keys.send_aes,
        "receive aes": keys.receive_aes,
    }
    for name, key in (("send", keys.send_aes), ("receive", keys.receive_aes)):
        found |= {f"{name} round key {n}": part for n, part in enumerate(round_keys(key))}
    for name, key in (("send", keys.send_mac), ("receive", keys.receive_mac)):
        found |= {f"{name} HMAC state {n}": part for n, part in enumerate(hmac_states(key))}
    return found


def regions(pid):
    """The readable memory of a process, with the name of each region."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end, rights, name = re.match(
                r"(\w+)-(\w+) (\S+) \S+ \S+ \d+ *(.*)", line
            ).groups()
            if "r" not in rights or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            memory.seek(int(start, 16))
            try:
                yield name, memory.read(int(end, 16) - int(start, 16))
            except OSError:
                continue


@pytest.mark.parametrize("level", levels.NATIVE)
def test_no_key_is_left_when_a_session_has_ended(level):
    wanted = secrets()
    with subprocess.Popen(
        [sys.executable, "-c", SESSION, *SEEDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"OTRFAST_LEVEL": level},
    ) as process:
        assert process.stdout.readline() == b"over\n"
        left = {
            (name, region)
            for region, data in regions(process.pid)
            for name, value in wanted.items()
            if value in data
        }
        seen = any(SEEDS[0].encode() in data for _, data in regions(process.pid))
        process.communicate(b"\n")
    assert seen, "the observer does not see what is surely there"
    assert left == set()
