"""The Socialist Millionaires' Protocol: two people find out whether they know the same secret
(OTRv3, "SMP").

As in `ake`, states are values and a message that is refused has changed nothing. "Initiator" is
who started the SMP. Message 1 is answered in two steps: its proofs are checked when it comes,
the exponentiations that need the user's secret wait for the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from otrfast._records import field, record
from otrfast.crypto.backend import SMP_EXPONENT_BYTES, Backend, Exponent, FixedBase
from otrfast.crypto.group import G_ELEMENT, Q, number
from otrfast.errors import BadProof, DecodeError
from otrfast.protocol.table import Row, Table
from otrfast.wire.fields import Mpi, Reader, mpi
from otrfast.wire.tlv import Tlv, TlvType

DoubleModexp = Callable[[bytes, bytes, bytes], bytes]
"""`backend.FixedBase.double_modexp`: base^exponent * other^other_exponent of (exponent, other,
other_exponent)."""

_SECRET_VERSION = b"\x01"
_KINDS = {"e": "group element", "c": "hash", "d": "exponent"}


@record
class SmpMessage:
    """The numbers of one SMP message, each as 192 bytes; LAYOUT names them: e element, c hash, d
    exponent."""

    TYPE: ClassVar[TlvType]
    LAYOUT: ClassVar[str]

    values: tuple[bytes, ...]
    question: bytes | None = None

    def encode(self) -> Tlv:
        """Return the TLV: a count, then the numbers as MPIs; a question and a zero byte in
        front."""
        body = len(self.values).to_bytes(4, "big") + b"".join(map(mpi, self.values))
        if self.question is None:
            return Tlv(self.TYPE, body)
        return Tlv(TlvType.SMP1Q, self.question + b"\0" + body)


class Smp1(SmpMessage):
    """g2a, c2, D2, g3a, c3, D3."""

    TYPE: ClassVar[TlvType] = TlvType.SMP1
    LAYOUT: ClassVar[str] = "ecdecd"


class Smp2(SmpMessage):
    """g2b, c2, D2, g3b, c3, D3, Pb, Qb, cP, D5, D6."""

    TYPE: ClassVar[TlvType] = TlvType.SMP2
    LAYOUT: ClassVar[str] = "ecdecdeecdd"


class Smp3(SmpMessage):
    """Pa, Qa, cP, D5, D6, Ra, cR, D7."""

    TYPE: ClassVar[TlvType] = TlvType.SMP3
    LAYOUT: ClassVar[str] = "eecddecd"


class Smp4(SmpMessage):
    """Rb, cR, D7."""

    TYPE: ClassVar[TlvType] = TlvType.SMP4
    LAYOUT: ClassVar[str] = "ecd"


_CLASSES: dict[int, type[SmpMessage]] = {
    TlvType.SMP1: Smp1,
    TlvType.SMP1Q: Smp1,
    TlvType.SMP2: Smp2,
    TlvType.SMP3: Smp3,
    TlvType.SMP4: Smp4,
}


def decode(record: Tlv, backend: Backend) -> SmpMessage:
    """Read an SMP message and check the range of each number.

    Raises `DecodeError` if the form is wrong, `BadProof` where an element is outside 2 .. p-2
    or an exponent outside 1 .. q-1.
    """
    made = _CLASSES[record.type]
    question, body = None, record.value
    if record.type == TlvType.SMP1Q:
        question, zero, body = body.partition(b"\0")
        if not zero:
            raise DecodeError("SMP question", 0)
    reader = Reader(body)
    if reader.integer(4, "SMP count") != len(made.LAYOUT):
        raise DecodeError("SMP count", 0)
    values = tuple(Mpi().read(reader, f"SMP {_KINDS[kind]}") for kind in made.LAYOUT)
    reader.finish()
    for kind, value in zip(made.LAYOUT, values, strict=True):
        if (kind == "e" and not backend.in_group(value)) or (
            kind == "d" and not 1 <= number(value) < Q
        ):
            raise BadProof(f"an SMP {_KINDS[kind]} out of range")
    return made(values, question)


class Begin:
    """An input of our own: start with the user's secret."""

    def __init__(self, secret: bytes, question: bytes | None) -> None:
        self.secret = secret
        self.question = question


