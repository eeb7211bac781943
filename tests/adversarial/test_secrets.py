"""What must not come out: by repr, by pickle, by copy, by a traceback that an event keeps."""

from __future__ import annotations

import copy
import gc
import pickle
import types

import pytest
from helpers import Pair, Side

from adversarial.states import STATES, Scene, scene
from otrfast import events


def secrets_of(side: Side) -> set[bytes]:
    """Secret bytes that the engine holds for a side now."""
    found = set()
    for thing in walk(side.session):
        name = type(thing).__name__
        if name.endswith("DataKeys"):
            found |= {thing.extra_key(), thing.receive_mac_key()}
        elif name == "PureAkeKeys":  # the core shows its own to nobody
            found |= {key for side in thing._sides for key in (side.c, side.m1, side.m2)}
        elif name == "Conversation" and thing.sent:
            found.add(thing.sent[0])
    # r is no secret any more once it has been revealed
    if not any(type(thing).__name__ == "AwaitingSignature" for thing in walk(side.session)):
        found |= {
            thing.r for thing in walk(side.session) if type(thing).__name__ == "AwaitingDHKey"
        }
    return found


def walk(start: object) -> list:
    """Every object of the engine that can be reached."""
    seen: dict[int, object] = {}
    stack = [start]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType | types.FunctionType):
            continue
        seen[id(thing)] = thing
        module = type(thing).__module__
        if module.startswith("otrfast") or isinstance(thing, dict | list | tuple | set):
            stack += gc.get_referents(thing)
    return list(seen.values())


def stages(backend, version: int) -> list[Scene]:
    return [scene(backend, version, state) for state in STATES]


def test_repr_of_everything_then_no_secret(fast_backend, version: int):
    for stage in stages(fast_backend, version):
        if stage.state == "encrypted":
            stage.alice.session.smp_start(b"the smp secret")
        secrets = secrets_of(stage.alice)
        shown = ["plain", "finished", "awaiting_reveal_signature"]
        if fast_backend.name == "native":
            shown.append("awaiting_signature")  # the core keeps the keys of an AKE to itself
        assert secrets or stage.state in shown
        for thing in walk(stage.alice.session):
            if type(thing).__module__.startswith("otrfast"):
                said = repr(thing).encode() + str(thing).encode()
                for secret in secrets | {b"the smp secret"}:
                    if type(thing).__name__ in ("MessageReceived", "Outcome"):
                        continue
                    assert secret.hex().encode() not in said
                    assert repr(secret)[2:-1].encode() not in said, type(thing)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_session_and_account_when_copied_or_pickled_then_refused(fast_backend, how, version: int):
    for stage in stages(fast_backend, version):
        for thing in (stage.alice.session, stage.alice.account):
            with pytest.raises(TypeError):
                how(thing)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_handles_when_copied_or_pickled_then_refused(backend, version: int, how):
    stage = scene(backend, version, "encrypted")
    stage.alice.session.smp_start(b"secret")
    handles = [
        thing
        for thing in walk(stage.alice.session)
        if type(thing).__name__.endswith(
            ("DataKeys", "DhKey", "SharedSecret", "AkeKeys", "Exponent", "SigningKey", "KeyPair")
        )
    ]
    assert len({type(thing) for thing in handles}) >= 3
    for thing in handles:
        with pytest.raises(TypeError):
            how(thing)


def test_errors_in_events_then_no_frame_is_kept(fast_backend, version: int):
    from helpers import unwrap, wrap

    from adversarial.states import flips

    for stage in stages(fast_backend, version):
        for _, damaged in list(flips(unwrap(stage.next)))[::5]:
            for event in stage.alice.session.receive(wrap(damaged)).events:
                if isinstance(event, events.MessageRejected | events.SmpCheated):
                    assert event.error.__traceback__ is None
                    assert event.error.__context__ is None
                    assert event.error.__cause__ is None


def test_rejected_event_then_it_can_be_pickled_and_logged(secured: Pair):
    outcome = secured.alice.session.receive(b"?OTR:AAMD.")
    (event,) = outcome.events
    again = pickle.loads(pickle.dumps(event))
    assert type(again.error) is type(event.error)
    assert str(again.error) == str(event.error)
    assert "malformed" in repr(event) or "DecodeError" in repr(event)


def test_extra_key_events_then_printed_without_the_key(secured: Pair):
    outcome = secured.alice.session.extra_key(1, b"data")
    secured.bob.take(secured.bob.session.receive(outcome.wire[0]))
    for event in (*outcome.events, *secured.bob.seen(events.ExtraKeyReceived)):
        assert event.key.hex() not in repr(event)
        assert repr(event.key) not in repr(event)
        assert "redacted" in repr(event)


def test_finished_exchange_then_its_state_is_gone(secured: Pair):
    names = {type(thing).__name__ for thing in walk(secured.alice.session)}
    assert not names & {"AwaitingSignature", "AwaitingRevealSignature", "Established"}
    assert not any(name.endswith("AkeKeys") for name in names)
