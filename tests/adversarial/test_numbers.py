"""Numbers that a dishonest peer would like to have taken: group elements, DSA keys, key ids.

The peer here is an engine of our own with one part of it bent, so that all else it says is well
made: signed, MACed, in order.
"""

from __future__ import annotations

import pytest
from helpers import ONLY, Pair, Side, digest, encoded, kinds, make_account, parsed, wrap

from otrfast import events
from otrfast._records import replace
from otrfast.crypto import kdf
from otrfast.crypto.backend import DsaNumbers
from otrfast.crypto.backends import load
from otrfast.crypto.dsa import PublicKey
from otrfast.crypto.group import P
from otrfast.crypto.pure_handles import PureAkeKeys
from otrfast.protocol import ake
from otrfast.wire.fields import mpi_of
from otrfast.wire.messages import DHCommit, RevealSignature

OUTSIDE = {
    "0": 0,
    "1": 1,
    "p-1": P - 1,
    "p": P,
    "p+1": P + 1,
    "2^1536-1": (1 << 1536) - 1,
    "2^2000": 1 << 2000,
}
INSIDE = {"2": 2, "p-2": P - 2}


def forging(backend, version: int) -> Pair:
    """A pair whose Bob runs on a backend that seals whatever it is given; keys have turned."""
    pair = Pair(backend, version)
    account = make_account(load("gmpy2"), "bob", 1, pair.clock, ONLY[version])
    pair.bob = Side(account, "alice")
    pair.establish()
    pair.converse(2)
    pair.say(pair.bob, b"opens the lane")
    return pair


def refusals(events_: tuple) -> list[str]:
    return [
        type(event.error).__name__ for event in events_ if isinstance(event, events.MessageRejected)
    ]


def refused(side: Side, line: bytes, *names: str) -> None:
    before = digest(side.session)
    outcome = side.session.receive(line)
    assert len(refusals(outcome.events)) == 1
    assert refusals(outcome.events)[0] in names
    assert kinds(outcome.wire) in ([], ["error"])
    assert digest(side.session) == before


@pytest.mark.parametrize("name", OUTSIDE)
def test_gy_in_dh_key_when_out_of_range_then_refused_and_the_next_is_taken(
    backend, version: int, name: str
):
    """Case 6."""
    pair = Pair(backend, version)
    pair.bob.start()
    for side in (pair.bob, pair.alice):
        pair.step(side)
    head = parsed(pair.bob.out[0])
    raw = type(head).head(version, head.sender, head.receiver) + mpi_of(OUTSIDE[name])
    refused(pair.alice, wrap(raw), "NotInGroup", "DecodeError")
    pair.deliver()
    pair.converse()


@pytest.mark.parametrize("name", [*OUTSIDE, *INSIDE])
def test_gx_in_a_well_signed_reveal_signature_when_out_of_range_then_refused(
    backend, version: int, name: str
):
    """Case 7: with g^x = 1 everyone knows the shared secret. potr takes all of these."""
    gx = {**OUTSIDE, **INSIDE}[name]
    pair = Pair(backend, version)
    bob = pair.bob.account._identity
    tags = (bob.instance_tag, 0) if version == 3 else (0, 0)
    r = b"r" * 16
    commitment = backend.aes_ctr(r, bytes(16), mpi_of(gx)), backend.sha256(mpi_of(gx))
    (answer,) = pair.alice.session.receive(encoded(DHCommit(version, *tags, *commitment))).wire
    gy = parsed(answer).gy
    # x is 1 for the one honest element 2; elsewhere what x could be does not matter
    secret = {0: 0, 1: 1, P - 1: 1, P: 0, 2: int.from_bytes(gy, "big")}.get(gx, 1)
    keys = PureAkeKeys(kdf.ake_keys(kdf.secret_bytes(secret), backend.sha256))
    machine = ake.Ake(bob, pair.alice.account.instance_tag, 0.0, 60.0)
    element = (gx % (1 << 1536)).to_bytes(192, "big")
    proof = ake._prove(machine, keys, True, element, gy)
    reveal = RevealSignature(version, *machine.tags(version), r, *proof)
    if gx == 2:
        outcome = pair.alice.session.receive(encoded(reveal))
        assert kinds(outcome.wire) == ["Signature"]  # so the others are well signed as well
    else:
        expected = ("BadMac",) if gx == P - 2 else ("NotInGroup", "DecodeError")
        refused(pair.alice, encoded(reveal), *expected)


