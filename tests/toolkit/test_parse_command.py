"""`otrfast parse`, compared with libotr's `otr_parse`."""

from __future__ import annotations

import re

import pytest

from otrfast.protocol import smp
from otrfast.toolkit import session_keys
from otrfast.toolkit.describe import SMP_NUMBERS
from otrfast.wire.fields import Covered
from otrfast.wire.lines import tag
from otrfast.wire.messages import DataMessage, DHCommit, DHKey, RevealSignature, Signature
from otrfast.wire.tlv import TlvType

from .conversation import BACKEND, Conversation
from .reading import fields_of_libotr, read_ours, read_theirs


def _aes_keys(conversation):
    """Options with the AES keys of both directions of every pair of D-H keys."""
    keys = set()
    backend = BACKEND
    for private in conversation.alice.exponents:
        for public in conversation.bob.publics():
            derived = session_keys(backend, private, public).keys
            keys |= {derived.send_aes.hex(), derived.receive_aes.hex()}
    return [word for key in sorted(keys) for word in ("--aes-key", key)]


def test_a_whole_conversation_shows_the_values_that_libotr_shows(conversation, otrfast, libotr):
    conversation.everything()
    ours = otrfast("parse", data=conversation.written())
    theirs = libotr("parse", data=conversation.written())
    assert ours.status == 0
    assert ours.err == b""
    assert fields_of_libotr(ours.out) == read_theirs(theirs.out)
    titles = [title for title, _ in read_theirs(theirs.out)]
    assert {*titles} == {"DHCommit", "DHKey", "RevealSignature", "Signature", "DataMessage"}
    assert titles.count("DataMessage") > 12


@pytest.mark.parametrize("made", [DHCommit, DHKey, RevealSignature, Signature, DataMessage])
def test_every_field_of_every_message_is_shown(made, conversation, otrfast):
    conversation.converse(2)
    shown = read_ours(otrfast("parse", data=conversation.written()).out)
    wanted = {name.replace("_", " ") for name, kind in made.CODEC if not isinstance(kind, Covered)}
    wanted |= {"version"}
    if conversation.version == 3:
        wanted |= {"sender instance", "receiver instance"}
    assert all(wanted <= {*fields} for title, fields in shown if title == made.__name__)
    assert made.__name__ in {title for title, _ in shown}


def test_a_log_in_fragments_shows_the_same_messages(version, otrfast):
    whole, pieces = Conversation(version), Conversation(version, max_fragment=100)
    for conversation in (whole, pieces):
        conversation.everything()
    assert len(pieces.log) > 3 * len(whole.log)
    expected = read_ours(otrfast("parse", data=whole.written()).out)
    assert read_ours(otrfast("parse", data=pieces.written()).out) == expected


def test_a_file_is_read_as_standard_input_is(conversation, otrfast, tmp_path):
    conversation.converse(1)
    file = tmp_path / "log"
    file.write_bytes(conversation.written())
    expected = otrfast("parse", data=conversation.written())
    assert otrfast("parse", str(file)) == otrfast("parse", "-", data=file.read_bytes()) == expected


def test_texts_and_tlvs_are_shown_where_keys_are_given(conversation, otrfast):
    conversation.everything()
    ran = otrfast("parse", *_aes_keys(conversation), data=conversation.written())
    out = ran.out.decode()
    assert '"Bob, this is text 2"' in out
    assert '"Alice, this is answer 2"' in out
    assert r'"café \x1b[31mred \xff"' in out
    for kind in ("DISCONNECTED", "SMP1Q", "SMP2", "SMP3", "SMP4", "SMP_ABORT", "SMP1", "EXTRA_KEY"):
        assert f"({kind})" in out
    assert 'question: "What colour?"' in out
    assert 'use: 7\n    data: "some data"' in out
    assert re.search(r"g2a: [0-9a-f]+\n    c2: [0-9a-f]{62,64}\n    D2: ", out)
    assert "none of the keys" not in out


def test_the_log_reveals_the_mac_keys_of_its_own_messages(conversation, otrfast):
    conversation.converse(4)
    shown = read_ours(otrfast("parse", "--revealed", data=conversation.written()).out)
    held = [fields["MAC holds under"] for title, fields in shown if title == "DataMessage"]
    assert len(held) == 8
    assert held[:4].count("none of the keys") == 0
    assert held[-1] == "none of the keys"


