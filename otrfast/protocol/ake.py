"""The authenticated key exchange: SIGMA with a commitment (OTRv3, "Authenticated Key Exchange").

States are values and every action returns the next one with the messages to send, so a message
that is refused has changed nothing. The initiator sends DH-Commit and Reveal Signature, the
responder D-H Key and Signature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otrfast._records import field, record, replace
from otrfast.crypto.backend import AkeKeys, DhKey, SharedSecret
from otrfast.crypto.dsa import SIGNATURE_BYTES, PublicKey
from otrfast.errors import BadCommitment, DecodeError, NotInGroup, Reflected
from otrfast.protocol.call import ComputedSecret
from otrfast.protocol.identity import Identity
from otrfast.protocol.table import Row, Table
from otrfast.wire.fields import Mpi, Reader, mpi
from otrfast.wire.messages import DHCommit, DHKey, Message, RevealSignature, Signature

_KEYID = 1  # of the D-H key that an exchange is made with; the next one is 2
_KEYID_BYTES = _KEYID.to_bytes(4, "big")
_X_TAIL = 4 + SIGNATURE_BYTES  # what X holds after the public key: key id and signature
_ZERO_COUNTER = bytes(16)


@record
class Start:
    """An input of our own: begin an exchange in this version."""

    version: int


@record
class Idle:
    """No exchange runs (the protocol's AUTHSTATE_NONE)."""


IDLE: Final = Idle()
"""The one that all instances share."""


@record
class AwaitingDHKey:
    """We have sent a commitment."""

    r: bytes = field(repr=False)
    key: DhKey
    commit: DHCommit
    since: float


@record
class AwaitingRevealSignature:
    """We have answered the commitment `commit`. `yielded` is ours, where it lost against that
    one."""

    key: DhKey
    commit: DHCommit
    since: float
    yielded: AwaitingDHKey | None = None


@record
class AwaitingSignature:
    """We have revealed g^x and who we are."""

    key: DhKey
    their_public: bytes
    secret: SharedSecret
    keys: AkeKeys
    reveal: RevealSignature
    our_fingerprint: bytes
    since: float


State = Idle | AwaitingDHKey | AwaitingRevealSignature | AwaitingSignature
Input = Start | DHCommit | DHKey | RevealSignature | Signature


@record
class Established:
    """A finished exchange: everything a session starts from. `revealed` where we were the
    initiator."""

    version: int
    ssid: bytes
    revealed: bool
    our_fingerprint: bytes
    their_key: PublicKey
    their_keyid: int
    their_public: bytes
    our_keyid: int
    our_key: DhKey
    secret: SharedSecret


class AkeStep:
    """The outcome of one input."""

    __slots__ = ("established", "replies", "state")

    def __init__(
        self,
        state: State,
        replies: tuple[Message, ...] = (),
        established: Established | None = None,
    ) -> None:
        self.state: State = state
        self.replies: tuple[Message, ...] = replies
        self.established: Established | None = established


def _always(fingerprint: bytes) -> bool:
    return True


class Ake:
    """What the actions work with: who we are, who the peer's instance is, what time it is, how
    long secrets are kept, a shared secret that was computed before, and what says of a new
    fingerprint whether its key is to be examined."""

    __slots__ = ("computed", "identity", "must_examine", "now", "receiver", "timeout")

    def __init__(
        self,
        identity: Identity,
        receiver: int,
        now: float = 0.0,
        timeout: float = 0.0,
        computed: ComputedSecret | None = None,
        must_examine: Callable[[bytes], bool] = _always,
    ) -> None:
        self.computed: ComputedSecret | None = computed
        self.must_examine: Callable[[bytes], bool] = must_examine
        self.identity: Identity = identity
        self.receiver: int = receiver
        self.now: float = now
        self.timeout: float = timeout

    def wanted(self, state: State, received: Message) -> tuple[DhKey, bytes] | None:
        """Return the pair of D-H keys whose shared secret the row of (state, received) will need,
        None if it will need none."""
        if isinstance(state, AwaitingDHKey) and isinstance(received, DHKey):
            return state.key, received.gy
        if isinstance(state, AwaitingRevealSignature) and isinstance(received, RevealSignature):
            return state.key, _open_commitment(self, state.commit, received.r)
        return None

    def agree(self, key: DhKey, public: bytes) -> SharedSecret:
        """Return the secret that `key` shares with `public`. Raises `NotInGroup`."""
        return key.agree(public) if self.computed is None else self.computed.agree(key, public)

    def tags(self, version: int) -> tuple[int, int]:
        """The instance tags of a message to this peer."""
        return (self.identity.instance_tag, self.receiver) if version == 3 else (0, 0)


def _ours_is_higher(ake: Ake, state: AwaitingDHKey, message: DHCommit) -> bool:
    return state.commit.hashed_gx > message.hashed_gx


def _same_gy(ake: Ake, state: AwaitingSignature, message: DHKey) -> bool:
    return message.gy == state.their_public


def _answers_yielded(ake: Ake, state: AwaitingRevealSignature, message: DHKey) -> bool:
    """Both sides yielded: libotr and potr do so in version 2, where each lets the other's
    commitment win.

    A D-H Key that comes now answers the commitment that we gave up; no conforming peer sends
    one. Version 2 only: a version 3 libotr sends Reveal Signature as well, and both would wait
    for a Signature.
    """
    yielded = state.yielded
    return message.version == 2 and yielded is not None and ake.now < yielded.since + ake.timeout


def _commit(ake: Ake, state: State, start: Start) -> AkeStep:
    identity = ake.identity
    r = identity.random(16)
    key = identity.dh_keys.take()
    gx = mpi(key.public)
    backend = identity.backend
    commit = DHCommit(
        start.version,
        *ake.tags(start.version),
        encrypted_gx=backend.aes_ctr(r, _ZERO_COUNTER, gx),
        hashed_gx=backend.sha256(gx),
    )
    return AkeStep(AwaitingDHKey(r, key, commit, ake.now), (commit,))


def _reply_dh_key(ake: Ake, state: State, message: DHCommit) -> AkeStep:
    yielded = state if isinstance(state, AwaitingDHKey) else None
    if yielded is not None and yielded.commit.hashed_gx == message.hashed_gx:
        raise Reflected("our own DH-Commit came back")
    key = ake.identity.dh_keys.take()
    reply = DHKey(message.version, *ake.tags(message.version), key.public)
    return AkeStep(AwaitingRevealSignature(key, message, ake.now, yielded), (reply,))


def _resend_commit(ake: Ake, state: AwaitingDHKey, message: DHCommit) -> AkeStep:
    return AkeStep(state, (state.commit,))


def _replace_commit(ake: Ake, state: AwaitingRevealSignature, message: DHCommit) -> AkeStep:
    reply = DHKey(message.version, *ake.tags(message.version), state.key.public)
    return AkeStep(replace(state, commit=message), (reply,))


def _reveal_signature(ake: Ake, state: AwaitingDHKey, message: DHKey) -> AkeStep:
    if message.gy == state.key.public:
        raise Reflected("our own D-H value came back")
    secret = ake.agree(state.key, message.gy)
    keys = secret.ake_keys()
    version = state.commit.version
    proof = _prove(ake, keys, True, state.key.public, message.gy)
    reveal = RevealSignature(version, *ake.tags(version), state.r, *proof)
    ours = ake.identity.key_pair.public.fingerprint
    waiting = AwaitingSignature(state.key, message.gy, secret, keys, reveal, ours, ake.now)
    return AkeStep(waiting, (reveal,))


def _reveal_for_yielded(ake: Ake, state: AwaitingRevealSignature, message: DHKey) -> AkeStep:
    assert state.yielded is not None  # the guard saw it
    return _reveal_signature(ake, state.yielded, message)


def _resend_reveal(ake: Ake, state: AwaitingSignature, message: DHKey) -> AkeStep:
    return AkeStep(state, (state.reveal,))


def _verify_then_sign(
    ake: Ake, state: AwaitingRevealSignature, message: RevealSignature
) -> AkeStep:
    gx = _open_commitment(ake, state.commit, message.r)
    if gx == state.key.public:
        raise Reflected("our own D-H value came back")
    secret = ake.agree(state.key, gx)
    keys = secret.ake_keys()
    ours = state.key.public
    their_key, their_keyid = _verify(ake, message, keys, True, ours, gx)
    version = state.commit.version
    reply = Signature(version, *ake.tags(version), *_prove(ake, keys, False, ours, gx))
    established = Established(
        version,
        keys.ssid,
        False,
        ake.identity.key_pair.public.fingerprint,
        their_key,
        their_keyid,
        gx,
        _KEYID,
        state.key,
        secret,
    )
    return AkeStep(IDLE, (reply,), established)


def _verify_signature(ake: Ake, state: AwaitingSignature, message: Signature) -> AkeStep:
    ours, theirs = state.key.public, state.their_public
    their_key, their_keyid = _verify(ake, message, state.keys, False, ours, theirs)
    established = Established(
        state.reveal.version,
        state.keys.ssid,
        True,
        state.our_fingerprint,
        their_key,
        their_keyid,
        theirs,
        _KEYID,
        state.key,
        state.secret,
    )
    return AkeStep(IDLE, (), established)


def _ignore(ake: Ake, state: State, message: Message) -> AkeStep:
    return AkeStep(state)


def _open_commitment(ake: Ake, commit: DHCommit, r: bytes) -> bytes:
    """Return the g^x that was committed to. Raises `BadCommitment`, `DecodeError` or
    `NotInGroup`."""
    backend = ake.identity.backend
    encoded = backend.aes_ctr(r, _ZERO_COUNTER, commit.encrypted_gx)
    if not backend.equal(backend.sha256(encoded), commit.hashed_gx):
        raise BadCommitment("the revealed g^x is not the committed one")
    fields = backend.fields(encoded, 0, Mpi.code)
    gx = _read_element(encoded) if fields is None else fields[0]
    if not backend.in_group(gx):
        raise NotInGroup("g^x outside 2 .. p-2")
    return gx


def _read_element(encoded: bytes) -> bytes:
    reader = Reader(encoded)
    element = Mpi().read(reader, "g^x")
    reader.finish()
    return element


def _prove(
    ake: Ake, keys: AkeKeys, initiator: bool, ours: bytes, theirs: bytes
) -> tuple[bytes, bytes]:
    """Return the encrypted X, our public key, key id and signature, and its MAC."""
    identity = ake.identity
    raw = identity.key_pair.public.raw
    signature = identity.sign(keys.signed_value(initiator, raw, ours, theirs, _KEYID_BYTES))
    return keys.seal(initiator, raw + _KEYID_BYTES + signature)


def _verify(
    ake: Ake,
    message: RevealSignature | Signature,
    keys: AkeKeys,
    initiator: bool,
    ours: bytes,
    theirs: bytes,
) -> tuple[PublicKey, int]:
    """Check MAC, key and signature of a peer's X; return its public key and the id of its D-H
    key."""
    x = keys.open(initiator, message.encrypted_signature, message.mac)
    if len(x) < _X_TAIL:
        raise DecodeError("public key", len(x))
    raw, keyid, signature = x[:-_X_TAIL], x[-_X_TAIL:-SIGNATURE_BYTES], x[-SIGNATURE_BYTES:]
    if raw == ake.identity.key_pair.public.raw and not ake.identity.allow_own_key:
        raise Reflected("the peer shows our own key: somebody relays our messages to us")
    peer_keys = ake.identity.peer_keys
    key = peer_keys.read(raw)
    if not any(keyid):
        raise DecodeError("keyid", len(raw))
    value = keys.signed_value(initiator, raw, theirs, ours, keyid)
    peer_keys.verify(key, value, signature, ake.must_examine)
    return key, int.from_bytes(keyid, "big")


TABLE = Table(
    states=(Idle, AwaitingDHKey, AwaitingRevealSignature, AwaitingSignature),
    inputs=(Start, DHCommit, DHKey, RevealSignature, Signature),
    rows=(
        Row(Idle, Start, None, _commit, AwaitingDHKey),
        Row(Idle, DHCommit, None, _reply_dh_key, AwaitingRevealSignature),
        Row(Idle, DHKey, None, _ignore, Idle),
        Row(Idle, RevealSignature, None, _ignore, Idle),
        Row(Idle, Signature, None, _ignore, Idle),
        Row(AwaitingDHKey, Start, None, _commit, AwaitingDHKey),
        Row(AwaitingDHKey, DHCommit, _ours_is_higher, _resend_commit, AwaitingDHKey),
        Row(AwaitingDHKey, DHCommit, None, _reply_dh_key, AwaitingRevealSignature),
        Row(AwaitingDHKey, DHKey, None, _reveal_signature, AwaitingSignature),
        Row(AwaitingDHKey, RevealSignature, None, _ignore, AwaitingDHKey),
        Row(AwaitingDHKey, Signature, None, _ignore, AwaitingDHKey),
        Row(AwaitingRevealSignature, Start, None, _commit, AwaitingDHKey),
        Row(AwaitingRevealSignature, DHCommit, None, _replace_commit, AwaitingRevealSignature),
        Row(
            AwaitingRevealSignature, DHKey, _answers_yielded, _reveal_for_yielded, AwaitingSignature
        ),
        Row(AwaitingRevealSignature, DHKey, None, _ignore, AwaitingRevealSignature),
        Row(AwaitingRevealSignature, RevealSignature, None, _verify_then_sign, Idle),
        Row(AwaitingRevealSignature, Signature, None, _ignore, AwaitingRevealSignature),
        Row(AwaitingSignature, Start, None, _commit, AwaitingDHKey),
        Row(AwaitingSignature, DHCommit, None, _reply_dh_key, AwaitingRevealSignature),
        Row(AwaitingSignature, DHKey, _same_gy, _resend_reveal, AwaitingSignature),
        Row(AwaitingSignature, DHKey, None, _ignore, AwaitingSignature),
        Row(AwaitingSignature, RevealSignature, None, _ignore, AwaitingSignature),
        Row(AwaitingSignature, Signature, None, _verify_signature, Idle),
    ),
)
