"""Sessions under fuzzed lines, in each state of the protocol.

A stranger's lines are genuine ones, changed. Whatever comes: `receive` raises nothing, what it
refuses changes nothing, no text and no key comes out that the peer has not sent, what is answered
is bounded, and the genuine message that was on its way is taken afterwards.

A dishonest peer's records stand in messages that are well encrypted: SMP and other TLVs, changed,
in each state of SMP. The conversation goes on after all of them.
"""

from __future__ import annotations

import random

from adversarial.states import AWAITED, KINDS, genuine, scene
from helpers import Pair, digest, kinds, wrap

from otrfast import MessageState, events
from otrfast.crypto.backend import Backend
from otrfast.protocol import smp
from otrfast.wire.messages import IGNORE_UNREADABLE
from otrfast.wire.tlv import Tlv, TlvType, encode_tlvs

from .mutations import Mutator

_REFUSALS = (
    events.MessageRejected,
    events.Limited,
    events.OtherInstance,
    events.SessionUnknown,
)
_GENUINE_TEXT = b"the genuine one"
_OTHERS = (
    b"?OTRv23?",
    b"?OTR?v2?",
    b"?OTRv3? with a word",
    b"an ordinary text",
    b"a tagged text \t  \t\t\t\t \t \t \t    \t\t  \t\t",
    b"?OTR Error: something went wrong",
    b"?OTR:AAEDAAAA.",
)
_ANSWER_BYTES = 16 * 1024  # all that one line may be answered with
_LIVES = 64  # lines in a row, after which the genuine message has to be taken


def receive_from_strangers(
    backend: Backend, version: int, state: str, count: int, seed: int = 0
) -> None:
    """Receive `count` changed lines in one state."""
    mutator = Mutator((version, state, seed))
    known: dict[str, bytes] = {}
    done = 0
    while done < count:
        stage = scene(backend, version, state)
        alice = stage.alice.session
        tags = stage.alice.account.instance_tag, stage.pair.bob.account.instance_tag
        for name in KINDS:
            if AWAITED[name] != state and name not in known:
                known[name] = wrap(genuine(backend, version, name, *tags))
        corpus = [stage.next, stage.next, *known.values(), *_OTHERS]
        alice.receive(b"?OTR Error: so that the offer is accepted")
        fingerprint = stage.pair.bob.account.fingerprint
        before, untouched = digest(alice), True
        lines: list[bytes] = []
        for _ in range(min(_LIVES, count - done)):
            for line in mutator.lines(corpus):
                lines.append(line)
                outcome = _receive(alice, lines, fingerprint)
                after = digest(alice)
                # fragments are kept in silence, and given up by what comes from their sender
                pieces = b"?OTR|" in line or b"?OTR," in line or alice._conversation.reassembly
                refused = bool(outcome.events) and all(
                    isinstance(event, _REFUSALS) for event in outcome.events
                )
                if refused and not pieces and kinds(outcome.wire) in ([], ["error"]):
                    assert after == before, (line, outcome)
                untouched = untouched and after == before
                before = after
            done += 1
            if not untouched:
                break
        if untouched:
            stage.goes_on()


def _receive(alice, lines: list[bytes], fingerprint: bytes):
    """Receive the last of these lines, and see that nothing comes out that may not."""
    line = lines[-1]
    outcome = alice.receive(line)
    assert sum(map(len, outcome.wire)) <= _ANSWER_BYTES, line
    for event in outcome.events:
        match event:
            case events.MessageReceived(text=text, encrypted=True):
                assert text == _GENUINE_TEXT, line
            case events.SecureStarted(fingerprint=shown):
                assert shown == fingerprint, line
            case events.MessageReceived(text=text) | events.UnencryptedReceived(text=text):
                # a whitespace tag may have stood in the middle of a mark
                assert not text.startswith(b"?OTR:") or b"\t" in b"".join(lines), line
                assert _GENUINE_TEXT not in text, line
    return outcome


# What a dishonest peer can put into a message

