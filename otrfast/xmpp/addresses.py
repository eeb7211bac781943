"""The full JIDs that answers go to: for each instance of a peer, the one that wrote last."""

from __future__ import annotations

from collections import OrderedDict

_PEERS = 100_000  # whoever writes is remembered; the one that was silent longest makes space
_TAGS = 32  # of one peer: anybody can invent tags


class Addresses:
    """Full JIDs by bare JID and instance tag. What is not known is answered to the bare JID."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, OrderedDict[int, str]] = OrderedDict()

    def note(self, bare: str, tag: int | None, full: str) -> None:
        """A line came from a full JID; `tag` is the instance tag in it, 0 or None without one."""
        known = self._peers.setdefault(bare, OrderedDict())
        self._peers.move_to_end(bare)
        for key in {0, tag or 0}:  # 0: whoever wrote last
            known[key] = full
            known.move_to_end(key)
        if len(known) > _TAGS:
            known.popitem(last=False)
        if len(self._peers) > _PEERS:
            self._peers.popitem(last=False)

    def find(self, bare: str, tag: int | None) -> str:
        """Return where a line for an instance goes; 0 or None: a line for whoever wrote last."""
        known = self._peers.get(bare)
        return bare if known is None else known.get(tag or 0, bare)

    def leave(self, bare: str, full: str) -> None:
        """A full JID has gone: nobody can be written to there."""
        known = self._peers.get(bare)
        if known is None:
            return
        for tag in [tag for tag, address in known.items() if address == full]:
            del known[tag]
        if not known:
            del self._peers[bare]
