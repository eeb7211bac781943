"""The API of python-potr on otrfast's engine, for programs written for potr.

Derive from `context.Context` and `context.Account` as with potr, or call `install()` before the
program's first `import potr`; `python -m otrfast.potr PROGRAM` does that for a program that cannot
be edited.

The differences from potr are intended:

* keys can be generated and used for signing on a current Python;
* in ENCRYPTED and FINISHED a plain text raises `UnencryptedMessage`, as potr meant to, and so does
  every other line that is shown as it is: unreadable messages, fragments out of order, other
  versions; `tagOffer` becomes OFFER_REJECTED on a text without a tag;
* a malformed TLV, or one of an unknown type, is skipped, and the text beside it is not lost;
  `TLV.parse` of the program's own bytes still raises `UnknownTLV`;
* a text after a whitespace tag is kept;
* crossing key exchanges end encrypted; a key exchange message in the wrong state is ignored, and
  so is an offer of version 1 alone; g^x is checked to be in the group;
* an encrypted text without a session is answered by an error, unless its sender has set
  IGNORE_UNREADABLE;
* a wrong secret in the SMP is answered by message 4, so that the peer reports the failure too, and
  an abort after message 3 withdraws an earlier "smp" trust;
* the extra symmetric key is that of the message that announces it, not that of the key exchange;
* `smpInit` and `smpGotSecret` also take text, as UTF-8; every other `str` raises `TypeError`;
* SMP messages and the end of a conversation are processed before `processTLVs` is called;
* the lines that a program sends from `setState` follow the message that the engine sends first;
* truncated fields are refused, also by `utils.read_data`; a text with a zero byte, which no
  message can carry, raises `InvalidParameterError`;
* MACs are compared in constant time, and no secret is logged;
* limits bound the memory and work that a peer can cause (`account.LIMITS`);
* a forked process does not use its parent's sessions.

Opt-in features: version 3 with instance tags (`ALLOW_V3 = True` on the Context or Account class;
only then the policy ALLOW_V3 is consulted), sending of a text that REQUIRE_ENCRYPTION held
(`RESEND_HELD = True` on the Context class), D-H keys made in advance (`Account.prepare`).
"""

from otrfast.potr import compatcrypto, context, crypt, proto, utils
from otrfast.potr.install import install
from otrfast.potr.utils import human_hash

VERSION = (1, 0, 2, "final")
"""The release of potr with the same API."""

__all__ = [
    "VERSION",
    "compatcrypto",
    "context",
    "crypt",
    "human_hash",
    "install",
    "proto",
    "utils",
]
