"""What a session sends its own lines with."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable


class OTRTransport(metaclass=ABCMeta):
    """A transport of lines. Programs derive from it, or call `OTRTransport.register` for a class
    that has the method."""

    @abstractmethod
    def inject_otr_message(self, message: bytes) -> object:
        """Send one complete line to the peer; the result is ignored."""


class GenericOTRTransport(OTRTransport):
    """A transport that calls a function with each line."""

    def __init__(self, send_function: Callable[[bytes], object]) -> None:
        self.send_function: Callable[[bytes], object] = send_function

    def inject_otr_message(self, message: bytes) -> None:
        """Call the function with a line."""
        self.send_function(message)
