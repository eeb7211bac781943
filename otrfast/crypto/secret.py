"""The base of every handle on a secret: it prints nothing and cannot be copied or pickled."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Base of the handles and of what holds them: a redacted repr, and no pickling or copying."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and cannot be pickled or copied")
