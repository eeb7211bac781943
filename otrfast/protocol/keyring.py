"""The D-H keys of a channel, their rotation, and the MAC keys to reveal (OTRv3, "Key
Management").

Two of our keys and two of theirs are alive. The data keys of a pair are derived when the pair is
first used, and each pair serves one direction only, so an alternating message costs each side one
exponentiation, and the sender's next key one more.
"""

from __future__ import annotations

from otrfast.crypto.backend import DataKeys, DhKey, SharedSecret
from otrfast.crypto.secret import Secret
from otrfast.errors import UnknownKeyid
from otrfast.protocol.ake import Established
from otrfast.protocol.call import ComputedSecret
from otrfast.protocol.identity import Identity
from otrfast.protocol.state import StateReader, StateWriter

_LAST_KEYID = 0xFFFFFFFF
_MAC_BYTES = 20
_MAC_START = 4  # bytes of a MAC by which a copy of its message is known
_ACCEPTED_BYTES = 16 * _MAC_START
_MOST_REVEALED = 32  # MAC keys that wait to be revealed


class Keyring(Secret):
    """Keys of one session. `their_public` maps the one or two key ids that are alive to
    elements."""

    __slots__ = (
        "_current",
        "_identity",
        "_pairs",
        "_previous",
        "_revealed",
        "accepted",
        "our_keyid",
        "their_keyid",
        "their_public",
    )

    def __init__(
        self,
        identity: Identity,
        previous: DhKey,
        our_keyid: int,
        their_public: dict[int, bytes],
        revealed: bytes,
        accepted: bytes,
    ) -> None:
        """`previous` is our key before `our_keyid`, which is made when it is first sent; `revealed`
        are MAC keys that are still to be revealed, `accepted` starts of MACs of dead pairs."""
        self._identity = identity
        self.accepted: bytes = accepted
        self._previous = previous
        self._current: DhKey | None = None
        self.our_keyid: int = our_keyid
        self.their_keyid: int = max(their_public)
        self.their_public: dict[int, bytes] = their_public
        self._pairs: dict[tuple[int, int], DataKeys] = {}
        self._revealed = revealed

    @classmethod
    def start(
        cls, established: Established, identity: Identity, revealed: bytes, accepted: bytes
    ) -> Keyring:
        """Start from a finished AKE, with what the session before it leaves to do."""
        ours, theirs = established.our_keyid, established.their_keyid
        public = {theirs: established.their_public}
        keyring = cls(identity, established.our_key, ours + 1, public, revealed, accepted)
        keyring._install(
            (ours, theirs), established.our_key, established.their_public, established.secret
        )
        return keyring

    def next_public(self) -> bytes:
        """Return our current public key, the one that a data message announces."""
        if self._current is None:
            self._current = self._identity.dh_keys.take()
        return self._current.public

    def derived(self, our_keyid: int, their_keyid: int) -> DataKeys | None:
        """Return the keys of a pair if they have been derived already."""
        return self._pairs.get((our_keyid, their_keyid))

    def pair(
        self, our_keyid: int, their_keyid: int, computed: ComputedSecret | None = None
    ) -> DataKeys:
        """Return the keys of a pair, derived at first use: one exponentiation, unless the secret
        was `computed` before. Raises `UnknownKeyid`."""
        keys = self._pairs.get((our_keyid, their_keyid))
        if keys is None:
            ours, theirs = self.exchange(our_keyid, their_keyid)
            secret = ours.agree(theirs) if computed is None else computed.agree(ours, theirs)
            if our_keyid < self.our_keyid - 1 or their_keyid not in self.their_public:
                raise UnknownKeyid("another thread has rotated the keys meanwhile")
            keys = self._install((our_keyid, their_keyid), ours, theirs, secret)
        return keys

    def wanted(self, our_keyid: int, their_keyid: int) -> tuple[DhKey, bytes] | None:
        """Return the two D-H keys that a pair is still to be derived from, None if it has been,
        or if a key of it is not alive."""
        if (our_keyid, their_keyid) in self._pairs:
            return None
        try:
            return self.exchange(our_keyid, their_keyid)
        except UnknownKeyid:
            return None

    def exchange(self, our_keyid: int, their_keyid: int) -> tuple[DhKey, bytes]:
        """Return the two D-H keys that a pair is derived from. Raises `UnknownKeyid`."""
        theirs = self.their_public.get(their_keyid)
        if theirs is None:
            raise UnknownKeyid(f"the peer's key {their_keyid} is not alive")
        if our_keyid == self.our_keyid - 1:
            return self._previous, theirs
        if our_keyid == self.our_keyid and self._current is not None:
            return self._current, theirs
        raise UnknownKeyid(f"our key {our_keyid} is not alive")

    def _install(
        self, pair: tuple[int, int], ours: DhKey, theirs: bytes, secret: SharedSecret
    ) -> DataKeys:
        """Derive a pair's keys from its shared secret.

        Keys that another thread has installed meanwhile stay: a second set would start its
        counters again and repeat the key stream.
        """
        keys = secret.data_keys(ours.public > theirs)
        if self._identity.counters is not None:
            keys.count_between(*self._identity.counters)
        return self._pairs.setdefault(pair, keys)

    def follow_counters(self) -> None:
        """Have the keys that are derived seal between the account's counters too."""
        if self._identity.counters is not None:
            for keys in self._pairs.values():
                keys.count_between(*self._identity.counters)

    def write(self, writer: StateWriter) -> None:
        """Write the keys into a state, with the key that the next message announces once the peer
        has written under these: then that message needs no other state."""
        if len(self.their_public) > 1:
            self.next_public()
        writer.handle(self._previous)
        writer.number(self.our_keyid)
        writer.number(len(self.their_public))
        for keyid, public in self.their_public.items():
            writer.number(keyid)
            writer.data(public)
        writer.data(self._revealed)
        writer.data(self.accepted)
        writer.optional(self._current, writer.handle)
        writer.number(len(self._pairs))
        for (ours, theirs), keys in self._pairs.items():
            writer.number(ours)
            writer.number(theirs)
            writer.handle(keys)

    @classmethod
    def read(cls, reader: StateReader, identity: Identity) -> Keyring:
        """Read what `write` has written. Raises `StateDamaged`."""
        previous, our_keyid = reader.handle(), reader.number()
        public = {reader.number(): reader.data() for _ in range(reader.number())}
        revealed, accepted = reader.data(), reader.data()
        keyring = cls(identity, previous, our_keyid, public, revealed, accepted)
        keyring._current = reader.optional(reader.handle)
        for _ in range(reader.number()):
            pair = reader.number(), reader.number()
            keyring._pairs[pair] = reader.handle()
        keyring.follow_counters()
        return keyring

    @property
    def has_next(self) -> bool:
        """Whether the key that the next message announces is made."""
        return self._current is not None

    def rotate(self, ours: int, theirs: int, next_public: bytes) -> None:
        """Follow an accepted message under our key `ours` and the peer's key `theirs`, which
        announces `next_public`: a newest key that was used makes the one before it die.

        MAC keys of dead pairs are to be revealed if they have verified a message. Two or three
        wait if both sides send. A peer that rotates its keys with every message, without hearing
        from us, loses the oldest ones: our next message must not grow with them.

        Everything is computed first and assigned at once: half a rotation would derive a pair
        again, with its counters back at the start.
        """
        our_keyid, their_keyid, public = self.our_keyid, self.their_keyid, self.their_public
        previous, current = self._previous, self._current
        if ours == our_keyid:
            assert current is not None  # the peer cannot use what was never sent
            previous, current, our_keyid = current, None, our_keyid + 1
        if theirs == their_keyid != _LAST_KEYID:
            public = {their_keyid: public[their_keyid], their_keyid + 1: next_public}
            their_keyid += 1
        pairs, revealed, accepted = {}, self._revealed, self.accepted
        for pair, keys in self._pairs.items():
            if pair[0] >= our_keyid - 1 and pair[1] >= their_keyid - 1:
                pairs[pair] = keys
            elif keys.verified:
                revealed = (revealed + keys.receive_mac_key())[-_MOST_REVEALED * _MAC_BYTES :]
                accepted = (accepted + keys.accepted())[-_ACCEPTED_BYTES:]
        # fmt: off
        self._previous, self._current, self.our_keyid, self.their_keyid, self.their_public, self._pairs, self._revealed, self.accepted = previous, current, our_keyid, their_keyid, public, pairs, revealed, accepted  # noqa: E501  one line: nothing can come between
        # fmt: on

    def announces_known_key(self, theirs: int, next_public: bytes) -> bool:
        """Whether a message under the peer's newest key announces a key that is alive as the next
        one: the same pair of keys would then get a second key stream under another id."""
        return theirs == self.their_keyid and next_public in self.their_public.values()

    @property
    def revealed(self) -> bytes:
        """The MAC keys to reveal in the next data message."""
        return self._revealed

    def forget_revealed(self) -> None:
        """The MAC keys stand in a message now."""
        self._revealed = b""

    @property
    def has_revealed(self) -> bool:
        """Whether MAC keys wait to be revealed."""
        return bool(self._revealed)

    def has_accepted(self, mac: bytes) -> bool:
        """Whether a message with this MAC was accepted before, under a pair that is dead now."""
        start = mac[:_MAC_START]
        known = range(0, len(self.accepted), _MAC_START)
        return any(self.accepted[at : at + _MAC_START] == start for at in known)

    @property
    def all_accepted(self) -> bytes:
        """The starts of the MACs of the last messages accepted, under living pairs too."""
        keys = [keys.accepted() for keys in self._pairs.values()]
        return b"".join([self.accepted, *keys])[-_ACCEPTED_BYTES:]

    @property
    def retiring(self) -> bytes:
        """Every MAC key that is to be revealed if this keyring ends now."""
        keys = [keys.receive_mac_key() for keys in self._pairs.values() if keys.verified]
        return b"".join([self._revealed, *keys])[-_MOST_REVEALED * _MAC_BYTES :]