@pytest.mark.parametrize("name", OUTSIDE)
def test_next_key_in_a_well_maced_data_message_when_out_of_range_then_refused(
    backend, version: int, name: str
):
    """Case 8: neither libotr nor potr looks."""
    pair = forging(backend, version)
    keys, prefix = pair.bob.instance.channel._sending(0)
    start = len(prefix) - 4 - len(prefix[-192:].lstrip(b"\0"))
    bent = prefix[:start] + mpi_of(OUTSIDE[name])
    line = keys.seal(bent, b"rotate to this", b"", b"")
    refused(pair.alice, line, "NotInGroup", "DecodeError")
    outcome = pair.alice.session.receive_many([line])
    assert [event for event in outcome.events if isinstance(event, events.MessageReceived)] == []
    pair.bob.instance.channel.send_keys = None
    pair.converse(2)


@pytest.mark.parametrize("zeros", [1, 4, 100])
def test_next_key_with_leading_zeros_then_the_message_is_read(quick, version: int, zeros: int):
    """libotr reads them; the general path takes what the lane leaves."""
    pair = forging(quick, version)
    keys, prefix = pair.bob.instance.channel._sending(0)
    value = prefix[-192:]
    bent = prefix[:-196] + (192 + zeros).to_bytes(4, "big") + bytes(zeros) + value
    line = keys.seal(bent, b"a text", b"", b"")
    assert pair.alice.session.receive(line).events[0].text == b"a text"


# Key ids


@pytest.mark.parametrize("keyid", [0, 1, 2, 2**32 - 1])
@pytest.mark.parametrize("who", ["initiator", "responder"])
def test_keyid_in_the_exchange_then_zero_is_refused_and_any_other_taken(
    quick, version: int, keyid: int, who: str, monkeypatch
):
    """Case 34."""
    pair = Pair(quick, version)
    (pair.alice if who == "initiator" else pair.bob).start()
    while pair.alice.out or pair.bob.out:
        with monkeypatch.context() as bent:
            bent.setattr(ake, "_KEYID_BYTES", keyid.to_bytes(4, "big"))
            while pair.alice.out:
                pair.step(pair.alice)
        if not keyid and pair.bob.out and kinds([pair.bob.out[0]])[0].endswith("Signature"):
            refused(pair.alice, pair.bob.out.popleft(), "DecodeError")
            return
        pair.step(pair.bob)
    assert pair.alice.encrypted
    (theirs,) = pair.alice.instance.channel.keyring.their_public
    assert theirs == keyid
    line = pair.alice.send(b"x").wire[0]
    assert parsed(line).recipient_keyid == keyid


def test_keyid_at_the_end_of_its_range_then_it_stays_and_texts_go_on(quick, version: int):
    pair = Pair(quick, version)
    pair.establish()
    last = 2**32 - 1
    ring = pair.alice.instance.channel.keyring
    ring.their_public = {last: ring.their_public[1]}
    ring.their_keyid = last
    ring._pairs = {(1, last): ring._pairs[1, 1]}
    for number in range(3):
        keys, prefix = pair.bob.instance.channel._sending(0)
        start = len(prefix) - 4 - len(prefix[-192:].lstrip(b"\0")) - 8
        bent = prefix[:start] + last.to_bytes(4, "big") + prefix[start + 4 :]
        line = keys.seal(bent, b"%d" % number, b"", b"")
        assert pair.alice.session.receive(line).events[0].text == b"%d" % number
        assert ring.their_keyid == last
        assert kinds(pair.alice.session.send(b"reply").wire) == ["DataMessage"]


# DSA keys


