"""The constants and exceptions of potr's contexts."""

from __future__ import annotations

EXC_UNREADABLE_MESSAGE = 1
EXC_FINISHED = 2

HEARTBEAT_INTERVAL = 60

STATE_PLAINTEXT = 0
STATE_ENCRYPTED = 1
STATE_FINISHED = 2

FRAGMENT_SEND_ALL = 0
FRAGMENT_SEND_ALL_BUT_FIRST = 1
FRAGMENT_SEND_ALL_BUT_LAST = 2

OFFER_NOTSENT = 0
OFFER_SENT = 1
OFFER_REJECTED = 2
OFFER_ACCEPTED = 3


class NotEncryptedError(RuntimeError):
    """The conversation is not encrypted; `args[0]`, if any, is EXC_FINISHED or
    EXC_UNREADABLE_MESSAGE."""


class UnencryptedMessage(RuntimeError):
    """A text (`args[0]`) was received in the clear although the conversation is private."""


class ErrorReceived(RuntimeError):
    """The peer's program reports an error; `args[0]` is a `proto.Error`."""


class NotOTRMessage(RuntimeError):
    """An ordinary text (`args[0]`) was received."""


class InvalidParameterError(RuntimeError):
    """A message is not valid: its MAC, a key, a key id or its counter."""
