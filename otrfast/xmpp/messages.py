"""What the handlers of the plugin's events are given."""

from __future__ import annotations

from typing import NamedTuple

from otrfast.chat.messages import OtrMessage
from otrfast.events import Event

__all__ = ["OtrEvent", "OtrMessage"]


class OtrEvent(NamedTuple):
    """With `otr_event`: what has happened that is no text."""

    peer: str
    """The bare JID."""
    event: Event
