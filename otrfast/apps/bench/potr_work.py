"""The same workloads on potr's interface: on `otrfast.potr`, and on python-potr.

python-potr was written for pycrypto, which is no longer available. With pycryptodome instead, DSA
key generation, DSA signatures and AES-CTR with a counter object fail; this module fixes them at
run time, for the measurement only.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final

from otrfast.apps.bench.package_work import PackageWork
from otrfast.errors import BackendUnavailable

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

    def __init__(self, package: str, keys: Sequence[Any] | None = None) -> None:
        """Make the accounts, and connect them. With two `keys` of their own they are left new to
        each other: `connect` is their first contact."""
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
            key: Any = None  # None: a new one is made

            def loadPrivkey(self) -> Any:
                return self.key

            def savePrivkey(self) -> None:
                """Do nothing: the key is not stored."""

            def saveTrusts(self) -> None:
                """Do nothing: trusts are not stored."""

        self._encrypted = context.STATE_ENCRYPTED
        self._not_otr = context.NotOTRMessage
        self.accounts: list[Any] = [Account(name, "bench", 0) for name in ("alice", "bob")]
        for account, key in zip(self.accounts, keys or (None, None), strict=True):
            account.key = key
            account.getPrivkey()
        self._count = 0
        if keys is None:
            self.connect()

    def new_key(self) -> Any:
        """Generate a DSA key."""
        return type(self.accounts[0].getPrivkey()).generate()

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


class PotrWork(PackageWork):
    """Both ends of conversations on one package with potr's interface."""

    def __init__(self, package: str) -> None:
        open_potr(package)
        super().__init__(f"{package}.context", lambda keys: PotrDuo(package, keys))
