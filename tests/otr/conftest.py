"""Keys and people for the tests of the python-otr layer."""

import pytest

from .otr_apps import Duo, key_of

ONLY = {2: (2,), 3: (3,)}


@pytest.fixture
def make_key(quick):
    return lambda name: key_of(quick, name)


@pytest.fixture
def duo(backend, version, seed):
    """Alice and Bob, who speak one version and have not spoken yet."""
    return Duo(backend, ONLY[version], seed=seed)


@pytest.fixture
def secured(duo):
    """Alice and Bob in a private conversation that Alice has asked for; what led to it is
    forgotten."""
    return duo.connect().clear()


@pytest.fixture
def pair(quick, seed):
    """Alice and Bob, who speak both versions, on one backend."""
    return Duo(quick, seed=seed)
