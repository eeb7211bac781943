"""The unfinished fragmented messages of one peer: one for each instance, within bounds
(OTRv3, "Fragmentation")."""

from __future__ import annotations

from otrfast.errors import LimitExceeded
from otrfast.protocol.context import Context
from otrfast.protocol.state import StateReader, StateWriter
from otrfast.wire.fragments import Assembly, Fragment

_PIECE_COST = 64  # bytes that a piece counts as at least


class Reassembly:
    """Assemblies by the sender's instance tag, 0 in version 2."""

    __slots__ = ("_by_sender", "_context")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_sender: dict[int, Assembly] = {}

    def __len__(self) -> int:
        return len(self._by_sender)

    def add(self, fragment: Fragment, now: float, known: bool, authenticated: bool) -> bytes | None:
        """Take a fragment; return the whole line with the last one. `known`: there is such an
        instance; `authenticated`: it has shown a key.

        There is always space for a known instance: otherwise four stray first pieces would silence
        it. Raises `LimitExceeded` if it would exceed a limit; the message that it belongs to is
        given up then.
        """
        self.expire(now)
        limits, usage = self._context.limits, self._context.usage
        assembly = self._by_sender.get(fragment.sender)
        if assembly is None:
            if fragment.index != 1:
                return None
            if not known and len(self._by_sender) >= limits.assemblies:
                raise LimitExceeded("assemblies")
            assembly = Assembly()
        elif assembly.repeats(fragment):
            return None  # a copy made on the way
        self.clear(fragment.sender)
        begun = 0 if fragment.index == 1 else assembly.size  # a first piece starts again
        growth = begun + len(fragment.piece) + _PIECE_COST
        if growth > limits.message_size + _PIECE_COST:
            raise LimitExceeded("message_size")
        if usage.assembled + growth > limits.assembled_bytes:
            raise LimitExceeded("assembled_bytes")
        if not authenticated and growth + self._unauthenticated() > limits.stranger_assembly:
            raise LimitExceeded("stranger_assembly")
        line = assembly.add(fragment, now)
        assembly.unauthenticated = not authenticated
        if assembly:
            self._by_sender[fragment.sender] = assembly
            self._count(assembly, assembly.size + _PIECE_COST)
        return line

    def _count(self, assembly: Assembly, size: int) -> None:
        """Have an assembly be counted as `size` bytes."""
        usage = self._context.usage
        # both counts in one line: nothing can come between
        usage.assembled, assembly.counted = usage.assembled + size - assembly.counted, size

    def _unauthenticated(self) -> int:
        """Bytes held for instances that have never shown a key."""
        return sum(
            assembly.counted for assembly in self._by_sender.values() if assembly.unauthenticated
        )

    def write(self, writer: StateWriter) -> None:
        """Write the unfinished messages into a state."""
        writer.number(len(self._by_sender))
        for sender, assembly in self._by_sender.items():
            count, total, text, last = assembly.pieces
            writer.number(sender)
            writer.number(count)
            writer.number(total)
            writer.data(text)
            writer.data(last)
            writer.time(assembly.since)
            writer.flag(assembly.unauthenticated)

    @classmethod
    def read(cls, reader: StateReader, context: Context) -> Reassembly:
        """Read what `write` has written. Raises `StateDamaged`."""
        reassembly = cls(context)
        for _ in range(reader.number()):
            sender = reader.number()
            pieces = reader.number(), reader.number(), reader.data(), reader.data()
            assembly = Assembly.of(pieces, reader.time())
            assembly.unauthenticated = reader.flag()
            reassembly._by_sender[sender] = assembly
            reassembly._count(assembly, assembly.size + _PIECE_COST)
        return reassembly

    def clear(self, sender: int) -> None:
        """Give up the message that `sender` has begun."""
        assembly = self._by_sender.get(sender)
        if assembly is not None:
            self._count(assembly, 0)
            del self._by_sender[sender]

    def clear_all(self) -> None:
        """Give up everything."""
        for sender in list(self._by_sender):
            self.clear(sender)

    def expire(self, now: float) -> None:
        """Give up what was begun too long ago."""
        timeout = self._context.limits.assembly_timeout
        for sender, assembly in list(self._by_sender.items()):
            if now >= assembly.since + timeout:
                self.clear(sender)

    def deadline(self) -> float:
        """When the first assembly expires; there is one."""
        since = min(assembly.since for assembly in self._by_sender.values())
        return since + self._context.limits.assembly_timeout
