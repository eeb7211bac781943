"""Leaving an `async with`: what closing raises must not hide what the body has raised."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType


class Closing(ABC):
    """The end of an `async with` over a class with `close`."""

    @abstractmethod
    async def close(self) -> None:
        """Close. Raises what has ended the gateway."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; what has ended the gateway is raised unless the body raises already."""
        try:
            await self.close()
        except Exception:
            if error is None:
                raise
