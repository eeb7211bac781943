"""The plugin, with stanzas as text and no server."""

import asyncio

import pytest
from helpers import make_account

from otrfast import Account, NotEncrypted, Policy, events
from otrfast.aio import DeliveryUnknown, JournalStore, MemoryStore
from otrfast.journal import SqliteJournal
from xmpp.stream import ALICE, OWN, SM, Stream, body_of

PHONE = "alice@example.org/phone"
DELAY = "<delay xmlns='urn:xmpp:delay' stamp='{}'/>"
OLD = DELAY.format("2020-01-01T00:00:00Z")
FORWARDED = (
    "<{} xmlns='{}'><forwarded xmlns='urn:xmpp:forward:0'>"
    "<message xmlns='jabber:client' from='alice@example.org/desk' to='bot@example.org' type='chat'>"
    "<body>?OTRv23?</body></message></forwarded></{}>"
)


@pytest.fixture
def bot(quick):
    return lambda policy=Policy.ALWAYS: make_account(quick, "bot", policy=policy)


@pytest.fixture
def alice(quick):
    """Alice's session at one of her clients."""
    return lambda number=1: make_account(quick, "alice", number).session("bot")


def line(outcome):
    (only,) = outcome.wire
    return only


async def read(stream, session):
    """What the next message says to a session, and where it went."""
    (message,) = await stream.bodies()
    texts = [
        event.text
        for event in session.receive(body_of(message)).events
        if isinstance(event, events.MessageReceived)
    ]
    return texts, message.get("to")


def test_text_comes_then_it_is_answered_to_the_client_that_wrote(bot, alice, run):
    async def main():
        async with Stream(bot()) as stream:
            desk, phone = alice(1), alice(2)
            await stream.converse(desk, ALICE)
            await stream.converse(phone, PHONE)
            for session, address in ((desk, ALICE), (phone, PHONE), (desk, ALICE)):
                stream.say(line(session.send("grüß".encode())), address)
                message = await stream.texts.get()
                assert (message.peer, message.body, message.encrypted) == (
                    "alice@example.org", "grüß", True,
                )  # fmt: skip
                assert "grüß" not in repr(message)
                await message.reply("✓")
                assert await read(stream, session) == (["✓".encode()], address)

    run(main())


def test_client_goes_then_its_texts_go_to_the_bare_address(bot, alice, run):
    async def main():
        async with Stream(bot()) as stream:
            session = alice()
            await stream.converse(session)
            for gone in (
                f"<presence from='{ALICE}' to='{OWN}' type='unavailable'/>",
                f"<message from='{ALICE}' to='{OWN}' type='error'><body>?OTR:A.</body></message>",
            ):
                stream.say(line(session.send(b"x")))
                await (await stream.texts.get()).reply("one")
                assert await read(stream, session) == ([b"one"], ALICE)
                stream.come(gone)
                await stream.otr.send(ALICE, "two")
                assert await read(stream, session) == ([b"two"], "alice@example.org")

    run(main())


@pytest.mark.parametrize(
    ("kind", "more", "sender"),
    [
        ("error", "", ALICE),
        ("groupchat", "", "room@rooms.example.org/alice"),
        ("headline", "", ALICE),
        ("chat", "<x xmlns='http://jabber.org/protocol/muc#user'/>", "room@rooms.example.org/al"),
        ("chat", FORWARDED.format("received", "urn:xmpp:carbons:2", "received"), ALICE),
        ("chat", FORWARDED.format("sent", "urn:xmpp:carbons:2", "sent"), OWN),
        ("normal", FORWARDED.format("result", "urn:xmpp:mam:2", "result"), OWN),
        ("chat", "", f"{OWN}/other"),
        ("chat", "", "not@an@address"),
    ],
)
def test_error_copy_history_or_room_then_it_is_not_fed_and_counts(bot, run, kind, more, sender):
    async def main():
        async with Stream(bot()) as stream:
            stream.enable()
            stream.say("?OTRv23?", sender, kind=kind, more=more)
            await stream.quiet()
            assert not stream.otr.gateway.snapshot()["lines_in"]
            assert stream.acknowledged() == 1

    run(main())


def test_private_message_of_a_room_that_is_not_marked_then_it_is_not_fed(bot, run):
    async def main():
        async with Stream(bot()) as stream:
            stream.xmpp.register_plugin("xep_0045")
            room = "room@rooms.example.org"
            stream.xmpp.plugin["xep_0045"].rooms[None][room] = {}
            stream.say("?OTRv23?", f"{room}/alice")
            await stream.quiet()
            stream.say("?OTRv23?", "other@rooms.example.org/alice")
            await stream.bodies()

    run(main())


def test_delayed_messages_then_of_an_exchange_they_are_noise_and_texts_come(bot, alice, run):
    async def main():
        async with Stream(bot()) as stream:
            session = alice()
            commit = line(session.receive(b"?OTRv3?"))
            stream.say(commit, more=OLD)
            await stream.quiet()
            await stream.converse(session)
            for text in (b"one", b"two"):
                stream.say(line(session.send(text)), more=OLD)
                assert (await stream.texts.get()).text == text

    run(main())


