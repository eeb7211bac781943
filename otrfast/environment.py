"""What the engine needs from outside: a clock, a random source and a backend. The defaults are
named here and nowhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from otrfast._records import field, record
from otrfast.crypto.backend import Backend
from otrfast.crypto.backends import load


@record
class Environment:
    """Handed to an account; tests hand in a hand-turned clock and a seeded source."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, never going back."""
    random: Callable[[int], bytes] = os.urandom
    """So many bytes, fit for keys."""
    backend: Backend = field(factory=load)