class Bent:
    """A signing key with numbers of any kind, and signatures of any kind."""

    def __init__(self, numbers: DsaNumbers, signature: bytes | None, honest) -> None:
        self.numbers = numbers
        self.signature = signature
        self.honest = honest

    def sign(self, value: bytes, random: bytes) -> bytes:
        return self.signature if self.signature is not None else self.honest.sign(value, random)


class BentPair:
    def __init__(self, public: PublicKey, signing: Bent) -> None:
        self.public = public
        self.signing = signing
        self.fingerprint = public.fingerprint


ONE_ONE = (1).to_bytes(20, "big") * 2


def bent_keys(p: int, q: int, g: int, y: int) -> dict[str, tuple[DsaNumbers, bytes | None]]:
    other = pow(3, (p - 1) // 2, p)
    return {
        "g = y = 1, which verifies everything": (DsaNumbers(p, q, 1, 1), ONE_ONE),
        "y = 1": (DsaNumbers(p, q, g, 1), None),
        "g = 1": (DsaNumbers(p, q, 1, y), ONE_ONE),
        "g = 0": (DsaNumbers(p, q, 0, y), ONE_ONE),
        "y = 0": (DsaNumbers(p, q, g, 0), None),
        "g = y = p - 1": (DsaNumbers(p, q, p - 1, p - 1), ONE_ONE),
        "y outside the subgroup": (DsaNumbers(p, q, g, 3 if pow(3, q, p) != 1 else 5), None),
        "g of order 2": (DsaNumbers(p, q, other, y), None),
        "y above p": (DsaNumbers(p, q, g, y + p), None),
        "p even": (DsaNumbers(p + 1, q, g, y), None),
        "p = 0": (DsaNumbers(0, q, g, y), None),
        "q = 0": (DsaNumbers(p, 0, g, y), None),
        "q = 1": (DsaNumbers(p, 1, g, y), None),
        "q too large": (DsaNumbers(p, q << 8, g, y), None),
        "q no divisor": (DsaNumbers(p, q ^ 2, g, y), None),
        "p of 512 bits": (DsaNumbers(p >> 512, q, g >> 512, y >> 512), None),
        "p of 30,000 bits": (DsaNumbers(1 << 29_999 | 1, q, g, y), None),
    }


NAMES = list(bent_keys(11, 5, 3, 4))


def bend(pair: Pair, numbers: DsaNumbers, signature: bytes | None) -> None:
    """Give Bob these numbers for a key."""
    identity = pair.bob.account._identity
    public = PublicKey.of(numbers, identity.backend)
    identity.key_pair = BentPair(public, Bent(numbers, signature, identity.key_pair.signing))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("who", ["initiator", "responder"])
def test_dsa_key_when_not_sound_then_never_encrypted(backend, version: int, name: str, who: str):
    """Case 33."""
    pair = Pair(backend, version)
    bend(pair, *bent_keys(*pair.bob.account._identity.key_pair.public.numbers)[name])
    (pair.alice if who == "initiator" else pair.bob).start()
    for _ in range(8):
        before = digest(pair.alice.session)
        last = pair.bob.out and kinds([pair.bob.out[0]])[0].endswith("Signature")
        pair.step(pair.bob)
        if last:
            assert digest(pair.alice.session) == before
        pair.step(pair.alice)
    assert not pair.alice.encrypted
    assert set(refusals(tuple(pair.alice.events))) <= {"BadSignature", "LimitExceeded"}
    assert refusals(tuple(pair.alice.events))
    assert pair.alice.account.trust.of("bob") == {}


def test_dsa_key_of_composite_numbers_then_refused_and_not_remembered(fast_backend):
    """Every check but primality passes: p = r q + 1 with p composite is found, and signed with."""
    q = Pair(fast_backend).bob.account._identity.key_pair.public.numbers.q
    p = (1 << 1023) + 1
    p += q - (p - 1) % q
    while True:
        p += q
        if p % 2 and p % 3 == 0:
            break
    pair = Pair(fast_backend, 3)
    before = len(pair.alice.account._identity.peer_keys._primes)
    g = next((c for c in (pow(h, (p - 1) // q, p) for h in range(2, 9)) if pow(c, q, p) == 1), None)
    numbers = DsaNumbers(p, q, g or 4, g or 4)
    assert not fast_backend.dsa_examine(p, q, bytes(32))
    bend(pair, numbers, None)
    pair.bob.start()
    pair.deliver()
    assert not pair.alice.encrypted
    assert len(pair.alice.account._identity.peer_keys._primes) == before


@pytest.mark.parametrize("who", ["initiator", "responder"])
def test_signature_when_out_of_range_then_refused(backend, version: int, who: str):
    numbers = Pair(backend).bob.account._identity.key_pair.public.numbers
    q = numbers.q
    for r, s in ((0, 0), (0, 1), (1, 0), (1, 1), (q, 1), (1, q), (2**160 - 1, 2**160 - 1)):
        pair = Pair(backend, version)
        bend(pair, numbers, r.to_bytes(20, "big") + s.to_bytes(20, "big"))
        (pair.alice if who == "initiator" else pair.bob).start()
        pair.deliver()
        assert not pair.alice.encrypted
        assert "BadSignature" in refusals(tuple(pair.alice.events))


@pytest.mark.parametrize("size", [0, 39, 41, 56])
def test_signature_of_another_length_then_refused(quick, version: int, size: int):
    pair = Pair(quick, version)
    bend(pair, pair.bob.account._identity.key_pair.public.numbers, bytes(size))
    pair.bob.start()
    pair.deliver()
    assert not pair.alice.encrypted
    assert "DecodeError" in refusals(tuple(pair.alice.events))


def test_public_key_of_another_type_then_refused(quick, version: int):
    pair = Pair(quick, version)
    public = pair.bob.account._identity.key_pair.public
    bent = PublicKey(public.numbers, b"\0\1" + public.raw[2:], quick)
    identity = pair.bob.account._identity
    identity.key_pair = BentPair(bent, Bent(public.numbers, None, identity.key_pair.signing))
    pair.bob.start()
    pair.deliver()
    assert refusals(tuple(pair.alice.events)) == ["DecodeError"]


def test_public_key_with_leading_zeros_then_hashed_and_signed_as_it_came(quick, version: int):
    pair = Pair(quick, version)
    identity = pair.bob.account._identity
    numbers = identity.key_pair.public.numbers
    raw = b"\0\0" + b"".join(
        (len(value) + 1).to_bytes(4, "big") + b"\0" + value
        for value in (mpi_of(number)[4:] for number in numbers)
    )
    public = PublicKey(numbers, raw, quick)
    identity.key_pair = BentPair(public, Bent(numbers, None, identity.key_pair.signing))
    pair.establish()
    assert pair.alice.session.fingerprint == quick.sha1(raw[2:])
    pair.converse()


def test_signature_made_for_another_run_then_refused(quick, version: int):
    """The MAC holds, the signature is Bob's own, but over other values."""
    donor = Pair(quick, version, 8)
    stolen: list[bytes] = []
    signing = donor.bob.account._identity.key_pair.signing
    numbers = donor.bob.account._identity.key_pair.public.numbers

    class Keeping(Bent):
        def sign(self, value: bytes, random: bytes) -> bytes:
            stolen.append(signing.sign(value, random))
            return stolen[-1]

    identity = donor.bob.account._identity
    identity.key_pair = BentPair(identity.key_pair.public, Keeping(numbers, None, signing))
    donor.establish()
    pair = Pair(quick, version, 9)
    bend(pair, numbers, stolen[0])
    pair.bob.start()
    pair.deliver()
    assert refusals(tuple(pair.alice.events)) == ["BadSignature"]


def test_commitment_when_r_is_another_then_refused(pair: Pair):
    pair.alice.start()
    for side in (pair.alice, pair.bob, pair.alice):
        pair.step(side)
    reveal = parsed(pair.bob.out[0])
    refused(pair.alice, encoded(replace(reveal, r=bytes(16))), "BadCommitment")
    pair.deliver()
    pair.converse()
