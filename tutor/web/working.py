"""Answers are worked out on threads, a few at a time, and read on the server's loop.

Knows nothing of what is worked out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar

from tutor.web.line import ANSWERS, Line, Place, Turn

ENDING = 3  # seconds
T = TypeVar("T")
_END = object()


async def worked_out(steps: Callable[[Turn], Generator[T, None, None]], line: Line = ANSWERS) -> AsyncGenerator[T, None]:
    """What `steps` yields on a thread of its own. Raises what it raises. They are given what waits for their turn in the line.

    When the reader leaves, the steps are closed as soon as they yield again: that ends a generation.
    """
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[Any] = asyncio.Queue()
    enough, due = threading.Event(), threading.Event()
    place = Place(due.set, lambda before: None)

    def tell(what: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended, nobody listens
            loop.call_soon_threadsafe(came.put_nowait, what)

    def turn() -> bool:
        line.join(place)
        due.wait()
        return not enough.is_set()

    def work() -> None:
        try:
            with contextlib.closing(steps(turn)) as running:
                for item in running:
                    if enough.is_set():
                        break
                    tell(item)
        except Exception as error:  # noqa: BLE001  carried to the reader, and raised there
            tell(error)
        finally:
            line.give_up(place)
            line.leave(place)
            tell(_END)

    threading.Thread(target=work, daemon=True, name="answer").start()
    try:
        while (what := await came.get()) is not _END:
            if isinstance(what, Exception):
                raise what
            yield what
    finally:
        enough.set()
        line.give_up(place)
        due.set()


def wait_for_the_last() -> None:
    """Wait, ENDING seconds at most, for answers that nobody reads any more: an interpreter that ends meanwhile is aborted."""
    until = time.monotonic() + ENDING
    for thread in threading.enumerate():
        if thread.name in ("answer", "generation"):
            thread.join(max(0.0, until - time.monotonic()))
