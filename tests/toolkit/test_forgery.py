"""readforge, modify and remac compared with libotr's, and the engine as receiver of the results."""

from __future__ import annotations

import pytest

from otrfast._records import replace
from otrfast.crypto.backends import load
from otrfast.errors import BadMac, ToolkitError
from otrfast.toolkit import decrypt, forge, modify, read_log, remac
from otrfast.wire.lines import encode_message

from .conversation import Conversation
from .reading import read_theirs

TEXT = b"Meet me at nine"
CHANGED = b"Meet me at five"
WRONG_AES_KEY = "00" * 16
WRONG_MAC_KEY = "00" * 20


@pytest.fixture
def unsent(conversation):
    """A message of alice that bob has not received; it reveals a MAC key."""
    conversation.converse(3)
    return conversation.unsent(conversation.alice, TEXT)


@pytest.fixture(params=["ours", "libotr's"])
def toolkit(request, otrfast, libotr):
    """One of the toolkits: toolkit(name, *arguments, data=b"") returns the output."""
    run = otrfast if request.param == "ours" else libotr

    def printed(name, *arguments, data=b""):
        ran = run(name, *arguments, data=data)
        assert ran.status == 0
        return ran.out[ran.out.index(b"?OTR:") :]

    return printed


def _remac_arguments(message, mac_key):
    """The arguments of remac for a message."""
    return [
        mac_key.hex(),
        *map(str, (message.sender, message.receiver, message.flags)),
        *map(str, (message.sender_keyid, message.recipient_keyid)),
        message.next_key.lstrip(b"\0").hex(),
        message.counter.to_bytes(8, "big").hex(),
        message.ciphertext.hex(),
        message.old_mac_keys.hex(),
    ]


def _changed(message):
    """The message with CHANGED instead of TEXT, with the old MAC."""
    texts = zip(message.ciphertext, TEXT + b"\0", CHANGED + b"\0", strict=True)
    return replace(message, ciphertext=bytes(a ^ b ^ c for a, b, c in texts))


class TestReadforge:
    def test_readforge_shows_the_text_that_libotr_shows(self, unsent, otrfast, libotr):
        line, _, keys = unsent
        ours = otrfast("readforge", keys.send_aes.hex(), data=line)
        theirs = libotr("readforge", keys.send_aes.hex(), data=line)
        assert ours == (0, b'[1] DataMessage (line 1)\n  text: "%b"\n' % TEXT, b"")
        assert TEXT in theirs.out

    @pytest.mark.parametrize("new", [b"", b"x", CHANGED, b"caf\xc3\xa9 \xff", b"long " * 100])
    def test_readforge_makes_the_message_that_libotr_makes(self, new, unsent, otrfast, libotr):
        line, _, keys = unsent
        ours = otrfast("readforge", keys.send_aes.hex(), new, data=line)
        theirs = libotr("readforge", keys.send_aes.hex(), new, data=line)
        # libotr's program prints the old text before the message, ours to the standard error
        old, made = theirs.out.splitlines(keepends=True)
        assert TEXT in old
        assert ours == (0, made, b'otrfast readforge: the old text was "%b"\n' % TEXT)

    def test_readforge_takes_any_key_for_a_text_made_up(self, unsent, otrfast, libotr):
        line, message, _ = unsent
        ours = otrfast("readforge", WRONG_AES_KEY, CHANGED, data=line)
        theirs = libotr("readforge", WRONG_AES_KEY, CHANGED, data=line)
        assert (ours.status, ours.out) == (0, theirs.out)
        assert ours.err.count(b"\n") == 1
        shown = otrfast("readforge", WRONG_AES_KEY, data=ours.out)
        assert CHANGED in shown.out
        (entry,) = read_log([ours.out])
        assert entry.content.old_mac_keys == message.old_mac_keys != b""

    def test_the_engine_accepts_a_message_forged_by_readforge(self, conversation, unsent, toolkit):
        line, _, keys = unsent
        forged = toolkit("readforge", keys.send_aes.hex(), "All is lost", data=line)
        assert conversation.deliver(conversation.alice, forged) == [b"All is lost"]
        conversation.converse(1)

    def test_readforge_reads_all_that_the_key_opens_in_a_log(self, conversation, otrfast):
        for text in (b"one", b"two"):
            conversation.say(conversation.alice, text)
        *_, entry = read_log(conversation.log)
        *_, keys = conversation.keys_of(entry.content, conversation.alice)
        conversation.converse(1)
        ran = otrfast("readforge", keys.send_aes.hex(), data=conversation.written())
        assert ran.out.count(b"text: ") == 3
        assert b'"one"' in ran.out
        assert b'"two"' in ran.out

    def test_readforge_says_that_a_key_opens_nothing(self, unsent, otrfast):
        ran = otrfast("readforge", WRONG_AES_KEY, data=unsent[0])
        why = b"otrfast readforge: the AES key decrypts none of 1 data message\n"
        assert ran == (1, b"", why)


