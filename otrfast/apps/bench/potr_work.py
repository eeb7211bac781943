"""The same workloads on potr's interface: on `otrfast.potr`, and on python-potr.

python-potr was written for pycrypto, which is no longer available. With pycryptodome instead, DSA
key generation, DSA signatures and AES-CTR with a counter object fail; this module fixes them at
run time, for the measurement only.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from otrfast.apps.bench.engine_work import LONG, SHORT, growth, import_seconds, timed
from otrfast.errors import BackendUnavailable

_PING, _BURST_SHORT, _BURST_LONG = 4, 200, 50  # messages of one sample
_SECRET: Final = b"the same on both sides"
_SEND_ALL = 0


def fix(crypto: Any, users: list[Any]) -> None:
    """Add to python-potr's `crypto` module the functions that pycryptodome lacks; `users` are the
    modules that import its AESCTR."""
    from Crypto.Cipher import AES
    from Crypto.PublicKey import DSA

    def aes_ctr(key: bytes, counter: Any = 0) -> Any:
        counter = crypto.Counter(counter) if isinstance(counter, int) else counter
        nonce = counter.byteprefix()
        return AES.new(key, AES.MODE_CTR, nonce=nonce, initial_value=counter.val)

    def generate(cls: Any) -> Any:
        key = DSA.generate(1024)  # noqa: S505 - what the protocol asks for
        return cls(tuple(int(getattr(key, name)) for name in "ygpqx"), private=True)

    def sign(self: Any, data: bytes) -> bytes:
        q = int(self.priv.q)
        r, s = self.priv._sign(int.from_bytes(data, "big"), crypto.randrange(2, q))  # noqa: SLF001
        return bytes(int(r).to_bytes(20, "big") + int(s).to_bytes(20, "big"))

    def verify(self: Any, data: bytes, signature: bytes) -> bool:
        r, s = (int.from_bytes(half, "big") for half in (signature[:20], signature[20:]))
        return bool(self.pub._verify(int.from_bytes(data, "big"), (r, s)))  # noqa: SLF001

    for module in (crypto, *users):
        module.AESCTR = aes_ctr
    crypto.DSAKey.generate = classmethod(generate)
    crypto.DSAKey.sign, crypto.DSAKey.verify = sign, verify


def open_potr(package: str) -> Any:
    """Return the `context` module of `potr` or `otrfast.potr`. Raises `BackendUnavailable` if it
    is missing."""
    try:
        context = importlib.import_module(f"{package}.context")
    except ImportError as error:
        if package == "potr":
            remedy = "python-potr is not installed (pip install --no-deps python-potr)"
        else:
            remedy = f"{package} is not there ({error})"
        raise BackendUnavailable(remedy) from error
    if package == "potr":
        names = ("potr.compatcrypto.pycrypto", "potr.compatcrypto", "potr.crypt")
        crypto, *users = map(importlib.import_module, names)
        fix(crypto, users)
    return context


class PotrDuo:
    """Two accounts of potr's interface, and the conversation between them."""

    alice: Any
    bob: Any

    def __init__(self, package: str) -> None:
        context = open_potr(package)
        lines: list[tuple[Any, bytes]] = []
        self._lines = lines

        class Context(context.Context):  # type: ignore[misc, name-defined]
            other: Context

            def getPolicy(self, key: str) -> bool:
                return key == "ALLOW_V2"

            def inject(self, msg: bytes, appdata: object = None) -> None:
                lines.append((self.other, msg))

        class Account(context.Account):  # type: ignore[misc, name-defined]
            contextclass = Context

            def loadPrivkey(self) -> None:
                """Return None: there is no stored key."""

            def savePrivkey(self) -> None:
                """Do nothing: the key is not stored."""

            def saveTrusts(self) -> None:
                """Do nothing: trusts are not stored."""

        self._encrypted = context.STATE_ENCRYPTED
        self._not_otr = context.NotOTRMessage
        self.accounts: list[Any] = [Account(name, "bench", 0) for name in ("alice", "bob")]
        for account in self.accounts:
            account.getPrivkey()
        self._count = 0
        self.connect()

    def new_key(self) -> None:
        """Generate a DSA key."""
        type(self.accounts[0].getPrivkey()).generate()

    def connect(self) -> None:
        """Start a new conversation with a key exchange."""
        self._count += 1
        self.alice, self.bob = (account.getContext(self._count) for account in self.accounts)
        self.alice.other, self.bob.other = self.bob, self.alice
        self.bob.receiveMessage(b"?OTRv2?")
        self._settle()
        if self.alice.state != self._encrypted or self.bob.state != self._encrypted:
            raise RuntimeError("the key exchange did not end encrypted")

    def _settle(self) -> None:
        while self._lines:
            to, line = self._lines.pop(0)
            to.receiveMessage(line)

    def _carry(self, sender: Any, text: bytes) -> None:
        sender.sendMessage(_SEND_ALL, text)
        to, line = self._lines.pop()
        if to.receiveMessage(line)[0] != text:
            raise RuntimeError("a text did not arrive unchanged")

    def ping_pong(self, messages: int, text: bytes) -> None:
        """Send alternating texts, so that the keys rotate with each."""
        for number in range(messages):
            self._carry(self.bob if number % 2 else self.alice, text)

    def burst(self, messages: int, text: bytes) -> None:
        """Send texts in one direction."""
        for _ in range(messages):
            self._carry(self.alice, text)

    def smp(self) -> None:
        """Run a complete SMP."""
        self.alice.smpInit(_SECRET)
        self._settle()
        self.bob.smpGotSecret(_SECRET)
        self._settle()
        if not self.alice.smpIsSuccess():
            raise RuntimeError("the check of a shared secret did not succeed")

    def greet(self, number: int) -> None:
        """Receive one plain text of a new peer."""
        context = self.accounts[0].getContext(f"peer{number}")
        try:
            context.receiveMessage(b"good morning")
        except self._not_otr:
            return


class PotrWork:
    """Both ends of conversations on one package with potr's interface."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._made: PotrDuo | None = None
        open_potr(package)

    def _duo(self) -> PotrDuo:
        if self._made is None:
            self._made = PotrDuo(self._package)
        return self._made

    def sample(self, metric: str, count: int) -> list[float]:
        """Return `count` figures; for memory, one figure over `count` conversations."""
        if metric == "import":
            return [import_seconds(f"{self._package}.context") for _ in range(count)]
        duo = self._duo()
        if metric == "memory":
            return [self._memory(duo, count)]
        if metric == "idle":
            return [growth(duo.greet, count)]
        pings: Callable[[bytes], float] = lambda text: timed(  # noqa: E731
            lambda: duo.ping_pong(_PING, text), _PING
        )
        measures: dict[str, Callable[[], float]] = {
            "ake": lambda: timed(duo.connect),
            "ping_100": lambda: pings(SHORT),
            "ping_10k": lambda: pings(LONG),
            "burst_100": lambda: timed(lambda: duo.burst(_BURST_SHORT, SHORT), _BURST_SHORT),
            "burst_10k": lambda: timed(lambda: duo.burst(_BURST_LONG, LONG), _BURST_LONG),
            "smp": lambda: timed(duo.smp),
            "keygen": lambda: timed(duo.new_key),
        }
        return [measures[metric]() for _ in range(count)]

    @staticmethod
    def _memory(duo: PotrDuo, conversations: int) -> float:
        def converse(_: int) -> None:
            duo.connect()
            duo.ping_pong(4, b"four messages")

        return growth(converse, conversations) / 2