_MOVES = {
    "nothing": "",
    "asked": "Bb",
    "asking": "A",
    "answered": "BbA",
    "compared": "AaBb",
}
SMP_STATES = tuple(_MOVES)


def receive_from_a_dishonest_peer(
    backend: Backend, version: int, state: str, count: int, seed: int = 0
) -> None:
    """Receive `count` messages with changed TLVs in one state of SMP."""
    draw = random.Random(str((version, state, seed)))
    mutator = Mutator((version, state, seed, "records"))
    corpus = _records(backend, version)
    done = 0
    while done < count:
        pair = Pair(backend, version)
        pair.establish()
        pair.converse()
        _bring(pair, state)
        alice, bob = pair.alice.session, pair.bob
        for _ in range(min(_LIVES, count - done)):
            pair.clock.turn(draw.choice((0.1, 30.0)))
            line = bob.instance.channel.seal(
                draw.choice((b"", b"a text")),
                _tail(draw, mutator, corpus),
                draw.choice((0, IGNORE_UNREADABLE)),
            )
            outcome = alice.receive(line)
            assert sum(map(len, outcome.wire)) <= _ANSWER_BYTES
            assert not any(isinstance(event, events.SmpSucceeded) for event in outcome.events)
            done += 1
            if alice.state is not MessageState.ENCRYPTED:
                break
            if draw.random() < 0.2:
                _step(pair, draw)
        if alice.state is MessageState.ENCRYPTED:
            pair.alice.out.clear()
            pair.bob.out.clear()
            outcome = alice.receive(bob.instance.channel.seal(b"still here"))
            assert events.MessageReceived(b"still here", True, pair.alice.instance.tag) in (
                outcome.events
            )


def _step(pair: Pair, draw: random.Random) -> None:
    """Alice does something of her own."""
    alice = pair.alice.session
    match draw.randrange(3):
        case 0:
            alice.smp_start(b"her secret", draw.choice((None, b"what?")))
        case 1 if isinstance(pair.alice.instance.smp, smp.Asked):
            alice.smp_answer(b"her secret")
        case _:
            alice.send(b"so that keys turn")


def _bring(pair: Pair, state: str) -> None:
    """Run SMP until Alice is in this state: capital letters ask or answer, small ones deliver."""
    for move in _MOVES[state]:
        side = pair.alice if move in "Aa" else pair.bob
        if move.islower():
            pair.step(side)
        elif isinstance(side.instance.smp, smp.Asked):
            side.take(side.session.smp_answer(b"another one"))
        else:
            side.take(side.session.smp_start(b"a secret"))


def _records(backend: Backend, version: int) -> list[Tlv]:
    """Genuine SMP records, from a run between others."""
    found: list[Tlv] = []
    pair = Pair(backend, version, 7)
    pair.establish()
    pair.bob.take(pair.bob.session.smp_start(b"one", b"a question"))
    pair.deliver()
    pair.alice.take(pair.alice.session.smp_answer(b"one"))
    pair.deliver()
    for side in (pair.alice, pair.bob):
        for event in side.seen(events.TlvsReceived):
            found += event.tlvs
    assert {record.type for record in found} >= {TlvType.SMP1Q, TlvType.SMP2, TlvType.SMP4}
    return found


def _tail(draw: random.Random, mutator: Mutator, corpus: list[Tlv]) -> bytes:
    """TLVs as they may come: genuine ones changed, any, cut off."""
    made = []
    for _ in range(draw.randrange(4)):
        record = draw.choice(corpus)
        value = record.value
        for _ in range(draw.randrange(3)):
            value = mutator.raw(value, [])
        kind = record.type if draw.random() < 0.7 else draw.randrange(12)
        if kind == TlvType.DISCONNECTED and draw.random() < 0.9:
            kind = TlvType.PADDING
        made.append(Tlv(kind, value[:0xFFFF]))
    tail = encode_tlvs(made)
    return tail[: draw.randrange(len(tail) + 1)] if draw.random() < 0.2 else tail
