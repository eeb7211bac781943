"""Every message damaged at every byte, in every state: refused, with nothing changed, and the
genuine one is taken afterwards (the bar of the whole engine).

What no key protects is named where it is tested: the field of revealed MAC keys; the bodies of
DH-Commit and D-H Key, which are checked two messages later; and in them the sender's instance tag.
"""

from __future__ import annotations

import pytest
from helpers import Side, digest, kinds, parsed, unwrap, wrap

from adversarial.states import AWAITED, KINDS, STATES, flips, genuine, scene, truncations
from otrfast import Outcome, events
from otrfast.protocol import ake
from otrfast.wire.messages import DataMessage

LENGTHS = (0, 2**31 - 1, 2**32 - 1)
SILENT = (
    events.MessageRejected,
    events.Limited,
    events.OtherInstance,
    events.SessionUnknown,
)


def refused(side: Side, line: bytes, before: object) -> Outcome:
    """Receive a line that must be refused: no event of success, no answer but an error text."""
    outcome = side.session.receive(line)
    assert all(isinstance(event, SILENT) for event in outcome.events), outcome
    assert kinds(outcome.wire) in ([], ["error"])
    assert digest(side.session) == before
    return outcome


def revealed_at(raw: bytes) -> range:
    """Where the revealed MAC keys of a data message stand, their length not counted."""
    return range(len(raw) - len(parsed(wrap(raw)).old_mac_keys), len(raw))


@pytest.mark.parametrize("name", ["RevealSignature", "Signature", "DataMessage"])
def test_authenticated_message_when_any_byte_is_flipped_then_refused(
    backend, version: int, name: str
):
    stage = scene(backend, version, AWAITED[name])
    raw = unwrap(stage.next)
    open_field = revealed_at(raw) if name == "DataMessage" else range(0)
    before = digest(stage.alice.session)
    step = 9 if (backend.name, name) == ("pure", "RevealSignature") else 1  # a power each
    for position, damaged in list(flips(raw))[::step]:
        if position not in open_field:
            refused(stage.alice, wrap(damaged), before)
    stage.goes_on()


@pytest.mark.parametrize("position", [0, 19, -1])
def test_revealed_mac_keys_when_flipped_then_the_message_is_still_read(
    backend, version: int, position: int
):
    """The one field of a data message that no MAC covers: nothing is ever done with it."""
    stage = scene(backend, version, "encrypted")
    raw = bytearray(unwrap(stage.pair.bob.out.popleft()))
    raw[revealed_at(bytes(raw))[position]] ^= 0x55
    assert stage.alice.receive(wrap(bytes(raw))).events[0].text == b"the genuine one"
    stage.goes_on()


@pytest.mark.parametrize("keys", [b"", b"x", bytes(19), bytes(21), bytes(4000)])
def test_revealed_mac_keys_of_any_length_then_the_message_is_still_read(
    quick, version: int, keys: bytes
):
    stage = scene(quick, version, "encrypted")
    raw = unwrap(stage.pair.bob.out.popleft())
    start = revealed_at(raw).start - 4
    line = wrap(raw[:start] + len(keys).to_bytes(4, "big") + keys)
    assert stage.alice.receive(line).events[0].text == b"the genuine one"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.sample(backend=["native", "gmpy2"])
@pytest.mark.sample(backend="pure", version=3, state=["awaiting_dh_key", "encrypted"])
def test_message_when_cut_off_at_some_bytes_then_refused(
    backend, version: int, name: str, state: str
):
    cut_off(backend, version, name, state, 7)


@pytest.mark.long
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", KINDS)
def test_message_when_cut_off_at_any_byte_then_refused(quick, version: int, name: str, state: str):
    """What can be cut off where is the same on each backend."""
    cut_off(quick, version, name, state, 1)


def cut_off(backend, version: int, name: str, state: str, step: int) -> None:
    """Cut a message off at each `step`-th byte, and its line at each `step`-th character."""
    stage = scene(backend, version, state)
    tags = stage.alice.account.instance_tag, stage.pair.bob.account.instance_tag
    raw = unwrap(stage.next) if AWAITED[name] == state else genuine(backend, version, name, *tags)
    stage.alice.session.receive(b"?OTR Error: so that the offer is accepted")
    before = digest(stage.alice.session)
    for _, damaged in list(truncations(raw))[::step]:
        refused(stage.alice, wrap(damaged), before)
    line = wrap(raw)
    for length in range(len(b"?OTR:"), len(line), step):
        refused(stage.alice, line[:length], before)
    stage.goes_on()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.sample(fast_backend="native")
