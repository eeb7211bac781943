"""otrfast: Off-the-Record messaging, versions 2 and 3, for programs that hold many
conversations."""

from typing import TYPE_CHECKING, Any

from otrfast import events
from otrfast.account import Account
from otrfast.crypto.backends import load as _load
from otrfast.environment import Environment
from otrfast.errors import LocalError, OtrError, RemoteError
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding
from otrfast.session import Session
from otrfast.trust import Trust

if TYPE_CHECKING:
    from otrfast.storage.private_key import PrivateKey

__version__ = "0.1.0"

__all__ = [
    "Account",
    "Environment",
    "Limits",
    "LocalError",
    "MessageState",
    "OtrError",
    "Outcome",
    "Padding",
    "Policy",
    "PrivateKey",
    "Recipient",
    "RemoteError",
    "Session",
    "Trust",
    "backend_name",
    "events",
]


def backend_name() -> str:
    """Return the name of the backend in force: `native`, or `pure` where OTRFAST_PURE=1 asked
    for it."""
    return _load().name


def __getattr__(name: str) -> Any:
    """Import `PrivateKey` when it is first asked for: what reads and writes files would add a
    third to the package's import time, and a program that is given its keys needs none of it."""
    if name != "PrivateKey":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from otrfast.storage.private_key import PrivateKey

    globals()[name] = PrivateKey
    return PrivateKey
