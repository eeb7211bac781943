"""The enumerations of python-otr."""

from __future__ import annotations

from enum import Enum


class OTRState(Enum):
    """What a session is; a key exchange runs in Plaintext."""

    Plaintext = "Plaintext"
    Encrypted = "Encrypted"
    Finished = "Finished"


class SMPStatus(Enum):
    """How a check of a shared secret has ended; other secrets are a Success too."""

    Success = "Success"
    Interrupted = "Interrupted"
    ProtocolError = "ProtocolError"
