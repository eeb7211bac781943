"""Facts about messages from known keys: decrypted texts and TLVs, the MAC key of a message, and the
g^x of an opened commitment."""

from __future__ import annotations

from collections.abc import Sequence

from otrfast.crypto import kdf
from otrfast.crypto.backend import Backend
from otrfast.errors import DecodeError
from otrfast.toolkit import describe
from otrfast.toolkit.describe import Field
from otrfast.toolkit.forgery import decrypt, mac_holds
from otrfast.toolkit.log import Content
from otrfast.wire.fields import Mpi, Reader
from otrfast.wire.messages import DataMessage, DHCommit, RevealSignature

_COMMITS_KEPT = 64
_ZERO_COUNTER = bytes(16)


class Insight:
    """The known keys, and the commitments so far in the transcript."""

    def __init__(
        self, backend: Backend, aes_keys: Sequence[bytes] = (), mac_keys: Sequence[bytes] = ()
    ) -> None:
        self._backend = backend
        self._aes_keys = {kdf.mac_key(key, backend.sha1): key for key in aes_keys}
        self._mac_keys = list(dict.fromkeys([*self._aes_keys, *mac_keys]))
        self._commits: list[DHCommit] = []

    def about(self, content: Content) -> list[Field]:
        """Return the facts about a message beside its fields."""
        match content:
            case DataMessage():
                return self._data(content)
            case DHCommit():
                self._commits = [*self._commits[1 - _COMMITS_KEPT :], content]
            case RevealSignature():
                return self._opened(content)
        return []

    def _data(self, message: DataMessage) -> list[Field]:
        for mac_key in self._mac_keys:
            if mac_holds(self._backend, message, mac_key):
                fits: list[Field] = [("MAC holds under", mac_key.hex())]
                aes_key = self._aes_keys.get(mac_key)
                if aes_key is None:
                    return fits
                plain = decrypt(self._backend, message, aes_key)
                return [*fits, *describe.plaintext(plain, self._backend)]
        return [("MAC holds under", "none of the keys")] if self._mac_keys else []

    def _opened(self, message: RevealSignature) -> list[Field]:
        """Return the g^x of the last commitment that the revealed key opens."""
        for commit in reversed(self._commits):
            encoded = self._backend.aes_ctr(message.r, _ZERO_COUNTER, commit.encrypted_gx)
            if self._backend.equal(self._backend.sha256(encoded), commit.hashed_gx):
                try:
                    return [("gx", describe.number(Mpi().read(Reader(encoded), "g^x")))]
                except DecodeError as error:
                    return [("gx", str(error))]
        return []