def test_an_opened_commitment_shows_gx(conversation, otrfast):
    backend = BACKEND
    shown = dict(read_ours(otrfast("parse", data=conversation.written()).out))
    gx = backend.dh_key(conversation.bob.exponents[0]).public
    assert shown["RevealSignature"]["gx"] == gx.lstrip(b"\0").hex()


def test_brief_shortens_long_values_alone(conversation, otrfast):
    conversation.converse(1)
    full = otrfast("parse", data=conversation.written())
    brief = otrfast("parse", "--brief", data=conversation.written())
    assert max(map(len, brief.out.splitlines())) < 100
    cut = dict(read_ours(brief.out))["DataMessage"]
    whole = dict(read_ours(full.out))["DataMessage"]
    assert cut["mac"] == whole["mac"]
    assert cut["next key"] == f"{whole['next key'][:16]}... (192 bytes)"


def test_lines_that_are_no_messages_are_shown_by_their_kind(otrfast):
    log = (
        b"nothing of note\n"
        b"Hello ?OTRv23? do you have OTR?\n"
        b"Hello" + tag({3, 2}) + b" there\n"
        b"?OTR Error: \x1b]0;title\x07 bad\n"
        b"?OTR:AAEDabc.\n"
        b"?OTR!\n"
    )
    ran = otrfast("parse", data=log)
    assert ran.status == 0
    assert ran.out.decode() == (
        "[1] Query (line 2)\n"
        "  versions: 2, 3\n"
        '  text before: "Hello "\n'
        '  text after: " do you have OTR?"\n'
        "[2] TaggedText (line 3)\n"
        "  versions: 2, 3\n"
        '  text: "Hello there"\n'
        "[3] ErrorText (line 4)\n"
        r'  text: "\x1b]0;title\x07 bad"'
        "\n"
        "[4] Unsupported (line 5)\n"
        "  version: 1\n"
        "[5] Unsupported (line 6)\n"
        "  version: unknown\n"
    )


def test_what_can_not_be_read_is_shown_among_the_rest_with_status_1(conversation, otrfast):
    log = conversation.written().replace(b"?OTR:AA", b"?OTR:AAMDAAAA.\n?OTR:AA", 1)
    ran = otrfast("parse", data=log)
    titles = [title for title, _ in read_ours(ran.out)]
    assert titles == ["Query", "Malformed", "DHCommit", "DHKey", "RevealSignature", "Signature"]
    assert ran.status == 1
    assert ran.err == b""


@pytest.mark.parametrize("log", [b"", b"\n", b"only words\nand more\n"])
def test_a_log_without_a_message_is_an_error(log, otrfast):
    ran = otrfast("parse", data=log)
    assert ran == (1, b"", b"otrfast parse: expected OTR messages, found none\n")


def test_a_missing_file_is_one_line_of_error(otrfast):
    ran = otrfast("parse", "/nonexistent/log")
    assert ran.status == 1
    assert ran.err.startswith(b"otrfast: cannot read ")
    assert ran.err.count(b"\n") == 1


def test_a_key_of_a_wrong_length_is_an_error_that_does_not_repeat_it(otrfast):
    ran = otrfast("parse", "--aes-key", "c0ffee", data=b"")
    assert ran == (1, b"", b"otrfast parse: AES key must be 32 hexadecimal digits, not 6\n")


def test_the_numbers_of_each_smp_message_are_named():
    layouts = {
        TlvType.SMP1: smp.Smp1,
        TlvType.SMP1Q: smp.Smp1,
        TlvType.SMP2: smp.Smp2,
        TlvType.SMP3: smp.Smp3,
        TlvType.SMP4: smp.Smp4,
    }
    assert {kind: len(names.split()) for kind, names in SMP_NUMBERS.items()} == {
        kind: len(made.LAYOUT) for kind, made in layouts.items()
    }
    # the documentation of the messages has the same names
    assert all(layouts[k].__doc__ == f"{', '.join(n.split())}." for k, n in SMP_NUMBERS.items())
