"""The peers of a gateway under measurement, all of them in a process of their own, and the frames
between the two processes."""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from otrfast.account import Account
from otrfast.apps.bench.engine_work import percentile
from otrfast.events import MessageReceived
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.storage.private_key import PrivateKey

ORDERS: Final = 0xFFFF  # the number that stands for the process itself
TEXT: Final = b"an ordinary text"
LIMITS: Final = Limits(
    account_ake_rate=1e6, known_ake_rate=1e6, examination_rate=1e6, ake_burst=1000, ake_rate=1000.0
)
"""Nobody waits for a turn: everybody exchanges keys at once."""
_HEAD: Final = struct.Struct("!HI")
_TOGETHER: Final = 64  # lines that are answered in one call


def frame(number: int, line: bytes) -> bytes:
    """Return a line of a peer, or an order, as it goes through the socket."""
    return _HEAD.pack(number, len(line)) + line


class Frames:
    """Cuts what a socket brings into (number, line)."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, data: bytes) -> list[tuple[int, bytes]]:
        data = self._rest + data
        at, found = 0, []
        while len(data) - at >= _HEAD.size:
            number, size = _HEAD.unpack_from(data, at)
            start = at + _HEAD.size
            if len(data) - start < size:
                break
            found.append((number, data[start : start + size]))
            at = start + size
        self._rest = data[at:]
        return found


class Peers:
    """Every peer has a session; `keys` has a key for each of them, or one for all."""

    def __init__(self, wire: socket.socket, count: int, keys: Sequence[bytes]) -> None:
        self._wire = wire
        self._count = count
        accounts = [
            Account("peers", "test", PrivateKey.loads(key), policy=Policy.MANUAL, limits=LIMITS)
            for key in keys
        ]
        self._accounts = accounts
        self._queues: list[deque[bytes]] = [deque() for _ in range(count)]
        self._sent: list[float] = [0.0] * count
        self._waits: list[float] = []
        self._talking = False

    def run(self) -> None:
        """Answer lines and obey orders until the socket is closed."""
        cut = Frames()
        while data := self._wire.recv(1 << 16):
            for number, line in cut(data):
                if number == ORDERS:
                    self._obey(*line.decode().split(":"))
                else:
                    self._queues[number].append(line)
            while batch := [(n, queue.popleft()) for n, queue in enumerate(self._queues) if queue]:
                for at in range(0, len(batch), _TOGETHER):
                    self._answer(batch[at : at + _TOGETHER])

    def _obey(self, order: str, times: str = "1") -> None:
        """`start` key exchanges, `talk` and go on with each echo, be `quiet` and tell how long the
        echoes took, or `pour` out so many texts each."""
        everybody = range(self._count)
        if order == "start":
            self._send([(n, self._account(n).session(n).start()) for n in everybody])
        elif order == "quiet":
            self._talking = False
            shares = [percentile(self._waits, share) for share in (0.5, 0.99)]
            self._wire.sendall(frame(ORDERS, json.dumps(shares).encode()))
        else:
            self._talking = order == "talk"
            for _ in range(int(times)):
                self._write(everybody)

    def _account(self, number: int) -> Account:
        return self._accounts[number % len(self._accounts)]

    def _answer(self, batch: Sequence[tuple[int, bytes]]) -> None:
        if len(self._accounts) == 1:
            outcomes = self._accounts[0].receive_many(batch)
        else:
            outcomes = [self._account(n).session(n).receive(line) for n, line in batch]
        done = [(number, o) for (number, _), o in zip(batch, outcomes, strict=True)]
        self._send(done)
        heard = [n for n, o in done if any(isinstance(e, MessageReceived) for e in o.events)]
        if self._talking and heard:
            now = time.perf_counter()
            self._waits += [now - self._sent[number] for number in heard]
            self._write(heard)

    def _write(self, numbers: Sequence[int]) -> None:
        """Send a text as each of these peers, who have one account."""
        now = time.perf_counter()
        for number in numbers:
            self._sent[number] = now
        outcomes = self._accounts[0].send_many([(number, TEXT) for number in numbers])
        self._send(list(zip(numbers, outcomes, strict=True)))

    def _send(self, done: Sequence[tuple[int, Outcome]]) -> None:
        self._wire.sendall(b"".join(frame(n, line) for n, o in done for line in o.wire))


def main(descriptor: int, count: int) -> None:
    """Be the peers; the first frames are their keys, an order `0` ends them."""
    wire = socket.socket(fileno=descriptor)
    head = wire.makefile("rb", buffering=0)
    keys = []
    while size := int.from_bytes(head.read(4) or b"", "big"):
        key = b""
        while len(key) < size:
            key += head.read(size - len(key)) or b""
        keys.append(key)
    with suppress(ConnectionError):  # the trial is over
        Peers(wire, count, keys).run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
