"""Base64 in files: with line breaks, with or without padding."""

from __future__ import annotations

import re
from base64 import b64decode

_TEXT = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


def from_base64(text: bytes) -> bytes | None:
    """Return the decoded text; None if it is not base64."""
    text = b"".join(text.split())
    if not _TEXT.fullmatch(text) or len(text.rstrip(b"=")) % 4 == 1:
        return None
    return b64decode(text.rstrip(b"=") + b"==")
