"""Which stanzas hold a line, and how lines are dressed."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from helpers import make_account

slixmpp = pytest.importorskip("slixmpp", reason="slixmpp is not installed")

from otrfast import xmpp  # noqa: E402 - after the skip
from otrfast.xmpp.stanzas import NEVER, line_of, mark, xml_text  # noqa: E402

OWN = "bot@example.org"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HINTS = "urn:xmpp:hints"
assert xmpp.XEP_0364  # its import registers the stanzas that the marks are


@pytest.fixture(scope="module", autouse=True)
def stanzas():
    for number in ("0280", "0334", "0380"):
        stanza = __import__(f"slixmpp.plugins.xep_{number}.stanza", fromlist=["*"])
        for name in ("NoCopy", "NoPermanentStore", "PrivateCarbon", "Encryption"):
            if hasattr(stanza, name):
                slixmpp.xmlstream.register_stanza_plugin(slixmpp.Message, getattr(stanza, name))


def message(body="text", kind="chat", sender="alice@example.org/desk", child=None, stamp=None):
    made = slixmpp.Message()
    made["from"], made["to"], made["type"] = sender, f"{OWN}/one", kind
    if body is not None:
        made["body"] = body
    if child is not None:
        ET.SubElement(made.xml, child)
    if stamp is not None:
        ET.SubElement(made.xml, "{urn:xmpp:delay}delay", stamp=stamp)
    return made


def line(made):
    return line_of(made, OWN, 60.0, NOW)


def test_chat_or_single_message_of_another_then_its_body_is_the_line():
    assert line(message("grüß ✓")) == "grüß ✓".encode()
    assert line(message(kind="normal")) == b"text"
    del (untyped := message()).xml.attrib["type"]
    assert line(untyped) == b"text"


@pytest.mark.parametrize("kind", ["error", "groupchat", "headline"])
def test_bounce_or_message_of_a_room_then_it_is_not_fed(kind):
    assert line(message(kind=kind)) is None


@pytest.mark.parametrize("child", NEVER)
def test_copy_history_or_private_message_of_a_room_then_it_is_not_fed(child):
    assert line(message(child=child)) is None


def test_message_without_a_body_or_from_ourselves_then_it_is_not_fed():
    assert line(message(None)) is None
    assert line(message(sender=f"{OWN}/other")) is None
    assert line(message(sender=OWN)) is None
    assert line(message(sender="")) is None


def ago(seconds):
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def lines(quick):
    """A line of a key exchange and a data message."""
    alice, bob = (make_account(quick, name).session("x") for name in ("alice", "bob"))
    (commit,) = alice.receive(b"?OTRv3?").wire
    (key,) = bob.receive(commit).wire
    (reveal,) = alice.receive(key).wire
    (signature,) = bob.receive(reveal).wire
    alice.receive(signature)
    (text,) = alice.send(b"text").wire
    return commit.decode(), text.decode()


@pytest.mark.parametrize(
    ("stamp", "fed"),
    [(ago(61), False), (ago(59), True), (ago(-3600), True), ("yesterday", False), ("", False)],
)
def test_delayed_message_of_an_exchange_then_it_is_fed_while_its_secrets_live(lines, stamp, fed):
    exchange, _ = lines
    assert (line(message(exchange, stamp=stamp)) is not None) == fed
    assert (line(message(f"<b>{exchange}</b>", stamp=stamp)) is not None) == fed


def test_delayed_data_message_query_or_text_then_it_is_fed(lines):
    for body in (lines[1], "?OTRv3?", "text"):
        assert line(message(body, stamp=ago(86400))) == body.encode()


def test_stamp_without_a_zone_then_it_is_utc(lines):
    stamp = (NOW - timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%S")
    assert line(message(lines[0], stamp=stamp)) is not None


def marks(line, to_one=True):
    made = message()
    mark(made, line.encode(), to_one)
    return {child.tag: dict(child.attrib) for child in made.xml if not child.tag.endswith("body")}


@pytest.mark.parametrize("to_one", [True, False])
def test_line_of_otr_then_it_is_neither_stored_nor_copied_and_says_what_it_is(lines, to_one):
    fragment = f"?OTR|00000100|00000101,00002,00003,{'A' * 30},"
    for line in (*lines, "?OTRv23?", "?OTR Error: x", fragment):
        found = marks(line, to_one)
        assert found.pop("{urn:xmpp:eme:0}encryption") == {
            "namespace": "urn:xmpp:otr:0", "name": "OTR",
        }  # fmt: skip
        assert f"{{{HINTS}}}no-permanent-store" in found
        copied = line == lines[0] and not to_one  # several clients should answer
        assert (f"{{{HINTS}}}no-copy" in found) != copied
        assert ("{urn:xmpp:carbons:2}private" in found) != copied
        assert not any("xhtml" in tag for tag in found)


def test_plain_text_then_it_has_no_marks():
    assert marks("text") == marks("a text about ?OTR") == {}


def test_line_with_characters_that_xml_has_not_then_they_are_replaced():
    assert xml_text("a\0b\x1b\tc\uffffd".encode()) == "a\ufffdb\ufffd\tc\ufffdd"
    ET.fromstring(f"<a>{xml_text(bytes(range(32)))}</a>")
    assert xml_text(b"\xff") == "\ufffd"
