"""Which backend runs: chosen once, by name or by the environment, and never by falling back."""

from __future__ import annotations

import os

from otrfast.crypto.backend import Backend


def load(name: str | None = None) -> Backend:
    """Return the backend `name`, or the one in force for this process.

    Without a name it is `pure` if the environment has OTRFAST_PURE=1, else `native`. Raises
    `BackendUnavailable` with the remedy if the C core is missing: nothing falls back in
    silence.
    """
    if name is None:
        name = "pure" if os.environ.get("OTRFAST_PURE") == "1" else "native"
    if name == "native":
        from otrfast.crypto.native import NativeBackend

        return NativeBackend()
    from otrfast.crypto.pure import pure_backend

    return pure_backend(name)
