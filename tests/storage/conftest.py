"""Three keys for files, the same in every run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from otrfast.crypto.backend import Backend
from otrfast.storage.private_key import PrivateKey
from otrfast.storage.stored_key import StoredKey


def make_key(backend: Backend, number: int) -> PrivateKey:
    return PrivateKey.generate(backend, lambda size: hashlib.sha256(b"%d" % number).digest()[:size])


@pytest.fixture(scope="session")
def keys(quick: Backend) -> list[PrivateKey]:
    return [make_key(quick, number) for number in range(3)]


@pytest.fixture(scope="session")
def key(keys: list[PrivateKey]) -> PrivateKey:
    return keys[0]


def stored(key: PrivateKey, account: str = "", protocol: str = "") -> StoredKey:
    return StoredKey(account, protocol, key.public.numbers, key.signing.private_number())


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
