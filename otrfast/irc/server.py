"""Where a client connects to, and who it says it is."""

from __future__ import annotations

import ssl
from typing import Final, Literal

from otrfast._records import field, record

PORT: Final = 6697
"""TLS from the first byte (RFC 7194)."""

_SASL_BYTES: Final = 400
_ENCODED = 4, 3  # base64


@record
class Sasl:
    """How to log in to an account of the services: `PLAIN` with a name and a password, or
    `EXTERNAL` with the certificate of the TLS connection (IRCv3, "SASL")."""

    mechanism: Literal["PLAIN", "EXTERNAL"] = "PLAIN"
    name: str = ""
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Raise `ValueError` if it does not fit into one line of AUTHENTICATE."""
        whole = len(f"{self.name}\0{self.name}\0{self.password}".encode())
        if whole * _ENCODED[0] // _ENCODED[1] + _ENCODED[1] >= _SASL_BYTES:
            raise ValueError("name and password of SASL are too long for one line of 400 bytes")


@record
class Server:
    """A server. `tls` is the context that its certificate is verified with, by default the
    system's; False is a connection in the clear. `password` is that of the server (PASS)."""

    host: str
    port: int = PORT
    tls: ssl.SSLContext | Literal[False] | None = None
    password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext | None:
        """Return what TLS is begun with; None in the clear."""
        if self.tls is False:
            return None
        return self.tls or ssl.create_default_context()
