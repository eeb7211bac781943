"""Which backend runs: chosen once, by name or by the environment, and never by falling back."""

from __future__ import annotations

import os
from typing import Final

from otrfast.crypto.backend import Backend
from otrfast.errors import BackendUnavailable

_NAMES: Final = {"": "native", "0": "native", "1": "pure"}
"""The backend for each value of OTRFAST_PURE; "" if it is not set."""


def load(name: str | None = None) -> Backend:
    """Return the backend `name`, or the one in force for this process.

    Without a name it is `pure` if the environment has OTRFAST_PURE=1, else `native`. Raises
    `BackendUnavailable` with the remedy if the C core is missing, and for another value of
    OTRFAST_PURE: nothing falls back in silence.
    """
    if name is None:
        asked = os.environ.get("OTRFAST_PURE", "")
        if asked not in _NAMES:
            raise BackendUnavailable(f"expected OTRFAST_PURE to be 0 or 1, found {asked!r}")
        name = _NAMES[asked]
    if name == "native":
        from otrfast.crypto.native import NativeBackend

        return NativeBackend()
    from otrfast.crypto.pure import pure_backend

    return pure_backend(name)
