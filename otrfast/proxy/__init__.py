"""OTR for IRC clients that have none: a proxy between the client and its server.

The client connects to a port on its own machine, the proxy to the server. Private messages are
those of a conversation of otrfast; everything else passes as it is. Needs the extra `otrfast[irc]`.
"""

from otrfast.proxy.proxy import Proxy

__all__ = ["Proxy"]
