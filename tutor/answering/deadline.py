"""An iterator with an end in time: what it waits for may never come.

Knows nothing of models.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


class OutOfTime(Exception):
    """The seconds are over."""


def within(seconds: float, begin: Callable[[], Iterator[T]]) -> Generator[T, None, None]:
    """What `begin()` yields, on a thread of its own, for so many seconds; then raises OutOfTime. Raises what it raises.

    When the reader leaves, or time is over, the iterator is closed as soon as it has yielded what it is at.
    """
    came: queue.SimpleQueue[Any] = queue.SimpleQueue()
    enough = threading.Event()
    until = time.monotonic() + seconds

    def work() -> None:
        parts: Iterator[T] | None = None
        try:
            parts = begin()
            for part in parts:
                came.put(part)
                if enough.is_set():
                    break
            came.put(_END)
        except BaseException as error:  # noqa: BLE001  raised to the reader
            came.put(error)
        finally:
            if close := getattr(parts, "close", None):
                close()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=[work], daemon=True, name="generation").start()
    try:
        while True:
            try:
                part = came.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise OutOfTime from None
            if part is _END:
                return
            if isinstance(part, BaseException):
                raise part
            yield part
            if time.monotonic() >= until:
                raise OutOfTime
    finally:
        enough.set()