def test_peer_writes_html_then_html_is_answered_and_its_words_are_read(bot, alice, run):
    async def main():
        async with Stream(bot()) as stream:
            session = alice()
            await stream.converse(session)
            stream.say(line(session.send(b"<b>1 &lt; 2</b>")))
            message = await stream.texts.get()
            assert (message.body, message.text) == ("1 < 2", b"<b>1 &lt; 2</b>")
            await message.reply("1 < 2 & so on")
            assert (await read(stream, session))[0] == [b"1 &lt; 2 &amp; so on"]
            await stream.otr.send("alice@example.org", "a\nb")
            assert (await read(stream, session))[0] == [b"a<br/>b"]

    run(main())


def test_peer_wrote_html_and_has_ended_then_a_clear_text_is_none(bot, alice, run):
    async def main():
        async with Stream(bot(Policy.MANUAL)) as stream:
            session = alice()
            await stream.converse(session)
            stream.say(line(session.send(b"<b>x</b>")))
            await stream.texts.get()
            await stream.otr.peer(ALICE).end()
            await stream.bodies()
            await stream.otr.send("alice@example.org", "1 < 2")
            assert body_of((await stream.bodies())[0]) == b"1 < 2"

    run(main())


def test_line_has_what_xml_lacks_then_the_stream_goes_on(bot, run):
    async def main():
        async with Stream(bot(Policy.MANUAL)) as stream:
            await stream.otr.send(ALICE, "a\0b\x1b")
            assert body_of((await stream.bodies())[0]) == "a\ufffdb\ufffd".encode()

    run(main())


def test_lines_go_out_then_they_have_their_hints(bot, run):
    async def main():
        async with Stream(bot()) as stream:
            await stream.otr.peer("alice@example.org").start()
            (message,) = await stream.bodies()
            assert message.get("type") == "chat"
            names = {child.tag for child in message}
            assert names == {
                "{jabber:client}body", "{urn:xmpp:hints}no-copy", "{urn:xmpp:carbons:2}private",
                "{urn:xmpp:hints}no-permanent-store", "{urn:xmpp:eme:0}encryption",
            }  # fmt: skip

    run(main())


def test_query_to_all_clients_then_their_copies_of_an_exchange_may_be_made(bot, run):
    async def main():
        async with Stream(bot()) as stream:
            stream.say("?OTRv3?", "alice@example.org")  # from no client
            (commit,) = await stream.bodies()
            assert commit.get("to") == "alice@example.org"
            assert "{urn:xmpp:carbons:2}private" not in {child.tag for child in commit}

    run(main())


def test_too_much_waits_then_the_sender_is_told_and_it_counts(bot, run):
    async def main():
        async with Stream(bot()) as stream:
            stream.enable()
            for number in range(200):
                stream.say(f"text {number}")
            async with asyncio.timeout(10):
                while stream.acknowledged() < 200:
                    await asyncio.sleep(0.01)
                    while not stream.texts.empty():
                        stream.texts.get_nowait()
            errors = [each for each in stream.sent if each.get("type") == "error"]
            assert errors
            assert {each.get("to") for each in errors} == {ALICE}

    run(main())


def test_component_then_it_takes_what_is_for_its_address_and_answers_from_it(bot, alice, run):
    async def main():
        async with Stream(bot(), component=True) as stream:
            stream.say("?OTRv23?", to="other@example.org")
            await stream.quiet()
            session = alice()
            (query,) = session.start().wire
            stream.say(query, to=OWN)
            (message,) = await stream.bodies()
            assert (message.get("from"), message.get("to")) == (OWN, ALICE)

    run(main())


def test_calls_on_a_peer_then_they_are_in_its_conversation(bot, alice, run):
    async def main():
        async with Stream(bot()) as stream:
            assert stream.otr.own == OWN
            with pytest.raises(NotEncrypted):
                await stream.otr.peer(ALICE).smp_start(b"secret")
            session = alice()
            await stream.converse(session)
            assert any(isinstance(event, events.SecureStarted) for event in stream.events)
            await stream.otr.peer(ALICE).smp_start(b"secret")
            (message,) = await stream.bodies()
            asked = session.receive(body_of(message)).events
            assert any(isinstance(event, events.SmpRequested) for event in asked)

    run(main())


def test_no_account_then_the_plugin_says_so(run):
    async def main():
        with pytest.raises(ValueError, match="expected the configuration 'account'"):
            Stream(None)

    run(main())


# XEP-0198


def test_line_waits_for_its_commit_then_it_does_not_count_before(bot, alice, run, slow_store):
    async def main():
        store = slow_store()
        async with Stream(bot(Policy.MANUAL), store=store) as stream:
            stream.enable()
            stream.come(f"<presence from='{ALICE}' to='{OWN}'/>")
            assert stream.acknowledged() == 1
            store.hold()
            stream.say("hello")
            stream.come(f"<presence from='{ALICE}' to='{OWN}'/>")
            await asyncio.sleep(0.05)
            assert stream.acknowledged() == 1  # the presence is handled, the line before it is not
            store.release()
            await stream.texts.get()
            assert stream.acknowledged() == 3

    run(main())


