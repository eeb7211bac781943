"""The engine's clock, random source and backend; only this file names the defaults."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from otrfast._records import field, record
from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load


@record
class Environment:
    """The environment of an account; tests use a manual clock and a seeded random source."""

    clock: Callable[[], float] = time.monotonic
    """The time in seconds, monotonic."""
    wall_clock: Callable[[], float] = time.time
    """The time of day in seconds, for what outlives the process."""
    random: Callable[[int], bytes] = os.urandom
    """From a number N to N random bytes that are fit for keys."""
    backend: Backend = field(factory=load)