@pytest.mark.sample(fast_backend="gmpy2", version=2)
def test_message_of_another_run_when_any_byte_is_flipped_then_nothing_is_harmed(
    fast_backend, version: int, name: str, state: str
):
    """All messages but DH-Commit, and D-H Key where one is awaited, change nothing at all."""
    stage = scene(fast_backend, version, state)
    tags = stage.alice.account.instance_tag, stage.pair.bob.account.instance_tag
    raw = genuine(fast_backend, version, name, *tags)
    stage.alice.session.receive(b"?OTR Error: so that the offer is accepted")
    before = digest(stage.alice.session)
    unprotected = name == "DHCommit" or (name == "DHKey" and state == "awaiting_dh_key")
    if unprotected or (name == "DHKey" and version == 3):
        return  # the next test
    for _, damaged in flips(raw):
        refused(stage.alice, wrap(damaged), before)
    stage.goes_on()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["DHCommit", "DHKey"])
def test_unprotected_message_when_some_bytes_are_flipped_then_they_end_encrypted(
    fast_backend, version: int, name: str, state: str
):
    flipped(fast_backend, version, name, state, 17)


@pytest.mark.long
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["DHCommit", "DHKey"])
def test_unprotected_message_when_any_byte_is_flipped_then_they_end_encrypted(
    quick, version: int, name: str, state: str
):
    flipped(quick, version, name, state, 1)


def flipped(backend, version: int, name: str, state: str, step: int) -> None:
    """Flip each `step`-th byte. Whatever a false commitment or g^y does to the exchange, the retry
    brings them together; a session that runs goes on."""
    fresh = scene(backend, version, state)
    tags = fresh.alice.account.instance_tag, fresh.pair.bob.account.instance_tag
    raw = genuine(backend, version, name, *tags)
    for _, damaged in list(flips(raw))[::step]:
        stage = scene(backend, version, state)
        stage.alice.session.receive(b"?OTR Error: so that the offer is accepted")
        before = digest(stage.alice.session)
        outcome = stage.alice.receive(wrap(damaged))
        if not outcome.wire and not isinstance(exchange(stage.alice), ake.AwaitingSignature):
            assert digest(stage.alice.session) == before or name == "DHKey"
        pair = stage.pair
        pair.deliver()
        for _ in range(4):
            pair.clock.turn(15)
            for side in (pair.alice, pair.bob):
                if not side.encrypted:
                    side.tick()
            pair.deliver()
        if state == "finished" or not (pair.alice.encrypted and pair.bob.encrypted):
            pair.clock.turn(60)
            pair.bob.start()
            pair.deliver()
        pair.alice.session.recipient = tags[1] if version == 3 else 0
        pair.converse()


def exchange(side: Side) -> object:
    return ake.Idle() if side.instance is None else side.instance.exchange


def length_fields(raw: bytes) -> list[int]:
    """The offsets of all length fields of a message, read by rules written here."""
    version, kind = raw[1], raw[2]
    at = 11 if version == 3 else 3
    layout = {2: "dd", 10: "d", 17: "dd.", 18: "d."}
    if kind == DataMessage.TYPE:
        at += 9
        steps = [("d", 0), ("skip", 8), ("d", 0), ("skip", 20), ("d", 0)]
    else:
        steps = [("d", 0) if each == "d" else ("skip", 20) for each in layout[kind]]
    found = []
    for what, size in steps:
        if what == "skip":
            at += size
        else:
            found.append(at)
            at += 4 + int.from_bytes(raw[at : at + 4], "big")
    assert at == len(raw)
    return found


@pytest.mark.parametrize("name", KINDS)
def test_length_field_when_wrong_then_refused(backend, version: int, name: str):
    stage = scene(backend, version, AWAITED[name])
    raw = unwrap(stage.next)
    stage.alice.session.receive(b"?OTR Error: so that the offer is accepted")
    before = digest(stage.alice.session)
    fields = length_fields(raw)
    assert fields
    for at in fields:
        right = int.from_bytes(raw[at : at + 4], "big")
        for wrong in {*LENGTHS, right + 1, max(0, right - 1)} - {right}:
            damaged = raw[:at] + wrong.to_bytes(4, "big") + raw[at + 4 :]
            refused(stage.alice, wrap(damaged), before)
    for extra in (b"\0", b"x" * 20):
        refused(stage.alice, wrap(raw + extra), before)
    stage.goes_on()


@pytest.mark.parametrize("name", KINDS)
def test_mpi_with_leading_zeros_then_read_where_nothing_signs_it(backend, version: int, name: str):
    """D-H Key alone carries a bare MPI that no MAC covers: leading zeros are read, up to 192 bytes
    of value; an empty one is the number 0, which is not in the group."""
    stage = scene(backend, version, AWAITED[name])
    raw = unwrap(stage.next)
    if name != "DHKey":
        return
    at = length_fields(raw)[0]
    value = raw[at + 4 :]
    before = digest(stage.alice.session)
    for wrong in (b"", b"\x01" + value.rjust(192, b"\0"), b"\0", b"\0" * 200):
        line = wrap(raw[:at] + len(wrong).to_bytes(4, "big") + wrong)
        refused(stage.alice, line, before)
    padded = b"\0\0" + value
    stage.pair.bob.out.popleft()
    outcome = stage.alice.receive(wrap(raw[:at] + len(padded).to_bytes(4, "big") + padded))
    assert kinds(outcome.wire) == ["RevealSignature"]
    stage.goes_on()