class TestModify:
    def test_modify_makes_the_message_that_libotr_makes(self, unsent, otrfast, libotr):
        line, _, keys = unsent
        for arguments in (("nine", "five", "11"), ("Meet", "Fear", "0"), ("guess", "wrong", "3")):
            ours = otrfast("modify", keys.send_mac.hex(), *arguments, data=line)
            theirs = libotr("modify", keys.send_mac.hex(), *arguments, data=line)
            assert ours == (0, theirs.out, b"")
            assert ours.out != line

    def test_the_engine_accepts_a_message_changed_by_modify(self, conversation, unsent, toolkit):
        line, _, keys = unsent
        changed = toolkit("modify", keys.send_mac.hex(), "nine", "five", "11", data=line)
        assert conversation.deliver(conversation.alice, changed) == [CHANGED]
        conversation.converse(1)

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (("nine", "seven", "11"), "expected texts of one length, not 4 and 5 bytes"),
            (("nine", "five", "13"), "expected bytes within 0 to 16, not 13 to 17"),
            (("nine", "five", "-1"), "offset must be a number from 0 to 4294967295"),
            (("nine", "five", "x"), "offset must be a number from 0 to 4294967295"),
        ],
    )
    def test_modify_says_what_is_wrong(self, arguments, why, unsent, otrfast):
        line, _, keys = unsent
        ran = otrfast("modify", keys.send_mac.hex(), *arguments, data=line)
        assert ran == (1, b"", f"otrfast modify: {why}\n".encode())

    def test_modify_says_that_a_key_fits_nothing(self, unsent, otrfast):
        ran = otrfast("modify", WRONG_MAC_KEY, "nine", "five", "11", data=unsent[0])
        assert ran == (
            1,
            b"",
            b"otrfast modify: the MAC key authenticates none of 1 data message\n",
        )


class TestRemac:
    def test_remac_makes_the_message_that_libotr_makes(self, unsent, version, otrfast, libotr):
        _, message, keys = unsent
        arguments = _remac_arguments(message, keys.send_mac)
        ours = otrfast("remac", *arguments)
        theirs = libotr("remac", *arguments)
        assert ours == (0, theirs.out, b"")
        assert theirs.err == b""

    def test_remac_makes_the_message_that_the_parts_came_from(self, unsent, version, otrfast):
        line, message, keys = unsent
        arguments = _remac_arguments(message, keys.send_mac)
        ran = otrfast("remac", "--version", str(version), *arguments)
        assert ran == (0, line, b"")

    def test_the_parts_may_be_those_that_libotr_shows(self, unsent, version, otrfast, libotr):
        line, _, keys = unsent
        ((_, shown),) = read_theirs(libotr("parse", data=line).out)
        ran = otrfast(
            *("remac", "--version", str(version), keys.send_mac.hex()),
            *(shown.get(name, "0") for name in ("sender instance", "receiver instance")),
            *(shown[name] for name in ("flags", "sender keyid", "recipient keyid", "next key")),
            *(shown[name] for name in ("counter", "ciphertext", "key 1")),
        )
        assert ran.out == line

    def test_the_engine_accepts_a_message_made_by_remac(self, toolkit):
        conversation = Conversation(3)  # libotr's program supports only version 3
        _, message, keys = conversation.unsent(conversation.alice, TEXT)
        made = toolkit("remac", *_remac_arguments(_changed(message), keys.send_mac))
        assert conversation.deliver(conversation.alice, made) == [CHANGED]
        conversation.converse(1)

    def test_the_engine_accepts_a_version_2_message_made_by_remac(self, otrfast):
        conversation = Conversation(2)
        _, message, keys = conversation.unsent(conversation.alice, TEXT)
        arguments = _remac_arguments(_changed(message), keys.send_mac)
        made = otrfast("remac", "--version", "2", *arguments).out
        assert conversation.deliver(conversation.alice, made) == [CHANGED]
        conversation.converse(1)

    @pytest.mark.parametrize(
        ("place", "word", "why"),
        [
            (0, "00", "mackey must be 40 hexadecimal digits, not 2"),
            (1, "alice", "sender_instance must be a number from 0 to 4294967295"),
            (1, "1_0", "sender_instance must be a number from 0 to 4294967295"),
            (1, "9" * 5000, "sender_instance must be a number from 0 to 4294967295"),
            (2, "4294967296", "receiver_instance must be a number from 0 to 4294967295"),
            (3, "256", "flags must be a number from 0 to 255"),
            (4, "-1", "snd_keyid must be a number from 0 to 4294967295"),
            (5, "", "rcv_keyid must be a number from 0 to 4294967295"),
            (6, "ff" * 192, "pubkey must be below the prime of the group"),
            (7, "01", "counter must be 16 hexadecimal digits, not 2"),
            (8, "abc", "encdata must be an even number of hexadecimal digits"),
            (9, "zz", "revealed_mackeys must be an even number of hexadecimal digits"),
        ],
    )
    def test_remac_says_what_is_wrong(self, place, word, why, otrfast):
        words = [WRONG_MAC_KEY, "4369", "0x2222", "0", "1", "1", "08", "00" * 8, "ab", ""]
        assert otrfast("remac", *words).status == 0
        words[place] = word
        assert otrfast("remac", *words) == (1, b"", f"otrfast remac: {why}\n".encode())

    def test_remac_knows_that_version_2_has_no_tags(self, otrfast):
        words = [WRONG_MAC_KEY, "4369", "0", "0", "1", "1", "08", "00" * 8, "ab", ""]
        ran = otrfast("remac", "--version", "2", *words)
        why = b"otrfast remac: version 2 needs 0 for both instance tags, not 4369 and 0\n"
        assert ran == (1, b"", why)