class Answer:
    """An input of our own: the user's secret, for what the peer asked."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret


@record
class Expect1:
    """Nothing runs."""


EXPECT1: Final = Expect1()
"""The one that all instances share."""


@record
class Asked:
    """The peer's message 1 is checked and waits for the user's secret; ids and ssid are those it
    was made for."""

    g2a: bytes
    g3a: bytes
    identifiers: bytes
    question: bytes | None


@record
class Expect2:
    """We sent message 1."""

    x: Exponent
    a2: Exponent
    a3: Exponent


@record
class Expect3:
    """We sent message 2. `trusting` unless the peer's question was answered: then only the peer
    learns something."""

    g2: bytes = field(repr=False)
    g3: bytes = field(repr=False)
    g3a: bytes
    b3: Exponent
    pb: bytes
    qb: bytes
    trusting: bool


@record
class Expect4:
    """We sent message 3."""

    g3b: bytes
    a3: Exponent
    p_quotient: bytes
    q_quotient: bytes


SmpState = Expect1 | Asked | Expect2 | Expect3 | Expect4


@record
class SmpStep:
    """The outcome of one input: `matched` once the secrets are compared, `aborted` if the
    message was not expected."""

    state: SmpState
    reply: SmpMessage | None = None
    matched: bool | None = None
    aborted: bool = False


@record
class Smp:
    """What the actions work with: the arithmetic, and both fingerprints with the ssid of the
    session."""

    backend: Backend
    random: Callable[[int], bytes]
    ours: bytes
    theirs: bytes
    ssid: bytes

    def advance(self, state: SmpState, received: Begin | Answer | SmpMessage) -> SmpStep:
        """Take one input. Raises `BadProof` if a message does not hold; the state stays what
        it was."""
        return TABLE.advance(self, state, received)

    def exponent(self) -> Exponent:
        """Return a fresh random exponent."""
        return self.backend.exponent(self.random(SMP_EXPONENT_BYTES))

    def secret(self, identifiers: bytes, user_secret: bytes) -> Exponent:
        """Return x or y: the user's secret bound to both keys and this session."""
        return self.backend.exponent(
            self.backend.sha256(_SECRET_VERSION + identifiers + user_secret)
        )

    def hash(self, prefix: int, *values: bytes) -> bytes:
        """H of the protocol: 32 bytes."""
        return self.backend.sha256(bytes((prefix,)) + b"".join(map(mpi, values)))

    def prove_exponent(self, prefix: int, secret: Exponent) -> tuple[bytes, bytes, bytes]:
        """Return g^secret, and c, D: the proof that we know the exponent."""
        r = self.exponent()
        c = self.hash(prefix, r.modexp_g())
        return secret.modexp_g(), _wide(c), r.response(secret, c)

    def check_exponent(self, prefix: int, value: bytes, c: bytes, d: bytes) -> None:
        """Check such a proof."""
        self.check(c, self.hash(prefix, self.g_product(d, value, c)))

    def prove_pq(
        self, prefix: int, g2: FixedBase, g3: FixedBase, secret: Exponent
    ) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """Return P = g3^r, Q = g1^r g2^secret, and cP, D5, D6: the proof that they were made so."""
        r, r5, r6 = self.exponent(), self.exponent(), self.exponent()
        multiply = self.backend.multiply
        p, q = g3.modexp(r), multiply(r.modexp_g(), g2.modexp(secret))
        c = self.hash(prefix, g3.modexp(r5), multiply(r5.modexp_g(), g2.modexp(r6)))
        return p, q, _wide(c), r5.response(r, c), r6.response(secret, c)

    def check_pq(
        self, prefix: int, g2: DoubleModexp, g3: DoubleModexp, proof: tuple[bytes, ...]
    ) -> None:
        """Check such a proof: (P, Q, cP, D5, D6)."""
        p, q, c, d5, d6 = proof
        second = self.backend.multiply(self.backend.exponent(d5).modexp_g(), g2(d6, q, c))
        self.check(c, self.hash(prefix, g3(d5, p, c), second))

    def prove_r(
        self, prefix: int, quotient: FixedBase, secret: Exponent
    ) -> tuple[bytes, bytes, bytes]:
        """Return R = (Qa/Qb)^secret, and cR, D7: the proof that g^secret and R have the same
        exponent."""
        r7 = self.exponent()
        c = self.hash(prefix, r7.modexp_g(), quotient.modexp(r7))
        return quotient.modexp(secret), _wide(c), r7.response(secret, c)

    def check_r(
        self, prefix: int, quotient: DoubleModexp, public: bytes, proof: tuple[bytes, ...]
    ) -> None:
        """Check such a proof (R, cR, D7) against the peer's g^secret."""
        r, c, d7 = proof
        self.check(c, self.hash(prefix, self.g_product(d7, public, c), quotient(d7, r, c)))

    def once(self, base: bytes) -> DoubleModexp:
        """Return what raises a base that is needed for one double exponentiation only."""
        return partial(self.backend.double_modexp, base)

    def g_product(self, d: bytes, base: bytes, exponent: bytes) -> bytes:
        """Return g1^d * base^exponent."""
        return self.backend.double_modexp(G_ELEMENT, d, base, exponent)

    def check(self, received: bytes, computed: bytes) -> None:
        """Compare a proof's hash. Raises `BadProof`."""
        if not self.backend.equal(received, _wide(computed)):
            raise BadProof("an SMP proof does not hold")


