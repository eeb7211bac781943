"""Conversations that survive a restart: the seam between a gateway and its store, and the store in
one SQLite file."""

from otrfast.journal.errors import (
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreMissing,
    WrongKey,
)
from otrfast.journal.identity import Identity, dumps_known, loads_known
from otrfast.journal.keys import key_command
from otrfast.journal.seam import Journal, Receipt, Saved, Shard, Stale, Unsure, shard_of
from otrfast.journal.sqlite import SqliteJournal

__all__ = [
    "Identity",
    "Journal",
    "Receipt",
    "Saved",
    "Shard",
    "SqliteJournal",
    "Stale",
    "StoreDamaged",
    "StoreError",
    "StoreInUse",
    "StoreMissing",
    "Unsure",
    "WrongKey",
    "dumps_known",
    "key_command",
    "loads_known",
    "shard_of",
]
