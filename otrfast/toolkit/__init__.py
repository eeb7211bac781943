"""The forgery toolkit: read, change and make messages of a logged conversation.

It shows what OTR promises: a transcript proves nothing, since whoever has a key of it can write
another. `forgery` is the work on messages, `log` finds them in a transcript, `describe` and
`insight` say what is in them, and `commands` is the command line on top.
"""

from otrfast.toolkit.forgery import (
    SessionKeys,
    decrypt,
    forge,
    mac_holds,
    modify,
    remac,
    revealed_mac_keys,
    session_keys,
)
from otrfast.toolkit.log import Entry, Malformed, data_messages, put, read_log

__all__ = [
    "Entry",
    "Malformed",
    "SessionKeys",
    "data_messages",
    "decrypt",
    "forge",
    "mac_holds",
    "modify",
    "put",
    "read_log",
    "remac",
    "revealed_mac_keys",
    "session_keys",
]
