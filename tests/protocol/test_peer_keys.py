"""What is checked of a peer's DSA key and when, what is remembered, and what a stranger can ask
for."""

from __future__ import annotations

import random

import pytest
from helpers import (
    CountingBackend,
    HandClock,
    Pair,
    Side,
    digest,
    forget_peer_keys,
    key_pair,
    make_account,
)

from otrfast import Limits, Policy, events
from otrfast.crypto.dsa import KeyPair
from otrfast.errors import BadSignature, LimitExceeded
from otrfast.protocol import ake
from otrfast.protocol.instance import Instance
from otrfast.protocol.peer_keys import Memory, PeerKeys


def new_pair(backend, version: int = 3, limits: Limits | None = None) -> Pair:
    """Alice and Bob, and Alice's account knows no primes."""
    pair = Pair(backend, version, limits=limits)
    forget_peer_keys(pair.alice.account)
    return pair


# Which keys are examined


def test_new_primes_then_one_check_one_examination_one_verification(quick, version: int):
    counting = CountingBackend(quick)
    pair = new_pair(counting, version)
    pair.bob.start()
    pair.deliver()
    assert pair.alice.encrypted
    assert counting.counts["examined"] == 1
    assert counting.counts["checked"] == 2  # each side checks the other's key
    assert counting.counts["verified"] == 2


@pytest.mark.parametrize("level", ["", "verified"])
def test_fingerprint_in_the_trust_store_then_no_examination(quick, version: int, level: str):
    counting = CountingBackend(quick)
    pair = new_pair(counting, version)
    pair.alice.account.trust.set("bob", pair.bob.account.fingerprint, level)
    pair.bob.start()
    pair.deliver()
    assert pair.alice.encrypted
    assert counting.counts["examined"] == 0
    assert counting.counts["checked"] == 2  # all that is cheap is done


def test_fingerprint_of_another_peer_in_the_trust_store_then_examined(quick):
    counting = CountingBackend(quick)
    pair = new_pair(counting)
    pair.alice.account.trust.set("carol", pair.bob.account.fingerprint, "verified")
    pair.bob.start()
    pair.deliver()
    assert counting.counts["examined"] == 1


def test_signature_that_does_not_hold_then_no_examination(quick):
    """Whoever cannot sign with the key makes us examine nothing."""
    counting = CountingBackend(quick)
    keys = PeerKeys(counting, random.Random(1).randbytes)
    key = key_pair(quick, "bob").public
    with pytest.raises(Exception, match="signature does not hold"):
        keys.verify(key, bytes(32), bytes(40), lambda fingerprint: True)
    assert counting.counts["examined"] == 0


# The limit on examinations


def strangers(backend, account, count: int, clock: HandClock) -> list[Side]:
    """`count` peers with a key of their own, and primes of their own as far as the account can
    tell, that start a key exchange with it."""
    sides = []
    for number in range(count):
        side = Side(make_account(backend, f"peer {number}", number, clock, Policy.ALLOW_V3), "us")
        sides.append(side)
    return sides


def exchange(account, side: Side, peer: str) -> list[events.Event]:
    """Have a peer exchange keys with the account; return what happened there."""
    seen: list[events.Event] = []
    forget_peer_keys(account)  # each peer has primes of its own
    side.start()
    for _ in range(4):
        lines = [*side.out]
        side.out.clear()
        for line in lines:
            outcome = account.session(peer).receive(line)
            seen += outcome.events
            for answer in outcome.wire:
                side.receive(answer)
    return seen


def test_more_new_primes_than_the_limit_then_the_messages_wait_and_all_end_encrypted(quick):
    clock = HandClock()
    counting = CountingBackend(quick)
    limits = Limits(examination_rate=3.0)
    account = make_account(counting, clock=clock, policy=Policy.ALLOW_V3, limits=limits)
    sides = strangers(quick, account, 8, clock)
    for number, side in enumerate(sides):
        exchange(account, side, f"peer {number}")
    assert counting.counts["examined"] == 3
    for expected in (6, 8):
        clock.turn(1.0)
        account.tick()
        forget_peer_keys(account)
        assert counting.counts["examined"] <= expected
    states = {account.session(f"peer {number}").state.value for number in range(8)}
    assert states == {"encrypted"}
    assert not account.limited


