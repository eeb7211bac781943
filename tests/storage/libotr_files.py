"""A program that reads and writes files with libotr, by ctypes.

keys FILE                  account, protocol and fingerprint of each key, in hexadecimal
generate FILE [ACC PROTO]  make a key for each pair
fingerprints IN OUT        read IN, write OUT
tags IN OUT                the same for instance tags
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

LIBRARY = "libotr.so.5"


class Key(ctypes.Structure):
    """The first fields of libotr's OtrlPrivKey."""


Key._fields_ = [
    ("next", ctypes.POINTER(Key)),
    ("tous", ctypes.c_void_p),
    ("account", ctypes.c_char_p),
    ("protocol", ctypes.c_char_p),
]


class UserState(ctypes.Structure):
    """The first fields of libotr's s_OtrlUserState."""

    _fields_ = [("contexts", ctypes.c_void_p), ("keys", ctypes.POINTER(Key))]


def checked(code: int) -> None:
    if code:
        raise SystemExit(f"libgpg-error {code & 0xFFFF}")


def main(command: str, path: bytes, *rest: bytes) -> None:
    otr = ctypes.CDLL(LIBRARY)
    otr.otrl_userstate_create.restype = ctypes.POINTER(UserState)
    checked(otr.otrl_init(4, 1, 1))
    state = otr.otrl_userstate_create()
    match command:
        case "keys":
            checked(otr.otrl_privkey_read(state, path))
            print_keys(otr, state)
        case "generate":
            for account, protocol in zip(rest[::2], rest[1::2], strict=True):
                checked(otr.otrl_privkey_generate(state, path, account, protocol))
        case "fingerprints":
            checked(otr.otrl_privkey_read_fingerprints(state, path, None, None))
            checked(otr.otrl_privkey_write_fingerprints(state, rest[0]))
        case "tags":
            checked(otr.otrl_instag_read(state, path))
            checked(otr.otrl_instag_write(state, rest[0]))


def print_keys(otr, state) -> None:
    key = state.contents.keys
    while key:
        account, protocol = key.contents.account, key.contents.protocol
        digest = (ctypes.c_ubyte * 20)()
        assert otr.otrl_privkey_fingerprint_raw(state, digest, account, protocol)
        words = account.hex() or "-", protocol.hex() or "-", bytes(digest).hex()
        sys.stdout.write(" ".join(words) + "\n")
        key = key.contents.next


def require_libotr() -> None:
    """Skip, or fail in CI, if libotr is not installed."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError as missing:
        pytest.skip(f"needs libotr: {missing}")


def run(command: str, *arguments: bytes | Path) -> list[list[str]]:
    """Run a command and return the words of its lines. Raises if libotr refuses."""
    words: Sequence[bytes] = [os.fsencode(argument) for argument in arguments]
    done = subprocess.run(
        [os.fsencode(sys.executable), os.fsencode(__file__), command.encode(), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main(os.fsdecode(sys.argv[1]), *map(os.fsencode, sys.argv[2:]))
