import asyncio

import pytest

pytest.importorskip("asyncirc", reason="async-irc is not installed")

from otrfast.irc import pacing


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """The server of these tests takes lines at any pace."""
    monkeypatch.setattr(pacing, "_BYTES", 1e9)
    monkeypatch.setattr(pacing, "_LEAST", 0.0)


@pytest.fixture
def run():
    return lambda work: asyncio.run(asyncio.wait_for(work, 60))
