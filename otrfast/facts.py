"""What a session tells about itself: state, version, keys, devices; reading changes nothing."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from otrfast.crypto.secret import Secret
from otrfast.engine.conversation import Conversation
from otrfast.outcome import NEVER
from otrfast.protocol.context import Context
from otrfast.protocol.instance import MessageState


class InstanceInfo(NamedTuple):
    """What is known of one device of the peer."""

    tag: int
    state: MessageState
    version: int
    fingerprint: bytes | None
    ssid: bytes


class Facts(Secret):
    """The read-only side of `session.Session`."""

    __slots__ = ("_conversation", "_local")

    _local: Context
    _conversation: Conversation

    @property
    def conversation(self) -> Conversation:
        """What stands behind the session, for layers that have to look deeper; they change
        nothing."""
        return self._conversation

    @property
    def peer(self) -> Hashable:
        """Who is at the other end."""
        return self._conversation.peer

    @property
    def state(self) -> MessageState:
        """PLAINTEXT, ENCRYPTED or FINISHED, of the device that texts go to."""
        instance = self._conversation.current
        return MessageState.PLAINTEXT if instance is None else instance.state

    @property
    def version(self) -> int | None:
        """The protocol version of the present or last private conversation, None before the
        first."""
        instance = self._conversation.current
        return instance.version or None if instance is not None else None

    @property
    def fingerprint(self) -> bytes | None:
        """The peer's fingerprint in the present or last private conversation (20 bytes), None
        before the first."""
        instance = self._conversation.current
        return None if instance is None else instance.fingerprint

    @property
    def ssid(self) -> bytes | None:
        """The secure session id, 8 bytes, the same on both sides; None before the first key
        exchange."""
        instance = self._conversation.current
        return instance.ssid or None if instance is not None else None

    @property
    def ssid_halves(self) -> tuple[str, str, int] | None:
        """The ssid for people: its halves in hexadecimal, and which one (0 or 1) this side shows
        in bold."""
        instance = self._conversation.current
        if instance is None or not instance.ssid:
            return None
        return instance.ssid[:4].hex(), instance.ssid[4:].hex(), 0 if instance.revealed else 1

    @property
    def instance_tags(self) -> tuple[int, int]:
        """Our instance tag, and that of the device that texts go to (0: none, or version 2)."""
        instance = self._conversation.current
        return self._local.identity.instance_tag, 0 if instance is None else instance.tag

    @property
    def instances(self) -> tuple[InstanceInfo, ...]:
        """Every device of the peer that is known."""
        return tuple(
            InstanceInfo(each.tag, each.state, each.version, each.fingerprint, each.ssid)
            for each in self._conversation.instances
        )

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in seconds of the account's clock; None: never, as
        things stand."""
        return None if (deadline := self._conversation.deadline()) == NEVER else deadline
