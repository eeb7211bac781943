"""The dispatch levels of the native backend that this processor can be made to use."""

import os
from contextlib import contextmanager

NATIVE: list[str] = []

if os.environ.get("OTRFAST_PURE") != "1":
    from otrfast.crypto.core import use_level
    from otrfast.crypto.native import NativeBackend

    LEVELS = ("portable", "aesni", "vaes", "avx2", "ifma")
    HIGHEST = use_level("ifma")
    NATIVE = [name for name in LEVELS if use_level(name) == name]
    use_level(HIGHEST)

    @contextmanager
    def native(level):
        """The native backend with the processor held to `level`."""
        use_level(level)
        try:
            yield NativeBackend()
        finally:
            use_level(HIGHEST)
