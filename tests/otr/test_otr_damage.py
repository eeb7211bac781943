"""Changed messages: nothing but the documented results and exceptions, whatever comes, and no text
that the peer has not written."""

import random

import pytest

from otrfast.otr import OTRState
from otrfast.wire import fragments, lines

from .otr_apps import COMPOSING, IMAGE, RAISED, TEXT, Duo, Person, key_of

TYPES = (TEXT, "text/html", IMAGE, COMPOSING)
WORDS = (
    b"?OTR", b"?OTR:", b"?OTRv3?", b"?OTR Error:", b"?OTR|", b"?OTR,", b",", b".", b"\0", b"AAMD",
    b"AAIC", b"=", b" ", lines.tag((2, 3)), b"00001",
)  # fmt: skip


def recorded(backend, version, seed):
    """Every line of a conversation with a check of a secret in it, some in fragments."""
    duo = Duo(backend, (version,), seed=seed)
    duo.connect()
    duo.alice.session.smp_verify(b"x", b"question")
    duo.deliver()
    duo.bob.session.smp_answer(b"x")
    duo.deliver()
    texts = [duo.alice.session.handle_output(b"text \0 and more", TEXT) for _ in range(3)]
    spoken = duo.alice.sent + duo.bob.sent + texts + [b"?OTR Error: e", b"hi" + lines.tag((2, 3))]
    tags = duo.alice.session._receiver.session.instance_tags
    for line in spoken[:]:
        if len(line) > 200:
            spoken += fragments.split(line, 300, version, *tags)
    return spoken


def changed(line, chance):
    """A line with some changes drawn."""
    line = bytearray(line)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        at = chance.randrange(len(line) + 1)
        match chance.randrange(6):
            case 0 if line:
                line[at % len(line)] ^= 1 << chance.randrange(8)
            case 1:
                line[at:at] = chance.choice(WORDS)
            case 2:
                del line[at : at + chance.choice((1, 4, 100))]
            case 3:
                line[at:at] = chance.randbytes(chance.choice((1, 3, 50)))
            case 4:
                line[at:at] = line[at : at + chance.randrange(60)]
            case _ if line:
                line[at % len(line)] = chance.choice(b"ABCDEFGHabcdef0123456789+/=,.|?: ")
    return bytes(line)


def batter(backend, version, seed, count):
    """Have sessions in every state take changed lines of their own and of others."""
    chance = random.Random(seed)
    spoken = recorded(backend, version, seed)
    duo = Duo(backend, (version,), seed=seed + 1)
    written = b"a text that Bob has written"
    for number in range(count):
        if number % 100 == 0:  # from one state to the next
            match number // 100 % 5:
                case 0:
                    duo.alice.session.stop()
                case 1:
                    duo.alice.session.start()
                case 2:
                    duo.bob.session.stop()
                    duo.alice.session.stop()
                    duo.queue.clear()
                    duo.connect()
                case 3:
                    duo.bob.session.smp_verify(b"x")
                    duo.deliver()
                case 4:
                    duo.bob.session.stop()
                    duo.deliver()
                    assert duo.alice.session.state is OTRState.Finished
            duo.queue.clear()
        session = duo.alice.session
        line, is_ours = chance.choice(spoken), False
        if duo.bob.session.encrypted and chance.random() < 0.5:
            line, is_ours = duo.bob.session.handle_output(written, TEXT), True
        damaged = changed(line, chance)
        before = session.state
        content_type = chance.choice(TYPES)
        try:
            found = session.handle_input(damaged, content_type)
        except RAISED:
            continue
        assert type(found) is bytes
        if before is OTRState.Encrypted:
            assert is_ours
            assert found == written
        else:
            last = damaged.startswith((b"?OTR,", b"?OTR|"))  # of the fragments of something
            assert found in damaged or last or content_type.startswith("text/")


def test_ten_thousand_changed_messages_then_nothing_but_what_is_documented(
    fast_backend, version, seed
):
    batter(fast_backend, version, seed, 10_000)


@pytest.mark.long
@pytest.mark.parametrize("number", range(4))
def test_hundred_thousand_changed_messages_then_the_same(quick, version, seed, number):
    batter(quick, version, seed + number, 100_000)


def test_random_lines_then_nothing_but_what_is_documented(quick, seed):
    chance = random.Random(seed)
    alice = Person(key_of(quick, "alice"))
    for _ in range(2000):
        parts = [chance.choice((*WORDS, chance.randbytes(5))) for _ in range(chance.randrange(8))]
        alice.hear(b"".join(parts), chance.choice(TYPES))
