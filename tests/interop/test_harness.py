"""The harness itself, proven with libotr on both ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .libotr import LibotrProcess, Policy
from .network import Faults, Network, assert_same_session
from .sides import ENCRYPTED, FINISHED, PLAIN, LibotrSide

MakeLibotr = Callable[..., LibotrSide]


@pytest.fixture(params=[Policy.V2, Policy.MANUAL], ids=["v2", "v3"])
def policy(request: pytest.FixtureRequest) -> Policy:
    assert isinstance(request.param, Policy)
    return request.param


@pytest.fixture
def pair(make_libotr: MakeLibotr, policy: Policy) -> tuple[LibotrSide, LibotrSide]:
    return make_libotr("alice", "bob", policy), make_libotr("bob", "alice", policy)


def test_version_when_asked_then_is_the_one_the_digest_describes(process: LibotrProcess) -> None:
    assert process.version.startswith("4.1.")


def test_ake_when_libotr_talks_to_libotr_then_both_agree(
    pair: tuple[LibotrSide, LibotrSide], policy: Policy
) -> None:
    alice, bob = pair
    Network(alice, bob).connect(alice)
    assert_same_session(alice, bob, 3 if policy & Policy.V3 else 2)
    assert alice.peer_fingerprint != bob.peer_fingerprint


def test_wire_when_seed_is_the_same_then_first_messages_are_the_same(
    process: LibotrProcess, make_libotr: MakeLibotr
) -> None:
    def commit() -> bytes:
        process.set_seed(7)
        alice, bob = make_libotr("alice", "bob"), make_libotr("bob", "alice")
        network = Network(alice, bob)
        network.connect(alice)
        return network.transcript[1].data

    assert commit() == commit()


def test_texts_when_sent_both_ways_then_arrive_in_order(
    pair: tuple[LibotrSide, LibotrSide], seed: int
) -> None:
    alice, bob = pair
    network = Network(alice, bob, seed=seed)
    network.connect(bob)
    sent: dict[str, list[bytes]] = {"alice": [], "bob": []}
    for i in range(40):
        sender = network.random.choice(pair)
        text = b"text %d" % i
        sent[sender.account].append(text)
        network.tell(sender, text)
    assert bob.diary.encrypted() == sent["alice"]
    assert alice.diary.encrypted() == sent["bob"]


def test_smp_when_secrets_agree_then_both_succeed(pair: tuple[LibotrSide, LibotrSide]) -> None:
    alice, bob = pair
    network = Network(alice, bob)
    network.connect(alice)
    network.post(alice, alice.smp_start(b"secret", b"which?"))
    network.settle()
    assert bob.diary.smp[-1].question == b"which?"
    network.post(bob, bob.smp_answer(b"secret"))
    network.settle()
    assert alice.diary.smp_names() == ["success"]
    assert bob.diary.smp_names() == ["asked", "success"]


def test_extra_key_when_announced_then_is_equal(pair: tuple[LibotrSide, LibotrSide]) -> None:
    alice, bob = pair
    network = Network(alice, bob)
    network.connect(alice)
    network.post(alice, alice.extra_key(9, b"file"))
    network.settle()
    assert alice.diary.keys == bob.diary.keys
    assert bob.diary.keys[0].data == b"file"


def test_end_when_one_side_ends_then_the_other_is_finished(
    pair: tuple[LibotrSide, LibotrSide],
) -> None:
    alice, bob = pair
    network = Network(alice, bob)
    network.connect(alice)
    network.post(alice, alice.end())
    network.settle()
    assert (alice.state, bob.state) == (PLAIN, FINISHED)


@pytest.mark.parametrize("size", [60, 200])
def test_fragments_when_limit_is_set_then_lines_keep_to_it(
    make_libotr: MakeLibotr, size: int
) -> None:
    alice = make_libotr("alice", "bob", max_fragment=size)
    bob = make_libotr("bob", "alice", max_fragment=size)
    network = Network(alice, bob)
    network.connect(alice)
    network.tell(alice, b"x" * 1000)
    assert bob.diary.encrypted() == [b"x" * 1000]
    assert max(len(line) for line in network.lines_of(alice)[1:]) <= size


def test_faults_when_lines_are_duplicated_and_reordered_then_no_text_comes_twice(
    pair: tuple[LibotrSide, LibotrSide], seed: int
) -> None:
    alice, bob = pair
    network = Network(alice, bob, seed=seed)
    network.connect(alice)
    network.faults = Faults(lose=0.1, duplicate=0.2, reorder=0.2)
    texts = [b"text %d" % i for i in range(60)]
    for text in texts:
        network.post(alice, alice.send(text))
    network.settle()
    got = bob.diary.encrypted()
    assert len(got) == len(set(got)) < 60
    assert set(got) <= set(texts)


def test_instances_when_three_share_an_account_then_each_has_a_session(
    make_libotr: MakeLibotr,
) -> None:
    alice = make_libotr("alice", "bob")
    devices = [make_libotr("bob", "alice", instance_tag=0x1000 + i) for i in range(3)]
    Network(alice, *devices).connect(alice)
    contexts = [context for context in alice.otr.contexts() if context.state == ENCRYPTED]
    assert {context.theirs for context in contexts} == {0x1000, 0x1001, 0x1002}
    assert {device.ssid for device in devices} == {context.ssid for context in contexts}


@pytest.mark.parametrize("version", [2, 3])
def test_crossing_queries_when_both_are_libotr_then_neither_is_encrypted(
    make_libotr: MakeLibotr, version: int
) -> None:
    policy = Policy.V2 if version == 2 else Policy.MANUAL
    alice, bob = make_libotr("alice", "bob", policy), make_libotr("bob", "alice", policy)
    network = Network(alice, bob)
    network.post(alice, alice.start())
    network.post(bob, bob.start())
    network.settle()
    assert (alice.state, bob.state) == (PLAIN, PLAIN)
