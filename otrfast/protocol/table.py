"""State machines as data: rows of (state, input, guard, action, next state), and the runner that
obeys them.

A state is a record that carries exactly its data; an input is a class of messages.
`Table` refuses at import a (state, input) cell that no row answers, and `advance` an action that
ends elsewhere than its row says. The diagrams of the documentation are printed from the same
rows (`describe`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    """In `state`, on `input`, where `guard` holds (None: always), do `action` and be in
    `next_state`."""

    state: type
    input: type
    guard: Callable[..., bool] | None
    action: Callable[..., S]
    next_state: type


class Table(Generic[S]):
    """All rows of one machine. Raises `ValueError` where a cell is missing or its last row is
    guarded."""

    def __init__(
        self, states: Sequence[type], inputs: Sequence[type], rows: Sequence[Row[S]]
    ) -> None:
        self.states = states
        self.inputs = inputs
        self.rows = rows
        self._cells: dict[tuple[type, type], list[Row[S]]] = {}
        for row in rows:
            self._cells.setdefault((row.state, row.input), []).append(row)
        for state in states:
            for received in inputs:
                cell = self._cells.get((state, received))
                if not cell or cell[-1].guard is not None:
                    raise ValueError(f"no row for {received.__name__} in {state.__name__}")

    def advance(self, machine: object, state: object, received: object) -> S:
        """Run the row of (state, received): guards and action are called as `f(machine, state,
        received)`.

        What an action raises leaves everything as it was: states are values, and the caller
        keeps the old one.
        """
        for row in self._cells[type(state), type(received)]:
            if row.guard is None or row.guard(machine, state, received):
                step = row.action(machine, state, received)
                if type(step.state) is not row.next_state:
                    raise AssertionError(
                        f"{row.action.__name__} did not end in {row.next_state.__name__}"
                    )
                return step
        raise AssertionError("the last row of a cell has no guard")

    def describe(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Yield each row in words: state, input, guard, action, next state."""
        for row in self.rows:
            guard = row.guard.__name__ if row.guard else ""
            yield (
                row.state.__name__,
                row.input.__name__,
                guard,
                row.action.__name__,
                row.next_state.__name__,
            )