def _wide(hashed: bytes) -> bytes:
    return hashed.rjust(SMP_EXPONENT_BYTES, b"\0")


def _begin(smp: Smp, state: SmpState, begin: Begin) -> SmpStep:
    a2, a3 = smp.exponent(), smp.exponent()
    values = smp.prove_exponent(1, a2) + smp.prove_exponent(2, a3)
    x = smp.secret(smp.ours + smp.theirs + smp.ssid, begin.secret)
    return SmpStep(Expect2(x, a2, a3), Smp1(values, begin.question))


def _check_1(smp: Smp, state: SmpState, message: Smp1) -> SmpStep:
    g2a, c2, d2, g3a, c3, d3 = message.values
    smp.check_exponent(1, g2a, c2, d2)
    smp.check_exponent(2, g3a, c3, d3)
    return SmpStep(Asked(g2a, g3a, smp.theirs + smp.ours + smp.ssid, message.question))


def _answer(smp: Smp, state: Asked, answer: Answer) -> SmpStep:
    b2, b3 = smp.exponent(), smp.exponent()
    exponents = smp.prove_exponent(3, b2) + smp.prove_exponent(4, b3)
    g2, g3 = b2.modexp(state.g2a), b3.modexp(state.g3a)
    secret = smp.secret(state.identifiers, answer.secret)
    proof = smp.prove_pq(5, smp.backend.fixed_base(g2), smp.backend.fixed_base(g3), secret)
    waiting = Expect3(g2, g3, state.g3a, b3, proof[0], proof[1], trusting=state.question is None)
    return SmpStep(waiting, Smp2(exponents + proof))


def _check_2(smp: Smp, state: Expect2, message: Smp2) -> SmpStep:
    g2b, c2, d2, g3b, c3, d3, pb, qb, *_ = message.values
    smp.check_exponent(3, g2b, c2, d2)
    smp.check_exponent(4, g3b, c3, d3)
    base = smp.backend.fixed_base
    g2, g3 = base(state.a2.modexp(g2b)), base(state.a3.modexp(g3b))
    smp.check_pq(5, g2.double_modexp, g3.double_modexp, message.values[6:])
    proof = smp.prove_pq(6, g2, g3, state.x)
    pa, qa = proof[:2]
    if pa == pb or qa == qb:
        raise BadProof("the peer repeats our own values")
    q_quotient = smp.backend.divide(qa, qb)
    equality = smp.prove_r(7, base(q_quotient), state.a3)
    return SmpStep(
        Expect4(g3b, state.a3, smp.backend.divide(pa, pb), q_quotient), Smp3(proof + equality)
    )


