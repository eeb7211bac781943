"""Encrypted files."""

import random

import pytest

from otrfast.errors import KeyFileError
from otrfast.storage.sealed import DEFAULT_COST, Cost, is_sealed, seal, unseal

CHEAP = Cost(log_n=1)
TEXT = b"a file with a secret in it"


def seeded(seed):
    return random.Random(seed).randbytes


def test_sealed_file_is_opened_by_its_passphrase(seed):
    sealed = seal(TEXT, "secret", seeded(seed), CHEAP)
    assert is_sealed(sealed)
    assert TEXT not in sealed
    assert unseal(sealed, "secret") == TEXT
    assert unseal(sealed, b"secret") == TEXT


def test_default_cost_is_128_mebibytes(seed):
    assert 128 * DEFAULT_COST.r << DEFAULT_COST.log_n == 128 << 20
    sealed = seal(TEXT, "secret", seeded(seed))
    assert sealed[8:12] == bytes((1, 17, 8, 1))
    assert unseal(sealed, "secret") == TEXT


def test_format_is_what_the_documents_say(seed):
    """Decrypt with another library."""
    import hashlib

    from Crypto.Cipher import ChaCha20_Poly1305

    sealed = seal(TEXT, "é", seeded(seed), Cost(log_n=5, r=4, p=2))
    assert sealed[:12] == b"otrfseal\x01\x05\x04\x02"
    key = hashlib.scrypt("é".encode(), salt=sealed[12:28], n=32, r=4, p=2, dklen=32)
    cipher = ChaCha20_Poly1305.new(key=key, nonce=sealed[28:40])
    cipher.update(sealed[:40])
    assert cipher.decrypt_and_verify(sealed[40:-16], sealed[-16:]) == TEXT


def test_every_changed_bit_is_noticed(seed):
    sealed = seal(TEXT, "secret", seeded(seed), CHEAP)
    for place in range(len(sealed)):
        # not the cost: a changed bit there may require 256 MiB
        for bit in range(8) if not 9 <= place <= 11 else (0,):
            data = bytearray(sealed)
            data[place] ^= 1 << bit
            with pytest.raises(KeyFileError) as caught:
                unseal(bytes(data), "secret")
            assert "secret" not in str(caught.value).replace("passphrase", "")


def test_every_cut_is_noticed(seed):
    sealed = seal(TEXT, "secret", seeded(seed), CHEAP)
    for length in range(len(sealed)):
        with pytest.raises(KeyFileError):
            unseal(sealed[:length], "secret")


def test_wrong_passphrase_and_change_say_the_same(seed):
    sealed = seal(TEXT, "secret", seeded(seed), CHEAP)
    with pytest.raises(KeyFileError) as wrong:
        unseal(sealed, "other")
    with pytest.raises(KeyFileError) as changed:
        unseal(sealed[:-1] + bytes((sealed[-1] ^ 1,)), "secret")
    assert str(wrong.value) == str(changed.value)


@pytest.mark.parametrize("cost", [(0, 8, 1), (17, 0, 1), (17, 8, 0), (19, 8, 1), (255, 255, 255)])
def test_absurd_cost_is_not_paid(cost):
    with pytest.raises(KeyFileError, match="above the limit"):
        unseal(b"otrfseal\x01" + bytes(cost) + bytes(100), "secret")


def test_empty_passphrase_is_refused(seed):
    for empty in ("", b""):
        with pytest.raises(KeyFileError, match="empty"):
            seal(TEXT, empty, seeded(seed), CHEAP)


def test_file_in_clear_is_returned_only_without_passphrase():
    assert unseal(TEXT, None) == TEXT
    with pytest.raises(KeyFileError, match="not encrypted"):
        unseal(TEXT, "secret")
