"""The full JIDs that answers go to: for each instance of a peer, the one that wrote last."""

from __future__ import annotations

from collections import OrderedDict

from otrfast.wire.lines import OTR_TAG, receiver, sender

_PEERS = 100_000  # whoever writes is remembered; the one that was silent longest makes space
_TAGS = 32  # of one peer: anybody can invent tags


class Addresses:
    """Full JIDs by bare JID and instance tag. What is not known is answered to the bare JID.

    Tag 0 is whoever wrote OTR last: queries and version 2 name no instance. None is whoever wrote
    in the clear last: that may be a client without OTR, where nobody could read what is private.
    """

    def __init__(self) -> None:
        self._peers: OrderedDict[str, OrderedDict[int | None, str]] = OrderedDict()

    def note(self, bare: str, line: bytes, full: str) -> None:
        """A line came from a full JID."""
        known = self._peers.setdefault(bare, OrderedDict())
        self._peers.move_to_end(bare)
        for tag in {0, sender(line) or 0} if OTR_TAG in line else {None}:
            known[tag] = full
            known.move_to_end(tag)
        if len(known) > _TAGS:
            known.popitem(last=False)
        if len(self._peers) > _PEERS:
            self._peers.popitem(last=False)

    def find(self, bare: str, line: bytes) -> str:
        """Return where a line of ours goes."""
        tag = (receiver(line) or 0) if line.startswith(OTR_TAG) else None
        known = self._peers.get(bare)
        return bare if known is None else known.get(tag, bare)

    def leave(self, bare: str, full: str) -> None:
        """A full JID has gone: nobody can be written to there."""
        known = self._peers.get(bare)
        if known is None:
            return
        for tag in [tag for tag, address in known.items() if address == full]:
            del known[tag]
        if not known:
            del self._peers[bare]