def _check_3(smp: Smp, state: Expect3, message: Smp3) -> SmpStep:
    pa, qa, *_ = message.values
    if pa == state.pb or qa == state.qb:
        raise BadProof("the peer repeats our own values")
    smp.check_pq(6, smp.once(state.g2), smp.once(state.g3), message.values[:5])
    quotient = smp.backend.fixed_base(smp.backend.divide(qa, state.qb))
    smp.check_r(7, quotient.double_modexp, state.g3a, message.values[5:])
    equality = smp.prove_r(8, quotient, state.b3)
    rab = state.b3.modexp(message.values[5])
    matched = smp.backend.equal(rab, smp.backend.divide(pa, state.pb))
    return SmpStep(EXPECT1, Smp4(equality), matched)


def _check_4(smp: Smp, state: Expect4, message: Smp4) -> SmpStep:
    smp.check_r(8, smp.once(state.q_quotient), state.g3b, message.values)
    rab = state.a3.modexp(message.values[0])
    return SmpStep(EXPECT1, None, smp.backend.equal(rab, state.p_quotient))


def _unexpected(smp: Smp, state: SmpState, message: object) -> SmpStep:
    return SmpStep(EXPECT1, aborted=True)


TABLE = Table(
    states=(Expect1, Asked, Expect2, Expect3, Expect4),
    inputs=(Begin, Answer, Smp1, Smp2, Smp3, Smp4),
    rows=(
        Row(Expect1, Begin, None, _begin, Expect2),
        Row(Expect1, Answer, None, _unexpected, Expect1),
        Row(Expect1, Smp1, None, _check_1, Asked),
        Row(Expect1, Smp2, None, _unexpected, Expect1),
        Row(Expect1, Smp3, None, _unexpected, Expect1),
        Row(Expect1, Smp4, None, _unexpected, Expect1),
        Row(Asked, Begin, None, _begin, Expect2),
        Row(Asked, Answer, None, _answer, Expect3),
        Row(Asked, Smp1, None, _check_1, Asked),
        Row(Asked, Smp2, None, _unexpected, Expect1),
        Row(Asked, Smp3, None, _unexpected, Expect1),
        Row(Asked, Smp4, None, _unexpected, Expect1),
        Row(Expect2, Begin, None, _begin, Expect2),
        Row(Expect2, Answer, None, _unexpected, Expect1),
        Row(Expect2, Smp1, None, _unexpected, Expect1),
        Row(Expect2, Smp2, None, _check_2, Expect4),
        Row(Expect2, Smp3, None, _unexpected, Expect1),
        Row(Expect2, Smp4, None, _unexpected, Expect1),
        Row(Expect3, Begin, None, _begin, Expect2),
        Row(Expect3, Answer, None, _unexpected, Expect1),
        Row(Expect3, Smp1, None, _unexpected, Expect1),
        Row(Expect3, Smp2, None, _unexpected, Expect1),
        Row(Expect3, Smp3, None, _check_3, Expect1),
        Row(Expect3, Smp4, None, _unexpected, Expect1),
        Row(Expect4, Begin, None, _begin, Expect2),
        Row(Expect4, Answer, None, _unexpected, Expect1),
        Row(Expect4, Smp1, None, _unexpected, Expect1),
        Row(Expect4, Smp2, None, _unexpected, Expect1),
        Row(Expect4, Smp3, None, _unexpected, Expect1),
        Row(Expect4, Smp4, None, _check_4, Expect1),
    ),
)
