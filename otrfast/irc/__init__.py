"""OTR for bots on IRC: `Client`, a gateway behind a connection of async-irc.

Needs the extra `otrfast[irc]`.
"""

from otrfast.irc.client import Client
from otrfast.irc.connection import LoginFailed
from otrfast.irc.people import NotAPerson, account_name
from otrfast.irc.server import Sasl, Server

__all__ = ["Client", "LoginFailed", "NotAPerson", "Sasl", "Server", "account_name"]
