"""What a gateway reports beside the events of the engine: failures of the program's callables."""

from __future__ import annotations

from collections.abc import Hashable

from otrfast._records import field, record
from otrfast.errors import LocalError
from otrfast.events import Event


class GatewayClosed(LocalError):
    """The gateway takes no more: it was closed, or its store has failed, which is the cause
    then."""


@record
class CallbackFailed(Event):
    """A callable of the program has raised `error`; `where` is "on_event", "ack" or
    "serve"."""

    where: str
    error: Exception = field(compare=False)


@record
class TransportFailed(Event):
    """The transport has raised `error` for `line`: the peer may never see the line."""

    line: bytes = field(repr=False)
    error: Exception = field(compare=False)


@record
class LineFailed(Event):
    """A line given to `feed` could not be handled: the call of the engine has raised `error`."""

    line: bytes = field(repr=False)
    error: Exception = field(compare=False)


@record
class DeliveryUnknown(Event):
    """A line was committed before the process ended, and nobody knows whether it was sent. It is
    not sent again: libotr answers a line that comes twice with an error, and the text comes twice
    in the end. The program decides whether to say it again."""

    line: bytes = field(repr=False)


@record
class PeerRenamed(Event):
    """The peer was called `old` until now: its conversation goes on."""

    old: Hashable
