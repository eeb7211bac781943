"""Floods and bombs: bounded in memory and in powers, which are counted; never timed."""

from __future__ import annotations

import gc
import random
import tracemalloc

import pytest
from helpers import (
    ONLY,
    CountingBackend,
    HandClock,
    Pair,
    Side,
    digest,
    kinds,
    make_account,
    wrap,
)

from otrfast import Limits, MessageState, Policy, Session, events

KIB = 1024
HEAD_V3 = b"?OTR|%08x|%08x,%05d,%05d,"


def account_of(backend, **more):
    more.setdefault("policy", Policy.MANUAL)
    return make_account(backend, clock=HandClock(), **more)


def grown(action) -> int:
    """Bytes that are still held after an action."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    action()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return after - before


# One peer


def test_unknown_peer_when_it_says_hello_then_4_kib_at_most(quick):
    account = account_of(quick)
    account.session("first").receive(b"hello")

    def flood() -> None:
        for number in range(500):
            account.session(number).receive(b"hello")

    assert grown(flood) / 500 <= 4 * KIB


@pytest.mark.sample(backend="native")
@pytest.mark.sample(line=b"?OTRv23?")
@pytest.mark.parametrize(
    "line", [b"?OTRv23?", b"?OTRv2?", b"?OTR Error: x", b"?OTR:AAMC.", b"?OTR"]
)
def test_unknown_peer_when_it_floods_one_kind_of_line_then_4_kib_and_few_powers(
    backend, line: bytes
):
    counting = CountingBackend(backend)
    account = account_of(counting)
    sessions = [account.session(number) for number in range(20)]
    for session in sessions:
        session.receive(b"hello")
    for _ in range(100):
        account.session("to warm up").receive(line)
    counting.counts.clear()

    def flood() -> None:
        for session in sessions:
            for _ in range(100):
                session.receive(line)

    assert grown(flood) / len(sessions) <= 4 * KIB
    assert counting.counts.powers <= Limits().ake_burst * len(sessions)


def test_garbage_with_random_sender_tags_then_no_instance_and_no_power(quick):
    """Case 30: libotr makes a context of each."""
    counting = CountingBackend(quick)
    pair = Pair(counting, 3)
    pair.establish()
    counting.counts.clear()
    order = random.Random(1)
    ours = pair.alice.account.instance_tag
    before = digest(pair.alice.session)
    instances = len(pair.alice.session.instances)

    def flood() -> None:
        for number in range(5_000):
            kind = (2, 3, 10, 17, 18)[number % 5]
            raw = b"\0\x03" + bytes((kind,)) + order.randbytes(4) + ours.to_bytes(4, "big")
            pair.alice.session.receive(wrap(raw + order.randbytes(60)))

    flood()
    assert grown(flood) <= 64 * KIB  # a few bytes for each at most
    assert len(pair.alice.session.instances) == instances
    assert counting.counts.powers == 0
    assert digest(pair.alice.session) == before


def test_well_formed_dh_keys_from_many_instances_then_at_most_eight(quick):
    counting = CountingBackend(quick)
    pair = Pair(counting, 3)
    pair.alice.receive(b"?OTRv3?")
    pair.alice.out.clear()
    counting.counts.clear()
    ours = pair.alice.account.instance_tag
    for tag in range(0x100, 0x200):
        raw = b"\0\x03\x0a" + tag.to_bytes(4, "big") + ours.to_bytes(4, "big")
        pair.alice.session.receive(wrap(raw + b"\0\0\0\x02" + tag.to_bytes(2, "big")))
    assert len(pair.alice.session.instances) == Limits().unauthenticated_instances
    assert counting.counts["variable"] == Limits().unauthenticated_instances
    for _ in range(3):  # the retry of our own commitment has its time as well
        pair.clock.turn(60)
        pair.alice.tick()
    assert pair.alice.session.instances == ()
    assert pair.alice.account._context.usage.pending_akes == 0


def connect_from(pair: Pair, name: str, numbers: range, limits: Limits) -> None:
    """Have `name` start a private conversation with Alice from one new instance after another."""
    for number in numbers:
        pair.bob = Side(
            make_account(pair.alice.account._identity.backend, name, number, pair.clock,
                         Policy.ALLOW_V3, limits), "alice"
        )  # fmt: skip
        pair.bob.start()
        pair.deliver()
        pair.clock.turn(100)


def test_instances_when_all_are_private_then_one_of_another_key_is_refused_and_none_evicted(quick):
    limits = Limits(instances=3, ake_burst=1000, ake_rate=1000.0)
    pair = Pair(quick, 3, limits=limits)
    connect_from(pair, "bob", range(3), limits)
    before = pair.alice.session.instances
    connect_from(pair, "mallory", range(3, 5), limits)
    private = [info for info in pair.alice.session.instances if info.state.value == "encrypted"]
    assert private == list(before)
    assert pair.alice.seen(events.Limited)[-1].limit == "instances"


def test_instances_when_a_peer_restarts_with_new_tags_then_the_silent_one_of_its_key_goes(quick):
    """Else it would be locked out for good after `Limits.instances` restarts without a goodbye."""
    limits = Limits(instances=4, ake_burst=1000, ake_rate=1000.0)
    pair = Pair(quick, 3, limits=limits)
    connect_from(pair, "bob", range(20), limits)
    assert pair.bob.encrypted
    pair.say(pair.bob, b"still here")
    assert pair.alice.session.instance_tags[1] == pair.bob.account.instance_tag
    assert len(pair.alice.session.instances) == 4
    assert not pair.alice.seen(events.Limited)


def test_finished_device_when_strangers_crowd_in_then_the_next_text_is_not_in_the_clear(quick):
    limits = Limits(instances=2, ake_burst=1000, ake_rate=1000.0)
    pair = Pair(quick, 3, limits=limits)
    pair.establish()
    pair.bob.take(pair.bob.session.end())
    pair.deliver()
    assert pair.alice.session.state is MessageState.FINISHED
    for number in range(6):
        account = make_account(quick, "mallory", number, pair.clock, Policy.ALLOW_V3, limits)
        pair.bob = Side(account, "alice")
        pair.bob.start()
        pair.deliver()
        pair.bob.take(pair.bob.session.end())
        pair.deliver()
        assert pair.alice.session.state is not MessageState.PLAINTEXT


# Fragments


def test_fragments_1_of_n_from_ten_thousand_instances_then_four_kept(quick):
    account = account_of(quick)
    session = account.session("bob")
    ours = account.instance_tag
    piece = b"x" * 500

    def flood() -> None:
        for tag in range(0x100, 0x100 + 10_000):
            session.receive(HEAD_V3 % (tag, ours, 1, 9) + piece + b",")

    assert grown(flood) <= 16 * KIB
    assert len(session._conversation.reassembly) == Limits().assemblies
    assert account.limited["assemblies"] == 10_000 - 4
    account._context.clock.turn(60)
    session.tick()
    assert account._context.usage.assembled == 0


def test_fragment_bomb_then_given_up_at_the_limit(quick):
    """Case 27: 65,535 pieces of as much as a line can hold."""
    account = account_of(quick, limits=Limits(stranger_assembly=1 << 20))
    session = account.session("bob")
    piece = b"y" * 60_000
    most = 0
    for index in range(1, 100):
        session.receive(b"?OTR,%05d,65535,%b," % (index, piece))
        most = max(most, account._context.usage.assembled)
    assert most <= Limits().message_size + 64
    assert account.limited["message_size"] >= 1


def test_fragments_that_are_empty_then_no_memory(quick):
    account = account_of(quick)
    session = account.session("bob")
    for index in range(1, 65_535):
        session.receive(b"?OTR,%05d,65535,," % index)
    assert account._context.usage.assembled == 64
    assert session.receive(b"?OTR,65535,65535,,") == ((), ())
    assert account._context.usage.assembled == 0


def test_fragments_of_many_peers_then_bounded_for_the_account_and_freed(quick):
    limits = Limits(assembled_bytes=200_000, peers=50, stranger_assembly=1 << 20)
    account = account_of(quick, limits=limits)
    for peer in range(500):
        account.session(peer).receive(b"?OTR,1,9,%b," % (b"x" * 10_000))
        assert account._context.usage.assembled <= 200_000
    assert account.limited["assembled_bytes"] > 0
    held = sum(len(session._conversation.reassembly or ()) for session in account.sessions.values())
    assert account._context.usage.assembled == held * 10_064
    account._context.clock.turn(700)
    account.tick()
    assert account._context.usage.assembled == 0


def test_stray_fragment_in_an_assembly_then_the_next_message_comes(quick, version: int):
    """Case 28."""
    pair = Pair(quick, version, max_fragment=200)
    pair.establish()
    pair.alice.send(b"long " * 200)
    lines = list(pair.alice.out)
    pair.alice.out.clear()
    tags = (pair.alice.account.instance_tag, pair.bob.account.instance_tag)
    head = b"?OTR|%08x|%08x," % tags if version == 3 else b"?OTR,"
    for number, line in enumerate(lines):
        pair.bob.receive(line)
        if number == 1:
            pair.bob.receive(head + b"00007,00009,stray,")
    assert pair.bob.texts == []
    pair.converse()


def test_strangers_fragments_when_four_stand_then_a_known_device_still_gets_through(quick):
    pair = Pair(quick, 3, max_fragment=200)
    pair.establish()
    ours = pair.bob.account.instance_tag
    for tag in range(0x100, 0x110):
        pair.bob.session.receive(HEAD_V3 % (tag, ours, 1, 2) + b"stray,")
    pair.say(pair.alice, b"long " * 200)


def test_fragment_for_another_device_then_not_kept(quick):
    account = account_of(quick)
    session = account.session("bob")
    outcome = session.receive(HEAD_V3 % (0x100, account.instance_tag ^ 1, 1, 2) + b"x,")
    assert [type(event) for event in outcome.events] == [events.OtherInstance]
    assert session._conversation.reassembly is None


# Instance tags (case 29)


@pytest.mark.parametrize(
    ("sender", "receiver", "name"),
    [
        (0, None, "WrongInstance"),
        (1, None, "WrongInstance"),
        (0xFF, None, "WrongInstance"),
        (0x100, 1, "WrongInstance"),
        (0x100, 0xFF, "WrongInstance"),
        (0x100, 0x100, "OtherInstance"),
        (0xFFFFFFFF, 0xFFFFFFFF, "OtherInstance"),
        (0x100, 0, "WrongInstance"),
        (None, None, "Reflected"),
    ],
)
@pytest.mark.parametrize("kind", [3, 10, 17, 18])
def test_instance_tags_when_wrong_then_refused(quick, sender, receiver, name: str, kind: int):
    account = account_of(quick)
    session: Session = account.session("bob")
    ours = account.instance_tag
    body = {
        3: b"\0" + bytes(8) + b"\0\0\0\x01\x05" + bytes(8) + bytes(4) + bytes(20) + bytes(4),
        10: b"\0\0\0\x01\x05",
        17: b"\0\0\0\x10" + bytes(16) + bytes(4) + bytes(20),
        18: bytes(4) + bytes(20),
    }[kind]
    tags = (ours if tag is None else tag for tag in (sender, receiver))
    raw = b"\0\x03" + bytes((kind,)) + b"".join(tag.to_bytes(4, "big") for tag in tags) + body
    outcome = session.receive(wrap(raw))
    assert not outcome.wire
    (event,) = outcome.events
    assert name in (type(event).__name__, type(getattr(event, "error", None)).__name__)


# Size


@pytest.mark.parametrize("kind", [2, 3, 10, 17, 18])
def test_message_of_a_mebibyte_then_refused_by_its_length_alone(quick, version: int, kind: int):
    counting = CountingBackend(quick)
    pair = Pair(counting, version)
    pair.establish()
    counting.counts.clear()
    raw = bytes((0, version, kind)) + bytes(1 << 20)
    outcome = pair.alice.session.receive(wrap(raw))
    assert events.Limited("message_size") in outcome.events
    assert counting.counts.powers == 0
    pair.converse()


def test_gy_of_200_kilobytes_then_no_power(quick):
    """It costs potr 6.6 seconds."""
    counting = CountingBackend(quick)
    for limits in (
        Limits(),
        Limits(message_size=1 << 20),
        Limits(message_size=1 << 20, commit_size=1 << 20),
    ):
        pair = Pair(counting, 2, limits=limits)
        pair.bob.start()
        pair.step(pair.bob)
        counting.counts.clear()
        raw = b"\0\x02\x0a" + (200_000).to_bytes(4, "big") + b"\xff" * 200_000
        assert not pair.alice.session.receive(wrap(raw)).wire
        assert counting.counts.powers == 0


@pytest.mark.parametrize(
    ("kind", "size", "limit"),
    [
        (2, 513, "commit_size"),
        (10, 513, "commit_size"),
        (17, 4097, "signature_size"),
        (18, 4097, "signature_size"),
    ],
)
def test_exchange_message_over_its_size_then_limited(quick, version, kind, size, limit):
    session = account_of(quick).session("bob")
    outcome = session.receive(wrap(bytes((0, version, kind)) + bytes(size - 3)))
    assert events.Limited(limit) in outcome.events
    outcome = session.receive(wrap(bytes((0, version, kind)) + bytes(size - 4)))
    assert events.Limited(limit) not in outcome.events


def test_tlvs_in_tens_of_thousands_then_the_first_64(quick, version: int):
    pair = Pair(quick, version)
    pair.establish()
    line = pair.alice.instance.channel.seal(b"text", b"\x01\x00\0\0" * 11_000, 0)
    outcome = pair.bob.receive(line)
    assert outcome.events[0] == events.Limited("tlvs")
    assert outcome.events[1].text == b"text"
    assert len(outcome.events[2].tlvs) == 64
    pair.converse()


@pytest.mark.parametrize("tail", [b"\0\1\xff\xffx", b"\0", b"\0\0\0", b"\xff\xff\0\0"])
def test_tlv_that_is_cut_or_unknown_then_the_text_is_read(quick, version: int, tail: bytes):
    pair = Pair(quick, version)
    pair.establish()
    line = pair.alice.instance.channel.seal(b"text", tail, 0)
    assert pair.bob.receive(line).events[0].text == b"text"
    pair.converse()


# Many peers


def test_queries_from_many_peers_then_the_rate_of_the_account_bounds_the_powers(quick):
    counting = CountingBackend(quick)
    account = account_of(counting)
    for peer in range(2000):
        account.session(peer).receive(b"?OTRv3?")
    assert counting.counts.powers == 200
    for second in range(2, 11):  # the others wait for their second
        account._context.clock.turn(1)
        account.tick()
        assert counting.counts.powers == 200 * second
    account._context.clock.turn(1)
    account.tick()
    assert counting.counts.powers == 2000
    assert not account.limited


def test_known_peer_in_a_flood_of_unknown_ones_then_answered(quick):
    pair = Pair(quick, 3)
    pair.establish()
    pair.alice.take(pair.alice.session.end())
    pair.deliver()
    answers = [pair.alice.account.session(peer).receive(b"?OTRv3?").wire for peer in range(2000)]
    assert 190 < sum(map(bool, answers)) <= 200  # the others wait
    pair.bob.take(pair.bob.session.end())
    pair.bob.start()
    pair.deliver()
    pair.converse()


def test_pending_exchanges_when_at_the_bound_then_no_more_and_freed_by_time(quick, version: int):
    limits = Limits(pending_akes=20)
    account = account_of(quick, limits=limits, policy=ONLY[version])
    for peer in range(100):
        account.session(peer).receive(b"?OTRv23?")
    assert account._context.usage.pending_akes <= 20
    assert account.limited["pending_akes"] >= 80
    for _ in range(20):
        account._context.clock.turn(10)
        account.tick()
    assert account._context.usage.pending_akes == 0
    assert account.session("new").receive(b"?OTRv23?").wire


def test_peers_in_a_flood_then_memory_stays_with_the_bound(quick):
    limits = Limits(peers=200)
    account = account_of(quick, limits=limits)
    for peer in range(300):
        account.session(peer).receive(b"hello")

    def flood() -> None:
        for peer in range(300, 6000):
            account.session(peer).receive(b"hello")

    grew = grown(flood)
    assert len(account.sessions) == 200
    assert grew <= 1500 * KIB  # no more than that timers may wait to be cleared
    assert account.limited["peers"] == 5800


def test_errors_and_garbage_ten_thousand_times_then_bounded(quick):
    """Case 26."""
    account = account_of(quick, policy=Policy.OPPORTUNISTIC)
    session = account.session("bob")
    session.receive(b"?OTR Error: x")
    garbage = wrap(b"\0\x02\x03\0" + bytes(8) + b"\0\0\0\1\5" + bytes(8) + bytes(4 + 20 + 4))
    wire = 0

    def flood() -> None:
        nonlocal wire
        for _ in range(5_000):
            wire += len(session.receive(b"?OTR Error: x").wire)
            wire += len(session.receive(garbage).wire)

    flood()
    assert grown(flood) <= 64 * KIB  # a few bytes for each at most
    assert wire == 0


def test_two_engines_answering_each_other_then_silence(quick, version: int):
    policy = (
        Policy.OPPORTUNISTIC & ~Policy.MANUAL | {2: Policy.ALLOW_V2, 3: Policy.ALLOW_V3}[version]
    )
    pair = Pair(quick, version, policies=(policy, policy))
    pair.alice.out.append(b"?OTR Error: 1")
    pair.bob.out.append(b"?OTR Error: 2")
    pair.deliver(100)
    assert kinds(pair.alice.sent).count("query") <= 1
    assert kinds(pair.bob.sent).count("query") <= 1


def test_new_fingerprints_of_one_peer_then_only_so_many_are_remembered(quick):
    account = account_of(quick)
    for number in range(100):
        account.trust.note("bob", number.to_bytes(20, "big"))
    assert len(account.trust.of("bob")) <= 32
    account.trust.set("eve", b"v" * 20, "verified")
    for number in range(100):
        account.trust.note("eve", number.to_bytes(20, "big"))
    assert account.trust.level("eve", b"v" * 20) == "verified"


# Anything at all


@pytest.mark.parametrize("state", ["plaintext", "encrypted", "finished"])
def test_random_lines_then_receive_never_raises(quick, version: int, state: str):
    pair = Pair(quick, version)
    pair.establish()
    pair.converse()
    genuine = [*pair.alice.sent, *pair.bob.sent]
    if state != "encrypted":
        pair.bob.take(pair.bob.session.end())
        pair.deliver()
    if state == "plaintext":
        pair.alice.take(pair.alice.session.end())
    order = random.Random(f"{version} {state}")
    marks = [b"?OTR:", b"?OTR:AAMD", b"?OTR:AAID", b"?OTR|", b"?OTR,", b"?OTRv", b"?OTR Error:",
             b"?OTR", b" \t  \t\t\t\t \t \t \t  ", b"", b".", b",1,1,"]  # fmt: skip
    for number in range(6000):
        line = bytearray(order.choice(genuine))
        match number % 4:
            case 0:
                for _ in range(order.randrange(1, 6)):
                    line[order.randrange(len(line))] = order.randrange(256)
            case 1:
                start = order.randrange(len(line))
                del line[start : start + order.randrange(40)]
            case 2:
                other = order.choice(genuine)
                line = line[: order.randrange(len(line))] + other[order.randrange(len(other)) :]
            case 3:
                line = bytearray(order.choice(marks) + order.randbytes(order.randrange(80)))
                line += order.choice(marks)
        outcome = pair.alice.session.receive(bytes(line))
        assert not any(
            isinstance(event, events.SmpSucceeded | events.ExtraKeyReceived)
            for event in outcome.events
        )
        if number % 500 == 0:
            pair.clock.turn(11)
            pair.alice.session.tick()
    assert len(pair.alice.session.instances) <= 9


def test_strangers_fragments_when_they_are_long_then_no_more_than_a_key_exchange_needs(quick):
    account = make_account(quick, "bob", 1, HandClock(), Policy.MANUAL)
    session = account.session("mallory")
    for tag in range(0x100, 0x108):
        for piece in range(1, 4):
            session.receive(HEAD_V3 % (tag, account.instance_tag, piece, 9) + b"A" * 1000 + b",")
    assert 0 < account._context.usage.assembled <= Limits().stranger_assembly
    assert account.limited["stranger_assembly"] > 0
