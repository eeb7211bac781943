"""The forgery toolkit on what libotr itself has sent, beside libotr's toolkit."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from otrfast.crypto.backends import load
from otrfast.toolkit import (
    data_messages,
    mac_holds,
    modify,
    read_log,
    revealed_mac_keys,
)
from otrfast.toolkit.log import Malformed
from otrfast.wire.lines import encode_message
from otrfast.wire.messages import DataMessage

from .duo import Duo, MakeDuo


def _run(*command: str, data: bytes) -> bytes:
    if shutil.which(command[0]) is None:
        pytest.skip("libotr's toolkit is not installed (apt install libotr5-bin)")
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def _talk(duo: Duo) -> list[bytes]:
    """Talk for a while; return every line of the wire."""
    duo.network.connect(duo.theirs)
    for turn in range(4):
        duo.network.tell(duo.theirs, b"text %d from libotr" % turn)
        duo.network.tell(duo.ours, b"text %d from otrfast" % turn)
    return [line.data for line in duo.network.transcript]


@pytest.mark.parametrize("limit", [0, 120])
def test_a_log_when_libotr_and_we_wrote_it_then_every_message_is_read(
    make_duo: MakeDuo, version: int, limit: int
) -> None:
    entries = list(read_log(_talk(make_duo(version, our_limit=limit, their_limit=limit))))
    assert not any(isinstance(entry.content, Malformed) for entry in entries)
    assert sum(isinstance(entry.content, DataMessage) for entry in entries) == 8


def test_a_revealed_key_when_libotr_reveals_it_then_both_toolkits_change_the_same_bytes(
    duo: Duo, version: int
) -> None:
    backend = load()
    lines = _talk(duo)
    messages = [message for _, message in data_messages(read_log(lines))]
    keys = [key for message in messages for key in revealed_mac_keys(message)]
    fitting = [(m, k) for m in messages for k in keys if mac_holds(backend, m, k)]
    assert len(fitting) == len(keys) >= 4
    for message, key in fitting:
        ours = encode_message(modify(backend, message, key, b"text", b"lies", 0).encode())
        command = ("otr_modify", key.hex(), "text", "lies", "0")
        theirs = _run(*command, data=encode_message(message.encode()))
        assert ours + b"\n" == theirs
