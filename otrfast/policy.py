"""The policy of a conversation: the seven flags of OTR, one of our own, and their usual
combinations."""

from __future__ import annotations

from enum import IntFlag


class Policy(IntFlag):
    """The flags, those of OTR with libotr's values. Without an ALLOW flag OTR is off: texts pass
    unchanged in both directions."""

    NEVER = 0
    ALLOW_V1 = 0x01
    """Offer version 1 in queries; it is not supported otherwise."""
    ALLOW_V2 = 0x02
    ALLOW_V3 = 0x04
    REQUIRE_ENCRYPTION = 0x08
    """Never send a plain text: hold it until the conversation is encrypted."""
    SEND_WHITESPACE_TAG = 0x10
    """Offer OTR with a tag of spaces and tabs on plain texts."""
    WHITESPACE_START_AKE = 0x20
    """Start the key exchange if such a tag is received."""
    ERROR_START_AKE = 0x40
    """Start the key exchange if an error text is received."""

    REQUIRE_TRUST = 0x80
    """Send texts, held ones too, only to keys that have a level of trust; encryption is required
    then. Held texts are sent once the key is trusted, at the next `send` or `tick`."""

    MANUAL = ALLOW_V2 | ALLOW_V3
    OPPORTUNISTIC = MANUAL | SEND_WHITESPACE_TAG | WHITESPACE_START_AKE | ERROR_START_AKE
    ALWAYS = MANUAL | REQUIRE_ENCRYPTION | WHITESPACE_START_AKE | ERROR_START_AKE

    @property
    def versions(self) -> tuple[int, ...]:
        """The allowed versions, ascending."""
        return _VERSIONS[int.__and__(self, _SPOKEN)]  # the `&` of an enum is slow

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
