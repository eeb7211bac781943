"""The plugin `xep_0364` of slixmpp: a gateway behind a client or a component."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, ClassVar

from slixmpp import JID, InvalidJID, Message, Presence
from slixmpp.plugins import BasePlugin

from otrfast.aio import Gateway, Peer
from otrfast.aio import Message as Received
from otrfast.chat.bodies import Forms
from otrfast.events import Event
from otrfast.policy import Policy
from otrfast.protocol.instance import MessageState
from otrfast.xmpp.acknowledgements import UNCOUNTED, Acknowledgements, Taken
from otrfast.xmpp.addresses import Addresses
from otrfast.xmpp.messages import OtrEvent, OtrMessage
from otrfast.xmpp.saved_stream import SavedStream
from otrfast.xmpp.stanzas import line_of, mark, xml_text

_log = logging.getLogger("otrfast.xmpp")


class XEP_0364(BasePlugin):  # noqa: N801  slixmpp's form of a plugin's name
    """XEP-0364: Off-the-Record Messaging.

    Events: `otr_message` with an `OtrMessage`, `otr_event` with an `OtrEvent`. `open` it before the
    client connects, `close` it before the client disconnects. A conversation has the name of the
    peer's bare JID.

    Configuration: `account`, an `otrfast.Account`; `store`, what the gateway keeps conversations
    in; `address`, the bare JID of ours that the conversations belong to (default: that of the
    stream; a component has many); `stream`, the path of a file by which the stream is resumed after
    the process has died (XEP-0198), to be used together with a store.
    """

    name: str = "xep_0364"
    description: str = "XEP-0364: Off-the-Record Messaging"
    dependencies: ClassVar[set[str]] = {
        "xep_0030", "xep_0198", "xep_0203", "xep_0280", "xep_0334", "xep_0380",
    }  # fmt: skip
    default_config: ClassVar[dict[str, Any]] = {
        "account": None, "store": None, "address": None, "stream": None,
    }  # fmt: skip

    gateway: Gateway
    """What the lines go through: `snapshot`, and all that the plugin has no call for."""

    def plugin_init(self) -> None:
        """Make the gateway."""
        if self.config["account"] is None:
            raise ValueError("expected the configuration 'account', an otrfast.Account")
        self.gateway = Gateway(self.config["account"], self._emit, self.config["store"])
        self.gateway.on_event = self._report
        self._addresses = Addresses()
        self._forms = Forms()
        self._serving: asyncio.Task[None] | None = None
        self._acknowledgements: Acknowledgements | None = None
        if not self.xmpp.is_component:  # components have no XEP-0198
            management = self.xmpp.plugin["xep_0198"]
            saved = SavedStream(self.config["stream"])
            self._acknowledgements = Acknowledgements(self.xmpp, management, saved)
            self._acknowledgements.begin()
        self.xmpp.add_filter("in", self._incoming)

    def plugin_end(self) -> None:
        """Leave the stream; the gateway is closed by `close`."""
        self.xmpp.del_filter("in", self._incoming)
        if self._acknowledgements is not None:
            self._acknowledgements.end()

    # What the program calls

    async def open(self) -> None:
        """Open the gateway and its store, and deliver again what was not acknowledged."""
        await self.gateway.__aenter__()
        self._serving = asyncio.create_task(self.gateway.serve(self._deliver))

    async def wait(self) -> None:
        """Return when the gateway is closed; raise what its store has raised."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def close(self, end: bool | None = None) -> None:
        """Close the gateway: end the conversations or save them, see `Gateway.close`; then tell the
        server what was handled."""
        serving, self._serving = self._serving, None
        await self.gateway.close(end)
        if serving is not None:
            await asyncio.wait([serving])  # `close` has raised what it may raise
        if self._acknowledgements is not None:
            self._acknowledgements.send()

    async def send(self, peer: JID | str, body: str) -> None:
        """Send a text to a peer, as HTML if its client takes texts for that. Raises what
        `Gateway.send` raises."""
        name = JID(peer).bare
        text = self._written(name, body) if self._encrypts(name) else body.encode()
        await self.gateway.send(name, text)

    def _encrypts(self, name: str) -> bool:
        session = self.config["account"].sessions.get(name)
        if session is None:
            return False
        requires = session.policy & (Policy.REQUIRE_ENCRYPTION | Policy.REQUIRE_TRUST)
        return bool(requires) or session.state is MessageState.ENCRYPTED

    def peer(self, peer: JID | str) -> Peer:
        """Return the calls on a peer's conversation: start, end, smp_*, trust."""
        return self.gateway.peer(JID(peer).bare)

    @property
    def own(self) -> str:
        """The bare JID of ours that the conversations belong to."""
        return JID(self.config["address"] or self.xmpp.boundjid).bare

    # From the stream

    def _incoming(self, stanza: Any) -> Any:
        """Take the line of a stanza. This is a filter, since filters see every stanza once and in
        order, whatever handlers there are."""
        taken = UNCOUNTED if self._acknowledgements is None else self._acknowledgements.take(stanza)
        try:
            if isinstance(stanza, Message):
                if not self._take(stanza, taken):
                    return stanza
            elif isinstance(stanza, Presence) and stanza["type"] in ("unavailable", "error"):
                self._addresses.leave(stanza["from"].bare, stanza["from"].full)
        except InvalidJID:
            pass  # what comes from no address concerns nobody; it must not end the stream
        taken.done()
        return stanza

    def _take(self, message: Message, taken: Taken) -> bool:
        """Feed the line of a message, if it has one; return whether it is done with already."""
        account, peer, full = self.config["account"], message["from"].bare, message["from"].full
        if message["type"] == "error":  # it did not arrive there
            self._addresses.leave(peer, full)
        if (self.xmpp.is_component and message["to"].bare != self.own) or self._is_room(peer):
            return True
        line = line_of(message, self.own, account.limits.ake_timeout, datetime.now(UTC))
        if line is None:
            return True
        if self._serving is None or self._serving.done():
            _log.warning("the gateway is not open: a message stays unacknowledged")
            if self._acknowledgements is not None:
                self._acknowledgements.leave()
            return False
        if self.gateway.feed(peer, line, taken.done, id=taken.id):
            self._addresses.note(peer, line, full)
            return False
        self._refuse(message)
        return True

    def _is_room(self, peer: str) -> bool:
        """Whether we are in a room of this address: some servers do not mark the private messages
        of its occupants."""
        rooms = self.xmpp.plugin.get("xep_0045", None)
        return rooms is not None and any(JID(peer) in each for each in rooms.rooms.values())

    def _refuse(self, message: Message) -> None:
        """Tell the sender that too much waits: the stream cannot stop for one peer, and nothing is
        dropped in silence."""
        error = self.xmpp.make_message(mto=message["from"], mfrom=message["to"], mtype="error")
        error["id"] = message["id"]
        error["error"]["type"] = "wait"
        error["error"]["condition"] = "resource-constraint"
        error.send()

    # From the gateway

    def _emit(self, peer: Hashable, line: bytes) -> None:
        name = str(peer)
        to = self._addresses.find(name, line)
        message = self.xmpp.make_message(mto=JID(to), mbody=xml_text(line), mtype="chat")
        if self.xmpp.is_component:
            message["from"] = JID(self.own)
        mark(message, line, to_one=to != name)
        message.send()

    async def _report(self, peer: Hashable, event: Event) -> None:
        await self.xmpp.event_async("otr_event", OtrEvent(str(peer), event))

    async def _deliver(self, message: Received) -> None:
        peer, body = str(message.peer), message.text.decode(errors="replace")
        if message.encrypted:
            body = self._forms.read(peer, body)
        handed = OtrMessage(message, peer, body, self._written)
        await self.xmpp.event_async("otr_message", handed)

    def _written(self, peer: str, body: str) -> bytes:
        return self._forms.write(peer, body).encode()
