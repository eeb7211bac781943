"""slixmpp with the plugin, and no server: stanzas go in and come out as text."""

import asyncio
from xml.etree import ElementTree as ET

import pytest

slixmpp = pytest.importorskip("slixmpp", reason="slixmpp is not installed")

import otrfast.xmpp  # noqa: E402, F401 - after the skip; registers the plugin

OWN, ALICE = "bot@example.org", "alice@example.org/desk"
SM = "urn:xmpp:sm:3"


class Stream:
    """A client or a component after its session has begun."""

    def __init__(self, account, component=False, **settings):
        if component:
            self.xmpp = slixmpp.ComponentXMPP("example.org", "word")
        else:
            self.xmpp = slixmpp.ClientXMPP(f"{OWN}/one", "word")
        self.sent, self.texts, self.events = [], asyncio.Queue(), []
        self.xmpp.send_raw = lambda data: self.sent.append(ET.fromstring(_named(data)))
        self.xmpp.transport = self
        self.xmpp.register_plugin("xep_0364", {"account": account, "address": OWN} | settings)
        self.otr = self.xmpp.plugin["xep_0364"]
        self.xmpp.add_event_handler("otr_message", self.texts.put)
        self.xmpp.add_event_handler("otr_event", lambda told: self.events.append(told.event))

    async def __aenter__(self):
        self.xmpp.init_plugins()
        await self.otr.open()
        self._sending = asyncio.ensure_future(self.xmpp.run_filters())
        self.xmpp.event("session_start")
        return self

    async def __aexit__(self, *error):
        await self.otr.close()
        await self.die()

    async def die(self):
        """End all tasks: nothing is saved or told."""
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    def come(self, xml):
        """A stanza comes from the server."""
        space = "jabber:component:accept" if self.xmpp.is_component else "jabber:client"
        element = ET.fromstring(f'<x xmlns="{space}">{xml}</x>')[0]
        self.xmpp._spawn_event(element)

    def say(self, body, sender=ALICE, to=f"{OWN}/one", kind="chat", more=""):
        """A message comes."""
        made = ET.Element("body")
        made.text = body if isinstance(body, str) else body.decode()
        inner = ET.tostring(made, "unicode")
        self.come(f"<message from='{sender}' to='{to}' type='{kind}'>{inner}{more}</message>")

    async def bodies(self, number=1):
        """Return the next messages that go out, as elements."""
        for _ in range(500):
            found = [each for each in self.sent if each.tag.endswith("message")]
            if len(found) >= number:
                self.sent = [each for each in self.sent if each not in found]
                return found
            await asyncio.sleep(0.005)
        raise AssertionError(f"expected {number} messages, not {len(found)}")

    async def quiet(self):
        """Return when what has come was handled; assert that nothing was sent."""
        await asyncio.sleep(0.05)
        assert [each for each in self.sent if each.tag.endswith("message")] == []
        assert self.texts.empty()

    async def converse(self, session, sender=ALICE):
        """Hold a key exchange with a session on the other side."""
        (query,) = session.start().wire
        self.say(query, sender)
        while not session.fingerprint:
            for message in await self.bodies():
                for line in session.receive(body_of(message)).wire:
                    self.say(line, sender)
        await asyncio.sleep(0.02)

    def acknowledged(self):
        """How many stanzas the server would be told of now."""
        self.come(f"<r xmlns='{SM}'/>")
        return int([each for each in self.sent if each.tag == f"{{{SM}}}a"][-1].get("h"))

    def enable(self, name="stream-1"):
        """The server has enabled XEP-0198."""
        self.come(f"<enabled xmlns='{SM}' id='{name}' resume='true'/>")


def _named(data):
    text = data.decode() if isinstance(data, bytes) else data
    return text.replace("<message ", '<message xmlns="jabber:client" ', 1)


def body_of(message):
    return next(each for each in message if each.tag.endswith("body")).text.encode()
