"""What a program has set for a peer, which outlives the peer's conversation."""

from __future__ import annotations

from otrfast._records import record
from otrfast.policy import Policy
from otrfast.protocol.instances import Recipient
from otrfast.protocol.padding import Padding


@record
class Finished:
    """The mark of a conversation that the peer has ended and the account has forgotten: no text
    may go out in the clear until the program says so."""

    tag: int
    version: int
    fingerprint: bytes


@record
class Settings:
    """The settings of one peer; a policy of None is that of the account. `refused`: the peer has
    answered our whitespace tag by a text without one."""

    policy: Policy | None = None
    max_fragment: int = 0
    recipient: int | Recipient = Recipient.BEST
    padding: Padding | None = None
    refused: bool = False
    finished: Finished | None = None
