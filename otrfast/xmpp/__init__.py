"""OTR for slixmpp: `import otrfast.xmpp`, then `register_plugin("xep_0364", {"account": ...})`.

Needs the extra `otrfast[xmpp]`.
"""

from slixmpp.plugins.base import register_plugin

from otrfast.xmpp.messages import OtrEvent, OtrMessage
from otrfast.xmpp.plugin import XEP_0364

register_plugin(XEP_0364)

__all__ = ["XEP_0364", "OtrEvent", "OtrMessage"]
