"""What happens to a conversation, in words for people."""

from __future__ import annotations

from collections.abc import Callable

from otrfast import events
from otrfast.aio import DeliveryUnknown, TransportFailed
from otrfast.crypto.dsa import human_fingerprint

Level = Callable[[bytes], str | None]
"""Returns the level of trust of a fingerprint."""


def words(nick: str, event: events.Event, level: Level) -> tuple[str, bytes] | None:
    """Return what a person is told of an event, and the text that is quoted with it; None:
    nothing."""
    match event:
        case events.UnencryptedReceived(text=text):
            return f"NOT ENCRYPTED, anybody may have written it as {nick}", text
        case events.PeerError(text=text):
            return f"The program of {nick} says, and anybody may have written it", text
        case events.SmpRequested(question=question) if question is not None:
            return f"{nick} wants to check a shared secret: /msg *otr auth {nick} ANSWER", question
        case events.MessageHeld(text=text):
            return f"Held until the conversation with {nick} is private", text
        case events.MessageUndelivered(text=text):
            return f"Not sent to {nick}", text
    told = _told(nick, event, level)
    return None if told is None else (told, b"")


def _told(nick: str, event: events.Event, level: Level) -> str | None:
    match event:
        case events.SecureStarted(fingerprint=fingerprint, refreshed=refreshed):
            trusted = level(fingerprint)
            again = " again, with new keys" if refreshed else ""
            who = f"the key of {nick} is trusted: {trusted}" if trusted else _unverified(nick)
            return f"The conversation with {nick} is private{again}. {who}"
        case events.SecureEnded(by_peer=True):
            return (
                f"{nick} has ended the private conversation. What you write now is not sent: "
                f"/msg *otr start {nick} begins a new one, /msg *otr end {nick} goes back to plain "
                "text."
            )
        case events.SecureEnded():
            return f"The private conversation with {nick} has ended. What you write now is plain."
        case events.NewFingerprint(fingerprint=fingerprint, changed=changed):
            key = human_fingerprint(fingerprint)
            if changed:
                return f"WARNING: {nick} has ANOTHER key than before: {key}. Ask {nick} why."
            return f"{nick} has the key {key}, which is seen for the first time."
        case events.VersionDowngraded():
            return (
                f"WARNING: {nick} has used a newer version of OTR before: somebody may force this."
            )
        case events.SmpRequested():
            return (
                f"{nick} wants to check a shared secret. Answer with /msg *otr auth {nick} SECRET, "
                f"or /msg *otr abort {nick}"
            )
        case events.SmpSucceeded():
            return f"{nick} knows the shared secret: the key is trusted now."
        case events.SmpFailed():
            return f"WARNING: {nick} does not know the shared secret. It may be somebody else."
        case events.SmpAborted(by_peer=by_peer):
            return f"The check was aborted{f' by {nick}' if by_peer else ''}."
        case events.SmpCheated():
            return f"WARNING: the check with {nick} went wrong as with no honest program."
        case events.MessageRejected():
            return f"A message of {nick} could not be read and was dropped."
        case events.SessionUnknown():
            return f"{nick} has written under keys that are gone; asked for a new conversation."
        case events.ConversationForgotten():
            return f"The private conversation with {nick} has ended after a long silence."
        case events.Limited(limit=limit):
            return f"{nick} asks for more than is allowed, and was not answered ({limit})."
        case DeliveryUnknown():
            return f"A message to {nick} may not have been sent before the proxy was restarted."
        case TransportFailed():
            return f"A message to {nick} was not sent: there is no connection."
    return None


def _unverified(nick: str) -> str:
    return f"You have not verified who it is: /msg *otr help auth, /msg *otr status {nick}"
