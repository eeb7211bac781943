"""Off-the-Record messaging, versions 2 and 3, for programs that hold many conversations."""

from typing import TYPE_CHECKING, Any

from otrfast import errors, events
from otrfast.account import Account
from otrfast.crypto.backends import load as _load
from otrfast.crypto.dsa import human_fingerprint
from otrfast.environment import Environment
from otrfast.errors import (
    AccountFull,
    BackendUnavailable,
    ConversationFinished,
    FragmentLimitTooSmall,
    KeyFileError,
    KeyFileMissing,
    LocalError,
    NotEncrypted,
    OtrError,
    PolicyForbids,
    QueueFull,
    RemoteError,
    SessionForked,
    SmpNotRunning,
    TextHasNul,
    UnknownInstance,
)
from otrfast.limits import Limits
from otrfast.outcome import Outcome
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding
from otrfast.session import Session
from otrfast.trust import Trust
from otrfast.wire.lines import LineKind

if TYPE_CHECKING:
    from otrfast.storage.private_key import PrivateKey

__version__ = "0.1.0"

__all__ = [
    "Account",
    "AccountFull",
    "BackendUnavailable",
    "ConversationFinished",
    "Environment",
    "FragmentLimitTooSmall",
    "KeyFileError",
    "KeyFileMissing",
    "Limits",
    "LineKind",
    "LocalError",
    "MessageState",
    "NotEncrypted",
    "OtrError",
    "Outcome",
    "Padding",
    "Policy",
    "PolicyForbids",
    "PrivateKey",
    "QueueFull",
    "Recipient",
    "RemoteError",
    "Session",
    "SessionForked",
    "SmpNotRunning",
    "TextHasNul",
    "Trust",
    "UnknownInstance",
    "backend_name",
    "errors",
    "events",
    "human_fingerprint",
]


def backend_name() -> str:
    """Return the name of the backend in use: `native`, or `pure` if OTRFAST_PURE=1 selects it."""
    return _load().name


def __getattr__(name: str) -> Any:
    """Import `PrivateKey` at its first use: the modules for files would add a third to the
    import time, and not every program needs them."""
    if name != "PrivateKey":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from otrfast.storage.private_key import PrivateKey

    globals()[name] = PrivateKey
    return PrivateKey
