"""What a process can find in the memory of another: its regions, and how a key looks in them."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path


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


@cache
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


def regions(pid, needed="r"):
    """The memory of a process for which there are the rights `needed`, by region, with its name."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end, rights, name = re.match(
                r"(\w+)-(\w+) (\S+) \S+ \S+ \d+ *(.*)", line
            ).groups()
            if not set(needed) <= set(rights) or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            memory.seek(int(start, 16))
            try:
                yield name, memory.read(int(end, 16) - int(start, 16))
            except OSError:
                continue