@pytest.fixture
def slow_store():
    class Slow(MemoryStore):
        def __init__(self):
            super().__init__()
            self._free = asyncio.Event()
            self._free.set()

        def hold(self):
            self._free.clear()

        def release(self):
            self._free.set()

        async def commit(self, batch):
            await self._free.wait()
            return await super().commit(batch)

    return Slow


def test_stream_is_not_resumed_then_the_count_begins_anew(bot, run):
    async def main():
        async with Stream(bot(Policy.MANUAL)) as stream:
            stream.enable()
            stream.say("one")
            await stream.texts.get()
            assert stream.acknowledged() == 1
            stream.enable("stream-2")
            assert stream.acknowledged() == 0

    run(main())


@pytest.mark.parametrize(("known", "lost"), [("", [b"one", b"two"]), (" h='1'", [b"two"])])
def test_stream_cannot_be_resumed_then_what_the_server_may_not_have_is_reported(
    bot, run, known, lost
):
    async def main():
        async with Stream(bot(Policy.MANUAL)) as stream:
            stream.enable()
            stream.xmpp.plugin["xep_0198"].enabled_out = True
            await stream.otr.send(ALICE, "one")
            await stream.otr.send(ALICE, "two")
            stream.xmpp.send_message("other@example.org", "of the program")
            await stream.bodies(3)
            stream.come(f"<failed xmlns='{SM}'{known}/>")
            await asyncio.sleep(0)
            assert [
                each.line for each in stream.events if isinstance(each, DeliveryUnknown)
            ] == lost

    run(main())


def test_gateway_is_closed_then_a_message_stays_unacknowledged(bot, run):
    async def main():
        async with Stream(bot()) as stream:
            stream.enable()
            await stream.otr.close()
            stream.say("late")
            assert stream.acknowledged() == 0
            acknowledgements = stream.otr._acknowledgements
            assert acknowledgements._settled.is_set()  # the next stream need not wait for it

    run(main())


@pytest.fixture
def restarted(quick, tmp_path):
    """Start a bot on its store and the file of its stream."""

    async def start(journal):
        me = await journal.identity("bot", "test")
        account = Account(
            "bot",
            "test",
            me.private_key,
            instance_tag=me.instance_tag,
            trust=me.trust,
            policy=Policy.ALWAYS,
        )
        return Stream(account, store=JournalStore(account, journal), stream=tmp_path / "stream")

    return start


def test_process_dies_before_its_count_is_told_then_lines_that_come_again_are_known(
    restarted, alice, run, tmp_path
):
    async def main():
        session = alice()
        async with SqliteJournal(tmp_path / "bot.db", bytes(32)) as journal:
            stream = await restarted(journal)
            await stream.__aenter__()
            await stream.converse(session)
            stream.enable()
            saved = (tmp_path / "stream").read_bytes()
            stream.say("?OTRv3?")  # a copy of it would begin a second exchange
            await stream.bodies()
            assert (tmp_path / "stream").read_bytes() != saved
            stream.otr._serving.cancel()
            stream.otr.gateway._running.cancel()
            await asyncio.sleep(0.05)
            await stream.die()
            await stream.otr.gateway._pump.reporter.drained()
            stream.otr.gateway._pump.reporter.task.cancel()
            await asyncio.sleep(0)
        (tmp_path / "stream").write_bytes(saved)  # as if it had died before it noted the count
        async with SqliteJournal(tmp_path / "bot.db", bytes(32)) as journal:
            async with await restarted(journal) as stream:
                management = stream.xmpp.plugin["xep_0198"]
                assert (management.sm_id, management.handled) == ("stream-1", 0)
                assert stream.xmpp.boundjid.full == f"{OWN}/one"
                stream.come("<resumed xmlns='urn:xmpp:sm:3' previd='stream-1' h='7'/>")
                assert (management.seq, management.last_ack) == (7, 7)
                stream.say("?OTRv3?")
                await stream.quiet()
                assert stream.acknowledged() == 1
                stream.say(line(session.send(b"after")))
                assert (await stream.texts.get()).text == b"after"
                assert stream.acknowledged() == 2
            assert not (tmp_path / "stream").read_bytes()  # a clean end has nothing to resume

    run(main())


@pytest.mark.parametrize("content", [b"", b"junk", b"[1, 2, 3]", b'["x", "else@x/one", 3]'])
def test_file_of_the_stream_holds_nothing_of_ours_then_a_new_stream_begins(
    bot, run, tmp_path, content
):
    (tmp_path / "stream").write_bytes(content)

    async def main():
        async with Stream(bot(), stream=tmp_path / "stream") as stream:
            assert stream.xmpp.plugin["xep_0198"].sm_id is None

    run(main())
