"""What every handle on a secret has in common: it prints nothing and can not be copied out of
the process."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Base of the handles and of what holds them: a redacted repr, and no pickling or copying."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: redacted>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and can not be pickled or copied")
