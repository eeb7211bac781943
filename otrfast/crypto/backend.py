"""The seam between the protocol and its arithmetic: what a backend is, as Protocols.

Three backends stand behind it: `native` (the C core), `pure` (Python's `pow()`, hashlib,
pycryptodome) and `gmpy2` (the pure one on `gmpy2.powmod`). `backends.load` chooses one.

Shapes used throughout:

* an *element* is a value modulo the 1536-bit prime, 192 bytes big-endian, leading zeros kept;
* an *exponent* is big-endian bytes: 40 for Diffie-Hellman, 192 for SMP;
* a *handle* (`DhKey`, `SharedSecret`, `AkeKeys`, `DataKeys`, `Exponent`, `SigningKey`) owns a
  secret, wipes it when dropped, prints nothing of it and refuses to be copied or pickled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from otrfast._records import record

T = TypeVar("T")

ELEMENT_BYTES = 192
DH_EXPONENT_BYTES = 40
SMP_EXPONENT_BYTES = 192


@record
class DsaNumbers:
    """A DSA public key as numbers; `0 < q < p`, `g` and `y` of order q."""

    p: int
    q: int
    g: int
    y: int

    def __iter__(self) -> Iterator[int]:
        return iter((self.p, self.q, self.g, self.y))


DataFields = tuple[int, int, int, bytes, int, bytes, bytes, bytes, bytes]
"""The fields of a data message behind its header, in the order of `wire.messages.DataMessage`."""


class DataKeys(Protocol):
    """The four keys, two counters and the extra key of one (our D-H key, their D-H key) pair."""

    @property
    def send_counter(self) -> int:
        """The counter of the last message sealed; 0 before the first."""

    @property
    def receive_counter(self) -> int:
        """The counter of the last message accepted; 0 before the first."""

    @property
    def verified(self) -> bool:
        """Whether the receiving MAC key has verified a message: it is revealed only then."""

    def seal(self, prefix: bytes, text: bytes, tlvs: bytes | None, revealed: bytes) -> bytes:
        """Return the whole encoded data message, `?OTR:` to the final dot, under the next
        counter.

        `prefix` is the message from its version up to and including the MPI of the next D-H
        key; the plain text is `text || 0x00 || tlvs`, or `text` alone if `tlvs` is None;
        `revealed` is the value of the field of old MAC keys.
        """

    def seal_text(self, prefix: bytes, text: bytes, limit: int) -> bytes | None:
        """The fast path: `seal(prefix, text, b"", b"")` for a text that needs nothing but
        sealing, else None.

        None, and no counter used, for what the general path has to look at: no bytes, an
        empty text, one longer than `limit`, one with a zero byte or with `?OTR` in it.
        """

    def seal_many(
        self, prefix: bytes, texts: Sequence[bytes], limit: int | None = None, /
    ) -> list[bytes]:
        """Return `seal(prefix, text, b"", b"")` for each text, in order; with a `limit` for the
        longest run of leading texts that `seal_text` would seal."""

    def open(self, authenticated: bytes, counter: int, ciphertext: bytes, mac: bytes) -> bytes:
        """Check the MAC over `authenticated`, then the counter; store the counter; return the
        plain text.

        Raises `BadMac` or `CounterReplayed`, and changes nothing then.
        """

    def open_line(
        self, head: bytes, line: bytes, kind: type[T], rest: tuple[object, ...]
    ) -> T | DataFields | None:
        """The fast path: the text of an encoded data message that needs nothing but opening,
        else its fields, else None.

        `head` is the expected start of the message: a header (version, type, tags), flags, and
        both key ids. The flags are not compared.

        Returns the text: as bytes, if `kind` is bytes; in a `kind`, a class of tuples, that holds
        it and then `rest`.
        Returns `DataFields`, and nothing has changed, for a data message with this header that the
        general path has to look at: other key ids, a MAC or counter that does not hold, TLVs, an
        empty text. Returns None, and nothing has changed, for what `Backend.data_message` would
        return None for.
        """

    def open_many(
        self, head: bytes, lines: Sequence[bytes], kind: type[T], rest: tuple[object, ...]
    ) -> list[T]:
        """The texts that `open_line` returns for the longest run of leading lines for which it
        returns one."""

    def receive_mac_key(self) -> bytes:
        """The receiving MAC key, 20 bytes, for revealing it when the pair is dropped."""

    def accepted(self) -> bytes:
        """The first 4 bytes of the MAC of each of the last 8 messages opened, by which a later
        copy is known."""

    def extra_key(self) -> bytes:
        """The extra symmetric key of this pair, 32 bytes."""

    def count_between(self, floor: int, end: int) -> None:
        """Seal under counters above `floor` and below `end` from now on, 0: as many as there are.
        The next message takes the first of them that is above all that were used."""


class AkeKeys(Protocol):
    """What both sides of an AKE derive from its shared secret, and the two proofs of who they are
    that it protects: X, a public key, the id of a D-H key, and a signature (OTRv3, "Reveal
    Signature Message").

    `initiator` says whose X is meant: True for the one in Reveal Signature (the keys c, m1, m2),
    False for the one in Signature (c', m1', m2').
    """

    @property
    def ssid(self) -> bytes:
        """The session id, 8 bytes, public."""

    def seal(self, initiator: bool, x: bytes) -> tuple[bytes, bytes]:
        """Return our X, encrypted, and its MAC of 20 bytes."""

    def open(self, initiator: bool, encrypted: bytes, mac: bytes) -> bytes:
        """Return the peer's X. Raises `BadMac`."""

    def signed_value(
        self, initiator: bool, public_key: bytes, own: bytes, other: bytes, keyid: bytes
    ) -> bytes:
        """Return M, the 32 bytes that a side signs: over its own D-H value, the other one, its
        public key and key id."""


class SharedSecret(Protocol):
    """g^xy of one D-H exchange."""

    def ake_keys(self) -> AkeKeys:
        """Derive the keys of an AKE."""

    def data_keys(self, high: bool) -> DataKeys:
        """Derive the data keys; `high` if our public key is the numerically greater one."""


class DhKey(Protocol):
    """One D-H key pair of ours."""

    @property
    def public(self) -> bytes:
        """g^x, an element."""

    def agree(self, public: bytes) -> SharedSecret:
        """Return the secret shared with the holder of `public` (an element).

        One exponentiation with a variable base. Raises `NotInGroup` unless 2 <= public <= p-2.
        """


class Exponent(Protocol):
    """A secret SMP exponent, 0 <= x < 2^1536."""

    def modexp_g(self) -> bytes:
        """Return g^x, an element. One fixed-base exponentiation."""

    def modexp(self, base: bytes) -> bytes:
        """Return base^x, an element. One exponentiation with a variable base."""

    def response(self, secret: Exponent, challenge: bytes) -> bytes:
        """Return D = (self - secret * challenge) mod q, an SMP proof's answer, 192 bytes.

        `challenge` is 32 bytes; q is (p-1)/2.
        """


class FixedBase(Protocol):
    """An element that is raised to several exponents: making it costs an exponentiation, each
    exponentiation with it a fraction of one."""

    def modexp(self, exponent: Exponent) -> bytes:
        """Return base^exponent, an element."""

    def double_modexp(self, exponent: bytes, other: bytes, other_exponent: bytes) -> bytes:
        """Return base^exponent * other^other_exponent, as `Backend.double_modexp` does. Both
        exponents and `other` are public."""


class StateKey(Protocol):
    """What saved states are sealed under, whole: AES-128-CTR, then HMAC-SHA-256 over `associated`
    and the ciphertext. Its two keys follow from a data key by HKDF (RFC 5869); the nonce is a
    counter, so two handles made from one data key must not both seal."""

    def seal(self, associated: bytes, parts: Sequence[StatePart], /) -> bytes:
        """Return the sealed state: 40 bytes, and for each part 5 bytes and what it holds. What
        handles hold is written without being a Python object."""

    def open(self, associated: bytes, sealed: bytes, /) -> list[StatePart]:
        """Return the parts, handles as handles. Raises `StateDamaged`."""


class SigningKey(Protocol):
    """A DSA private key with its public numbers."""

    @property
    def numbers(self) -> DsaNumbers:
        """The public half."""

    def sign(self, value: bytes, random: bytes) -> bytes:
        """Sign `value`, 32 bytes read as one big-endian number modulo q: r || s, 20 bytes each.

        The nonce is that of RFC 6979 over q, x and `value`, with `random` (32 bytes) as its
        additional data (section 3.6), so that neither a repeated value nor a failing random
        source can betray the key. Raises `ValueError` if the numbers of the key allow no signature.
        """

    def private_number(self) -> int:
        """The private exponent x, for saving the key to a file and for nothing else."""


class Backend(Protocol):
    """The arithmetic of OTR. Stateless: every secret lives in a handle."""

    @property
    def name(self) -> str:
        """`native`, `gmpy2` or `pure`."""

    def sha1(self, data: bytes) -> bytes:
        """Return the 20-byte digest."""

    def sha256(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""

    def hmac_sha1(self, key: bytes, data: bytes) -> bytes:
        """Return the 20-byte authentication code."""

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        """Return the 32-byte authentication code."""

    def aes_ctr(self, key: bytes, counter: bytes, data: bytes) -> bytes:
        """Encrypt or decrypt with AES-128-CTR; `counter` is the first counter block, 16 bytes."""

    def equal(self, a: bytes, b: bytes) -> bool:
        """Compare two byte strings in a time that depends on their lengths alone."""

    def dh_key(self, exponent: bytes) -> DhKey:
        """Make a key pair from a random exponent of 40 bytes. One fixed-base exponentiation."""

    def dh_keys(self, exponents: Sequence[bytes]) -> list[DhKey]:
        """Make many key pairs; eight exponentiations at a time if the processor can."""

    def agree_many(self, pairs: Sequence[tuple[DhKey, bytes]]) -> list[SharedSecret | None]:
        """`key.agree(public)` for each pair, eight at a time; None instead of `NotInGroup`."""

    def in_group(self, element: bytes) -> bool:
        """Whether 2 <= element <= p-2; `element` is 192 bytes."""

    def read_message(self, line: bytes, layouts: dict[int, bytes]) -> tuple[Any, ...] | None:
        """Return the type, the version, the two instance tags and the fields of the message in a
        line that is clean base64 from `?OTR:` to a dot at the line's end, if they are well-formed;
        else None, and it is for `wire.lines` and the kinds of `wire.fields`, which know what is
        wrong.

        `layouts` has the layout of each type: the `code` of each field's kind. A backend without a
        reader of its own returns None for all.
        """

    def write_message(self, head: bytes, layout: bytes, values: tuple[Any, ...]) -> bytes | None:
        """Return the line that carries the message of `head` and the fields of this layout with
        these `values`.

        Raises `OverflowError` for a number that does not fit. A backend as above returns None for
        all, and the message is for the kinds of `wire.fields`.
        """

    def fields(self, raw: bytes, at: int, layout: bytes) -> tuple[Any, ...] | None:
        """The fields of bytes from byte `at` to their end if they are well-formed; else None. A
        backend as above returns None for all."""

    def state_key(self, data_key: bytes) -> StateKey:
        """Make a state key from 32 random bytes."""

    def data_message(self, header: bytes, line: bytes) -> DataFields | None:
        """The fields of the data message in a line; None if it is for the general reader.

        That is a line that is not clean base64, a message that does not begin with `header` (the
        version, the type and the instance tags), a length that does not fit, a next D-H key that
        is not a minimal MPI in the group. For a channel that has no receiving keys yet;
        `DataKeys.open_line` reads with the same reader.
        """

    def exponent(self, value: bytes) -> Exponent:
        """Take over an SMP exponent: up to 192 bytes, big-endian."""

    def fixed_base(self, element: bytes) -> FixedBase:
        """Take over an element that will be raised to several exponents. Raises `NotInGroup` unless
        2 <= element <= p-2."""

    def double_modexp(
        self, base1: bytes, exponent1: bytes, base2: bytes, exponent2: bytes
    ) -> bytes:
        """Return base1^exponent1 * base2^exponent2, an element. Public values only: not
        constant-time.

        The exponents are big-endian bytes of any length up to 192.
        """

    def multiply(self, a: bytes, b: bytes) -> bytes:
        """Return a * b mod p for two elements."""

    def divide(self, a: bytes, b: bytes) -> bytes:
        """Return a / b mod p for two elements that were seen on the wire; b is not 0. Not
        constant-time."""

    def dsa_generate(self, seed: bytes) -> SigningKey:
        """Make a 1024/160-bit DSA key from 32 random bytes. Takes tens of milliseconds."""

    def dsa_key(self, numbers: DsaNumbers, x: int) -> SigningKey:
        """Take over a private key. Raises `ValueError` unless 0 < x < q and y = g^x mod p."""

    def dsa_verify(self, numbers: DsaNumbers, value: bytes, signature: bytes) -> bool:
        """Check a signature of 40 bytes over `value` (32 bytes, read as a number modulo q)."""

    def dsa_check(self, numbers: DsaNumbers) -> bool:
        """Whether a peer's key is sound: its size is 1024/160, q divides p-1,
        2 <= g, y <= p-2, g^q = y^q = 1 mod p, and g is 1 modulo no factor of p."""

    def dsa_examine(self, p: int, q: int, secret: bytes) -> bool:
        """Examine the p and q of a key: both pass Miller-Rabin, q in six rounds and p in one.

        The bases follow from the two numbers and `secret`, 32 random bytes that no peer has seen,
        so the verdict on a pair is the same each time. What passes all the same is in
        docs/arithmetic.md, "A peer's primes".
        """


StatePart = bytes | DhKey | SharedSecret | DataKeys