class TestLogs:
    def test_a_whole_log_is_written_with_the_message_in_its_place(self, conversation, otrfast):
        conversation.converse(3)
        log = [
            b"10:0%d <%d> %b -- seen\r\n" % (n, n, line) for n, line in enumerate(conversation.log)
        ]
        entries = list(read_log(log))
        entry = entries[6]
        *_, keys = conversation.keys_of(entry.content, conversation.bob)
        ran = otrfast(
            *("modify", "--whole", keys.send_mac.hex(), "Alice", "Carol", "0"), data=b"".join(log)
        )
        changed = ran.out.splitlines(keepends=True)
        (at,) = (at for at, line in enumerate(log) if line != changed[at])
        assert len(changed) == len(log)
        assert changed[at].startswith(log[at].partition(b"?OTR")[0] + b"?OTR:")
        assert changed[at].endswith(b". -- seen\r\n")
        shown = otrfast("readforge", keys.send_aes.hex(), data=ran.out)
        assert b'"Carol, this is answer 0"' in shown.out

    def test_a_message_in_pieces_is_written_in_pieces(self, version, otrfast):
        conversation = Conversation(version, max_fragment=120)
        conversation.converse(3)
        log = conversation.written()
        entries = list(read_log(conversation.log))
        *_, keys = conversation.keys_of(entries[5].content, conversation.alice)
        arguments = ("modify", keys.send_mac.hex(), "Bob", "Tom", "0", "--whole")
        ran = otrfast(*arguments, data=log)
        assert ran.status == 0
        assert len(ran.out) == len(log)
        assert max(map(len, ran.out.splitlines())) == 120
        others = [entry.content for entry in entries if entry is not entries[5]]
        changed = list(read_log(ran.out.splitlines()))
        assert [entry.content for entry in changed if entry.number != 6] == others
        assert (
            b'"Tom, this is text 0"' in otrfast("readforge", keys.send_aes.hex(), data=ran.out).out
        )

    def test_a_message_is_chosen_by_its_number(self, conversation, otrfast, tmp_path):
        for text in (b"one", b"two"):
            conversation.say(conversation.alice, text)
        file = tmp_path / "log"
        file.write_bytes(conversation.written())
        *_, entry = read_log(conversation.log)
        *_, keys = conversation.keys_of(entry.content, conversation.alice)
        words = (
            "modify",
            "--input",
            str(file),
            "--message",
            str(entry.number),
            keys.send_mac.hex(),
        )
        ran = otrfast(*words, "two", "six", "0")
        assert b'"six"' in otrfast("readforge", keys.send_aes.hex(), data=ran.out).out
        ran = otrfast("readforge", "--message", "2", keys.send_aes.hex(), data=file.read_bytes())
        assert ran == (1, b"", b"otrfast readforge: expected a data message, message 2 is none\n")

    @pytest.mark.parametrize(
        "command", [("readforge", WRONG_AES_KEY), ("modify", WRONG_MAC_KEY, "a", "b", "0")]
    )
    def test_input_without_a_data_message_is_an_error(self, command, conversation, otrfast):
        for data in (b"", conversation.written()):
            ran = otrfast(*command, data=data)
            why = f"otrfast {command[0]}: expected data messages, found none\n"
            assert ran == (1, b"", why.encode())


class TestFunctions:
    def test_forge_leaves_all_but_text_and_mac(self, unsent):
        _, message, keys = unsent
        backend = load()
        forged = forge(backend, message, keys.send_aes, b"new\0\x00\x01\x00\x00")
        assert decrypt(backend, forged, keys.send_aes) == b"new\0\x00\x01\x00\x00"
        for name in (
            "version",
            "sender",
            "receiver",
            "flags",
            "sender_keyid",
            "recipient_keyid",
            "next_key",
            "counter",
            "old_mac_keys",
        ):
            assert getattr(forged, name) == getattr(message, name)

    def test_decrypt_and_modify_raise_for_a_key_that_does_not_fit(self, unsent):
        _, message, _ = unsent
        with pytest.raises(BadMac):
            decrypt(load(), message, bytes(16))
        with pytest.raises(BadMac):
            modify(load(), message, bytes(20), b"a", b"b", 0)

    def test_modify_raises_for_a_negative_offset(self, unsent):
        _, message, keys = unsent
        with pytest.raises(ToolkitError):
            modify(load(), message, keys.send_mac, b"a", b"b", -1)

    def test_remac_with_the_same_key_changes_nothing(self, unsent):
        line, message, keys = unsent
        assert encode_message(remac(load(), message, keys.send_mac).encode()) + b"\n" == line