def waiting_signature(quick, limits: Limits):
    """An account whose examinations are used up, and a peer's Signature that waits for one."""
    clock = HandClock()
    account = make_account(quick, clock=clock, policy=Policy.ALLOW_V3, limits=limits)
    first, second = strangers(quick, account, 2, clock)
    exchange(account, first, "first")
    forget_peer_keys(account)
    session = account.session("second")
    second.start()
    for _ in range(2):  # our DH-Commit for the query, our Reveal Signature for the D-H Key
        second.receive(*session.receive(second.out.popleft()).wire)
    return account, session, second.out[0], clock


def test_message_that_waits_for_an_examination_then_nothing_has_changed_until_it_is_taken(quick):
    account, session, signature, clock = waiting_signature(quick, Limits(examination_rate=1.0))
    (instance,) = session.conversation.instances
    before = instance.exchange
    for _ in range(5):  # the last word of the peer counts, and takes no second place
        assert session.receive(signature) == ((), ())
    assert instance.exchange is before
    assert len(session.conversation.waiting or ()) == 1
    clock.turn(1.0)
    ((peer, outcome),) = account.tick()
    assert (peer, session.state.value) == ("second", "encrypted")
    assert any(isinstance(event, events.SecureStarted) for event in outcome.events)


def test_more_examinations_than_may_wait_then_refused_and_reported(quick):
    limits = Limits(examination_rate=1.0, waiting_requests=0)
    account, session, signature, clock = waiting_signature(quick, limits)
    before = digest(session)
    refused = session.receive(signature)
    assert [type(event).__name__ for event in refused.events] == ["Limited", "MessageRejected"]
    assert digest(session) == before
    assert account.limited == {"examination_rate": 1}
    clock.turn(1.0)
    session.receive(signature)
    assert session.state.value == "encrypted"


def test_key_that_is_refused_then_the_same_line_again_costs_no_examination(quick):
    asked = []

    class Refusing(CountingBackend):
        def dsa_examine(self, p: int, q: int, secret: bytes) -> bool:
            asked.append((p, q))
            return False

    keys = PeerKeys(Refusing(quick), random.Random(1).randbytes)
    key = key_pair(quick, "bob")
    value = bytes(32)
    signature = key.signing.sign(value, bytes(32))
    for _ in range(20):
        with pytest.raises(BadSignature, match="not prime"):
            keys.verify(key.public, value, signature, lambda fingerprint: True)
    assert len(asked) == 1


def test_peer_that_shows_one_new_key_after_another_then_one_examination_an_exchange(quick):
    """Whoever is refused shall pay for the next try with a key exchange of his own."""
    instance = Instance(0x100, ake.IDLE)

    class Due:
        asked = 0

        def must_examine(self, fingerprint: bytes) -> bool:
            self.asked += 1
            return True

    call = Due()
    assert instance._must_examine(b"first", call)
    for _ in range(5):
        with pytest.raises(LimitExceeded):
            instance._must_examine(b"next", call)
    assert call.asked == 1


def test_known_primes_when_the_limit_is_reached_then_taken(quick):
    """Keys on primes that were examined before cost nothing of it."""
    limits = Limits(examination_rate=1.0)
    account = make_account(quick, policy=Policy.ALLOW_V3, limits=limits)
    clock = HandClock()
    for number, side in enumerate(strangers(quick, account, 5, clock)):
        peer = f"peer {number}"
        side.start()
        while side.out:
            for answer in account.session(peer).receive(side.out.popleft()).wire:
                side.receive(answer)
        assert account.session(peer).state.value == "encrypted"
    assert not account.limited


# The memory


def test_memory_when_one_more_than_it_holds_goes_round_then_nearly_all_is_found():
    """The oldest making space would lose every one of them."""
    memory: Memory[int] = Memory(1000, random.Random(3).randbytes)
    names = [b"%d" % number for number in range(1001)]
    found = 0
    for _ in range(10):
        for name in names:
            found += name in memory
            memory.add(name, 1)
    assert len(memory) == 1000
    assert found > 9 * 1001 * 0.98


def test_memory_when_flooded_then_it_stays_as_large_and_keeps_values():
    memory: Memory[int] = Memory(50, random.Random(3).randbytes)
    for number in range(5000):
        memory.add(b"%d" % number, number)
        memory.add(b"%d" % number, -1)  # it is there: nothing changes
        assert memory.get(b"%d" % number) == number
    assert len(memory) == len(memory._keys) == 50
    assert set(memory._keys) == set(memory)


def test_peer_keys_print_nothing(quick):
    keys = PeerKeys(quick, random.Random(1).randbytes)
    key: KeyPair = key_pair(quick, "bob")
    keys.knows_primes_of(key.public)
    assert "redacted" in repr(keys)
