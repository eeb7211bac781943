"""What a conversation may do, must do and does by itself: the seven flags of OTR, one of our own,
and their usual bundles."""

from __future__ import annotations

from enum import IntFlag


class Policy(IntFlag):
    """The flags, those of OTR with libotr's values. Without an ALLOW flag OTR does nothing: texts
    pass unchanged both ways."""

    NEVER = 0
    ALLOW_V1 = 0x01
    """Offer version 1 in queries, for whoever parses them; it is never spoken here."""
    ALLOW_V2 = 0x02
    ALLOW_V3 = 0x04
    REQUIRE_ENCRYPTION = 0x08
    """Never send plain text: hold it back until the conversation is encrypted."""
    SEND_WHITESPACE_TAG = 0x10
    """Offer OTR by a tag of spaces and tabs on plain texts."""
    WHITESPACE_START_AKE = 0x20
    """Start the key exchange on receiving such a tag."""
    ERROR_START_AKE = 0x40
    """Start the key exchange on receiving an error text."""

    REQUIRE_TRUST = 0x80
    """Send texts, held ones too, only to keys that have a level of trust; encryption is required
    then. Held texts are sent once the key is trusted, at the next `send` or `tick`."""

    MANUAL = ALLOW_V2 | ALLOW_V3
    OPPORTUNISTIC = MANUAL | SEND_WHITESPACE_TAG | WHITESPACE_START_AKE | ERROR_START_AKE
    ALWAYS = MANUAL | REQUIRE_ENCRYPTION | WHITESPACE_START_AKE | ERROR_START_AKE

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that may be spoken, ascending."""
        return _VERSIONS[int.__and__(self, _SPOKEN)]  # an enum's own & is made in Python

    @property
    def requires_encryption(self) -> bool:
        """Whether no text may be sent in plain text."""
        return bool(int.__and__(self, _REQUIRING))


_REQUIRING = (Policy.REQUIRE_ENCRYPTION | Policy.REQUIRE_TRUST).value
_SPOKEN = Policy.MANUAL.value
_VERSIONS = {
    Policy.NEVER.value: (),
    Policy.ALLOW_V2.value: (2,),
    Policy.ALLOW_V3.value: (3,),
    Policy.MANUAL.value: (2, 3),
}
