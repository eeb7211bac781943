"""The contract's section 4: keys, and their files."""

import pickle
import shutil
import stat
import subprocess

import pytest
from helpers import key_pair, private_number

from otrfast._records import replace
from otrfast.crypto.backend import DsaNumbers
from otrfast.errors import KeyFileError
from otrfast.otr.cryptography import DSAPrivateKey, DSAPublicKey, PrivateKey, PublicKey
from otrfast.storage import pem


@pytest.fixture
def saved(make_key, tmp_path):
    """Alice's key, and the file that it was saved in."""
    path = tmp_path / "otr.key"
    key = make_key("alice")
    key.save(path)
    return key, path


def openssl(*arguments, data=None):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True)
    return done.stdout


def test_key_when_generated_then_of_otrs_size_with_a_fingerprint_in_bytes():
    key = DSAPrivateKey.generate()
    assert isinstance(key, PrivateKey)
    assert key.key_size == key.public_key.key_size == 1024
    assert isinstance(key.public_key, DSAPublicKey)
    assert isinstance(key.public_key, PublicKey)
    assert type(key.public_key.fingerprint) is bytes
    assert len(key.public_key.fingerprint) == 20
    assert key.public_key == key.public_key
    assert key.public_key != DSAPrivateKey.generate().public_key


@pytest.mark.parametrize("kind", [PrivateKey, DSAPrivateKey])
def test_key_when_saved_and_loaded_then_the_same_whichever_class_loads_it(saved, kind):
    key, path = saved
    again = kind.load(str(path))
    assert type(again) is DSAPrivateKey
    assert again.public_key == key.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    key.save(path)
    assert kind.load(path).public_key.fingerprint == key.public_key.fingerprint


def test_file_then_openssl_reads_it_and_we_read_both_of_its_forms(saved, tmp_path):
    key, path = saved
    traditional = openssl("dsa", "-in", str(path))
    assert traditional.startswith(b"-----BEGIN DSA PRIVATE KEY-----")
    other = tmp_path / "traditional.key"
    for content in (traditional, openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(path))):
        other.write_bytes(content)
        assert DSAPrivateKey.load(other).public_key == key.public_key


def test_file_when_another_type_or_encrypted_then_type_error_and_never_replaced(tmp_path, saved):
    commands = {
        "rsa": ("genrsa", "2048"),
        "rsa traditional": ("genrsa", "-traditional", "2048"),
        "ec": ("ecparam", "-genkey", "-noout", "-name", "prime256v1"),
        "encrypted": ("pkcs8", "-topk8", "-in", str(saved[1]), "-passout", "pass:secret"),
        "encrypted traditional": (
            "dsa", "-in", str(saved[1]), "-aes128", "-passout", "pass:secret",
        ),
    }  # fmt: skip
    path = tmp_path / "other.key"
    for name, command in commands.items():
        path.write_bytes(openssl(*command))
        with pytest.raises(TypeError):
            DSAPrivateKey.load(path)
        assert path.stat().st_size, name


def test_file_when_of_2048_bits_then_value_error(tmp_path):
    path = tmp_path / "long.key"
    numbers = DsaNumbers((1 << 2048) - 1, (1 << 255) + 1, 5, 25)
    path.write_bytes(pem.write_private(numbers, 2))
    with pytest.raises(ValueError, match="1024/160"):
        DSAPrivateKey.load(path)


def test_file_when_missing_or_a_directory_then_os_error(tmp_path, saved):
    with pytest.raises(FileNotFoundError):
        DSAPrivateKey.load(tmp_path / "missing")
    for unreadable in (tmp_path, tmp_path / "missing" / "otr.key"):
        with pytest.raises(OSError):
            DSAPrivateKey.load(unreadable)
        with pytest.raises(OSError):
            saved[0].save(unreadable)


def test_file_when_no_key_then_value_error_and_no_secret_in_it(tmp_path, quick, saved):
    content = saved[1].read_bytes()
    path = tmp_path / "damaged.key"
    damaged = {
        "empty": b"",
        "text": b"a shopping list",
        "public": content.replace(b"PRIVATE", b"PUBLIC"),
        "no end": content[:200],
        "no base64": content.replace(b"MII", b"!!!"),
        "cut": b"\n".join([*content.splitlines()[:3], content.splitlines()[-1]]),
        "wrong label": content.replace(b"PRIVATE KEY", b"DSA PRIVATE KEY"),
    }
    pair = key_pair(quick, "alice")
    x = private_number("alice")
    numbers = pair.public.numbers
    for wrong in (0, numbers.q, numbers.q + 1):
        damaged[f"x {wrong:x}"] = pem.write_private(numbers, wrong)
    for name in ("p", "q", "g"):
        damaged[name] = pem.write_private(replace(numbers, **{name: getattr(numbers, name) + 2}), x)
    for name, each in damaged.items():
        path.write_bytes(each)
        with pytest.raises(ValueError) as caught:
            DSAPrivateKey.load(path)
        assert f"{x}" not in str(caught.value), name
        assert f"{x:x}" not in str(caught.value), name


def test_pem_when_any_byte_changes_then_a_key_or_one_of_our_errors(saved):
    content = saved[1].read_bytes()
    for at in range(0, len(content), 3):
        damaged = content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]
        try:
            pem.read_private(damaged)
        except KeyFileError:
            continue


def test_key_then_its_repr_says_the_fingerprint_and_it_is_not_pickled(make_key):
    key = make_key("alice")
    assert key.public_key.fingerprint.hex() in repr(key)
    assert f"{private_number('alice'):x}" not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError, match="PrivateKey"):
        DSAPrivateKey("a key")
