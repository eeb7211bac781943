"""The workloads: each does the counted work."""

import pytest

from otrfast.apps.workloads import Crowd, Duo, per_second
from otrfast.crypto.backends import load
from otrfast.protocol.instance import MessageState


@pytest.fixture(scope="module")
def arithmetic():
    return load("gmpy2")


@pytest.mark.parametrize("version", [2, 3])
def test_duo_when_a_version_is_given_then_it_is_used(arithmetic, version):
    duo = Duo(arithmetic, version)
    duo.ping_pong(4, b"ping-pong")
    duo.burst(3, b"burst")
    duo.burst_many(3, b"in one call")
    assert duo.alice.version == duo.bob.version == version
    assert duo.alice.state is duo.bob.state is MessageState.ENCRYPTED


def test_duo_when_connected_again_then_other_keys(arithmetic):
    duo = Duo(arithmetic)
    first = duo.alice.ssid
    duo.connect()
    assert duo.alice.ssid == duo.bob.ssid != first


def test_duo_checks_a_secret(arithmetic):
    duo = Duo(arithmetic)
    duo.smp()
    duo.smp()


def test_duo_notices_a_text_that_does_not_arrive(arithmetic):
    duo = Duo(arithmetic)
    duo.bob = Duo(arithmetic).bob  # another conversation's end
    with pytest.raises(RuntimeError, match="did not arrive"):
        duo.ping_pong(1, b"hello")


def test_crowd_when_all_send_then_each_text_arrives(arithmetic):
    Crowd(arithmetic, 3).ping_pong(4, b"all at once")


def test_per_second_counts_units():
    done = []
    rate = per_second(lambda: done.append(1), 10, 0.01)
    assert done
    assert rate > 0
