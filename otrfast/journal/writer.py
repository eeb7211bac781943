"""The thread that a store lives in: it runs the calls one after another, from any thread and any
event loop, and looks after the store when there are none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.01
_blocking = threading.local()


class Writer:
    """One thread. `idle` is called when there is nothing to do, and returns after how many seconds
    without a call it is to be called again; None: after the next call."""

    __slots__ = ("_idle", "_queue", "_thread")

    def __init__(self, idle: Callable[[], float | None]) -> None:
        self._idle = idle
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="otrfast journal", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        wait: float | None = None
        while True:
            try:
                item = self._queue.get(timeout=wait)
            except Empty:
                wait = self._idle()
                continue
            if item is None:
                return
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001  it belongs to the caller
                    future.set_exception(error)
            del item, future, call  # what they hold is not kept until the next call
            wait = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in the thread and return what it returns. Cancelled, it may have run."""
        future: Future[T] = Future()
        self._queue.put((future, call))
        if is_blocking():
            return future.result()
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """End the thread after the calls that were made until now."""
        self._queue.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()


def wait_for(call: Coroutine[Any, Any, T]) -> T:
    """Run an asynchronous call of a journal to its end in this thread, which need not have an event
    loop; if it has one, the loop waits."""
    before = is_blocking()
    _blocking.on = True
    try:
        call.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        _blocking.on = before
        call.close()
    raise TypeError("expected a call of a journal, which waits for nothing else")


def is_blocking() -> bool:
    """Whether the call is run by `wait_for`."""
    return getattr(_blocking, "on", False)


async def pause() -> None:
    """Wait a moment, so that asking again and again takes little of the processor."""
    if is_blocking():
        time.sleep(_POLL_SECONDS)  # noqa: ASYNC251  no loop could go on meanwhile
    else:
        await asyncio.sleep(_POLL_SECONDS)
