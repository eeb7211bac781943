"""The exceptions of python-otr. The first three are unrelated to each other: programs order their
`except` clauses on this."""

from __future__ import annotations


class IgnoreMessage(Exception):
    """The message was for OTR: there is nothing to show."""


class UnencryptedMessage(Exception):
    """The message came in the clear in a private conversation; the caller has its text."""


class OTRError(Exception):
    """The peer reports an error, or a message cannot be sent; the argument is one line of text."""


class OTRFinishedError(OTRError):
    """The peer has ended the private conversation, so nothing is sent."""


class EncryptedMessageError(OTRError):
    """An encrypted message cannot be read; the argument is one line of text."""
