"""What another process finds in this one's memory once a session has ended: no key that the core
held (the core wipes; what Python's own bytes objects held is left out, as Python cannot)."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from observer import hmac_states, regions, round_keys

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

SEEDS = bytes(range(3, 43)).hex(), bytes(range(101, 141)).hex()


def exponent(seed):
    return bytes(byte ^ 0x5A for byte in bytes.fromhex(seed))


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
