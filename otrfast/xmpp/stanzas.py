"""Message stanzas: which of them hold a line for us, and how ours are marked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from slixmpp import Message

from otrfast.wire.lines import OTR_TAG, LineKind, kinds

OTR: Final = "urn:xmpp:otr:0"
NEVER: Final = (
    "{urn:xmpp:carbons:2}received",
    "{urn:xmpp:carbons:2}sent",
    "{urn:xmpp:mam:2}result",
    "{urn:xmpp:forward:0}forwarded",
    "{http://jabber.org/protocol/muc#user}x",
)
"""Children of stanzas that are copies of others' messages, history, or of a room."""

_DELAY = "{urn:xmpp:delay}delay"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HINTS = ("no-copy", "carbon_private")


def line_of(message: Message, own: str, ake_timeout: float, now: datetime) -> bytes | None:
    """Return the line in a message to the bare JID `own`; None if it holds none for the engine.

    Those are: what is neither a chat message nor a single one, so errors, which hold our own text,
    and rooms; copies and history; what comes from ourselves; and messages of key exchanges that
    have waited on a server for longer than `ake_timeout` seconds: their secrets are gone.
    """
    if message["type"] not in ("chat", "normal") or not message["from"].bare:
        return None
    if message["from"].bare == own or any(message.xml.find(name) is not None for name in NEVER):
        return None
    body: str = message["body"]
    if not body:
        return None
    line = body.encode()
    if _age(message, now) > ake_timeout and _starts_exchange(line):
        return None
    return line


def _age(message: Message, now: datetime) -> float:
    """For how many seconds a message has waited on servers; without end if that is not said in a
    way to be understood."""
    ages = [0.0]
    for delay in message.xml.findall(_DELAY):
        try:
            stamp = datetime.fromisoformat(delay.get("stamp", ""))
        except ValueError:
            return float("inf")
        since = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
        ages.append((now - since).total_seconds())
    return max(ages)


def _starts_exchange(line: bytes) -> bool:
    return kinds((line[max(0, line.find(OTR_TAG)) :],))[0] is LineKind.EXCHANGE


def xml_text(line: bytes) -> str:
    """Return a line as text that XML can hold: one wrong character would end the stream."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", line.decode(errors="replace"))


def mark(message: Message, line: bytes, to_one: bool) -> None:
    """Mark a message with a line of OTR (XEP-0364, section 4). Copies of it serve nobody, and no
    archive can read it, but an offline peer may have it later. A DH-Commit that is not `to_one`
    client is left to servers to copy, so that several can answer."""
    if not line.startswith(OTR_TAG):
        return
    if to_one or kinds((line,))[0] is not LineKind.EXCHANGE:
        for hint in _HINTS:
            message.enable(hint)
    message.enable("no-permanent-store")
    message["eme"]["namespace"] = OTR
    message["eme"]["name"] = "OTR"
