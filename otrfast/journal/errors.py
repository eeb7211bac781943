"""What can be wrong with a store as a whole; each text names the file and what to do."""

from __future__ import annotations

from otrfast.errors import LocalError


class StoreError(LocalError):
    """A store cannot be opened, or the call is not possible with it; it is unchanged."""


class StoreMissing(StoreError):
    """There is no such file."""


class StoreInUse(StoreError):
    """Another process has the store open."""


class WrongKey(StoreError):
    """The key does not open the store."""


class StoreDamaged(StoreError):
    """A part of the store cannot be read, or was changed by somebody without the key."""
