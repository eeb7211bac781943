"""State machines as data: rows of (state, input, guard, action, next state), and their runner.

A state is a record class, whose instances carry exactly their data, or a member of an enumeration;
an input is a class. `Table` refuses at import a (state, input) cell that no row answers, and
`advance` refuses an action that ends in another state than its row says. The tables of the
documentation are printed from the same rows (`describe`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Generic, Protocol, TypeVar

from otrfast._records import record


class Step(Protocol):
    """What an action returns: the next state, beside whatever else the machine's users take from
    it."""

    @property
    def state(self) -> object:
        """The state after the step."""


S = TypeVar("S", bound=Step)


@record
class Row(Generic[S]):
    """In `state`, on `input`, if `guard` holds (None: always), do `action` and be in
    `next_state`."""

    state: type | Enum
    input: type
    guard: Callable[..., bool] | None
    action: Callable[..., S]
    next_state: type | Enum


class EnumStep:
    """What an action returns if the states are an enumeration: the next state alone."""

    __slots__ = ("state",)

    def __init__(self, state: Enum) -> None:
        self.state: Enum = state


def name_of(state: type | Enum) -> str:
    """Return the name of a state."""
    return state.name if isinstance(state, Enum) else state.__name__


class Table(Generic[S]):
    """All rows of one machine. Raises `ValueError` if a cell is missing or its last row is
    guarded."""

    def __init__(
        self, states: Sequence[type | Enum], inputs: Sequence[type], rows: Sequence[Row[S]]
    ) -> None:
        self.states = states
        self.inputs = inputs
        self.rows = rows
        self._of_classes = not all(isinstance(state, Enum) for state in states)
        self._cells: dict[tuple[object, type], list[Row[S]]] = {}
        for row in rows:
            self._cells.setdefault((row.state, row.input), []).append(row)
        for state in states:
            for received in inputs:
                cell = self._cells.get((state, received))
                if not cell or cell[-1].guard is not None:
                    raise ValueError(f"no row for {received.__name__} in {name_of(state)}")

    def advance(self, machine: object, state: object, received: object) -> S:
        """Run the row of (state, received): guards and action are called as `f(machine, state,
        received)`.

        What an action raises leaves everything as it was: states are values, and the caller
        keeps the old one.
        """
        of_classes = self._of_classes
        name = type(state) if of_classes else state
        for row in self._cells[name, type(received)]:
            if row.guard is None or row.guard(machine, state, received):
                step = row.action(machine, state, received)
                if (type(step.state) if of_classes else step.state) is not row.next_state:
                    raise AssertionError(
                        f"{row.action.__name__} did not end in {name_of(row.next_state)}"
                    )
                return step
        raise AssertionError("the last row of a cell has no guard")

    def describe(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Yield each row in words: state, input, guard, action, next state."""
        for row in self.rows:
            guard = row.guard.__name__ if row.guard else ""
            yield (
                name_of(row.state),
                row.input.__name__,
                guard,
                row.action.__name__,
                name_of(row.next_state),
            )
