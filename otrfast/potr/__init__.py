"""python-potr's API on otrfast's engine: programs written for potr run on it unchanged.

Derive from `context.Context` and `context.Account` as with potr, or call `install()` before the
program's first `import potr`; `python -m otrfast.potr PROGRAM` does that for a program that can
not be edited.

What differs from potr, each on purpose:

* it works: keys can be made, signed with and used on a current Python;
* plain text while there is a private conversation, or was one until the peer ended it, raises
  `UnencryptedMessage`, as potr meant to, and so does everything else that would be shown as it
  came: messages that can not be read, pieces out of order, other versions; `tagOffer` becomes
  OFFER_REJECTED on a text without a tag;
* a TLV of an unknown type, or one that has not its type's form, is skipped, and the text that it
  came with is not lost; `TLV.parse` on bytes of one's own still raises `UnknownTLV`;
* a text after a whitespace tag is kept;
* crossing key exchanges end encrypted; a key exchange message in the wrong state is ignored, and
  so is an offer of version 1 alone; g^x is checked to be in the group;
* an encrypted text without a session is answered by an error only where its sender has not asked
  for silence;
* a wrong secret in the SMP is answered by message 4, so that the peer too reports a failure, and
  an earlier "smp" trust goes when a running SMP is aborted after message 3;
* the extra symmetric key is that of the message that asks for it, not that of the key exchange;
* `smpInit` and `smpGotSecret` take text too, as UTF-8; every other `str` is a clear `TypeError`;
* what a program sends from inside `setState` goes out behind the message that is due before it;
* fields that are cut short are refused, also by `utils.read_data`; a text with a zero byte, which
  no message can carry, raises `InvalidParameterError`;
* MACs are compared in constant time, and nothing secret is ever logged;
* what a peer can make an account keep and compute is bounded (`account.LIMITS`);
* a forked process does not go on with its parent's sessions.

By choice: version 3 with instance tags (`ALLOW_V3 = True` on the Context or Account class; the
policy ALLOW_V3 is asked then, and only then), sending a text that REQUIRE_ENCRYPTION held back
(`RESEND_HELD = True` on the Context class), keys made ahead (`Account.prepare`).
"""

from otrfast.potr import compatcrypto, context, crypt, proto, utils
from otrfast.potr.install import install
from otrfast.potr.utils import human_hash

VERSION = (1, 0, 2, "final")
"""The release of potr whose API this is."""

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
