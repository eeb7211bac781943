"""The forgery toolkit: reading, changing and forging of messages in a transcript.

It demonstrates the deniability of OTR: a transcript proves nothing, since anyone with a key of it
can write another. `forgery` works on messages, `log` finds them in a transcript, `describe` and
`insight` show their content, and `commands` is the command line.
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
