"""What an exception in a call for many lines or texts must not lose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from otrfast.outcome import Outcome


@contextmanager
def batch(items: Sequence[object], outcomes: list[Outcome]) -> Iterator[None]:
    """Give an exception of any class the `outcomes` so far, and the `untried` items."""
    try:
        yield
    except BaseException as error:
        vars(error).update(outcomes=outcomes, untried=items[len(outcomes) :])
        raise
