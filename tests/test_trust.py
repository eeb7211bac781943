"""What is known of keys: trusted ones without a limit, seen ones within limits."""

from __future__ import annotations

import pytest

from otrfast import Trust
from otrfast import trust as module


def fingerprint(number: int) -> bytes:
    return b"%020d" % number


def test_untrusted_fingerprints_of_many_names_then_the_oldest_go_and_trusted_ones_stay(monkeypatch):
    monkeypatch.setattr(module, "_UNTRUSTED", 100)
    trust = Trust()
    trust.set("friend", fingerprint(0), "verified")
    trust.note("friend", fingerprint(1))
    for number in range(1000):
        trust.note(number, fingerprint(number))
    assert len(list(trust)) == 101
    assert trust.level("friend", fingerprint(0)) == "verified"
    assert trust.level("friend", fingerprint(1)) is None
    assert trust.level(999, fingerprint(999)) == ""
    assert trust.level(899, fingerprint(899)) is None


def test_untrusted_fingerprints_of_one_peer_then_its_oldest_go():
    trust = Trust()
    for number in range(100):
        trust.note("peer", fingerprint(number))
    assert list(trust.of("peer")) == [fingerprint(number) for number in range(68, 100)]


def test_versions_of_trusted_fingerprints_then_kept_apart_whatever_others_do(monkeypatch):
    monkeypatch.setattr(module, "_VERSIONS", 10)
    trust = Trust()
    trust.saw_version(fingerprint(0), 3)
    trust.set("friend", fingerprint(0), "smp")
    for number in range(1, 1000):
        trust.saw_version(fingerprint(number), 2)
    assert trust.saw_version(fingerprint(0), 2) == 3
    assert trust.versions == {fingerprint(0): 3}
    trust.set("friend", fingerprint(0), "")
    assert trust.versions == {}
    assert trust.saw_version(fingerprint(0), 2) == 3


def test_level_when_set_and_withdrawn_then_in_one_place_only():
    trust = Trust()
    for level in ("", "verified", "smp", "", "verified"):
        trust.set("peer", fingerprint(1), level)
        assert list(trust) == [("peer", fingerprint(1), level)]
        assert trust.trusts("peer") is bool(level)
    trust.forget("peer", fingerprint(1))
    assert list(trust) == []
    with pytest.raises(KeyError):
        trust.forget("peer", fingerprint(1))


@pytest.mark.parametrize(
    ("wrong", "level", "kind"),
    [
        ("00" * 20, "verified", TypeError),
        (b"00" * 20, "verified", ValueError),
        (bytes(19), "", ValueError),
        (bytearray(20), "verified", TypeError),
        (bytes(20), None, TypeError),
        (bytes(20), b"verified", TypeError),
    ],
)
def test_fingerprint_or_level_when_of_the_wrong_kind_then_a_clear_error(wrong, level, kind):
    trust = Trust()
    with pytest.raises(kind, match=r"fingerprint|level"):
        trust.set("peer", wrong, level)
    assert list(trust) == []
